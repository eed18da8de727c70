//! A status in words.

use std::time::Duration;

use metalab_engine::running::Status;

/// Cells that have come to their end by running or by being found.
pub(super) fn done(status: &Status) -> u64 {
    status.reused + status.counts.succeeded + status.counts.failed + status.counts.timed_out
}

/// Counts, rate, time and metrics, the parts that there are.
pub(super) fn words(status: &Status, metrics: Vec<String>) -> String {
    let counts = &status.counts;
    let mut parts = Vec::new();
    let mut part = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    part(status.reused, "reused");
    part(counts.succeeded, "done");
    part(counts.failed, "failed");
    part(counts.timed_out, "timed out");
    part(counts.cancelled, "cancelled");
    part(counts.skipped, "skipped");
    if !status.ended {
        part(counts.running, "running");
    }
    if let Some(rate) = status.rate {
        parts.push(if rate >= 10.0 { format!("{rate:.0}/s") } else { format!("{rate:.2}/s") });
    }
    match status.remaining {
        Some(left) if !status.ended => parts.push(format!("{} left", human(left))),
        _ if status.ended => parts.push(format!("in {}", human(status.elapsed))),
        _ => {}
    }
    parts.extend(metrics);
    parts.join(" · ")
}

fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, text) in
            [(0.25, "0.2 s"), (42.0, "42 s"), (125.0, "2 min 05 s"), (7_260.0, "2 h 01 min")]
        {
            assert_eq!(human(Duration::from_secs_f64(seconds)), text);
        }
    }
}
