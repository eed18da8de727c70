#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
async fn train(x: f64) -> f64 { x }

fn main() {}
