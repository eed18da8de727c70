#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train<T>(x: T) -> f64 { 1.0 }

fn main() {}
