#![allow(unused)]
extern crate metalab_engine as metalab;
use metalab::results::RunResult;

#[metalab::derived(codec = "json")]
fn gap(run: &RunResult) -> f64 { 1.0 }

fn main() {}
