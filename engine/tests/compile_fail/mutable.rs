#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::Capture;
#[metalab::operation]
fn train(capture: &mut Capture) -> f64 { 1.0 }

fn main() {}
