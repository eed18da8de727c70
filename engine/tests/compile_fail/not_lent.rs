#![allow(unused)]
extern crate metalab_engine as metalab;

struct Settings;
#[metalab::operation]
fn train(settings: &Settings) -> f64 { 1.0 }

fn main() {}
