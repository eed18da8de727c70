//! The Sobol sequence, any point of it at once.

use std::sync::OnceLock;

use super::permutation::mix;

const TABLE: &str = include_str!("joe_kuo.txt");

/// The most arguments that one sample may have.
pub(super) const DIMENSIONS: usize = 1000;

/// One coordinate of the sequence.
#[derive(Clone, Debug)]
pub(in crate::params) struct Directions([u64; 64]);

impl Directions {
    /// Coordinate number `dimension`, below [`DIMENSIONS`].
    pub(super) fn new(dimension: usize) -> Self {
        let mut v: [u64; 64] = std::array::from_fn(|bit| 1 << (63 - bit));
        if let Some((coefficients, first)) = dimension.checked_sub(1).and_then(|line| table().get(line)) {
            let degree = first.len();
            for (bit, m) in first.iter().enumerate() {
                v[bit] = m << (63 - bit);
            }
            for bit in degree..64 {
                v[bit] = v[bit - degree] ^ v[bit - degree] >> degree;
                for k in 1..degree {
                    if coefficients >> (degree - 1 - k) & 1 == 1 {
                        v[bit] ^= v[bit - k];
                    }
                }
            }
        }
        Self(v)
    }

    /// Point number `index` in Gray-code order, 64 bits after the binary point.
    pub(super) fn point(&self, index: u64) -> u64 {
        let mut gray = index ^ index >> 1;
        let mut point = 0;
        while gray != 0 {
            point ^= self.0[gray.trailing_zeros() as usize];
            gray &= gray - 1;
        }
        point
    }
}

/// Permutes the digits of a point, each according to the digits before it (nested uniform scrambling, as Owen has
/// it, by a hash of the kind that Laine and Karras found): what was a net stays a net.
pub(super) fn scramble(point: u64, keys: [u64; 2]) -> u64 {
    // In reversed order each of these steps changes a bit by those below it alone.
    let mut x = point.reverse_bits();
    x = x.wrapping_add(keys[0]);
    for constant in [0x6c50_b47c_d935_e7a2, 0xb82f_1e52_7f2b_a15c, 0xc7af_e638_5e2a_49be] {
        x ^= x.wrapping_mul(constant);
        x = x.wrapping_mul(keys[1] | 1);
        x = x.wrapping_add(mix(keys[0] ^ constant));
    }
    x.reverse_bits()
}

/// Per dimension from the second on: coefficients of the polynomial, and the first direction numbers.
fn table() -> &'static [(u64, Vec<u64>)] {
    static TABLE_READ: OnceLock<Vec<(u64, Vec<u64>)>> = OnceLock::new();
    TABLE_READ.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let numbers = lines.map(|line| line.split(' ').filter_map(|number| number.parse().ok()));
        numbers.map(|mut numbers| (numbers.nth(1).unwrap_or_default(), numbers.collect())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_points_are_the_published_ones() {
        let expected = [
            [0.0, 0.0, 0.0],
            [0.5, 0.5, 0.5],
            [0.75, 0.25, 0.25],
            [0.25, 0.75, 0.75],
            [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
            [0.625, 0.125, 0.875],
            [0.125, 0.625, 0.375],
            [0.1875, 0.3125, 0.9375],
            [0.6875, 0.8125, 0.4375],
        ];
        for (index, point) in expected.iter().enumerate() {
            for (dimension, coordinate) in point.iter().enumerate() {
                let ours = Directions::new(dimension).point(index as u64) as f64 / 2_f64.powi(64);
                assert_eq!(ours, *coordinate, "point {index}, coordinate {dimension}");
            }
        }
    }

    /// The table by its own laws: as many numbers as the degree, odd, each below 2^k.
    #[test]
    fn the_table_is_whole() {
        assert_eq!(table().len(), DIMENSIONS - 1);
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        for (line, (coefficients, first)) in lines.zip(table()) {
            let degree: usize = line.split(' ').next().map_or(0, |degree| degree.parse().unwrap_or(0));
            assert_eq!(first.len(), degree, "{line}");
            assert!(*coefficients < 1 << degree);
            assert!(first.iter().enumerate().all(|(k, m)| m % 2 == 1 && *m < 2 << k), "{line}");
        }
    }

    /// 2^m points lie one in each of 2^m equal intervals, in every coordinate, scrambled or not; and those of the
    /// first two coordinates one in each elementary rectangle.
    #[test]
    fn it_is_a_net_and_stays_one() {
        const M: u32 = 8;
        for keys in [None, Some([1, 2]), Some([u64::MAX, 0x1234_5678_9abc_def0])] {
            let point = |dimension: usize, index: u64| {
                let point = Directions::new(dimension).point(index);
                keys.map_or(point, |keys: [u64; 2]| {
                    scramble(point, keys.map(|key| mix(key ^ dimension as u64)))
                })
            };
            for dimension in [0, 1, 2, 7, 100, 999] {
                let mut places: Vec<u64> =
                    (0..1 << M).map(|index| point(dimension, index) >> (64 - M)).collect();
                places.sort_unstable();
                assert!(places.into_iter().eq(0..1 << M), "coordinate {dimension}");
            }
            for wide in 1..M {
                let mut seen = vec![false; 1 << M];
                for index in 0..1 << M {
                    let (x, y) = (point(0, index) >> (64 - wide), point(1, index) >> (64 - (M - wide)));
                    let cell = (x << (M - wide) | y) as usize;
                    assert!(!std::mem::replace(&mut seen[cell], true), "{wide}: {cell}");
                }
            }
        }
    }
}
