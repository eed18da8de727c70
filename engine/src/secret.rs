//! Tokens and passwords that must not be kept anywhere.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Shorter texts are not looked for: they would be found in the middle of words.
const SHORTEST: usize = 4;

/// A token or password.
///
/// It shows itself as `***`, enters no recipe, record, manifest, log or error, and is overwritten in memory when its last
/// clone is dropped. While one lives, its text is also replaced by `***` in what runs log, in metrics and data that
/// are text, in the lines of child processes, and in errors and panics, for texts of at least four characters. Outputs and
/// artifacts are kept as the operation made them.
///
/// In a context it is a field that does not count: `#[context(skip)] token: Secret`. Worker processes read it from their own
/// environment, so it must come from there: [`Secret::from_env`].
///
/// ```
/// use metalab_engine::Secret;
///
/// let token = Secret::new("hunter22".to_owned());
/// assert_eq!(format!("{token} {token:?}"), "*** Secret(***)");
/// assert_eq!(token.expose(), "hunter22");
/// assert_eq!(metalab_engine::secret::mask("sent hunter22"), "sent ***");
/// ```
pub struct Secret<T: Zeroize + AsRef<[u8]> = String>(Arc<Inner<T>>);

struct Inner<T: Zeroize + AsRef<[u8]>> {
    value: T,
    /// The variable it was read from.
    variable: Option<String>,
    id: u64,
}

/// A secret that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The environment has no such variable.
    #[error(
        "the environment has no variable `{variable}`: set it where the program is started (and for its workers)"
    )]
    Missing {
        /// Its name.
        variable: String,
    },
    /// The value of the variable is no text.
    #[error("the value of the environment variable `{variable}` is not UTF-8")]
    NotText {
        /// Its name.
        variable: String,
    },
    /// What is asked for cannot be the name of a variable.
    #[error(
        "this cannot be the name of an environment variable: letters, digits and `_`, not beginning with a digit"
    )]
    Variable,
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Keeps a value secret. It cannot be sent to worker processes: see [`Secret::from_env`].
    pub fn new(value: T) -> Self {
        Self::with(value, None)
    }

    fn with(value: T, variable: Option<String>) -> Self {
        let id = known::add(value.as_ref());
        Self(Arc::new(Inner { value, variable, id }))
    }

    /// The value itself.
    pub fn expose(&self) -> &T {
        &self.0.value
    }
}

impl Secret {
    /// Reads a secret from the environment, here and again in each worker process.
    ///
    /// # Errors
    /// When there is no such variable, or its value is no text. The error does not show the value.
    pub fn from_env(variable: &str) -> Result<Self, SecretError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if variable.is_empty()
            || !variable.chars().all(fine)
            || variable.starts_with(|c: char| c.is_ascii_digit())
        {
            // Not shown: somebody may have given the secret itself.
            return Err(SecretError::Variable);
        }
        match std::env::var(variable) {
            Ok(value) => Ok(Self::with(value, Some(variable.to_owned()))),
            Err(std::env::VarError::NotPresent) => {
                Err(SecretError::Missing { variable: variable.to_owned() })
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(SecretError::NotText { variable: variable.to_owned() })
            }
        }
    }
}

impl<T: Zeroize + AsRef<[u8]>> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Drop for Inner<T> {
    fn drop(&mut self) {
        known::remove(self.id);
        self.value.zeroize();
    }
}

/// A field of a context that is a secret does not count, also without `#[context(skip)]`.
impl<T: Zeroize + AsRef<[u8]>> crate::context::Hidden for Secret<T> {}

impl<T: Zeroize + AsRef<[u8]>> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({MASK})")
    }
}

impl<T: Zeroize + AsRef<[u8]>> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Refused, so that a secret enters no recipe, record or file by accident.
impl<T: Zeroize + AsRef<[u8]>> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !TRAVELLING.get() {
            return Err(S::Error::custom(
                "a secret is never written or hashed: leave it out (in a context by `#[context(skip)]`), or `expose()` it where it is used",
            ));
        }
        // Only the name of the variable leaves this process.
        self.0.variable.as_deref().map_or_else(
            || {
                Err(S::Error::custom(
                    "a secret given by value stays in its process: use `Secret::from_env`, or run in threads",
                ))
            },
            |variable| variable.serialize(serializer),
        )
    }
}

/// Refused but where a context arrives in a worker process, which reads it from its own environment.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !TRAVELLING.get() {
            return Err(D::Error::custom(
                "a secret is not read from arguments or files: use `Secret::from_env`",
            ));
        }
        let variable = String::deserialize(deserializer)?;
        Self::from_env(&variable).map_err(D::Error::custom)
    }
}

thread_local! {
    /// Whether a context is on its way between processes.
    static TRAVELLING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, in which secrets are written and read as the names of their variables.
pub(crate) fn travelling<T>(work: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            TRAVELLING.set(self.0);
        }
    }
    let _back = Back(TRAVELLING.replace(true));
    work()
}

