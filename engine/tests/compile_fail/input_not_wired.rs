#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::{Experiment, Input};

#[metalab::operation]
fn train(data: Input<Vec<f64>>, k: u32) -> f64 { 1.0 }

fn main() {
    let mut exp = Experiment::new("wrong", "1");
    exp.step(Train::grid().k(1));
}
