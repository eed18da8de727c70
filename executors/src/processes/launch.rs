//! Starting worker processes.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use metalab_engine::running::remote::VERSION;

use super::frame::Kind;
use super::spec::{Spec, VARIABLE};
use super::worker::{Heard, Process, Worker};

/// How workers are started.
#[derive(Clone, Debug)]
pub(super) struct Launcher {
    /// `None` for this very program.
    pub(super) program: Option<PathBuf>,
    pub(super) arguments: Vec<OsString>,
    /// How long a worker may take to say hello.
    pub(super) patience: Duration,
    /// How many drivers are above the workers.
    pub(super) depth: u32,
}

impl Launcher {
    /// Starts a worker and waits for its hello.
    ///
    /// # Errors
    /// Why there is none, for the user.
    pub(super) fn launch(&self) -> Result<Worker, String> {
        let failed = |what: &str, error: io::Error| format!("no worker can be started: {what}: {error}");
        let mut random = [0; 24];
        getrandom::fill(&mut random)
            .map_err(|error| format!("no worker can be started: the system has no randomness: {error}"))?;
        let (name, token) = random.split_at(8);
        let place = Meeting::new(&hex(name)).map_err(|error| failed("no socket can be made", error))?;
        let spec =
            Spec { driver: std::process::id(), depth: self.depth, token: hex(token), socket: place.socket() };
        let variable = spec.to_variable().ok_or("the folder for temporary files is not UTF-8: set TMPDIR")?;
        let mut command = self.command();
        command.env(VARIABLE, variable).stdin(Stdio::null()).process_group(0);
        let child = command.spawn().map_err(|error| failed(&self.shown(), error))?;
        let mut process = Process::new(child);
        let start = Instant::now();
        let pipe = self.accept(&place, &mut process, start)?;
        let worker = Worker::new(process, pipe).map_err(|error| failed("its pipe", error))?;
        self.greet(worker, &spec, start)
    }

    /// The program, without its surroundings.
    fn command(&self) -> Command {
        let mut command = match &self.program {
            Some(program) => Command::new(program),
            None => own_program(),
        };
        command.args(&self.arguments);
        command
    }

    fn shown(&self) -> String {
        match &self.program {
            Some(program) => format!("`{}`", program.display()),
            None => "this program".to_owned(),
        }
    }

    /// Waits until the process connects.
    fn accept(&self, place: &Meeting, process: &mut Process, start: Instant) -> Result<UnixStream, String> {
        let mut pause = Duration::from_micros(100);
        loop {
            match place.listener.accept() {
                Ok((pipe, _)) => return Ok(pipe),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(format!("no worker can be started: its socket: {error}")),
            }
            if process.has_ended() {
                let ending = process.ending().what;
                let program = self.shown();
                return Err(format!(
                    "the worker {program} ended before it said hello ({ending}): its `main` must begin with `metalab::init()`"
                ));
            }
            if start.elapsed() > self.patience {
                return Err(self.silent());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    fn silent(&self) -> String {
        format!(
            "the worker {} did not say hello within {:?} and was killed: its `main` must begin with `metalab::init()`; if it only needs longer, raise `.patience(...)`",
            self.shown(),
            self.patience
        )
    }

    fn greet(&self, mut worker: Worker, spec: &Spec, start: Instant) -> Result<Worker, String> {
        let program = self.shown();
        match worker.hear_within(self.patience.saturating_sub(start.elapsed())) {
            Heard::Message(Kind::Hello, at) => {
                let text = worker.text(at);
                let metalab = env!("CARGO_PKG_VERSION");
                match text.lines().collect::<Vec<_>>()[..] {
                    [version, theirs, token] if token == spec.token => {
                        if version == VERSION.to_string() && theirs == metalab {
                            return Ok(worker);
                        }
                        Err(format!(
                            "the worker {program} is built with metalab {theirs}, the driver with {metalab}: build both with the same"
                        ))
                    }
                    _ => Err(format!("the worker {program} said a hello that was not for this driver")),
                }
            }
            Heard::Message(Kind::Refused, at) => Err(format!("the worker {program}: {}", worker.text(at))),
            Heard::Message(kind, _) => {
                Err(format!("the worker {program} began with {kind:?}, not with hello"))
            }
            Heard::Garbage(garbage) => Err(format!(
                "the worker {program} wrote what is no message ({garbage}): it is no metalab program"
            )),
            Heard::Closed => Err(format!(
                "the worker {program} closed its pipe before it said hello ({})",
                worker.ending().what
            )),
            Heard::Silence => Err(self.silent()),
        }
    }
}

/// The program that runs here, the very same file even if another was put in its place meanwhile.
fn own_program() -> Command {
    let name = std::env::args_os().next();
    let mut command = match cfg!(target_os = "linux") {
        true => Command::new("/proc/self/exe"),
        false => {
            Command::new(std::env::current_exe().unwrap_or_else(|_| name.clone().unwrap_or_default().into()))
        }
    };
    if let Some(name) = name {
        command.arg0(name);
    }
    command
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A socket in a folder that only this user can enter, gone with this value.
struct Meeting {
    folder: PathBuf,
    listener: UnixListener,
}

impl Meeting {
    fn new(name: &str) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("metalab-worker-{name}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let listener = UnixListener::bind(folder.join("s")).inspect_err(|_| {
            let _ = std::fs::remove_dir(&folder);
        })?;
        let meeting = Self { folder, listener };
        meeting.listener.set_nonblocking(true)?;
        Ok(meeting)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary folders.
        let _ = std::fs::remove_file(self.socket());
        let _ = std::fs::remove_dir(&self.folder);
    }
}
