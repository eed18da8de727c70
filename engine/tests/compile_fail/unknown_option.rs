#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation(vesion = "2")]
fn train(x: f64) -> f64 { x }

fn main() {}