/// The text with all secrets that live replaced by [`MASK`].
pub fn mask(text: &str) -> Cow<'_, str> {
    known::mask(text)
}

/// [`mask`] in place.
pub(crate) fn mask_in(text: &mut String) {
    if let Cow::Owned(masked) = mask(text) {
        *text = masked;
    }
}

/// The secrets that live.
mod known {
    use super::*;

    struct Known {
        id: u64,
        text: Zeroizing<String>,
    }

    static KNOWN: RwLock<Vec<Known>> = RwLock::new(Vec::new());
    /// Their number, so that nobody waits when there are none.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static NEXT: AtomicU64 = AtomicU64::new(0);

    /// Remembers a secret and, as logs are lines, each line of it.
    pub(super) fn add(value: &[u8]) -> u64 {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let Ok(text) = std::str::from_utf8(value) else { return id };
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let lines = text.lines().filter(|line| *line != text);
        for text in std::iter::once(text).chain(lines).map(str::trim).filter(|text| text.len() >= SHORTEST) {
            // One that holds another goes first.
            let at = known.partition_point(|other| other.text.len() > text.len());
            known.insert(at, Known { id, text: Zeroizing::new(text.to_owned()) });
        }
        COUNT.store(known.len(), Ordering::Release);
        id
    }

    pub(super) fn remove(id: u64) {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.id != id);
        COUNT.store(known.len(), Ordering::Release);
    }

    pub(super) fn mask(text: &str) -> Cow<'_, str> {
        let mut masked = Cow::Borrowed(text);
        if COUNT.load(Ordering::Acquire) == 0 {
            return masked;
        }
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        for secret in known.iter() {
            if masked.contains(secret.text.as_str()) {
                masked = masked.replace(secret.text.as_str(), MASK).into();
            }
        }
        masked
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::codec::{Codec, Json};

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("s3cr3t-token".to_owned());
        assert_eq!(
            format!("{secret}, {secret:?}, {:?}", Some(&secret)),
            "***, Secret(***), Some(Secret(***))"
        );
        let refused = metalab_cas::Value::from_serde(&secret).unwrap_err().to_string();
        assert!(refused.contains("never written or hashed") && !refused.contains("s3cr3t"), "{refused}");
        assert!(Json::encode(&secret, &mut Vec::new()).is_err());
        assert!(<Json as Codec<Secret>>::decode(b"\"PATH\"").is_err());
        assert_eq!(secret.clone().expose(), "s3cr3t-token");
    }

    #[test]
    fn texts_are_masked_while_a_secret_lives() {
        let secret = Secret::new("tok-tok-masked".to_owned());
        let longer = Secret::new("tok-tok-masked-longer".to_owned());
        let clone = secret.clone();
        drop(secret);
        assert_eq!(mask("a tok-tok-masked-longer b tok-tok-masked"), "a *** b ***");
        drop(longer);
        assert_eq!(mask("tok-tok-masked-longer"), "***-longer");
        drop(clone);
        assert_eq!(mask("tok-tok-masked"), "tok-tok-masked");
        let key = Secret::new("-----BEGIN-----\nMIIEvQIBADAN\n-----END-----\n".to_owned());
        assert_eq!(mask("MIIEvQIBADAN"), "***");
        let short = Secret::new("abc".to_owned());
        assert_eq!(mask("abcdef"), "abcdef");
        let bytes = Secret::new(vec![0xff_u8, 0xfe, 0xfd, 0xfc]);
        assert_eq!(bytes.expose().len(), 4);
        drop((key, short));
    }

    #[test]
    fn only_the_name_of_the_variable_travels() {
        // Cargo sets it for tests.
        let secret = Secret::from_env("CARGO_MANIFEST_DIR").unwrap();
        let value = travelling(|| metalab_cas::Value::from_serde(&secret)).unwrap();
        assert_eq!(value.as_text(), Some("CARGO_MANIFEST_DIR"));
        let back: Secret = travelling(|| value.into_serde()).unwrap();
        assert_eq!(back.expose(), secret.expose());
        let given = Secret::new("given by value".to_owned());
        let error = travelling(|| metalab_cas::Value::from_serde(&given)).unwrap_err().to_string();
        assert!(error.contains("use `Secret::from_env`"), "{error}");
    }

    #[test]
    fn variables_that_are_not_there_are_named() {
        let error = Secret::from_env("METALAB_NO_SUCH_TOKEN").unwrap_err().to_string();
        assert!(error.contains("no variable `METALAB_NO_SUCH_TOKEN`"), "{error}");
        let error = Secret::from_env("sk-1234567890").unwrap_err();
        assert_eq!(error, SecretError::Variable);
        assert!(!error.to_string().contains("1234"));
    }
}
