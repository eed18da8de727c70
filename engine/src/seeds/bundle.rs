//! Seeds of an experiment and of one run.

use std::sync::Arc;

use super::rng::Rng;
use crate::recipe::uvar;

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
    /// Whether it is the same in all replicates.
    is_preprocessing: bool,
    /// From the bundle of the run down to this one.
    path: Vec<(Arc<str>, Option<u64>)>,
}

/// What a key is for; the number is hashed.
#[derive(Clone, Copy)]
enum Kind {
    OwnStream = 0,
    SharedStream = 1,
    OwnBytes = 2,
    SharedBytes = 3,
}

/// Added to the kind in a bundle that was derived from that of the run.
const DERIVED: u8 = 4;

impl SeedBundle {
    /// The seeds of a run of `operation` (`namespace::name`) in the replicate with this number, from 0.
    pub fn new(base: u64, replicate: u64, operation: impl Into<Arc<str>>) -> Self {
        let operation = operation.into();
        Self { base, replicate, operation, is_preprocessing: false, path: Vec::new() }
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

    /// A bundle of its own, with streams that none of this one's equals, for a part of the work that has a name.
    ///
    /// ```
    /// use metalab_engine::seeds::SeedBundle;
    ///
    /// let seeds = SeedBundle::fixed(7);
    /// let model = seeds.derive("model");
    /// assert_ne!(model.seed("init"), seeds.seed("init"));
    /// assert_eq!(model.seed("init"), seeds.derive("model").seed("init"));
    /// ```
    #[must_use]
    pub fn derive(&self, name: &str) -> Self {
        self.below(name, None)
    }

    /// A bundle for one of several parts of the work that have a name together: the folds of a cross-validation, say.
    #[must_use]
    pub fn child(&self, name: &str, index: u64) -> Self {
        self.below(name, Some(index))
    }

    fn below(&self, name: &str, index: Option<u64>) -> Self {
        let mut child = self.clone();
        child.path.push((name.into(), index));
        child
    }

    /// The generator of one of several parts that work at the same time. It depends neither on how many there are nor on
    /// the order in which they work.
    pub fn part(&self, name: &str, index: u64) -> Rng {
        self.child(name, index).rng("")
    }

    /// The generators of so many parts.
    ///
    /// ```
    /// use metalab_engine::seeds::SeedBundle;
    ///
    /// let seeds = SeedBundle::fixed(7);
    /// let ends: Vec<f64> = std::thread::scope(|scope| {
    ///     let walk = |mut rng: metalab_engine::seeds::Rng| (0..100).map(|_| rng.uniform() - 0.5).sum();
    ///     let walkers: Vec<_> = seeds.parts("walkers", 4).into_iter().map(|rng| scope.spawn(move || walk(rng))).collect();
    ///     walkers.into_iter().map(|walker| walker.join().unwrap()).collect()
    /// });
    /// assert_eq!(ends.len(), 4);
    /// ```
    pub fn parts(&self, name: &str, count: u64) -> Vec<Rng> {
        (0..count).map(|index| self.part(name, index)).collect()
    }

    /// The seeds of what is the same in all replicates, such as the preparation of data that replicates share. No replicate,
    /// whatever its number, has these streams.
    ///
    /// What is shared between operations is so here as well: `seeds.preprocessing().shared("split")`.
    #[must_use]
    pub fn preprocessing(&self) -> Self {
        Self { is_preprocessing: true, ..self.clone() }
    }

    fn key(&self, kind: Kind, name: &str) -> [u8; 32] {
        let mut image = Vec::with_capacity(64 + self.operation.len() + name.len());
        let is_derived = self.is_preprocessing || !self.path.is_empty();
        image.extend_from_slice(b"metalab seed 1\0");
        image.push(if is_derived { DERIVED } else { 0 } + kind as u8);
        image.extend_from_slice(&self.base.to_le_bytes());
        if is_derived {
            image.push(u8::from(self.is_preprocessing));
        }
        if !self.is_preprocessing {
            image.extend_from_slice(&self.replicate.to_le_bytes());
        }
        if matches!(kind, Kind::OwnStream | Kind::OwnBytes) {
            text(&mut image, &self.operation);
        }
        if is_derived {
            uvar(self.path.len() as u64, &mut image);
            for (name, index) in &self.path {
                text(&mut image, name);
                image.push(u8::from(index.is_some()));
                index.iter().for_each(|index| image.extend_from_slice(&index.to_le_bytes()));
            }
        }
        text(&mut image, name);
        blake3::hash(&image).into()
    }
}

fn text(image: &mut Vec<u8>, text: &str) {
    uvar(text.len() as u64, image);
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
    fn derived_bundles_are_their_own() {
        let run = SeedBundle::new(1, 0, "a::b");
        let other = SeedBundle::new(1, 1, "a::b");
        let bundles = [
            run.clone(),
            run.derive("x"),
            run.derive("y"),
            run.derive("x").derive("y"),
            run.derive("xy"),
            run.child("x", 0),
            run.child("x", 1),
            run.child("x", 0).child("x", 0),
            run.preprocessing(),
            run.preprocessing().derive("x"),
            other.derive("x"),
            other.clone(),
        ];
        let names = ["", "x", "y"];
        let of = |bundle: &SeedBundle| names.map(|name| [bundle.bytes(name), bundle.shared_bytes(name)]);
        let all: Vec<_> = bundles.iter().flat_map(of).flatten().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        // The order in which it was asked for does not matter, nor the replicate.
        assert_eq!(run.preprocessing().derive("x"), run.derive("x").preprocessing());
        assert_eq!(run.preprocessing().bytes("z"), other.preprocessing().bytes("z"));
        let elsewhere = SeedBundle::new(1, 5, "c::d").preprocessing();
        assert_eq!(run.preprocessing().shared_bytes("z"), elsewhere.shared_bytes("z"));
        assert_ne!(run.preprocessing().bytes("z"), elsewhere.bytes("z"));
    }

    #[test]
    fn parts_do_not_depend_on_their_number() {
        let seeds = SeedBundle::fixed(3);
        let mut few: Vec<u64> = seeds.parts("walkers", 3).iter_mut().map(Rng::next_u64).collect();
        let many: Vec<u64> = seeds.parts("walkers", 8).iter_mut().map(Rng::next_u64).collect();
        assert_eq!(few, many[..3]);
        few.dedup();
        assert_eq!(few.len(), 3);
        assert_eq!(seeds.part("walkers", 7).next_u64(), many[7]);
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
