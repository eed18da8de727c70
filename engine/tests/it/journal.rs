//! The journal under everything that happens to files.

use std::collections::BTreeMap;

use metalab_cas::{Digest, frame};
use metalab_engine::id::{RecordName, WriterId};
use metalab_engine::journal::{Cursor, Damage, Durability, JournalError, Position, Writer};
use metalab_engine::record::{Outcome, Record, kind, to_cbor};
use metalab_engine::store::{Access, Store};

use crate::broken::Fault;
use crate::stores::{attempt, commit_each, content, edit, files, fresh, on_disk, run};

/// Everything a scan gives: texts by name, and what was damaged.
fn read(store: &Store, from: &Cursor) -> (BTreeMap<RecordName, String>, Vec<Damage>, Cursor) {
    let mut scan = store.journal().scan(from).unwrap();
    let mut records = BTreeMap::new();
    for record in scan.by_ref() {
        let record = record.unwrap();
        let text = String::from_utf8(record.payload.to_vec()).unwrap();
        assert_eq!(records.insert(record.name, text), None, "{} is given once", record.name);
    }
    (records, scan.damages().to_vec(), scan.reached())
}

fn texts(store: &Store) -> Vec<String> {
    read(store, &Cursor::default()).0.into_values().collect()
}

fn numbered(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|number| format!("record {number}"))
}

#[test]
fn what_was_committed_is_read_again() {
    for appends in [true, false] {
        let lab = on_disk(appends);
        let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
        let first = attempt(run(1), Outcome::Succeeded, 17);
        let name = writer.append(kind::ATTEMPT, 0, &to_cbor(&first));
        writer.put_value(Digest::of(b"value"), b"value");
        let committed = writer.commit().unwrap();
        let (committed_name, place) = committed.records().next().unwrap();
        assert_eq!((committed.len(), committed_name), (1, name));
        match lab.store.journal().read(&place).unwrap() {
            Record::Attempt(read) => assert_eq!(*read, first),
            other => panic!("{other:?}"),
        }
        let (digest, at) = &committed.values()[0];
        assert_eq!(&lab.store.journal().read_value(at, digest).unwrap()[..], b"value");
        let scanned = lab.store.journal().scan(&Cursor::default()).unwrap().next().unwrap().unwrap();
        assert_eq!((scanned.name, scanned.place), (name, place));
        assert!(writer.commit().unwrap().is_empty());
    }
}

#[test]
fn a_writer_without_commits_leaves_nothing() {
    let lab = fresh(true);
    let before = content(&lab.store);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    writer.append(1, 0, b"never committed");
    drop(writer);
    assert_eq!(content(&lab.store), before);
}

