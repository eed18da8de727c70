//! Sampled parameter sets: a design says where in the unit cube a set lies, a distribution what that is as a value.
//!
//! # Format (version 1)
//!
//! Set number `i` of a sample gets, for each argument, a **fraction**: a 128-bit fixed-point number from 0 (included)
//! to 1 (excluded). A distribution turns it into a value by its inverse distribution function, one fraction for one
//! value. A *tape* is a ChaCha12 key stream (see [`seeds`](mod@crate::seeds)), read as little-endian numbers of 128
//! bits; its key is the BLAKE3 hash of
//!
//! | bytes | what |
//! | --- | --- |
//! | `metalab draw 1` and a zero byte | what it is |
//! | u8 | 0 random, 1 jitter of a Latin hypercube, 2 its permutation, 3 scramble of Sobol |
//! | u64, little-endian | seed of the design |
//! | unsigned LEB128 length, UTF-8 | name of the argument |
//!
//! | design | fraction of set `i` |
//! | --- | --- |
//! | [`Random`] | number `i` of the tape |
//! | [`LatinHypercube`] of `n` | the place number `i` of the jitter tape points at in part `p(i)` of `n` equal parts; `p` is a Feistel network over the next even number of bits, walked until it falls below `n` |
//! | [`Sobol`] | 64 bits of the sequence of Joe and Kuo in Gray-code order, the arguments in the order in which they were given; scrambled by a hash of the Laine-Karras kind |
//!
//! Nothing here calls a function of the system's mathematics library: [`math`] has its own, made of operations that
//! are exact or correctly rounded everywhere, so that a set is the same on every machine. Golden vectors:
//! `engine/tests/golden/draws.txt`.

mod design;
mod distribution;
mod fraction;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod golden;
mod math;
mod permutation;
mod sobol;
mod typed;

pub(super) use design::Axis;
pub use design::{Design, LatinHypercube, Random, Sobol};
pub(super) use distribution::Draw;
pub use typed::{
    Distribution, Real, Whole, choice, int_range, log_int, log_normal, log_uniform, normal, uniform, weighted,
};
