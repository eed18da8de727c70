//! A figure drawn by `plotters` and captured as SVG.
//!
//! ```text
//! cargo run --example figures --features plotters
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use metalab::{Capture, Experiment};
use plotters::prelude::*;

/// How a damped oscillation dies out.
#[metalab::operation]
fn oscillate(damping: f64, capture: &Capture) -> metalab::Result<f64> {
    let at = |time: f64| (-damping * time).exp() * time.cos();
    capture.figure("oscillation", (480, 320), |area| {
        let mut chart = ChartBuilder::on(area).margin(10).build_cartesian_2d(0.0..30.0, -1.0..1.0)?;
        chart.configure_mesh().disable_mesh().draw()?;
        let line = (0..=600).map(|n| f64::from(n) / 20.0).map(|time| (time, at(time)));
        chart.draw_series(LineSeries::new(line, &BLUE))?;
        Ok(())
    });
    Ok(at(30.0))
}

fn main() -> metalab::Result<()> {
    let experiment = Experiment::new("figures", "1").sweep(Oscillate::grid().damping([0.05, 0.2]));
    let results = metalab::run(experiment).store("memory://").blocking()?.ok()?;
    for run in results.iter() {
        let run = run?;
        let svg = run.artifact("oscillation")?;
        println!("damping {}: {} bytes of SVG", run.param::<f64>("damping")?, svg.len());
    }
    Ok(())
}