#[test]
fn a_torn_tail_costs_only_the_torn_record() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    let committed = commit_each(&mut writer, numbered(0..3));
    let ends: Vec<u64> = committed
        .iter()
        .flat_map(|c| c.records())
        .map(|(_, place)| place.offset + u64::from(place.len))
        .collect();
    let key = &files(&lab.store, ".seg")[0];
    let whole = lab.store.backend().get(key).unwrap();
    for cut in 0..=whole.len() {
        edit(&lab.store, key, |bytes| *bytes = whole[..cut].to_vec());
        let (records, damages, cursor) = read(&lab.store, &Cursor::default());
        let expected = ends.iter().filter(|end| **end <= cut as u64).count();
        assert_eq!(records.len(), expected, "cut at {cut}");
        assert_eq!(damages, [], "a torn tail is normal");
        // When the rest arrives it is read on from there.
        edit(&lab.store, key, |bytes| *bytes = whole.to_vec());
        let (rest, damages, _) = read(&lab.store, &cursor);
        assert_eq!((rest.len(), damages), (3 - expected, vec![]), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_hides_at_most_one_record() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    commit_each(&mut writer, numbered(0..4));
    let key = &files(&lab.store, ".seg")[0];
    let whole = lab.store.backend().get(key).unwrap();
    for at in 0..whole.len() {
        edit(&lab.store, key, |bytes| {
            *bytes = whole.to_vec();
            bytes[at] ^= 1 << (at % 8);
        });
        let (records, damages, _) = read(&lab.store, &Cursor::default());
        assert!(records.len() >= 3, "byte {at}: {damages:?}");
        assert!(records.iter().all(|(name, text)| *text == format!("record {}", name.sequence - 1)));
        let last = records.keys().last().unwrap().sequence;
        assert!(records.len() == 4 || last == 3 || !damages.is_empty(), "byte {at} is reported");
    }
}

#[test]
fn after_any_failure_everything_is_there_once() {
    for appends in [true, false] {
        for fault in [Fault::Before, Fault::Half, Fault::After] {
            for number in 1..30 {
                let lab = fresh(appends);
                let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
                let mut names = Vec::new();
                lab.broken.fail(number, fault);
                let mut values = Vec::new();
                for round in 0..3 {
                    let text = format!("record {round}");
                    names.push(writer.append(200, 0, text.as_bytes()));
                    writer.put_value(Digest::of(text.as_bytes()), text.as_bytes());
                    let Ok(committed) = writer.commit() else { continue };
                    values.extend(committed.values().to_vec());
                }
                let committed = writer.commit().unwrap();
                values.extend(committed.values().to_vec());
                let (records, damages, _) = read(&lab.store, &Cursor::default());
                let expected: BTreeMap<_, _> = names.into_iter().zip(numbered(0..3)).collect();
                assert_eq!(records, expected, "call {number} fails {fault:?}");
                assert_eq!(damages, [], "call {number} fails {fault:?}");
                assert_eq!(values.len(), 3);
                for (digest, place) in values {
                    lab.store.journal().read_value(&place, &digest).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_failed_commit_is_reported_by_the_next() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    let mut names = vec![writer.append(200, 0, b"one")];
    for _ in 0..3 {
        lab.broken.fill(true);
        let error = writer.commit().unwrap_err().to_string();
        assert!(error.contains("no space"), "{error}");
        assert_eq!(texts(&lab.store), [""; 0]);
    }
    lab.broken.fill(false);
    names.push(writer.append(200, 0, b"two"));
    let committed = writer.commit().unwrap();
    assert_eq!(committed.records().map(|(name, _)| name).collect::<Vec<_>>(), names);
    for (_, place) in committed.records() {
        lab.store.journal().read(&place).unwrap();
    }
    assert_eq!(texts(&lab.store), ["one", "two"]);
}

#[test]
fn two_names_with_different_content_are_reported() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    commit_each(&mut writer, numbered(0..2));
    let key = files(&lab.store, ".seg").remove(0);
    let day = key.parent().unwrap();
    let id = writer.id();
    let mut second = lab.store.backend().get(&key).unwrap().to_vec();
    let head = second.len() - 2 * (frame::HEADER_LEN + 8);
    second.truncate(head);
    // A head for chunk 2 and the second record again, once equal, once not.
    for (payload, conflicts) in [(&b"record 1"[..], 0), (b"forged 1", 1)] {
        let mut bytes = Vec::new();
        let mut cbor = vec![0xa5, 0, 1, 1, 0x50];
        cbor.extend_from_slice(id.as_bytes());
        cbor.extend_from_slice(&[2, 2, 3, 2, 4, 0]);
        frame::append(&mut bytes, 0, 0, 2, &cbor).unwrap();
        frame::append(&mut bytes, 200, 0, 2, payload).unwrap();
        frame::append(&mut bytes, 200, 0, 3, b"record 2").unwrap();
        let key = day.join(&format!("{id}-00000002.seg")).unwrap();
        lab.store.backend().put(&key, &bytes, metalab_cas::PutMode::Replace).unwrap();
        let (records, damages, _) = read(&lab.store, &Cursor::default());
        assert_eq!(records.into_values().collect::<Vec<_>>(), numbered(0..3).collect::<Vec<_>>());
        assert_eq!(damages.len(), conflicts, "{damages:?}");
    }
}

#[test]
fn writers_do_not_disturb_each_other() {
    let lab = on_disk(true);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &lab.store;
            scope.spawn(move || {
                let mut writer = Writer::new(store, Durability::Relaxed).unwrap();
                commit_each(&mut writer, (0..50).map(|number| format!("{thread} {number}")));
            });
        }
    });
    let mut all = texts(&lab.store);
    all.sort();
    let mut expected: Vec<_> = (0..4).flat_map(|t| (0..50).map(move |n| format!("{t} {n}"))).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn a_cursor_sees_only_what_is_new() {
    for appends in [true, false] {
        let lab = fresh(appends);
        let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        let mut cursor = Cursor::default();
        for round in 0..70 {
            commit_each(&mut writer, [format!("record {round}")]);
            let (new, damages, reached) = read(&lab.store, &cursor);
            assert_eq!(new.into_values().collect::<Vec<_>>(), [format!("record {round}")]);
            assert_eq!(damages, []);
            cursor = reached;
        }
        lab.broken.take_read();
        assert!(read(&lab.store, &cursor).0.is_empty());
        assert_eq!(lab.broken.take_read(), [""; 0], "nothing new, nothing opened");
        // Numbers alone are enough.
        let mut bare = Cursor::default();
        bare.set(writer.id(), Position { sequence: 68, ..Position::default() });
        assert_eq!(read(&lab.store, &bare).0.len(), 2);
    }
}

#[test]
fn merged_chunks_are_read_as_before() {
    let lab = fresh(false);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    let mut places = Vec::new();
    let mut values = Vec::new();
    for round in 0..40 {
        let text = format!("record {round}");
        writer.append(200, 0, text.as_bytes());
        writer.put_value(Digest::of(text.as_bytes()), text.as_bytes());
        let committed = writer.commit().unwrap();
        places.extend(committed.records());
        values.extend(committed.values().to_vec());
        if round == 20 {
            assert_eq!(files(&lab.store, ".seg").len(), 21);
        }
    }
    let cut = Cursor::default();
    let early = lab.store.journal().scan(&cut).unwrap();
    writer.close();
    let names: Vec<_> = files(&lab.store, ".seg").iter().map(|key| key.name()[32..].to_owned()).collect();
    assert_eq!(names, ["-00000001-00000032.seg", "-00000033-00000040.seg"]);
    assert_eq!(early.count(), 40, "a scan that was listed before finds what was merged since");
    assert_eq!(texts(&lab.store).len(), 40);
    for (name, place) in &places {
        match lab.store.journal().read(place) {
            Ok(Record::Unknown(200)) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    for (digest, place) in &values {
        lab.store.journal().read_value(place, digest).unwrap();
    }
    let scanned: Vec<_> =
        lab.store.journal().scan(&cut).unwrap().map(|record| record.unwrap().place).collect();
    assert_eq!(scanned, places.iter().map(|(_, place)| *place).collect::<Vec<_>>(), "places do not change");
}

#[test]
fn a_missing_chunk_means_not_visible_yet() {
    let lab = fresh(false);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    commit_each(&mut writer, numbered(0..5));
    let key = files(&lab.store, ".seg").remove(2);
    let bytes = lab.store.backend().get(&key).unwrap();
    lab.store.backend().delete(&key).unwrap();
    let (records, damages, cursor) = read(&lab.store, &Cursor::default());
    assert_eq!(records.len(), 2);
    assert_eq!(damages, [Damage::Gap { writer: writer.id(), chunk: 3 }]);
    lab.store.backend().put(&key, &bytes, metalab_cas::PutMode::Create).unwrap();
    assert_eq!(read(&lab.store, &cursor).0.len(), 3);
}

#[test]
fn a_newer_format_is_left_for_who_knows_it() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    commit_each(&mut writer, numbered(0..1));
    let id = WriterId::from_bytes([7; 16]);
    let mut bytes = Vec::new();
    let mut cbor = vec![0xa5, 0, 2, 1, 0x50];
    cbor.extend_from_slice(id.as_bytes());
    cbor.extend_from_slice(&[2, 1, 3, 1, 4, 0]);
    frame::append(&mut bytes, 0, 0, 1, &cbor).unwrap();
    frame::append(&mut bytes, 200, 0, 1, b"from the future").unwrap();
    let key = metalab_cas::Key::new(&format!("journal/2030-01-01/{id}-00000001.seg")).unwrap();
    lab.store.backend().put(&key, &bytes, metalab_cas::PutMode::Create).unwrap();
    let (records, damages, cursor) = read(&lab.store, &Cursor::default());
    assert_eq!(records.len(), 1);
    assert_eq!(damages, [Damage::Newer { writer: id, chunk: 1, version: 2 }]);
    assert_eq!(cursor.sequence(&id), 0);
    assert!(damages[0].to_string().contains("use a newer metalab"));
}

#[test]
fn a_record_for_newer_readers_is_refused_by_name() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    let name = writer.append(kind::ATTEMPT, 99, b"?");
    let committed = writer.commit().unwrap();
    let (_, place) = committed.records().next().unwrap();
    let error = lab.store.journal().read(&place).unwrap_err().to_string();
    assert!(error.contains(&name.to_string()) && error.contains("level 99"), "{error}");
}

#[test]
fn damage_is_found_when_a_place_is_read() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    writer.put_value(Digest::of(b"value"), b"value");
    writer.append(200, 0, b"record");
    let committed = writer.commit().unwrap();
    for ending in [".seg", ".pack"] {
        edit(&lab.store, &files(&lab.store, ending)[0], |bytes| *bytes.last_mut().unwrap() ^= 1);
    }
    let (_, place) = committed.records().next().unwrap();
    assert!(matches!(lab.store.journal().read(&place), Err(JournalError::Damaged { .. })));
    let (digest, place) = committed.values()[0];
    assert!(matches!(lab.store.journal().read_value(&place, &digest), Err(JournalError::Damaged { .. })));
    for key in files(&lab.store, "") {
        lab.store.backend().delete(&key).unwrap();
    }
    assert!(matches!(lab.store.journal().read_value(&place, &digest), Err(JournalError::Gone { .. })));
}

#[test]
fn relaxed_writers_do_not_sync() {
    let lab = fresh(true);
    let before = lab.broken.calls("sync");
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    commit_each(&mut writer, numbered(0..3));
    assert_eq!((lab.broken.calls("sync"), lab.broken.calls("file sync")), (before, 0));
    assert_eq!(lab.broken.calls("write"), 3, "one write for each group");
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    commit_each(&mut writer, numbered(0..3));
    assert_eq!(lab.broken.calls("file sync"), 3);
}

#[test]
fn a_read_only_store_takes_no_writer() {
    let lab = fresh(true);
    let store = Store::on(lab.store.backend().clone(), Access::ReadOnly).unwrap();
    let error = Writer::new(&store, Durability::Full).unwrap_err();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error}");
}

