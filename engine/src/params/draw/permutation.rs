//! A permutation of `0..n` whose every element is found at once.

/// A Feistel network over an even number of bits; what falls outside is sent through again until it is inside.
#[derive(Clone, Debug)]
pub(in crate::params) struct Permutation {
    count: u64,
    /// Bits of one half.
    half: u32,
    keys: [u64; ROUNDS],
}

pub(super) const ROUNDS: usize = 8;

impl Permutation {
    /// The permutation of `0..count` with these keys; `count` is at most 2^62.
    pub(super) fn new(count: u64, keys: [u64; ROUNDS]) -> Self {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        Self { count, half: bits.div_ceil(2).max(1), keys }
    }

    /// The element at a place below `count`. The network is at most four times as large as the permutation, so four
    /// rounds of walking are to be expected at the most.
    pub(super) fn at(&self, place: u64) -> u64 {
        let mut x = place;
        loop {
            x = self.network(x);
            if x < self.count {
                return x;
            }
        }
    }

    fn network(&self, x: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (x >> self.half, x & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half | right
    }
}

/// The finaliser of SplitMix64.
pub(super) fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_comes_once() {
        for count in [1, 2, 3, 4, 5, 16, 17, 1000, 4096, 4097] {
            let permutation = Permutation::new(count, std::array::from_fn(|key| mix(key as u64 + count)));
            let mut all: Vec<u64> = (0..count).map(|place| permutation.at(place)).collect();
            let moved = all.iter().enumerate().filter(|(place, x)| *place as u64 != **x).count();
            assert!(count < 16 || moved > count as usize / 2, "{count}: {moved}");
            all.sort_unstable();
            assert!(all.into_iter().eq(0..count), "{count}");
        }
    }
}
