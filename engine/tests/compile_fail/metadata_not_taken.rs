#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation(metadata("cohort"))]
fn label(x: u64) -> u64 {
    x
}

fn main() {}
