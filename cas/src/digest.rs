//! Digests: 256-bit BLAKE3 names of bytes.
//!
//! A [`Digest`] says *which* bytes are meant; [`Hasher`] computes one while bytes stream by;
//! [`DigestPrefix`] is what a person types when the first digits are enough.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The 256-bit BLAKE3 digest of some bytes.
///
/// Written as 64 lowercase hexadecimal digits. Ordered by its bytes, which is also the order of
/// the written form. With serde it is hex text in human-readable formats and 32 bytes elsewhere;
/// with `minicbor` it is a byte string.
///
/// ```
/// use metalab_cas::Digest;
/// let d = Digest::of(b"hello");
/// assert_eq!(d.to_hex().parse::<Digest>().unwrap(), d);
/// assert_eq!(d.short(), "ea8f163db386");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// A digest from a slice; `None` unless it has exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        Some(Digest(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        let mut hex = self.to_hex();
        hex.truncate(12);
        hex
    }

    /// All 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lowercase hexadecimal text of `bytes`.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        text.push(char::from(DIGITS[usize::from(b >> 4)]));
        text.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    text
}

/// Bytes from hexadecimal text of even length, either case.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = text.bytes().map(nibble).collect();
    let nibbles = nibbles?;
    nibbles.len().is_multiple_of(2).then(|| nibbles.chunks_exact(2).map(|p| p[0] << 4 | p[1]).collect())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Why a text is no digest and no prefix of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// A full digest needs 64 digits.
    #[error("a digest has 64 hexadecimal digits, `{text}` has {}", text.chars().count())]
    Length {
        /// What was given.
        text: String,
    },
    /// A prefix needs 4 to 64 digits.
    #[error("a digest prefix has 4 to 64 hexadecimal digits, `{text}` has {}", text.chars().count())]
    PrefixLength {
        /// What was given.
        text: String,
    },
    /// Something other than 0-9 and a-f.
    #[error("`{text}` is not hexadecimal: a digest is written with the digits 0-9 and a-f")]
    NotHex {
        /// What was given.
        text: String,
    },
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        if text.len() != 64 {
            return Err(DigestError::Length { text: shown(text) });
        }
        let bytes = from_hex(text).ok_or_else(|| DigestError::NotHex { text: shown(text) })?;
        Digest::from_slice(&bytes).ok_or_else(|| DigestError::Length { text: shown(text) })
    }
}

/// What a person typed, cut so that a hostile text cannot flood a message.
fn shown(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(80).chain(['…']).collect() }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.to_hex())
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(DigestVisitor)
        } else {
            deserializer.deserialize_bytes(DigestVisitor)
        }
    }
}

struct DigestVisitor;

impl Visitor<'_> for DigestVisitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest (64 hexadecimal digits or 32 bytes)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        Digest::from_slice(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }
}

impl<C> minicbor::Encode<C> for Digest {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Digest {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Digest, minicbor::decode::Error> {
        let at = d.position();
        Digest::from_slice(d.bytes()?)
            .ok_or_else(|| minicbor::decode::Error::message("a digest has 32 bytes").at(at))
    }
}

impl<C> minicbor::CborLen<C> for Digest {
    fn cbor_len(&self, _: &mut C) -> usize {
        34
    }
}

/// Computes a [`Digest`] of bytes that come piece by piece.
///
/// ```
/// use metalab_cas::{Digest, Hasher};
/// let mut hasher = Hasher::new();
/// hasher.update(b"hel").update(b"lo");
/// assert_eq!(hasher.finish(), Digest::of(b"hello"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Hasher {
        Hasher::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Hasher {
        self.0.update(bytes);
        self
    }

    /// Adds all a reader has, and says how many bytes that were.
    ///
    /// # Errors
    /// What the reader reports; interrupted reads are repeated.
    pub fn update_reader(&mut self, reader: &mut dyn Read) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut total = 0;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => {
                    self.0.update(&buffer[..n]);
                    total += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The digest of all that was added.
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// The first 4 to 64 digits of a digest, as a person types them.
///
/// ```
/// use metalab_cas::{Digest, DigestPrefix};
/// let prefix: DigestPrefix = "EA8F1".parse().unwrap();
/// assert!(prefix.matches(&Digest::of(b"hello")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DigestPrefix {
    digits: String,
}

impl DigestPrefix {
    /// Any number of digits, also none: for lists of what may be meant. To name one thing, four are needed at least, and
    /// are what [`FromStr`] asks for.
    ///
    /// # Errors
    /// When the text has other characters than hexadecimal digits, or more than 64.
    pub fn of_any_length(text: &str) -> Result<DigestPrefix, DigestError> {
        if !text.bytes().all(|b| nibble(b).is_some()) {
            return Err(DigestError::NotHex { text: shown(text) });
        }
        if text.len() > 64 {
            return Err(DigestError::PrefixLength { text: shown(text) });
        }
        Ok(DigestPrefix { digits: text.to_ascii_lowercase() })
    }

