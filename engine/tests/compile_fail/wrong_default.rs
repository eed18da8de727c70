#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train(#[default("one")] rate: f64) -> f64 { rate }

fn main() {}
