//! `docs/guide/capture.md`.

use std::collections::BTreeMap;

use metalab::Capture;
use metalab::codec::Shaped;
use metalab::results::RunResult;

fn metrics(capture: &Capture, report: BTreeMap<String, f64>, epoch: u64, loss: f64) {
    capture.metric("accuracy", 0.93);                          // a number, bool or text; again: the new value counts
    capture.metrics(&report);                                  // a struct or map: names with dots, `top.five`
    capture.metrics([("loss", 0.1), ("accuracy", 0.9)]);       // or pairs
    capture.step("loss", epoch, loss);                         // one point of a stepped metric
    capture.steps(epoch, [("loss", 0.1), ("accuracy", 0.9)]);  // of several
    let loss = capture.series("loss");                         // a handle, for tight loops and other threads
    loss.push(epoch, 0.1);
}

fn data(capture: &Capture, w: Vec<i32>, run: RunResult) -> metalab::Result<()> {
    capture.data("confusion", &[[50, 2], [1, 47]]);            // anything that serde can write
    capture.data_array("weights", &Shaped::new(&[2, 3], &w));  // arrays, without looking at each element

    let table: Vec<Vec<u32>> = run.data("confusion")?;         // read back from a finished run
    let shape = run.data_array::<i32>("confusion")?.shape().to_vec(); // [2, 2]
    Ok(())
}

fn logs(capture: &Capture, k: u64, epoch: u64) {
    capture.log(format_args!("fold {k}"));        // a line, with the time of day in front
    tracing::info!(epoch, "done");                // an event is a line too: `INFO my_crate: done epoch=0`
    capture.log_to("solver", "residual 0.5");     // a named stream
}

fn threads(capture: &Capture) {
    let theirs = capture.clone();
    std::thread::spawn(move || {
        let _here = theirs.in_thread();
        tracing::info!("in the log of the run");
    });
}
