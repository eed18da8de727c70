#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation(time = "2 hours")]
fn train(x: f64) -> f64 { x }

#[metalab::operation(time = "1.5 h")]
fn tune(x: f64) -> f64 { x }

#[metalab::operation(time = "0 s")]
fn test(x: f64) -> f64 { x }

#[metalab::operation(time = 90)]
fn plot(x: f64) -> f64 { x }

fn main() {}
