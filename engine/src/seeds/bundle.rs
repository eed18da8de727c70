//! Seeds of an experiment and of one run.

use std::sync::Arc;

use super::rng::Rng;

/// The seeds of an experiment: a base and a number of replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    base: u64,
    replicates: u64,
}

/// Seeds from a base number, with one replicate.
///
/// ```
/// let seeds = metalab_engine::seeds::seeds(42).replicates(3);
/// assert_eq!((seeds.base(), seeds.count()), (42, 3));
/// ```
pub const fn seeds(base: u64) -> Seeds {
    Seeds { base, replicates: 1 }
}

impl Seeds {
    /// Repeats each cell of an operation that takes seeds, each time with other randomness.
    ///
    /// Zero is refused when the experiment is built.
    #[must_use]
    pub const fn replicates(self, count: u64) -> Self {
        Self { replicates: count, ..self }
    }

    /// The base seed.
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// The number of replicates.
    pub const fn count(&self) -> u64 {
        self.replicates
    }
}

/// All randomness of a run, lent to operations that ask for `&SeedBundle`.
///
/// Streams have names: drawing more from one never shifts another.
///
/// ```
/// use metalab_engine::seeds::SeedBundle;
///
/// let seeds = SeedBundle::fixed(7);
/// let (mut first, mut again) = (seeds.rng("darts"), seeds.rng("darts"));
/// assert_eq!(first.uniform(), again.uniform());
/// assert_ne!(seeds.seed("darts"), seeds.seed("split"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedBundle {
    base: u64,
    replicate: u64,
    operation: Arc<str>,
}

/// What a key is for; the number is hashed.
#[derive(Clone, Copy)]
enum Kind {
    OwnStream = 0,
    SharedStream = 1,
    OwnBytes = 2,
    SharedBytes = 3,
}

impl SeedBundle {
    /// The seeds of a run of `operation` (`namespace::name`) in the replicate with this number, from 0.
    pub fn new(base: u64, replicate: u64, operation: impl Into<Arc<str>>) -> Self {
        Self { base, replicate, operation: operation.into() }
    }

    /// Seeds for a unit test of an operation.
    pub fn fixed(base: u64) -> Self {
        Self::new(base, 0, "")
    }

    /// The base seed of the experiment.
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// The number of the replicate, from 0.
    pub const fn replicate(&self) -> u64 {
        self.replicate
    }

    /// The generator of a stream of this operation.
    ///
    /// Each call starts the stream from its beginning: give each use a name of its own.
    pub fn rng(&self, name: &str) -> Rng {
        Rng::from_key(&self.key(Kind::OwnStream, name))
    }

    /// The generator of a stream that is the same in all operations of the replicate.
    ///
    /// For what several steps must agree on, such as a split of the data.
    pub fn shared(&self, name: &str) -> Rng {
        Rng::from_key(&self.key(Kind::SharedStream, name))
    }

    /// A seed for a foreign library, of this operation.
    pub fn seed(&self, name: &str) -> u64 {
        first_word(&self.bytes(name))
    }

    /// A seed for a foreign library, the same in all operations of the replicate.
    pub fn shared_seed(&self, name: &str) -> u64 {
        first_word(&self.shared_bytes(name))
    }

    /// 32 bytes of seed for a foreign library, of this operation.
    pub fn bytes(&self, name: &str) -> [u8; 32] {
        self.key(Kind::OwnBytes, name)
    }

    /// 32 bytes of seed for a foreign library, the same in all operations of the replicate.
    pub fn shared_bytes(&self, name: &str) -> [u8; 32] {
        self.key(Kind::SharedBytes, name)
    }

    fn key(&self, kind: Kind, name: &str) -> [u8; 32] {
        let mut image = Vec::with_capacity(64 + self.operation.len() + name.len());
        image.extend_from_slice(b"metalab seed 1\0");
        image.push(kind as u8);
        image.extend_from_slice(&self.base.to_le_bytes());
        image.extend_from_slice(&self.replicate.to_le_bytes());
        if matches!(kind, Kind::OwnStream | Kind::OwnBytes) {
            text(&mut image, &self.operation);
        }
        text(&mut image, name);
        blake3::hash(&image).into()
    }
}

fn text(image: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        image.push(length as u8 | 0x80);
        length >>= 7;
    }
    image.push(length as u8);
    image.extend_from_slice(text.as_bytes());
}

fn first_word(bytes: &[u8; 32]) -> u64 {
    let (word, _) = bytes.split_first_chunk().expect("32 bytes hold eight");
    u64::from_le_bytes(*word)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_part_separates() {
        let keys = [
            SeedBundle::new(1, 0, "a::b").rng("x"),
            SeedBundle::new(2, 0, "a::b").rng("x"),
            SeedBundle::new(1, 1, "a::b").rng("x"),
            SeedBundle::new(1, 0, "a::c").rng("x"),
            SeedBundle::new(1, 0, "a::b").rng("y"),
            SeedBundle::new(1, 0, "a::b").rng(""),
            SeedBundle::new(1, 0, "a::bx").rng(""),
            SeedBundle::new(1, 0, "a::b").shared("x"),
            Rng::from_key(&SeedBundle::new(1, 0, "a::b").bytes("x")),
            Rng::from_key(&SeedBundle::new(1, 0, "a::b").shared_bytes("x")),
        ]
        .map(|mut rng| rng.next_u64());
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn shared_streams_do_not_see_the_operation() {
        let (a, b) = (SeedBundle::new(1, 2, "a::a"), SeedBundle::new(1, 2, "b::b"));
        assert_eq!(a.shared("split").next_u64(), b.shared("split").next_u64());
        assert_eq!(a.shared_seed("split"), b.shared_seed("split"));
        assert_ne!(a.seed("split"), b.seed("split"));
    }

    #[test]
    fn long_names_are_length_prefixed() {
        let seeds = SeedBundle::fixed(7);
        let names = [127, 128, 129, 16_384].map(|len| seeds.seed(&"n".repeat(len)));
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
