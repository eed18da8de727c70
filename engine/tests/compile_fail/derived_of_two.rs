#![allow(unused)]
extern crate metalab_engine as metalab;
use metalab::results::RunResult;

#[metalab::derived]
fn gap(run: &RunResult, other: &RunResult) -> f64 { 1.0 }

fn main() {}
