#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train(named: String) -> f64 { 1.0 }

fn main() {}
