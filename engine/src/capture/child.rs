//! Programs that an operation runs.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::handle::Capture;

/// How often it is looked whether the run is to stop.
const LOOK: Duration = Duration::from_millis(20);
/// How long a program may take to end when it is asked to, before it is killed. A worker process is killed a second after
/// its run was to stop, so this is less.
const GRACE: Duration = Duration::from_millis(400);
/// How long is waited for the last lines after a program has ended: what it left behind may hold its pipes.
const LAST_LINES: Duration = Duration::from_secs(1);
/// The longest line; a longer one is cut into several.
const LINE: u64 = 64 << 10;
/// How many of the last lines an error shows.
const SHOWN: usize = 10;

/// A program that did not do what it was run for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It cannot be started.
    #[error("start `{program}`")]
    Start {
        /// The program, without the folders it lies in.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// It ended with another code than 0, or by a signal.
    #[error("`{program}` ended with {ending}{last}", last = shown(last))]
    Failed {
        /// The program.
        program: String,
        /// Such as `exit code 3`.
        ending: String,
        /// Its last lines: of standard error, or of standard output if there were none.
        last: Vec<String>,
    },
    /// It was ended because the run was cancelled or used up its time.
    #[error("`{program}` was ended because the run was to stop")]
    Stopped {
        /// The program.
        program: String,
    },
    /// It cannot be waited for.
    #[error("wait for `{program}`")]
    Wait {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
}

fn shown(last: &[String]) -> String {
    let lines: String = last.iter().map(|line| format!("\n    {line}")).collect();
    if lines.is_empty() { String::new() } else { format!("; it said last:{lines}") }
}

impl Capture {
    /// Runs a program to its end; what it writes to standard output and standard error becomes the log streams `stdout` and
    /// `stderr`, line by line, which can be followed while it works.
    ///
    /// The program is started as the command says, never through a shell, with nothing on its standard input. It ends with
    /// the run: when that is cancelled or out of time the program is asked to end (SIGTERM) and soon killed, with all that it
    /// has started unless that made itself a group of its own. Bytes that are not UTF-8 are shown by replacement
    /// characters.
    ///
    /// # Errors
    /// When it cannot be started, ends with another code than 0, or was ended with the run. Such an error shows neither
    /// arguments nor environment, which may hold secrets, but the last lines of output.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// let capture = Capture::memory();
    /// capture.run_command(std::process::Command::new("echo").arg("3 of 7"))?;
    /// assert_eq!(capture.stream_text("stdout"), "3 of 7\n");
    /// # Ok::<(), metalab_engine::capture::CommandError>(())
    /// ```
    pub fn run_command(&self, command: &mut Command) -> Result<(), CommandError> {
        let program = name_of(command.get_program());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !self.is_own_process() {
            // Else it stays in the group of its worker process, and is killed with that.
            command.process_group(0);
        }
        let mut child =
            command.spawn().map_err(|source| CommandError::Start { program: program.clone(), source })?;
        let lines = self.follow(&mut child);
        let mut running = Running { child, lines, last: Last::default(), grouped: !self.is_own_process() };
        let waited = running.wait(|| self.should_stop());
        let status = waited.map_err(|source| CommandError::Wait { program: program.clone(), source })?;
        match status {
            None => Err(CommandError::Stopped { program }),
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(CommandError::Failed { program, ending: ending(status), last: running.last.lines() })
            }
        }
    }

    /// Has two threads read what the program writes. They end with it; if something keeps its pipes open, they are left
    /// behind, and what they capture after the run is dropped.
    fn follow(&self, child: &mut Child) -> Receiver<Said> {
        let (sender, receiver) = channel();
        let streams = [
            child.stdout.take().map(|pipe| ("stdout", Box::new(pipe) as Box<dyn Read + Send>)),
            child.stderr.take().map(|pipe| ("stderr", Box::new(pipe) as Box<dyn Read + Send>)),
        ];
        for (stream, pipe) in streams.into_iter().flatten() {
            let (capture, sender) = (self.clone(), sender.clone());
            thread::spawn(move || read(pipe, stream, &capture, &sender));
        }
        receiver
    }
}

/// A line of the stream of that name.
struct Said(&'static str, String);

fn read(pipe: Box<dyn Read + Send>, stream: &'static str, capture: &Capture, sender: &Sender<Said>) {
    let mut pipe = BufReader::new(pipe);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match pipe.by_ref().take(LINE).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        capture.log_to(stream, text);
        // Nobody listens any more when the program has ended and this is what it left behind.
        let _ = sender.send(Said(stream, text.to_owned()));
    }
}

