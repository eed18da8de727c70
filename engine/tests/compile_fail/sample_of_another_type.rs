#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::params::{Random, uniform};

#[metalab::operation]
fn train(depth: u32, rate: f64) -> f64 { rate }

fn main() {
    Train::sample(Random::new(10)).rate(uniform(0.0, 1.0)).depth(uniform(1.0, 4.0));
}
