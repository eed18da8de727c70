//! What can be a metric's value.

use crate::record::Scalar;

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl From<$type> for Scalar {
            fn from(x: $type) -> Self {
                Self::Int(x.into())
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32);

macro_rules! wide_integers {
    ($($type:ty),*) => {$(
        /// A number above `i64::MAX` becomes the nearest float.
        impl From<$type> for Scalar {
            fn from(x: $type) -> Self {
                match i64::try_from(x) {
                    Ok(x) => Self::Int(x),
                    Err(_) => Self::Float(x as f64),
                }
            }
        }
    )*};
}

wide_integers!(u64, usize, isize);

impl From<f64> for Scalar {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl From<f32> for Scalar {
    fn from(x: f32) -> Self {
        Self::Float(x.into())
    }
}

impl From<bool> for Scalar {
    fn from(x: bool) -> Self {
        Self::Bool(x)
    }
}

impl From<&str> for Scalar {
    fn from(x: &str) -> Self {
        Self::Text(x.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(x: String) -> Self {
        Self::Text(x)
    }
}

impl From<&String> for Scalar {
    fn from(x: &String) -> Self {
        Self::Text(x.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_agree() {
        assert_eq!(Scalar::from(3_u8), Scalar::from(3_usize));
        assert_eq!(Scalar::from(0.5_f32), Scalar::from(0.5));
        assert_eq!(Scalar::from(i64::MAX as u64), Scalar::Int(i64::MAX));
        assert_eq!(Scalar::from(u64::MAX), Scalar::Float(18_446_744_073_709_551_615.0));
    }
}
