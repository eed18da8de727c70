//! A place between 0 and 1.

/// A 128-bit fixed-point number from 0 (included) to 1 (excluded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction(pub(super) u128);

impl Fraction {
    /// The first 53 bits: from 0 (included) to 1 (excluded).
    pub(super) fn unit(self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.0 >> 75) as f64 * STEP
    }

    /// The middle of its place among 2^52: neither 0 nor 1, for what is infinite there.
    pub(super) fn open_unit(self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 52) as f64;
        ((self.0 >> 76) as f64 + 0.5) * STEP
    }

    /// A number below `count`: the fraction of it, rounded down. With 128 bits each number has its share but for one
    /// part in 2^63, also where `count` is near 2^64.
    pub(super) fn below(self, count: u128) -> u128 {
        multiply_high(self.0, count)
    }
}

/// The upper half of a product of 256 bits.
pub(super) fn multiply_high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let middle = a_high * b_low + ((a_low * b_low) >> 64);
    let other = a_low * b_high + (middle & LOW);
    a_high * b_high + (middle >> 64) + (other >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_where_they_should_be() {
        let (least, most) = (Fraction(0), Fraction(u128::MAX));
        assert_eq!((least.unit(), least.below(7)), (0.0, 0));
        assert!(least.open_unit() > 0.0 && most.open_unit() < 1.0 && most.unit() < 1.0);
        assert_eq!(most.below(7), 6);
        assert_eq!(most.below(1 << 64), u128::from(u64::MAX));
        assert_eq!(Fraction(1 << 127).below(10), 5);
    }

    #[test]
    fn the_product_is_that_of_long_multiplication() {
        assert_eq!(multiply_high(u128::MAX, u128::MAX), u128::MAX - 1);
        for a in [1_u128, 1 << 64, (1 << 64) - 1, 3 << 90, u128::MAX / 3] {
            for shift in 0..128 {
                let expected = if shift == 0 { 0 } else { a >> (128 - shift) };
                assert_eq!(multiply_high(a, 1 << shift), expected, "{a} << {shift}");
            }
        }
    }
}
