//! A program that is nothing but its experiments: the whole command line of metalab comes with `#[metalab::main]`.
//!
//! ```text
//! cargo run --example laboratory -- run fall --progress plain --metric error:.2e
//! cargo run --example laboratory -- status fall
//! cargo run --example laboratory -- sql
//! cargo run --example laboratory -- --help
//! ```

use metalab::{Capture, Experiment};

/// How deep something falls in a second, in steps of so many milliseconds.
#[metalab::operation]
fn fall(step_ms: u64, capture: &Capture) -> f64 {
    let step = step_ms as f64 / 1_000.0;
    let (mut speed, mut depth) = (0.0, 0.0);
    for _ in 0..1_000 / step_ms {
        speed += 9.81 * step;
        depth += speed * step;
    }
    capture.metric("error", f64::abs(depth - 9.81 / 2.0));
    depth
}

#[metalab::experiment]
fn falling() -> Experiment {
    Experiment::new("fall", "1")
        .description("How small must a step be?")
        .sweep(Fall::grid().step_ms([1, 10, 100]))
}

#[metalab::experiment]
fn falling_slowly() -> Experiment {
    Experiment::new("fall_fine", "1").sweep(Fall::grid().step_ms([2, 4]))
}

#[metalab::main]
fn main() {}
