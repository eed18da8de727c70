//! What an operation can capture, and how it is read back: the code of docs/guide/capture.md.
//!
//! ```text
//! cargo run --example capture
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use std::process::Command;

use metalab::codec::Npz;
use metalab::{Capture, Experiment, Secret};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    loss: f64,
    top: Top,
}

#[derive(Serialize)]
struct Top {
    one: f64,
    five: f64,
}

#[derive(metalab::Context)]
struct Site {
    #[context(skip)]
    token: Secret,
}

#[metalab::operation]
fn train(epochs: u64, site: &Site, capture: &Capture) -> metalab::Result<f64> {
    let loss = capture.series("loss");
    for epoch in 0..epochs {
        loss.push(epoch, 1.0 / (epoch + 1) as f64);
        tracing::info!(epoch, "done");
    }
    capture.metrics(&Report { loss: 1.0 / epochs as f64, top: Top { one: 0.81, five: 0.97 } });
    capture.data("confusion", &[[50, 2], [1, 47]]);
    capture.data("labels", &["cat", "dog"]);
    capture.artifact_npz("weights", &[("layer1", &[[0.5_f32; 3]; 2]), ("bias", &[0.1_f32, 0.2])]);
    capture.run_command(Command::new("echo").arg("residual 0.5"))?;
    capture.log(format_args!("uploaded with {}", site.token.expose()));
    Ok(1.0 / epochs as f64)
}

fn main() -> metalab::Result<()> {
    let site = Site { token: Secret::new("s3cr3t-token".to_owned()) };
    let experiment = Experiment::new("capture", "1").context(site).sweep(Train::grid().epochs([2]));
    let results = metalab::run(experiment).store("memory://").blocking()?;
    let run = results.iter().next().ok_or("a run")??;

    for (name, value) in run.metrics() {
        println!("{name} = {value}");
    }
    println!("{:?}", run.series("loss")?);
    println!("{:?}", run.data::<Vec<Vec<u32>>>("confusion")?);
    println!("{:?}", run.data_array::<i32>("confusion")?.shape());
    println!("{:?}", run.data::<Vec<String>>("labels")?);
    let bytes = run.artifact("weights")?;
    println!("{:?}", Npz::read(&bytes)?.get::<f32>("bias")?.data());
    print!("{}", run.stream("stdout")?);
    // Without the time of day in front.
    run.log()?.lines().for_each(|line| println!("{}", &line[13..]));
    Ok(())
}