struct Running {
    child: Child,
    lines: Receiver<Said>,
    last: Last,
    /// It leads a group of processes of its own.
    grouped: bool,
}

impl Running {
    /// Waits for the end; nothing if it was ended because `stop` said so.
    fn wait(&mut self, stop: impl Fn() -> bool) -> io::Result<Option<ExitStatus>> {
        let mut stopped: Option<Instant> = None;
        let mut pipes_open = true;
        let status = loop {
            // A program that ends closes its pipes: that wakes us at once.
            match self.lines.recv_timeout(if pipes_open { LOOK } else { Duration::ZERO }) {
                Ok(said) => {
                    self.last.add(said);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if pipes_open => pipes_open = false,
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK.min(Duration::from_millis(1))),
            }
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            match stopped {
                None if stop() => {
                    self.signal(Signal::TERM);
                    stopped = Some(Instant::now());
                }
                Some(since) if since.elapsed() > GRACE => {
                    self.signal(Signal::KILL);
                    break self.child.wait()?;
                }
                _ => {}
            }
        };
        if stopped.is_some() && self.grouped {
            // What it started and did not end with it.
            self.signal(Signal::KILL);
        }
        let until = Instant::now() + LAST_LINES;
        while let Ok(said) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.last.add(said);
        }
        Ok(stopped.is_none().then_some(status))
    }

    fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        // It may have ended meanwhile.
        let _ = match self.grouped {
            true => rustix::process::kill_process_group(pid, signal),
            false => rustix::process::kill_process(pid, signal),
        };
    }
}

/// The last lines of each stream.
#[derive(Default)]
struct Last {
    stdout: VecDeque<String>,
    stderr: VecDeque<String>,
}

impl Last {
    fn add(&mut self, Said(stream, line): Said) {
        let lines = if stream == "stderr" { &mut self.stderr } else { &mut self.stdout };
        if lines.len() == SHOWN {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lines(&self) -> Vec<String> {
        let lines = if self.stderr.is_empty() { &self.stdout } else { &self.stderr };
        lines.iter().map(|line| line.chars().take(500).collect()).collect()
    }
}

/// The name of a program without the folders it lies in.
fn name_of(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::capture::{Events, LogLevel, Surroundings};
    use crate::operation::Cancellation;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_are_kept_line_by_line() {
        let capture = Capture::memory();
        let script = r"echo one; echo oops >&2; printf 'two\r\n\377\nno end'; printf '%70000d' 1 >&2";
        capture.run_command(&mut sh(script)).unwrap();
        assert_eq!(capture.stream_text("stdout"), "one\ntwo\n\u{fffd}\nno end\n");
        assert_eq!(capture.stream_text("stderr").lines().count(), 3);
        assert_eq!(capture.misuse(), None);
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_its_last_lines() {
        let capture = Capture::memory();
        let error = capture.run_command(&mut sh("seq 20 >&2; echo out; exit 3")).unwrap_err().to_string();
        assert!(error.starts_with("`sh` ended with exit code 3; it said last:\n    11\n    12"), "{error}");
        assert!(error.ends_with("\n    20"), "{error}");
        let error = capture.run_command(&mut sh("kill -9 $$")).unwrap_err().to_string();
        assert_eq!(error, "`sh` ended with signal 9");
        let error =
            capture.run_command(&mut Command::new("/no/such/folder/program")).unwrap_err().to_string();
        assert_eq!(error, "start `program`");
    }

    #[test]
    fn a_program_ends_with_its_run() {
        let around = Surroundings {
            cancellation: Cancellation::default(),
            events: Events::new(LogLevel::default()),
            own_process: false,
        };
        let cancellation = around.cancellation.clone();
        let sink = Arc::new(crate::capture::sink::Nowhere);
        let run = crate::id::RunId(metalab_cas::Digest::of(b"run"));
        let capture = Capture::of_attempt(sink, run, Arc::new(around), None);
        let following = capture.clone();
        let stopper = thread::spawn(move || {
            while following.stream_text("stdout").is_empty() {
                thread::sleep(Duration::from_millis(1));
            }
            cancellation.cancel();
        });
        // It does not listen, and neither does what it has started.
        let error = capture.run_command(&mut sh("trap '' TERM; sleep 600 & echo ready; sleep 600; wait"));
        assert_eq!(error.unwrap_err().to_string(), "`sh` was ended because the run was to stop");
        stopper.join().unwrap();
    }
}
