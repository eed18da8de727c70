//! Which sets a filter keeps, and the place of the n-th of them.

/// A bit per set, and a count per block of them.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    words: Vec<u64>,
    /// Bits set before each block.
    before: Vec<u64>,
    count: u64,
}

/// Words in a block.
const BLOCK: usize = 8;

impl Bitmap {
    pub(super) fn new(bits: &[bool]) -> Self {
        let word = |bits: &[bool]| bits.iter().rev().fold(0, |word, bit| word << 1 | u64::from(*bit));
        let words: Vec<u64> = bits.chunks(64).map(word).collect();
        let mut count = 0;
        let before = words.chunks(BLOCK).map(|block| {
            let here = count;
            count += block.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
            here
        });
        let before = before.collect();
        Self { words, before, count }
    }

    /// The number of bits that are set.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The place of bit number `n` of those that are set; `n` is below [`Bitmap::count`].
    pub(super) fn place(&self, n: u64) -> u64 {
        let block = self.before.partition_point(|before| *before <= n) - 1;
        let mut left = n - self.before[block];
        for (at, word) in self.words.iter().enumerate().skip(block * BLOCK) {
            let here = u64::from(word.count_ones());
            if left < here {
                let mut word = *word;
                (0..left).for_each(|_| word &= word - 1);
                return at as u64 * 64 + u64::from(word.trailing_zeros());
            }
            left -= here;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_of_the_bits(bits in proptest::collection::vec(any::<bool>(), 1..3000)) {
            let bitmap = Bitmap::new(&bits);
            let places: Vec<u64> = (0..bits.len() as u64).filter(|at| bits[*at as usize]).collect();
            prop_assert_eq!(bitmap.count(), places.len() as u64);
            prop_assert!((0..bitmap.count()).map(|n| bitmap.place(n)).eq(places));
        }
    }
}
