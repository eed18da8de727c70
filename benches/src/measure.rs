//! CPU time, wall time, memory and files.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Result;

/// What one process used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// CPU seconds of the whole process.
    pub(crate) cpu: f64,
    /// Seconds.
    pub(crate) wall: f64,
    /// Peak resident memory, bytes.
    pub(crate) memory: u64,
    /// Whatever the case counts.
    pub(crate) count: u64,
}

/// A stopwatch that starts with the process.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn read(&self, count: u64) -> Measured {
        Measured { cpu: process_cpu(), wall: self.0.elapsed().as_secs_f64(), memory: peak_memory(), count }
    }
}

pub(crate) fn process_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// CPU seconds of all processes that this one has started and that have ended.
pub(crate) fn children_cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may have blanks in it; user and system time are fields 16 and 17.
    let (_, fields) = stat.rsplit_once(')').ok_or("a line with the program's name")?;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.collect::<std::result::Result<Vec<_>, _>>()?.iter().sum();
    // Linux tells user programs hundredths of a second, whatever its own clock is.
    Ok(ticks as f64 / 100.0)
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

/// Runs a case in a process of its own.
pub(crate) fn in_process(case: &[&str]) -> Result<Measured> {
    let output = Command::new(std::env::current_exe()?).arg("--case").args(case).output()?;
    if !output.status.success() {
        return Err(format!("{case:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs another program to its end; wall seconds.
pub(crate) fn wall_of(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let status = command.status()?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Number of files below a folder and their bytes.
pub(crate) fn files(folder: &Path) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                count += 1;
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok((count, bytes))
}

/// The middle of an odd number of figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