    /// Whether `digest` begins with these digits.
    pub fn matches(&self, digest: &Digest) -> bool {
        let (low, high) = self.bounds();
        low <= *digest && *digest <= high
    }

    /// The smallest and the largest digest with these digits, both inclusive: a range to search.
    pub fn bounds(&self) -> (Digest, Digest) {
        let fill = |with: u8| {
            let mut bytes = [with << 4 | with; 32];
            for (i, digit) in self.digits.bytes().enumerate() {
                let n = nibble(digit).expect("checked when parsed");
                let byte = &mut bytes[i / 2];
                *byte = if i % 2 == 0 { n << 4 | (*byte & 15) } else { (*byte & 0xf0) | n };
            }
            Digest(bytes)
        };
        (fill(0), fill(15))
    }

    /// The digits, in lower case.
    pub fn as_str(&self) -> &str {
        &self.digits
    }
}

impl FromStr for DigestPrefix {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<DigestPrefix, DigestError> {
        let prefix = DigestPrefix::of_any_length(text)?;
        if text.len() < 4 { Err(DigestError::PrefixLength { text: shown(text) }) } else { Ok(prefix) }
    }
}

impl fmt::Display for DigestPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.digits)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways_and_refuses_the_rest() {
        let d = Digest::of(b"x");
        assert_eq!(d.to_hex().to_uppercase().parse::<Digest>().unwrap(), d);
        assert!(matches!("abc".parse::<Digest>(), Err(DigestError::Length { .. })));
        assert!(matches!("g".repeat(64).parse::<Digest>(), Err(DigestError::NotHex { .. })));
        assert!(matches!("é".repeat(32).parse::<Digest>(), Err(DigestError::NotHex { .. })));
        assert!("a".repeat(10_000).parse::<Digest>().unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn prefixes_bound_their_digests() {
        let p: DigestPrefix = "abcde".parse().unwrap();
        let (low, high) = p.bounds();
        assert!(low.to_hex().starts_with("abcde000"));
        assert!(high.to_hex().starts_with("abcdefff"));
        assert!(p.matches(&low) && p.matches(&high));
        let odd = DigestPrefix::of_any_length("A").unwrap();
        assert!(odd.matches(&low) && !odd.matches(&Digest::from_bytes([0xb0; 32])));
        let all = DigestPrefix::of_any_length("").unwrap();
        assert!(all.matches(&Digest::from_bytes([0; 32])) && all.matches(&Digest::from_bytes([255; 32])));
        assert!(
            DigestPrefix::of_any_length("x").is_err()
                && DigestPrefix::of_any_length(&"a".repeat(65)).is_err()
        );
        assert!(!p.matches(&Digest::from_bytes([0xab; 32])));
        assert!("abc".parse::<DigestPrefix>().is_err());
        assert!("xyzw".parse::<DigestPrefix>().is_err());
        let d = Digest::of(b"whole");
        let whole: DigestPrefix = d.to_hex().parse().unwrap();
        assert_eq!(whole.bounds(), (d, d));
    }

    #[test]
    fn cbor_is_a_byte_string() {
        let d = Digest::of(b"x");
        let bytes = minicbor::to_vec(d).unwrap();
        assert_eq!((bytes[0], bytes[1], bytes.len()), (0x58, 32, 34));
        assert_eq!(minicbor::decode::<Digest>(&bytes).unwrap(), d);
        assert!(minicbor::decode::<Digest>(&[0x41, 0]).is_err());
    }

    #[test]
    fn a_reader_is_hashed_like_its_bytes() {
        let bytes = vec![7; 1_000_000];
        let mut h = Hasher::new();
        assert_eq!(h.update_reader(&mut &bytes[..]).unwrap(), 1_000_000);
        assert_eq!(h.finish(), Digest::of(&bytes));
    }
}
