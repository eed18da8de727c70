//! All randomness of a run: seed bundles and the named streams that derive from them.
//!
//! # Format (version 1)
//!
//! A stream is named; its key is the BLAKE3 hash of this pre-image:
//!
//! | bytes | what |
//! | --- | --- |
//! | `metalab seed 1` and a zero byte | what it is |
//! | u8 | 0 own stream, 1 shared stream, 2 own bytes, 3 shared bytes |
//! | u64, little-endian | base seed |
//! | u64, little-endian | replicate |
//! | unsigned LEB128 length, UTF-8 | operation as `namespace::name`; only kinds 0 and 2 |
//! | unsigned LEB128 length, UTF-8 | name of the stream |
//!
//! [`Rng`] is ChaCha with 12 rounds under that key: block counter from 0 (64 bits), nonce 0, words in the order of
//! the key stream. A `u32` takes one word, a `u64` two (low half first), a run of bytes as many words as it
//! touches. [`SeedBundle::bytes`] gives the 32 bytes of kinds 2 and 3 as they are, [`SeedBundle::seed`] the first
//! eight of them, little-endian.
//!
//! The streams of a bundle derived from that of the run ([`SeedBundle::derive`], [`SeedBundle::child`],
//! [`SeedBundle::preprocessing`]) have this pre-image:
//!
//! | bytes | what |
//! | --- | --- |
//! | `metalab seed 1` and a zero byte | what it is |
//! | u8 | 4 own stream, 5 shared stream, 6 own bytes, 7 shared bytes |
//! | u64, little-endian | base seed |
//! | u8 | 0 and the replicate (u64, little-endian), or 1 for preprocessing |
//! | unsigned LEB128 length, UTF-8 | operation; only kinds 4 and 6 |
//! | unsigned LEB128 | number of names on the way down |
//! | for each, unsigned LEB128 length, UTF-8 | the name |
//! | and u8 | 0, or 1 and the index (u64, little-endian) |
//! | unsigned LEB128 length, UTF-8 | name of the stream |
//!
//! [`SeedBundle::part`] is the stream without a name of that child. The key of [`Rng::split`] is the BLAKE3 hash of
//! `metalab split 1`, a zero byte, the 32 bytes of the generator's key and the index (u64, little-endian).
//!
//! Parameters, steps and experiments are absent on purpose: two cells that differ in a parameter get the same
//! randomness (they are *paired*), so that their difference is due to the parameter.
//! Golden vectors: `engine/tests/golden/seeds.txt`.

mod bundle;
mod chacha;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod golden;
mod rng;
mod tape;

pub use bundle::{SeedBundle, Seeds, seeds};
pub use rng::Rng;
pub(crate) use tape::Tape;
