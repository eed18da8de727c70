//! Operations that end in every way there is.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use metalab::{Capture, Runtime};
use metalab_engine::Experiment;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, Signal};
use rustix::process::{getpid, kill_process, pidfd_getfd, pidfd_open, setrlimit};

/// Does what it is told, and returns the id of its process if it comes to that.
#[metalab::operation(code = "manual")]
pub(crate) fn deed(
    what: String,
    #[default(0)] number: u64,
    /// Where processes write down their ids.
    #[default("")]
    folder: String,
    capture: &Capture,
    runtime: &Runtime,
) -> metalab::Result<u32> {
    capture.log(format_args!("{number} is about to {what}"));
    match what.as_str() {
        "succeed" => {}
        "fail" => return Err("told to fail".into()),
        "panic" => panic!("told to panic"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "exit 3" => std::process::exit(3),
        "be killed" => kill_self(Signal::KILL),
        "be terminated" => kill_self(Signal::TERM),
        "break" => kill_self(Signal::SEGV),
        "overflow" => println!("{}", deeper(number)),
        "eat" => eat()?,
        "print" => (0..1000).for_each(|line| println!("line {line} of {number}")),
        "babble" => babble()?,
        "grow" => {
            std::hint::black_box(vec![1_u8; 300 << 20]);
            std::thread::sleep(Duration::from_millis(200));
        }
        "rest" => std::thread::sleep(Duration::from_millis(200)),
        "linger" => LINGER.with(|_| ()),
        "sleep" => {
            let child = Command::new("sleep").arg("1000").spawn()?;
            write_down(&folder, &format!("{} {}", std::process::id(), child.id()))?;
            std::thread::sleep(Duration::from_secs(1000));
        }
        "listen" => {
            while !runtime.should_stop() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err("stopped as asked".into());
        }
        other => return Err(format!("nobody knows how to {other}").into()),
    }
    Ok(std::process::id())
}

pub(crate) fn deeds(what: &[&str], numbers: u64) -> Experiment {
    let what: Vec<String> = what.iter().map(|what| (*what).to_owned()).collect();
    Experiment::new("deeds", "1").sweep(Deed::grid().what(what).number((0..numbers).collect::<Vec<_>>()))
}

pub(crate) fn deed_in(what: &str, folder: &str) -> Experiment {
    Experiment::new("deeds", "1").sweep(Deed::grid().what(what).folder(folder))
}

/// The ids of the process and of its child that a sleeper wrote down.
pub(crate) fn sleepers(folder: &str) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string(std::path::Path::new(folder).join("ids")).ok()?;
    let (own, child) = text.trim().split_once(' ')?;
    Some((own.parse().ok()?, child.parse().ok()?))
}

fn write_down(folder: &str, ids: &str) -> std::io::Result<()> {
    let folder = std::path::Path::new(folder);
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("new"), ids)?;
    std::fs::rename(folder.join("new"), folder.join("ids"))
}

fn kill_self(signal: Signal) -> ! {
    // Rust's handler of SIGSEGV lets the first one pass: it expects the fault to come again.
    loop {
        kill_process(getpid(), signal).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn deeper(number: u64) -> u64 {
    let room = std::hint::black_box([number; 1024]);
    deeper(number + 1) + room[(number % 1024) as usize]
}

/// Allocates until the limit is reached.
fn eat() -> metalab::Result<()> {
    let limit = Rlimit { current: Some(4 << 30), maximum: Some(4 << 30) };
    setrlimit(Resource::As, limit)?;
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![0; 256 << 20]));
    }
}

/// Writes garbage to every socket it finds: one of them is the pipe to the driver.
fn babble() -> metalab::Result<()> {
    let this: Pid = getpid();
    let this = pidfd_open(this, PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let is_socket =
            std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let (true, Some(number)) = (is_socket, number) {
            let socket = pidfd_getfd(&this, number, PidfdGetfdFlags::empty())?;
            std::fs::File::from(socket).write_all(b"so much to say, and none of it a message")?;
        }
    }
    Ok(())
}

struct Linger;

impl Drop for Linger {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

thread_local! {
    /// Hangs when its thread ends the process.
    static LINGER: Linger = const { Linger };
}
