#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train((a, b): (f64, f64)) -> f64 { a + b }

fn main() {}
