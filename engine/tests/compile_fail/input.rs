#![allow(unused)]
extern crate metalab_engine as metalab;

struct Input<T>(T);
#[metalab::operation]
fn train(data: Input<f64>) -> f64 { 1.0 }

fn main() {}
