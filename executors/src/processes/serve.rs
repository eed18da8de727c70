//! The worker's side: it performs what it is told until it is told to end.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use metalab_engine::operation::Registry;
use metalab_engine::running::remote::{Signals, VERSION, Workplace};
use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};

use super::frame::{self, Inbox, Kind};
use super::spec::Spec;

/// What ends a worker that cannot work, as the BSDs number it: a failure of the system's.
const EX_OSERR: i32 = 71;

/// What the driver asks for, in the order in which it came.
enum Asked {
    Check(Vec<u8>),
    Brief(Vec<u8>),
    Batch(Vec<u8>, Signals),
    Bye,
}

/// Serves the driver of `spec`, and ends the process.
pub(super) fn serve(spec: &Spec, registry: Result<Registry, String>) -> ! {
    name_process();
    let Ok(pipe) = UnixStream::connect(&spec.socket) else {
        // The driver has given up or is gone: it has said so itself, or nobody listens.
        std::process::exit(EX_OSERR);
    };
    let code = match work(pipe, &spec.token, registry) {
        Ok(()) => 0,
        // The driver sees that the pipe is closed.
        Err(_) => EX_OSERR,
    };
    std::process::exit(code);
}

fn work(pipe: UnixStream, token: &str, registry: Result<Registry, String>) -> io::Result<()> {
    let mut voice = Voice { pipe: pipe.try_clone()?, bytes: Vec::new() };
    let registry = match registry {
        Ok(registry) => registry,
        Err(reason) => return voice.say(Kind::Refused, reason.as_bytes()),
    };
    let hello = format!("{VERSION}\n{}\n{token}", env!("CARGO_PKG_VERSION"));
    let (asked, orders) = channel();
    std::thread::Builder::new().name("metalab-pipe".into()).spawn(move || listen(pipe, &asked))?;
    voice.say(Kind::Hello, hello.as_bytes())?;
    obey(&orders, &mut Workplace::new(registry), &mut voice)
}

fn obey(orders: &Receiver<Asked>, place: &mut Workplace, voice: &mut Voice) -> io::Result<()> {
    for asked in orders {
        match asked {
            Asked::Check(operations) => voice.answer(place.check(&operations))?,
            Asked::Brief(brief) => voice.answer(place.learn(&brief))?,
            Asked::Batch(batch, signals) => {
                voice.say(Kind::Begun, &[])?;
                match place.perform(&batch, &signals, |report| voice.say(Kind::Run, report)) {
                    Ok(()) => voice.say(Kind::Ended, &[])?,
                    Err(reason) => voice.say(Kind::Refused, reason.as_bytes())?,
                }
            }
            Asked::Bye => break,
        }
    }
    Ok(())
}

struct Voice {
    pipe: UnixStream,
    bytes: Vec<u8>,
}

impl Voice {
    fn say(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        self.bytes.clear();
        frame::append(&mut self.bytes, kind, payload);
        self.pipe.write_all(&self.bytes)
    }

    fn answer(&mut self, answer: Result<(), String>) -> io::Result<()> {
        match answer {
            Ok(()) => self.say(Kind::Known, &[]),
            Err(reason) => self.say(Kind::Refused, reason.as_bytes()),
        }
    }
}

/// Reads what the driver says, also while a run is at work. When the driver is gone, so is this process at once, with
/// all that its operations have started: nobody waits for them any more.
fn listen(mut pipe: UnixStream, asked: &Sender<Asked>) {
    let current: Arc<Mutex<Signals>> = Arc::default();
    let mut inbox = Inbox::default();
    loop {
        match inbox.next() {
            Ok(Some((kind, at))) => {
                let payload = || inbox.payload(at.clone()).to_vec();
                let signals = || current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let order = match kind {
                    Kind::Check => Asked::Check(payload()),
                    Kind::Brief => Asked::Brief(payload()),
                    Kind::Batch => {
                        let fresh = Signals::default();
                        *current.lock().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
                        Asked::Batch(payload(), fresh)
                    }
                    Kind::Stop => {
                        signals().draining.cancel();
                        continue;
                    }
                    Kind::Cancel => {
                        signals().draining.cancel();
                        signals().cancellation.cancel();
                        continue;
                    }
                    Kind::Bye => Asked::Bye,
                    // Only workers say these.
                    Kind::Hello | Kind::Known | Kind::Refused | Kind::Begun | Kind::Run | Kind::Ended => {
                        die()
                    }
                };
                if asked.send(order).is_err() {
                    // The process is ending.
                    return;
                }
                continue;
            }
            Ok(None) => {}
            Err(_) => die(),
        }
        match inbox.fill(&mut pipe) {
            Ok(0) => die(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => die(),
        }
    }
}

fn die() -> ! {
    if getpgrp() == getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::exit(EX_OSERR)
}

/// Elsewhere workers are started by their own name.
#[cfg(not(target_os = "linux"))]
fn name_process() {}

/// Workers are started by `/proc/self/exe`, and would be called `exe` in lists of processes.
#[cfg(target_os = "linux")]
fn name_process() {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(std::path::Path::file_name).and_then(|name| name.to_str());
    if let Some(name) = name.and_then(|name| std::ffi::CString::new(name).ok()) {
        let _ = rustix::thread::set_name(&name);
    }
}
