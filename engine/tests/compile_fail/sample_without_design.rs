#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::params::int_range;

#[metalab::operation]
fn train(depth: u32) -> f64 { 0.0 }

fn main() {
    Train::sample(10).depth(int_range(1..=4));
}
