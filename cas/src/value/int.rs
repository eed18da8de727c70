//! Integers of any width.

use std::cmp::Ordering;
use std::fmt;

/// An integer from −2¹²⁸ to 2¹²⁸−1.
///
/// Made from any of Rust's integers, and turned back into those that can hold it.
///
/// ```
/// use metalab_cas::value::Int;
/// let n = Int::from(-3);
/// assert_eq!((n.to_string(), i8::try_from(n)), ("-3".into(), Ok(-3)));
/// assert!(u64::try_from(n).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Int {
    negative: bool,
    /// x itself, or −1−x where negative: so there is one form of each integer.
    magnitude: u128,
}

/// An integer that the wanted type cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} does not fit {wanted}")]
pub struct IntError {
    /// The integer.
    pub value: Int,
    /// The type.
    pub wanted: &'static str,
}

impl Int {
    /// The stored parts: whether negative, and x or −1−x.
    pub(crate) fn parts(self) -> (bool, u128) {
        (self.negative, self.magnitude)
    }

    pub(crate) fn from_parts(negative: bool, magnitude: u128) -> Int {
        Int { negative, magnitude }
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        if self.negative { -((self.magnitude as f64) + 1.0) } else { self.magnitude as f64 }
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.negative, self.magnitude.checked_add(1)) {
            (false, _) => write!(f, "{}", self.magnitude),
            (true, Some(n)) => write!(f, "-{n}"),
            (true, None) => f.write_str("-340282366920938463463374607431768211456"),
        }
    }
}

impl fmt::Debug for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ord for Int {
    fn cmp(&self, other: &Int) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude.cmp(&other.magnitude),
            (true, true) => other.magnitude.cmp(&self.magnitude),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Int {
    fn partial_cmp(&self, other: &Int) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::str::FromStr for Int {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Int, Self::Err> {
        match text.strip_prefix('-') {
            Some("340282366920938463463374607431768211456") => Ok(Int::from_parts(true, u128::MAX)),
            Some(digits) if !digits.starts_with('+') => {
                let n: u128 = digits.parse()?;
                Ok(n.checked_sub(1).map_or(Int::default(), |m| Int::from_parts(true, m)))
            }
            _ => Ok(Int::from_parts(false, text.parse()?)),
        }
    }
}

macro_rules! unsigned {
    ($($type:ty)*) => {$(
        impl From<$type> for Int {
            fn from(x: $type) -> Int {
                Int { negative: false, magnitude: x as u128 }
            }
        }

        impl TryFrom<Int> for $type {
            type Error = IntError;

            fn try_from(x: Int) -> Result<$type, IntError> {
                let error = IntError { value: x, wanted: stringify!($type) };
                if x.negative { Err(error) } else { <$type>::try_from(x.magnitude).map_err(|_| error) }
            }
        }
    )*};
}

macro_rules! signed {
    ($($type:ty)*) => {$(
        impl From<$type> for Int {
            fn from(x: $type) -> Int {
                // In two's complement, −1−x is the bitwise complement of x.
                if x < 0 {
                    Int { negative: true, magnitude: !x as u128 }
                } else {
                    Int { negative: false, magnitude: x as u128 }
                }
            }
        }

        impl TryFrom<Int> for $type {
            type Error = IntError;

            fn try_from(x: Int) -> Result<$type, IntError> {
                match <$type>::try_from(x.magnitude) {
                    Ok(m) if x.negative => Ok(!m),
                    Ok(m) => Ok(m),
                    Err(_) => Err(IntError { value: x, wanted: stringify!($type) }),
                }
            }
        }
    )*};
}

unsigned! { u8 u16 u32 u64 u128 usize }
signed! { i8 i16 i32 i64 i128 isize }

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn extremes_come_back() {
        assert_eq!(i128::try_from(Int::from(i128::MIN)).unwrap(), i128::MIN);
        assert_eq!(u128::try_from(Int::from(u128::MAX)).unwrap(), u128::MAX);
        assert_eq!(i8::try_from(Int::from(-128i64)).unwrap(), -128);
        assert!(i8::try_from(Int::from(-129)).is_err());
        assert!(i64::try_from(Int::from(u64::MAX)).is_err());
        assert_eq!(Int::from(5u8), Int::from(5i128));
    }

    #[test]
    fn text_goes_both_ways() {
        for n in [Int::from(0), Int::from(-1), Int::from(i128::MIN), Int::from_parts(true, u128::MAX)] {
            assert_eq!(n.to_string().parse::<Int>().unwrap(), n);
        }
        assert_eq!("-0".parse::<Int>().unwrap(), Int::from(0));
        assert!("-+1".parse::<Int>().is_err());
        assert!("".parse::<Int>().is_err());
    }

    #[test]
    fn order_is_by_value() {
        let mut all = [Int::from(3), Int::from(-3), Int::from(0), Int::from(-1), Int::from(u128::MAX)];
        all.sort();
        assert_eq!(all.map(|n| n.to_f64() as i64), [-3, -1, 0, 3, i64::MAX]);
    }
}
