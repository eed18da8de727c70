#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::params::{IntoSweep, Sweep};

#[metalab::operation]
fn train(k: u32, #[default(1.0)] rate: f64, depth: u32) -> f64 { rate }

fn sweep(sweep: impl IntoSweep<Output = f64>) -> Sweep<f64> {
    sweep.into_sweep()
}

fn main() {
    sweep(Train::grid().k([1, 2]));
}
