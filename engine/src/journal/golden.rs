//! What is written must be the bytes of format version 1, for ever.

use metalab_cas::{Digest, frame};

use super::segment::{Day, Head, VERSION};
use super::writer::VALUE;
use super::{PackPlace, RecordPlace, announce};
use crate::id::WriterId;

const WRITER: WriterId = WriterId::from_bytes(*b"golden writer 01");
/// 2026-03-04, 12:00 UTC.
const TIME: i64 = 1_772_625_600_000_000;

fn head(chunk: u32, first: u64, parts: Option<Vec<u64>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Head { version: VERSION, writer: WRITER, chunk, first, time: TIME, parts }.append(&mut bytes);
    bytes
}

fn record(bytes: &mut Vec<u8>, number: u64, payload: &[u8]) {
    frame::append(bytes, 200, 0, number, payload).expect("it is short");
}

/// The golden files and what is written today.
fn files() -> [(&'static str, &'static str, Vec<u8>); 3] {
    let mut pack = head(1, 1, None);
    let offset = pack.len() as u64;
    let value = b"a small value";
    let digest = Digest::of(value);
    frame::append(&mut pack, VALUE, 0, 1, &[&digest.as_bytes()[..], value].concat()).expect("it is short");
    let len = (pack.len() as u64 - offset) as u32;
    let mut segment = head(1, 1, None);
    let place = PackPlace(RecordPlace { writer: WRITER, chunk: 1, day: Day::of(TIME), offset, len });
    announce::append(&mut segment, 1, &[(digest, place)]);
    record(&mut segment, 1, b"first");
    record(&mut segment, 2, b"second");
    let mut second = head(2, 3, None);
    record(&mut second, 3, b"third");
    let mut merged = head(1, 1, Some(vec![segment.len() as u64, second.len() as u64]));
    merged.extend_from_slice(&segment);
    merged.extend_from_slice(&second);
    [
        ("segment", include_str!("../../tests/golden/segment.txt"), segment),
        ("pack", include_str!("../../tests/golden/pack.txt"), pack),
        ("merged", include_str!("../../tests/golden/merged.txt"), merged),
    ]
}

#[test]
fn what_is_written_is_golden() {
    for (name, golden, bytes) in files() {
        let golden: String =
            golden.lines().filter_map(|line| line.split('#').next()).map(str::trim).collect();
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, golden, "{name}.txt");
    }
}
