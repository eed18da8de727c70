//! The golden vectors of seeds: they change never, or results of experiments would.

use std::fmt::Write;

use rand_chacha::rand_core::{Rng as _, SeedableRng};

use super::SeedBundle;

const GOLDEN: &str = include_str!("../../tests/golden/seeds.txt");

/// Base, replicate, operation, stream.
const CASES: &[(u64, u64, &str, &str)] = &[
    (42, 0, "metalab-examples::estimate_pi", "darts"),
    (42, 1, "metalab-examples::estimate_pi", "darts"),
    (42, 0, "metalab-examples::estimate_pi", "split"),
    (42, 0, "metalab-examples::train", "darts"),
    (0, 0, "", ""),
    (7, 0, "", "höhe"),
    (u64::MAX, u64::MAX, "a::b", "z"),
];

fn words(words: impl Iterator<Item = u64>) -> String {
    words.map(|word| format!(" {word:016x}")).collect()
}

#[test]
fn golden_vectors() {
    let mut text = String::from(
        "# base replicate `operation` `stream`, then what each call gives; see src/seeds/mod.rs\n",
    );
    for &(base, replicate, operation, stream) in CASES {
        let seeds = SeedBundle::new(base, replicate, operation);
        let (mut own, mut shared) = (seeds.rng(stream), seeds.shared(stream));
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        writeln!(text, "\n{base} {replicate} `{operation}` `{stream}`").unwrap();
        writeln!(text, "rng{}", words((0..8).map(|_| own.next_u64()))).unwrap();
        writeln!(text, "shared{}", words((0..8).map(|_| shared.next_u64()))).unwrap();
        writeln!(text, "seed {:016x}", seeds.seed(stream)).unwrap();
        writeln!(text, "shared_seed {:016x}", seeds.shared_seed(stream)).unwrap();
        writeln!(text, "bytes {}", hex(seeds.bytes(stream))).unwrap();
        writeln!(text, "shared_bytes {}", hex(seeds.shared_bytes(stream))).unwrap();
        // Far into the stream, across the ends of many refills, by single words and by bytes.
        let mut own = seeds.rng(stream);
        let sum = (0..9_999).fold(0_u32, |sum, _| sum.rotate_left(1) ^ own.next_u32());
        let mut bytes = [0; 7];
        own.fill_bytes(&mut bytes);
        let tail = bytes.iter().fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
        writeln!(text, "far {sum:08x} {tail:014x} {:016x}", own.next_u64()).unwrap();
        writeln!(text, "uniform {:?} {:?}", seeds.rng(stream).uniform(), seeds.shared(stream).uniform())
            .unwrap();
    }
    let run = SeedBundle::new(42, 1, "metalab-examples::train");
    for (how, bundle) in [
        ("derive model", run.derive("model")),
        ("child fold 3", run.child("fold", 3)),
        ("derive model child fold 3", run.derive("model").child("fold", 3)),
        ("preprocessing", run.preprocessing()),
        ("preprocessing derive höhe", run.preprocessing().derive("höhe")),
    ] {
        writeln!(text, "\n42 1 `metalab-examples::train` {how}: `x`").unwrap();
        let (mut own, mut shared) = (bundle.rng("x"), bundle.shared("x"));
        writeln!(text, "rng{}", words((0..2).map(|_| own.next_u64()))).unwrap();
        writeln!(text, "shared{}", words((0..2).map(|_| shared.next_u64()))).unwrap();
        writeln!(text, "seed {:016x}", bundle.seed("x")).unwrap();
        writeln!(text, "shared_seed {:016x}", bundle.shared_seed("x")).unwrap();
        let parts = bundle.parts("p", 3);
        writeln!(text, "parts{}", words(parts.into_iter().map(|mut part| part.next_u64()))).unwrap();
        writeln!(text, "split{}", words((0..2).map(|index| own.split(index).next_u64()))).unwrap();
    }
    if std::env::var_os("METALAB_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/seeds.txt"), &text).unwrap();
        return;
    }
    assert!(text == GOLDEN, "the format of seeds changed; it is now\n{text}");
}

/// The pre-image spelt out by hand.
#[test]
fn the_preimage_is_as_documented() {
    let image = b"metalab seed 1\0\x02*\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x06pkg::f\x05darts";
    assert_eq!(SeedBundle::new(42, 3, "pkg::f").bytes("darts"), *blake3::hash(image).as_bytes());
    let image = b"metalab seed 1\0\x06*\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x06pkg::f\x02\x05model\0\x04fold\x01\x02\0\0\0\0\0\0\0\x05darts";
    let child = SeedBundle::new(42, 3, "pkg::f").derive("model").child("fold", 2);
    assert_eq!(child.bytes("darts"), *blake3::hash(image).as_bytes());
    let image = b"metalab seed 1\0\x07*\0\0\0\0\0\0\0\x01\0\x05darts";
    let before = SeedBundle::new(42, 3, "pkg::f").preprocessing();
    assert_eq!(before.shared_bytes("darts"), *blake3::hash(image).as_bytes());
    let image = b"metalab seed 1\0\x03*\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x05darts";
    assert_eq!(SeedBundle::new(42, 3, "pkg::f").shared_bytes("darts"), *blake3::hash(image).as_bytes());
}

#[test]
fn the_stream_is_chacha12_as_others_make_it() {
    let mut ours = super::Rng::from_key(&[5; 32]);
    let mut theirs = rand_chacha::ChaCha12Rng::from_seed([5; 32]);
    for round in 0..10_000 {
        match round % 3 {
            0 => assert_eq!(ours.next_u32(), theirs.next_u32()),
            1 => assert_eq!(ours.next_u64(), theirs.next_u64()),
            _ => {
                let (mut a, mut b) = ([0; 13], [0; 13]);
                ours.fill_bytes(&mut a);
                theirs.fill_bytes(&mut b);
                assert_eq!(a, b);
            }
        }
    }
}

#[test]
fn the_friends_of_rand_work() {
    use rand::RngExt;
    use rand::seq::SliceRandom;
    let mut rng = SeedBundle::fixed(7).rng("x");
    let x: f64 = rng.random();
    assert!((0.0..1.0).contains(&x));
    assert!((1..7).contains(&rng.random_range(1..7)));
    let mut cards: Vec<u32> = (0..52).collect();
    cards.shuffle(&mut rng);
    assert_ne!(cards, (0..52).collect::<Vec<_>>());
}

#[cfg(feature = "rand_core_09")]
#[test]
fn rand_core_09_reads_the_same_words() {
    let mut ours = super::Rng::from_key(&[5; 32]);
    let mut same = ours.clone();
    assert_eq!(rand_core_09::RngCore::next_u64(&mut ours), same.next_u64());
}

#[cfg(feature = "rand_core_06")]
#[test]
fn rand_core_06_reads_the_same_words() {
    let mut ours = super::Rng::from_key(&[5; 32]);
    let mut same = ours.clone();
    assert_eq!(rand_core_06::RngCore::next_u32(&mut ours), same.next_u32());
}
