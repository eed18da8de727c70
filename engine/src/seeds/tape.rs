//! A key stream as a list of numbers, any of which is read at once.

use super::chacha::{WORDS, refill};

/// Numbers of 128 bits: number `i` is bytes `16 i` to `16 i + 15` of the ChaCha12 key stream, little-endian.
#[derive(Clone)]
pub(crate) struct Tape([u32; 8]);

impl Tape {
    /// The tape of this key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().expect("chunks of four"));
        }
        Self(words)
    }

    /// Number `i`.
    pub(crate) fn number(&self, i: u64) -> u128 {
        let mut words = [0; WORDS];
        refill(&self.0, i / 4, &mut words);
        let at = (i % 4) as usize * 4;
        (0..4).fold(0, |number, word| number | u128::from(words[at + word]) << (32 * word))
    }
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds::Rng;

    #[test]
    fn it_is_the_stream_of_the_generator() {
        let tape = Tape::new(&[7; 32]);
        let mut rng = Rng::from_key(&[7; 32]);
        for i in 0..100 {
            let (low, high) = (rng.next_u64(), rng.next_u64());
            assert_eq!(tape.number(i), u128::from(low) | u128::from(high) << 64);
        }
    }
}
