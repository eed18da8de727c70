#![allow(unused)]
extern crate metalab_engine as metalab;

use metalab::Metadata;

#[metalab::operation]
fn label(metadata: &Metadata) -> metalab::Result<String> {
    metadata.get("cohort")
}

fn main() {}
