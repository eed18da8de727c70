#![allow(unused)]
extern crate metalab_engine as metalab;

#[derive(metalab::Context)]
enum Site { Here, There }

fn main() {}
