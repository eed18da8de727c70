#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::{Experiment, Gathered, Input};

#[metalab::operation]
fn prepare(k: u32) -> String { String::new() }

#[metalab::operation]
fn train(data: Input<Vec<f64>>) -> f64 { 1.0 }

#[metalab::operation]
fn report(scores: Gathered<f64>) -> f64 { 1.0 }

fn main() {
    let mut exp = Experiment::new("wrong", "1");
    let data = exp.step(Prepare::grid().k(1));
    let model = exp.step(Train::grid().data(&data));
    exp.step(Report::grid().scores(&model));
}
