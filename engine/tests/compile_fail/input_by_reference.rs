#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::Input;

#[metalab::operation]
fn train(data: &Input<f64>) -> f64 { 1.0 }

#[metalab::operation]
fn test(#[default(1.0)] data: Input<f64>) -> f64 { 1.0 }

fn main() {}
