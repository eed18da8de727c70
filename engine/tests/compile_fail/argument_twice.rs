#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
fn train(k: u32, depth: u32) -> f64 { 1.0 }

fn main() {
    let _ = Train::grid().k(1).depth(2).k(3);
}
