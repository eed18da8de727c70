//! How a worker process ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// What became of a worker process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Such as `signal 9 (SIGKILL)`.
    pub(super) what: String,
    /// What may have been the reason.
    pub(super) hint: Option<String>,
}

impl Ending {
    /// How a process ended by itself, or by somebody else's hand. `out_of_memory`: the system has killed processes for
    /// lack of memory meanwhile.
    pub(super) fn of(status: ExitStatus, out_of_memory: bool) -> Self {
        if let Some(code) = status.code() {
            let hint = (code == 0).then(|| "an operation must return, not end its process".to_owned());
            return Self { what: format!("exit: code {code} before the run ended"), hint };
        }
        let Some(number) = status.signal() else {
            return Self { what: format!("crash: {status}"), hint: None };
        };
        let core = if status.core_dumped() { ", core dumped" } else { "" };
        let what = match name(number) {
            Some(name) => format!("crash: signal {number} ({name}){core}"),
            None => format!("crash: signal {number}{core}"),
        };
        let hint = match number {
            _ if number == Signal::KILL.as_raw() && out_of_memory => Some(
                "the system was killing processes for lack of memory: give runs more, or run fewer at once",
            ),
            _ if number == Signal::KILL.as_raw() => {
                Some("it was killed from outside; if nobody did, look whether memory ran out")
            }
            _ if number == Signal::ABORT.as_raw() => Some(
                "it aborted; what it said last is on standard error (out of memory, a panic while panicking)",
            ),
            _ => None,
        };
        Self { what, hint: hint.map(str::to_owned) }
    }

    /// As a record keeps it.
    pub(super) fn chain(self) -> Vec<String> {
        std::iter::once(self.what).chain(self.hint).collect()
    }
}

fn name(number: i32) -> Option<&'static str> {
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    names.into_iter().find(|(signal, _)| signal.as_raw() == number).map(|(_, name)| name)
}

/// How many processes the system has killed for lack of memory since it started; `None` where it does not tell.
pub(super) fn out_of_memory_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_in_words() {
        let told = |raw| Ending::of(ExitStatus::from_raw(raw), false).what;
        assert_eq!(told(0), "exit: code 0 before the run ended");
        assert_eq!(told(3 << 8), "exit: code 3 before the run ended");
        assert_eq!(told(9), "crash: signal 9 (SIGKILL)");
        assert_eq!(told(Signal::SEGV.as_raw() | 0x80), "crash: signal 11 (SIGSEGV), core dumped");
        assert_eq!(told(40), "crash: signal 40");
        let chain = Ending::of(ExitStatus::from_raw(9), true).chain();
        assert!(chain[1].contains("lack of memory"), "{chain:?}");
    }
}
