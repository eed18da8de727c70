//! The generator of one stream.

use std::convert::Infallible;
use std::fmt;

use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::chacha::{WORDS, refill};

/// A random number generator whose sequence never changes: ChaCha with 12 rounds.
///
/// It implements the traits of `rand_core` 0.10, so that `rand` and its friends work on it (`use rand::RngExt`),
/// and those of 0.9 and 0.6 with the features `rand_core_09` and `rand_core_06`. What *they* make of its words
/// (a float, a shuffle) is theirs to keep stable.
///
/// ```
/// use metalab_engine::seeds::SeedBundle;
///
/// let mut rng = SeedBundle::fixed(7).rng("noise");
/// assert!((0.0..1.0).contains(&rng.uniform()));
/// ```
#[derive(Clone)]
pub struct Rng {
    key: [u32; 8],
    /// Number of the next block to make.
    counter: u64,
    words: [u32; WORDS],
    used: usize,
}

impl Rng {
    /// The generator with this key, at the beginning of its stream.
    pub(super) fn from_key(bytes: &[u8; 32]) -> Self {
        let mut key = [0; 8];
        for (word, bytes) in key.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().expect("chunks of four"));
        }
        Self { key, counter: 0, words: [0; WORDS], used: WORDS }
    }

    /// An independent generator for part `index` of the work, at the beginning of its stream. What was drawn from this one
    /// before does not matter, and nothing is drawn from it.
    ///
    /// ```
    /// use metalab_engine::seeds::SeedBundle;
    ///
    /// let rng = SeedBundle::fixed(7).rng("walk");
    /// assert_ne!(rng.split(0).uniform(), rng.split(1).uniform());
    /// ```
    #[must_use]
    pub fn split(&self, index: u64) -> Self {
        let mut image = [0; 16 + 32 + 8];
        image[..16].copy_from_slice(b"metalab split 1\0");
        for (bytes, word) in image[16..48].chunks_exact_mut(4).zip(self.key) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        image[48..].copy_from_slice(&index.to_le_bytes());
        Self::from_key(blake3::hash(&image).as_bytes())
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        if let Some(&[low, high]) = self.words.get(self.used..self.used + 2) {
            self.used += 2;
            return u64::from(low) | u64::from(high) << 32;
        }
        let low = self.next_u32();
        u64::from(low) | u64::from(self.next_u32()) << 32
    }

    /// A number from 0 (included) to 1 (excluded), 53 random bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// Fills `bytes`; the rest of a word begun is not used again.
    pub fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            let word = self.next_u32().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == WORDS {
            refill(&self.key, self.counter, &mut self.words);
            self.counter = self.counter.wrapping_add((WORDS / 16) as u64);
            self.used = 0;
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

impl TryRng for Rng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_u32())
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Rng {}

impl SeedableRng for Rng {
    type Seed = [u8; 32];

    fn from_seed(seed: [u8; 32]) -> Self {
        Self::from_key(&seed)
    }
}

#[cfg(feature = "rand_core_09")]
impl rand_core_09::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        self.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }
}

#[cfg(feature = "rand_core_06")]
impl rand_core_06::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        self.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_read_the_same_words() {
        let mut words = Rng::from_key(&[3; 32]);
        let words: Vec<u32> = (0..200).map(|_| words.next_u32()).collect();
        let mut rng = Rng::from_key(&[3; 32]);
        // An odd start makes the 64-bit reads cross the end of the buffer.
        assert_eq!(rng.try_next_u32(), Ok(words[0]));
        for pair in words[1..199].chunks_exact(2) {
            assert_eq!(rng.next_u64(), u64::from(pair[0]) | u64::from(pair[1]) << 32);
        }
        let mut rng = Rng::from_key(&[3; 32]);
        let mut bytes = [0; 5];
        rng.fill_bytes(&mut bytes);
        assert_eq!(bytes[..4], words[0].to_le_bytes());
        assert_eq!(bytes[4], words[1].to_le_bytes()[0]);
        assert_eq!(rng.next_u32(), words[2]);
    }

    #[test]
    fn splits_are_independent_of_what_was_drawn() {
        let mut rng = Rng::from_key(&[3; 32]);
        let before = rng.split(5).next_u64();
        rng.next_u64();
        assert_eq!(rng.split(5).next_u64(), before);
        assert_ne!(rng.split(6).next_u64(), before);
        assert_ne!(rng.split(5).split(5).next_u64(), before);
    }

    #[test]
    fn uniform_is_even() {
        let mut rng = Rng::from_key(&[9; 32]);
        let mean = (0..100_000).map(|_| rng.uniform()).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    #[test]
    fn debug_keeps_the_key() {
        assert_eq!(format!("{:?}", Rng::from_key(&[7; 32])), "Rng { .. }");
    }
}
