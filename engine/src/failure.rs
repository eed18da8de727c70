//! What an operation returns when it fails.

use std::error::Error;
use std::fmt;

/// The error type inside operations: takes any error by `?`, own types, `anyhow`, and text.
///
/// It deliberately does not implement [`std::error::Error`], which is what lets `?` convert everything else
/// into it. Its causes are kept as a chain in the record of the run.
///
/// ```
/// fn load(text: &str) -> metalab_engine::Result<f64> {
///     let x: f64 = text.parse()?;
///     if x < 0.0 {
///         return Err("the value must not be negative".into());
///     }
///     Ok(x)
/// }
/// assert_eq!(load("no").unwrap_err().chain(), ["invalid float literal"]);
/// ```
pub struct Failure(Box<dyn Error + Send + Sync>);

/// The result of an operation.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Failure {
    /// The messages of the error and its causes, outermost first.
    pub fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.0.to_string()];
        let mut next = self.0.source();
        while let Some(cause) = next {
            chain.push(cause.to_string());
            next = cause.source();
        }
        chain
    }

    /// The error itself, for looking at its type.
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `main` prints when it returns a failure: the message and its causes, not Rust's debug form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = self.chain();
        write!(f, "{}", chain[0])?;
        chain[1..].iter().try_for_each(|cause| write!(f, "\n  caused by: {cause}"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot fit")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn every_kind_of_error_converts() {
        fn text() -> Result<()> {
            Err("plain")?
        }
        fn owned() -> Result<()> {
            Err(format!("x = {}", 3).into())
        }
        fn typed() -> Result<()> {
            Ok(Err(Outer("z".parse::<i32>().unwrap_err()))?)
        }
        fn same() -> Result<()> {
            typed()?;
            Ok(())
        }
        assert_eq!(text().unwrap_err().chain(), ["plain"]);
        assert_eq!(owned().unwrap_err().chain(), ["x = 3"]);
        assert_eq!(same().unwrap_err().chain(), ["cannot fit", "invalid digit found in string"]);
        assert!(format!("{:?}", typed().unwrap_err()).contains("caused by: invalid digit"));
    }
}