/// Dies at every changing call in turn, before, in the middle of and after it, and comes back.
#[test]
fn a_process_that_dies_anywhere_loses_nothing_it_was_told() {
    for (appends, commits) in [(true, 4), (false, 34)] {
        for fault in [Fault::Before, Fault::Half, Fault::After] {
            let mut number = 1;
            loop {
                let lab = fresh(appends);
                lab.broken.fail(number, fault);
                let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
                let mut told = Vec::new();
                let mut died = false;
                for round in 0..commits {
                    let text = format!("record {round}");
                    let name = writer.append(200, 0, text.as_bytes());
                    writer.put_value(Digest::of(text.as_bytes()), text.as_bytes());
                    let before = lab.broken.failures();
                    let committed = writer.commit();
                    // The first failure is the death: what this process does after it has not happened.
                    died = lab.broken.failures() > before;
                    if died {
                        lab.broken.undo();
                        break;
                    }
                    told.push((name, text, committed.unwrap()));
                }
                std::mem::forget(writer);
                let (records, damages, _) = read(&lab.store, &Cursor::default());
                assert_eq!(damages, [], "call {number} {fault:?}");
                for (name, text, committed) in told {
                    assert_eq!(records.get(&name), Some(&text), "call {number} {fault:?}");
                    for (digest, place) in committed.values() {
                        lab.store.journal().read_value(place, digest).unwrap();
                    }
                }
                // Whoever comes next works beside what is left.
                let mut next = Writer::new(&lab.store, Durability::Full).unwrap();
                commit_each(&mut next, numbered(0..2));
                assert_eq!(read(&lab.store, &Cursor::default()).0.len(), records.len() + 2);
                if !died {
                    break;
                }
                number += 1;
            }
            assert!(number > 12, "{number} calls were tried");
        }
    }
}

