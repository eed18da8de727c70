#![allow(unused)]
extern crate metalab_engine as metalab;

#[metalab::operation]
struct Train;

fn main() {}
