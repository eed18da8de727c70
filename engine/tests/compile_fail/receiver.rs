#![allow(unused)]
extern crate metalab_engine as metalab;

struct Model;
impl Model {
    #[metalab::operation]
    fn train(&self, x: f64) -> f64 { x }
}

fn main() {}