/// A slow reader: whenever it comes back, its writer has merged what it was about to read.
#[test]
fn a_scan_goes_on_however_often_its_files_are_merged() {
    let lab = fresh(false);
    let mut writer = Writer::new(&lab.store, Durability::Full).unwrap();
    commit_each(&mut writer, numbered(0..20));
    let mut scan = lab.store.journal().scan(&Cursor::default()).unwrap();
    let mut seen = 0;
    for round in 0..5 {
        // 20, 52, 84, ...: the listing that the scan has names files of which the next merge takes some away.
        let goal = 20 + 32 * round - 2;
        while seen < goal {
            assert_eq!(scan.next().unwrap().unwrap().payload, format!("record {seen}").as_bytes());
            seen += 1;
        }
        commit_each(&mut writer, numbered(20 + 32 * round..20 + 32 * (round + 1)));
    }
    let rest = scan.by_ref().inspect(|record| assert!(record.is_ok())).count() as u32;
    assert!(scan.damages().is_empty(), "{:?}", scan.damages());
    assert!(seen + rest >= 148, "{seen} + {rest}");
}

/// The bytes of format version 1, for ever: see `engine/tests/golden/README.md`.
#[test]
fn golden_segments_are_read() {
    let lab = fresh(true);
    let writer = WriterId::from_bytes(*b"golden writer 01");
    for (name, ending) in [("segment", "00000001.seg"), ("pack", "00000001.pack")] {
        let key = metalab_cas::Key::new(&format!("journal/2026-03-04/{writer}-{ending}")).unwrap();
        lab.store.backend().put(&key, &crate::stores::golden(name), metalab_cas::PutMode::Create).unwrap();
    }
    let (records, damages, cursor) = read(&lab.store, &Cursor::default());
    assert_eq!(records.into_values().collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!((damages.len(), cursor.sequence(&writer)), (0, 2));
    let index = metalab_engine::index::Index::load(&lab.store).unwrap();
    let value = lab.store.values().get(&Digest::of(b"a small value"), &index).unwrap();
    assert_eq!(&value[..], b"a small value");
}

#[test]
fn a_golden_merged_segment_is_read() {
    let lab = fresh(true);
    let writer = WriterId::from_bytes(*b"golden writer 01");
    let key = metalab_cas::Key::new(&format!("journal/2026-03-04/{writer}-00000001-00000002.seg")).unwrap();
    lab.store.backend().put(&key, &crate::stores::golden("merged"), metalab_cas::PutMode::Create).unwrap();
    assert_eq!(texts(&lab.store), ["first", "second", "third"]);
}

#[test]
fn readers_keep_up_with_writers_and_merges() {
    for appends in [true, false] {
        let lab = on_disk(appends);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let store = &lab.store;
                scope.spawn(move || {
                    let mut writer = Writer::new(store, Durability::Relaxed).unwrap();
                    commit_each(&mut writer, (0..150).map(|number| format!("{thread} {number}")));
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let (mut all, mut cursor) = (BTreeMap::new(), Cursor::default());
                    while all.len() < 300 {
                        let (new, damages, reached) = read(&lab.store, &cursor);
                        assert!(
                            damages.iter().all(|damage| matches!(damage, Damage::Gap { .. })),
                            "{damages:?}"
                        );
                        for (name, text) in new {
                            assert_eq!(all.insert(name, text), None);
                        }
                        cursor = reached;
                    }
                });
            }
        });
    }
}
