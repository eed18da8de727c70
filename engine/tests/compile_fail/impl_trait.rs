#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train(x: impl Into<f64>) -> f64 { 1.0 }

fn main() {}
