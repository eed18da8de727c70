//! How a process learns that it is a worker: one environment variable.
//!
//! `METALAB_WORKER=<version> <process id of the driver> <depth> <token> <path of a socket>`
//!
//! The variable is inherited by whatever an operation starts, and that must not take itself for a worker: only a
//! process whose parent is the driver of the variable is meant by it. The depth counts how often workers have drivers
//! in them, and ends a program that starts itself for ever.

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::process::{Pid, getppid, test_kill_process};

/// Its name.
pub(super) const VARIABLE: &str = "METALAB_WORKER";
const VERSION: &str = "1";
/// An operation may start a program whose experiment has workers; so deep and no deeper.
pub(super) const DEEPEST: u32 = 3;

/// What the variable says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) driver: u32,
    pub(super) depth: u32,
    /// What the driver wants to hear, 32 hexadecimal digits.
    pub(super) token: String,
    /// Where it listens.
    pub(super) socket: PathBuf,
}

/// What a process that finds the variable is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// No worker: nobody set the variable, or it is meant for an ancestor.
    Program,
    /// A worker.
    Worker(Spec),
    /// A worker whose driver is dead: it must not go on as a program.
    Orphan,
}

impl Spec {
    /// The text of the variable; `None` when the path of the socket is not UTF-8.
    pub(super) fn to_variable(&self) -> Option<OsString> {
        let Self { driver, depth, token, socket } = self;
        Some(format!("{VERSION} {driver} {depth} {token} {}", socket.to_str()?).into())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ' ');
        if parts.next() != Some(VERSION) {
            return None;
        }
        let (driver, depth) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (token, socket) = (parts.next()?.to_owned(), parts.next()?.into());
        Some(Self { driver, depth, token, socket })
    }

    /// The variable as this process found it.
    pub(super) fn found() -> Option<Self> {
        std::env::var(VARIABLE).ok().as_deref().and_then(Self::parse)
    }
}

/// What this process is.
pub(super) fn role() -> Role {
    let parent = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    let is_alive = |pid: u32| {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid).is_ok())
    };
    sort(Spec::found(), parent, is_alive)
}

fn sort(found: Option<Spec>, parent: Option<u32>, is_alive: impl Fn(u32) -> bool) -> Role {
    match found {
        None => Role::Program,
        Some(spec) if parent == Some(spec.driver) => Role::Worker(spec),
        Some(spec) if is_alive(spec.driver) => Role::Program,
        Some(_) => Role::Orphan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec { driver: 41, depth: 2, token: "ab".into(), socket: "/tmp/a folder/s".into() }
    }

    #[test]
    fn the_variable_comes_back() {
        let text = spec().to_variable().and_then(|text| text.into_string().ok()).expect("UTF-8");
        assert_eq!(Spec::parse(&text), Some(spec()));
        for wrong in ["", "1", "2 41 2 ab /tmp/s", "1 x 2 ab /tmp/s", "1 41 2 ab"] {
            assert_eq!(Spec::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_child_of_the_driver_is_a_worker() {
        assert_eq!(sort(None, Some(41), |_| true), Role::Program);
        assert_eq!(sort(Some(spec()), Some(41), |_| true), Role::Worker(spec()));
        // A program that an operation started.
        assert_eq!(sort(Some(spec()), Some(99), |_| true), Role::Program);
        // The driver was killed before its worker came to life.
        assert_eq!(sort(Some(spec()), Some(1), |_| false), Role::Orphan);
    }
}
