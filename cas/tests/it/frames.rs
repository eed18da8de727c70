//! Frames: golden data, and damage of every kind.

use metalab_cas::frame::{self, HEADER_LEN, Item, Scanner};
use proptest::prelude::*;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn golden_frames_hold() {
    let golden = include_str!("../golden/frames.txt");
    for line in golden.lines().filter(|l| !l.starts_with('#')) {
        let (described, encoding) = line.split_once(" | ").unwrap();
        let parts: Vec<&str> = described.split(' ').collect();
        let payload = if parts[3] == "-" { vec![] } else { unhex(parts[3]) };
        let (kind, level, seq) =
            (parts[0].parse().unwrap(), parts[1].parse().unwrap(), parts[2].parse().unwrap());
        let mut out = Vec::new();
        frame::append(&mut out, kind, level, seq, &payload).unwrap();
        assert_eq!(out, unhex(encoding), "the frame {described} changed");
        let items: Vec<Item> = Scanner::new(&out).collect();
        let [Item::Frame(f)] = &items[..] else { panic!("{items:?}") };
        assert_eq!((f.kind, f.level, f.seq, &out[f.payload.clone()]), (kind, level, seq, &payload[..]));
    }
}

#[derive(Debug, Clone)]
struct File {
    bytes: Vec<u8>,
    /// Where each frame begins, and the end of the file.
    bounds: Vec<usize>,
}

fn file() -> impl Strategy<Value = File> {
    // Payloads full of magic bytes are the hard ones.
    let byte = prop_oneof![prop::sample::select(&frame::MAGIC[..]), any::<u8>()];
    prop::collection::vec(prop::collection::vec(byte, 0..60), 1..12).prop_map(|payloads| {
        let (mut bytes, mut bounds) = (Vec::new(), vec![0]);
        for (i, payload) in payloads.iter().enumerate() {
            frame::append(&mut bytes, 1, 0, i as u64 + 1, payload).unwrap();
            bounds.push(bytes.len());
        }
        File { bytes, bounds }
    })
}

fn seqs(bytes: &[u8]) -> Vec<u64> {
    let frames = Scanner::new(bytes).filter_map(|item| match item {
        Item::Frame(f) => Some(f.seq),
        _ => None,
    });
    frames.collect()
}

/// The items cover the bytes without a gap, in order.
fn assert_covers(bytes: &[u8]) {
    let mut at = 0;
    for item in Scanner::new(bytes) {
        match item {
            Item::Frame(f) => {
                assert_eq!(f.offset, at);
                assert_eq!(f.payload.start as u64, at + HEADER_LEN as u64);
                at = f.payload.end as u64;
            }
            Item::Damaged { offset, len, .. } => {
                assert_eq!(offset, at);
                assert!(len > 0);
                at += len;
            }
            Item::Torn { offset } => {
                assert_eq!(offset, at);
                at = bytes.len() as u64;
            }
        }
    }
    assert_eq!(at, bytes.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_flipped_bit_costs_one_frame(f in file(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = f.bytes.clone();
        let hit = at.index(bytes.len());
        bytes[hit] ^= 1u8 << bit;
        let lost = f.bounds.windows(2).position(|b| (b[0]..b[1]).contains(&hit)).unwrap() as u64 + 1;
        let expected: Vec<u64> = (1..f.bounds.len() as u64).filter(|s| *s != lost).collect();
        prop_assert_eq!(seqs(&bytes), expected);
        assert_covers(&bytes);
    }

    #[test]
    fn a_cut_keeps_all_before_it(f in file(), at in any::<prop::sample::Index>()) {
        let cut = at.index(f.bytes.len() + 1);
        let whole = f.bounds.iter().filter(|b| **b > 0 && **b <= cut).count() as u64;
        prop_assert_eq!(seqs(&f.bytes[..cut]), (1..=whole).collect::<Vec<_>>());
        let torn = Scanner::new(&f.bytes[..cut]).filter(|i| matches!(i, Item::Torn { .. })).count();
        prop_assert_eq!(torn, usize::from(!f.bounds.contains(&cut)));
        assert_covers(&f.bytes[..cut]);
    }

    #[test]
    fn a_hole_of_zeros_costs_what_it_covers(f in file(), a in any::<prop::sample::Index>(), len in 1usize..80) {
        let mut bytes = f.bytes.clone();
        let from = a.index(bytes.len());
        let to = (from + len).min(bytes.len());
        bytes[from..to].fill(0);
        for (i, b) in f.bounds.windows(2).enumerate() {
            if b[1] <= from || b[0] >= to {
                prop_assert!(seqs(&bytes).contains(&(i as u64 + 1)), "frame {} was not hit", i + 1);
            }
        }
        assert_covers(&bytes);
    }

    #[test]
    fn any_bytes_are_scanned(bytes in prop::collection::vec(
        prop_oneof![prop::sample::select(&frame::MAGIC[..]), any::<u8>()], 0..400)
    ) {
        assert_covers(&bytes);
    }
}
