//! CPU time of this thread or process, and peak memory of this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// CPU time used by the calling thread so far, microseconds: what a run costs among other runs in one process.
pub(super) fn thread_cpu_micros() -> u64 {
    micros(ClockId::ThreadCPUTime)
}

/// CPU time used by all threads of this process so far, microseconds: what a run costs that has a process to itself.
pub(super) fn process_cpu_micros() -> u64 {
    micros(ClockId::ProcessCPUTime)
}

fn micros(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000
}

/// Microseconds since 1970, UTC.
pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The largest resident memory of this process so far, bytes; `None` where the system does not tell.
///
/// Read from the system at most ten times a second: a reading costs as much as several small runs.
pub(super) fn peak_memory() -> Option<u64> {
    static PEAK: AtomicU64 = AtomicU64::new(0);
    let tick = tick();
    if READ.swap(tick, Ordering::Relaxed) != tick
        && let Some(peak) = read_peak()
    {
        PEAK.store(peak, Ordering::Relaxed);
    }
    Some(PEAK.load(Ordering::Relaxed)).filter(|peak| *peak > 0)
}

/// Lets the peak begin anew, where the system can do that: what an earlier run needed is not this one's. As costly as
/// reading it, so ten times a second at most as well.
pub(super) fn forget_peak() {
    static FORGOTTEN: AtomicU64 = AtomicU64::new(0);
    let tick = tick();
    // "5" resets the peak and nothing else, see proc(5).
    if FORGOTTEN.swap(tick, Ordering::Relaxed) != tick && std::fs::write("/proc/self/clear_refs", "5").is_ok()
    {
        READ.store(0, Ordering::Relaxed);
    }
}

/// In which tick [`peak_memory`] was read last; 0 means never.
static READ: AtomicU64 = AtomicU64::new(0);

/// Ticks of 100 ms, from 1.
fn tick() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64 / 100 + 1
}

fn read_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
