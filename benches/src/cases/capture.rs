//! The cost of a point of a stepped metric.

use std::hint::black_box;
use std::time::Instant;

use metalab::Capture;

use crate::Result;
use crate::table::Row;

/// How many points are captured at once.
const POINTS: u64 = 10_000_000;

pub(crate) fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let by_name =
        nanoseconds(|capture| (0..POINTS).for_each(|step| capture.step("loss", step, black_box(0.5))));
    let by_handle = nanoseconds(|capture| {
        let loss = capture.series("loss");
        (0..POINTS).for_each(|step| loss.push(step, black_box(0.5)));
    });
    rows.push(Row {
        work: "a point of a stepped metric: `capture.step`; by the handle of `capture.series`".into(),
        goal: "<= 100 ns in the operation",
        reached: format!("{by_name:.1} ns; {by_handle:.1} ns"),
        met: by_name <= 100.0 && by_handle <= 100.0,
    });
    Ok(())
}

/// Of three times the fastest, per point.
fn nanoseconds(work: impl Fn(&Capture)) -> f64 {
    let times = (0..3).map(|_| {
        let capture = Capture::memory();
        let start = Instant::now();
        work(&capture);
        let taken = start.elapsed();
        black_box(capture.finish());
        taken.as_secs_f64() / POINTS as f64 * 1e9
    });
    times.fold(f64::INFINITY, f64::min)
}
