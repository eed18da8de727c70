//! The driver's end of one worker process.

use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::{Duration, Instant};

use metalab_engine::running::remote::BriefKey;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::ending::{Ending, out_of_memory_kills};
use super::frame::{self, Inbox, Kind};

/// How long a silent worker is listened to before the driver looks at its watch.
const LOOK: Duration = Duration::from_millis(50);
/// A worker that does not take what it is told for so long has stopped.
const DEAF: Duration = Duration::from_secs(30);
/// How long a process that has closed its pipe, or was told to end, may take to end.
const LEAVE: Duration = Duration::from_secs(2);

/// A running worker process, the leader of a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    pipe: UnixStream,
    inbox: Inbox,
    outbox: Vec<u8>,
    /// The steps it was told about.
    pub(super) known: HashSet<BriefKey>,
    /// How many runs it has performed.
    pub(super) performed: u64,
}

/// What comes from a worker.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message; its payload is at [`Worker::payload`].
    Message(Kind, Range<usize>),
    /// Nothing for a short time.
    Silence,
    /// It wrote what is no message.
    Garbage(String),
    /// It closed the pipe.
    Closed,
}

impl Worker {
    /// The worker that connected by `pipe`.
    pub(super) fn new(process: Process, pipe: UnixStream) -> io::Result<Self> {
        pipe.set_nonblocking(false)?;
        pipe.set_read_timeout(Some(LOOK))?;
        pipe.set_write_timeout(Some(DEAF))?;
        let (inbox, outbox) = (Inbox::default(), Vec::new());
        Ok(Self { process, pipe, inbox, outbox, known: HashSet::new(), performed: 0 })
    }

    /// Tells it something; whether it could be told.
    pub(super) fn tell(&mut self, kind: Kind, payload: &[u8]) -> bool {
        self.outbox.clear();
        frame::append(&mut self.outbox, kind, payload);
        let told = self.pipe.write_all(&self.outbox).is_ok();
        if self.outbox.capacity() > 1 << 20 {
            self.outbox = Vec::new();
        }
        told
    }

    /// Listens for a short time.
    pub(super) fn hear(&mut self) -> Heard {
        loop {
            match self.inbox.next() {
                Ok(Some((kind, payload))) => return Heard::Message(kind, payload),
                Ok(None) => {}
                Err(garbage) => return Heard::Garbage(garbage.to_string()),
            }
            match self.inbox.fill(&mut self.pipe) {
                Ok(0) => return Heard::Closed,
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Heard::Silence,
                    io::ErrorKind::Interrupted => {}
                    _ => return Heard::Closed,
                },
            }
        }
    }

    /// Listens until a message comes, no longer than `limit`.
    pub(super) fn hear_within(&mut self, limit: Duration) -> Heard {
        let start = Instant::now();
        loop {
            match self.hear() {
                Heard::Silence if start.elapsed() < limit => {}
                heard => return heard,
            }
        }
    }

    /// The payload of the message heard last.
    pub(super) fn payload(&self, at: Range<usize>) -> &[u8] {
        self.inbox.payload(at)
    }

    /// The payload as text.
    pub(super) fn text(&self, at: Range<usize>) -> String {
        String::from_utf8_lossy(self.inbox.payload(at)).into_owned()
    }

    /// How it ended, after it closed the pipe. What is left of its group is killed.
    pub(super) fn ending(mut self) -> Ending {
        self.process.ending()
    }

    /// Kills it and all it has started.
    pub(super) fn kill(self) {
        drop(self.process);
    }

    /// Lets an idle worker end, and kills what does not.
    pub(super) fn dismiss(self) {
        Self::dismiss_all(vec![self]);
    }

    /// The same for several, which end side by side.
    pub(super) fn dismiss_all(mut workers: Vec<Self>) {
        workers.iter_mut().for_each(|worker| {
            worker.tell(Kind::Bye, &[]);
        });
        workers.iter_mut().for_each(|worker| {
            worker.process.ending();
        });
    }
}

/// A child process that leads a process group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Its id, which is that of its group as well.
    id: Pid,
    out_of_memory_kills: Option<u64>,
    reaped: bool,
}

impl Process {
    pub(super) fn new(child: Child) -> Self {
        let id = Pid::from_child(&child);
        Self { child, id, out_of_memory_kills: out_of_memory_kills(), reaped: false }
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        // It stays a zombie: its id, which names the group too, must not be given to another process yet.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.id), options), Ok(None))
    }

    /// How it ended, or that it did not when it had every reason to.
    pub(super) fn ending(&mut self) -> Ending {
        let start = Instant::now();
        let mut pause = Duration::from_micros(50);
        while !self.has_ended() {
            if start.elapsed() > LEAVE {
                let _ = self.kill();
                let what =
                    "crash: its process closed the pipe to the driver and went on; it was killed".to_owned();
                return Ending { what, hint: None };
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        let status = self.kill();
        let more =
            out_of_memory_kills().zip(self.out_of_memory_kills).is_some_and(|(now, before)| now > before);
        match status {
            Ok(status) => Ending::of(status, more),
            Err(error) => Ending { what: format!("crash: how it ended is not known ({error})"), hint: None },
        }
    }

    /// Kills the group, and waits for the process.
    fn kill(&mut self) -> io::Result<std::process::ExitStatus> {
        if !self.reaped {
            // A group without members is fine.
            let _ = kill_process_group(self.id, Signal::KILL);
        }
        let status = self.child.wait();
        self.reaped |= status.is_ok();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing that a worker started is left behind.
        let _ = self.kill();
    }
}
