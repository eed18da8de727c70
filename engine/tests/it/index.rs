//! The index against a naive map, and against everything that happens to its files.

use std::collections::{BTreeMap, HashMap};

use metalab_cas::{Digest, DigestPrefix, Key, PutMode};
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::{Entry, Glance, Index, origin};
use metalab_engine::inspect;
use metalab_engine::journal::{Durability, Part, Writer};
use metalab_engine::record::{Outcome, Place, kind, to_cbor};
use metalab_engine::store::{Access, Store};
use proptest::prelude::*;

use crate::stores::{append, attempt, content, edit, files, fresh, run, submission};

const OUTCOMES: [Outcome; 4] = [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled, Outcome::TimedOut];

/// What an index must know, kept in the simplest way.
#[derive(Default, Clone)]
struct Naive(BTreeMap<RunId, BTreeMap<(bool, i64, RecordName), Outcome>>);

impl Naive {
    fn add(&mut self, run: RunId, outcome: Outcome, started: i64, name: RecordName) {
        let standing = (outcome != Outcome::Succeeded, started, name);
        self.0.entry(run).or_default().insert(standing, outcome);
    }

    fn check(&self, index: &Index) {
        assert_eq!(index.len(), self.0.len());
        let all: Vec<_> = index.iter().map(|(run, entry)| (run, entry.name)).collect();
        let expected: Vec<_> =
            self.0.iter().map(|(run, attempts)| (*run, attempts.keys().next().unwrap().2)).collect();
        assert_eq!(all, expected);
        for (run, attempts) in &self.0 {
            let entry = index.get(run).unwrap();
            let (standing, outcome) = attempts.iter().next().unwrap();
            assert_eq!((entry.name, entry.outcome, entry.started), (standing.2, *outcome, standing.1));
            assert_eq!(entry.several, attempts.len() > 1);
            assert_eq!(entry.output.is_some(), entry.succeeded());
            let names: Vec<_> = index.others(run).iter().map(|entry| entry.name).collect();
            assert_eq!(names, attempts.keys().map(|standing| standing.2).collect::<Vec<_>>());
        }
        assert_eq!(index.get(&run(u64::MAX)), None);
        assert!(index.others(&run(u64::MAX)).is_empty());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Attempt { writer: usize, run: u64, outcome: usize, started: i64 },
    Value { writer: usize, number: u64 },
    Commit { writer: usize },
    Refresh,
    Publish,
    Load,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_usize, 0..20_u64, 0..4_usize, 0..5_i64)
            .prop_map(|(writer, run, outcome, started)| Step::Attempt { writer, run, outcome, started }),
        2 => (0..3_usize, 0..6_u64).prop_map(|(writer, number)| Step::Value { writer, number }),
        4 => (0..3_usize).prop_map(|writer| Step::Commit { writer }),
        2 => Just(Step::Refresh),
        2 => Just(Step::Publish),
        1 => Just(Step::Load),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_like_a_naive_map(steps in steps(), appends: bool) {
        let lab = fresh(appends);
        let mut writers: Vec<_> =
            (0..3).map(|_| Writer::new(&lab.store, Durability::Relaxed).unwrap()).collect();
        let mut pending = vec![Vec::new(); 3];
        let mut pending_values = vec![Vec::new(); 3];
        let (mut all, mut values) = (Naive::default(), Vec::new());
        let mut index = Index::load(&lab.store).unwrap();
        for step in steps {
            match step {
                Step::Attempt { writer, run: number, outcome, started } => {
                    let outcome = OUTCOMES[outcome];
                    let name = append(&mut writers[writer], &attempt(run(number), outcome, started));
                    pending[writer].push((run(number), outcome, started, name));
                }
                Step::Value { writer, number } => {
                    let bytes = number.to_le_bytes();
                    writers[writer].put_value(Digest::of(&bytes), &bytes);
                    pending_values[writer].push(bytes);
                }
                Step::Commit { writer } => {
                    writers[writer].commit().unwrap();
                    pending[writer].drain(..).for_each(|(run, outcome, started, name)| all.add(run, outcome, started, name));
                    values.append(&mut pending_values[writer]);
                }
                Step::Refresh => {
                    index.refresh().unwrap();
                    all.check(&index);
                }
                Step::Publish => index.publish().unwrap(),
                Step::Load => {
                    index = Index::load(&lab.store).unwrap();
                    all.check(&index);
                    assert_eq!(index.ignored(), []);
                }
            }
        }
        index.refresh().unwrap();
        all.check(&index);
        let glance = Glance::at(&lab.store).unwrap();
        for run in all.0.keys() {
            assert_eq!(glance.get(run).unwrap(), index.get(run));
            assert_eq!(glance.others(run).unwrap(), index.others(run));
        }
        for typed in ["", "0", "7f", "abc"] {
            let prefix = DigestPrefix::of_any_length(typed).unwrap();
            let expected = all.0.keys().filter(|run| prefix.matches(&run.0)).take(20);
            let expected: Vec<_> = expected.map(|run| (*run, index.get(run).unwrap())).collect();
            assert_eq!(glance.hints(&prefix).unwrap(), expected, "{typed}");
        }
        let newest = inspect::newest(&lab.store, usize::MAX).unwrap();
        let mut runs: Vec<_> = newest.iter().map(|hint| hint.id).collect();
        runs.sort_unstable();
        let segments = lab.store.journal().list().unwrap().into_iter();
        if segments.filter(|segment| segment.part == Part::Records).count() <= 8 {
            assert_eq!(runs, all.0.keys().copied().collect::<Vec<_>>(), "all that stands at the ends of segments");
        }
        assert!(runs.iter().all(|run| all.0.contains_key(run)));
        assert!(newest.is_sorted_by_key(|hint| std::cmp::Reverse(hint.started)));
        assert!(inspect::newest(&lab.store, 3).unwrap().len() <= 3);
        for bytes in values {
            let digest = Digest::of(&bytes);
            let places = glance.places_of(&digest).unwrap();
            assert_eq!(lab.store.values().get_from(&digest, places.into_iter()).unwrap(), &bytes[..]);
            let read = lab.store.values().get(&Digest::of(&bytes), &index).unwrap();
            assert_eq!(&read[..], &bytes);
        }
        assert_eq!(index.damages(), []);
    }
}

/// The same records must give the same answers, however they came into the index.
#[test]
fn the_order_of_arrival_does_not_matter() {
    let lab = fresh(true);
    let mut all = Naive::default();
    let mut written = Vec::new();
    for number in 0..4_u64 {
        let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        for step in 0..30_u64 {
            let (outcome, started) =
                (OUTCOMES[((number + step) % 4) as usize], ((step * 7 + number) % 3) as i64);
            let name = append(&mut writer, &attempt(run(step % 10), outcome, started));
            all.add(run(step % 10), outcome, started, name);
        }
        writer.commit().unwrap();
        written.push(files(&lab.store, &format!("{}-00000001.seg", writer.id())).remove(0));
    }
    let bytes: Vec<_> = written.iter().map(|key| lab.store.backend().get(key).unwrap()).collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let other = fresh(true);
        let mut index = Index::load(&other.store).unwrap();
        for (round, number) in order.into_iter().enumerate() {
            other.store.backend().put(&written[number], &bytes[number], PutMode::Create).unwrap();
            index.refresh().unwrap();
            if round % 2 == 0 {
                index.publish().unwrap();
            }
        }
        all.check(&index);
        all.check(&Index::load(&other.store).unwrap());
    }
}

fn filled(appends: bool, runs: u64) -> (crate::stores::Fresh, Naive) {
    let lab = fresh(appends);
    let mut all = Naive::default();
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    for number in 0..runs {
        let outcome = OUTCOMES[(number % 2) as usize];
        let name = append(&mut writer, &attempt(run(number), outcome, 3));
        all.add(run(number), outcome, 3, name);
        writer.put_value(Digest::of(&number.to_le_bytes()), &number.to_le_bytes());
    }
    writer.commit().unwrap();
    (lab, all)
}

#[test]
fn a_damaged_level_is_passed_over() {
    let (lab, all) = filled(true, 3);
    let mut index = Index::load(&lab.store).unwrap();
    index.publish().unwrap();
    let key = lab.store.backend().list(&Key::new("index").unwrap()).unwrap().remove(0).key;
    let whole = lab.store.backend().get(&key).unwrap();
    assert_eq!(Index::load(&lab.store).unwrap().levels(), 1);
    for at in 0..whole.len() {
        edit(&lab.store, &key, |bytes| {
            *bytes = whole.to_vec();
            bytes[at] ^= 1;
        });
        all.check(&Index::load(&lab.store).unwrap());
    }
    for cut in 0..whole.len() {
        edit(&lab.store, &key, |bytes| *bytes = whole[..cut].to_vec());
        let index = Index::load(&lab.store).unwrap();
        assert_eq!((index.levels(), index.ignored().len()), (0, 1), "cut at {cut}");
        all.check(&index);
    }
}

#[test]
fn a_glance_does_not_fall_for_damage() {
    let (lab, all) = filled(true, 40);
    Index::load(&lab.store).unwrap().publish().unwrap();
    let key = lab.store.backend().list(&Key::new("index").unwrap()).unwrap().remove(0).key;
    let whole = lab.store.backend().get(&key).unwrap();
    for at in (0..whole.len()).step_by(13) {
        edit(&lab.store, &key, |bytes| {
            *bytes = whole.to_vec();
            bytes[at] ^= 1;
        });
        let glance = Glance::at(&lab.store).unwrap();
        for (run, attempts) in &all.0 {
            assert_eq!(
                glance.get(run).unwrap().map(|entry| entry.name),
                attempts.keys().next().map(|key| key.2)
            );
        }
    }
}

#[test]
fn many_damaged_levels_are_passed_over() {
    let (lab, all) = filled(true, 3);
    for number in 0..20 {
        let key = Key::new(&format!("index/{number}.idx")).unwrap();
        lab.store.backend().put(&key, b"metalab index 2\nand then garbage", PutMode::Create).unwrap();
    }
    let index = Index::load(&lab.store).unwrap();
    assert_eq!(index.ignored().len(), 20);
    all.check(&index);
}

#[test]
fn a_level_never_outlives_its_part_of_the_journal() {
    let (lab, _) = filled(true, 3);
    Index::load(&lab.store).unwrap().publish().unwrap();
    for key in files(&lab.store, ".seg") {
        lab.store.backend().delete(&key).unwrap();
    }
    let index = Index::load(&lab.store).unwrap();
    assert_eq!(
        (index.len(), index.ignored()[0].why),
        (0, "it names parts of the journal that are not there")
    );
}

#[test]
fn a_pack_that_is_gone_has_no_values() {
    let (lab, all) = filled(true, 3);
    Index::load(&lab.store).unwrap().publish().unwrap();
    let digest = Digest::of(&0_u64.to_le_bytes());
    assert!(Index::load(&lab.store).unwrap().place_of(&digest).is_some());
    for key in files(&lab.store, ".pack") {
        lab.store.backend().delete(&key).unwrap();
    }
    let index = Index::load(&lab.store).unwrap();
    assert_eq!(index.place_of(&digest), None);
    let error = lab.store.values().get(&digest, &index).unwrap_err();
    assert!(matches!(error, metalab_engine::values::ValueError::Missing { .. }), "{error}");
    all.check(&index);
}

#[test]
fn levels_stay_few() {
    let lab = fresh(true);
    let mut index = Index::load(&lab.store).unwrap();
    let mut all = Naive::default();
    let mut number = 0;
    for round in 0..60_u64 {
        let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        for _ in 0..(1 + round % 7 * 200) {
            number += 1;
            let name = append(&mut writer, &attempt(run(number), Outcome::Succeeded, 1));
            all.add(run(number), Outcome::Succeeded, 1, name);
        }
        writer.commit().unwrap();
        index.refresh().unwrap();
        index.publish().unwrap();
    }
    assert!(index.levels() <= 8, "{}", index.levels());
    assert!(index.levels() > 1, "the test has something to look into");
    let glance = Glance::at(&lab.store).unwrap();
    for (run, attempts) in all.0.iter().step_by(97) {
        let entry = glance.get(run).unwrap().unwrap();
        assert_eq!(Some(entry), index.get(run));
        assert_eq!(glance.others(run).unwrap().len(), attempts.len());
        assert_eq!(glance.find(&run.to_string()[..20].parse().unwrap()).unwrap(), [*run]);
    }
    assert_eq!(glance.get(&run(u64::MAX)).unwrap(), None);
    let files = lab.store.backend().list(&Key::new("index").unwrap()).unwrap();
    assert_eq!(files.len(), index.levels(), "its own superseded levels are deleted");
    all.check(&index);
    all.check(&Index::load(&lab.store).unwrap());
}

#[test]
fn what_levels_have_is_not_opened() {
    let lab = fresh(true);
    for number in 0..300 {
        let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        append(&mut writer, &attempt(run(number), Outcome::Succeeded, 1));
        writer.commit().unwrap();
    }
    Index::load(&lab.store).unwrap().publish().unwrap();
    lab.broken.take_read();
    let mut index = Index::load(&lab.store).unwrap();
    assert_eq!(index.len(), 300);
    index.refresh().unwrap();
    let read = lab.broken.take_read();
    assert!(!read.is_empty() && read.iter().all(|key| key.starts_with("index/")), "{read:?}");
}

#[test]
fn a_read_only_store_is_not_touched() {
    let (lab, all) = filled(true, 5);
    let mut index = Index::load(&lab.store).unwrap();
    index.publish().unwrap();
    let before = content(&lab.store);
    let store = Store::on(lab.store.backend().clone(), Access::ReadOnly).unwrap();
    let mut index = Index::load(&store).unwrap();
    all.check(&index);
    index.refresh().unwrap();
    assert!(index.publish().unwrap_err().to_string().contains("read-only"));
    assert_eq!(content(&lab.store), before);
}

#[test]
fn what_a_process_committed_itself_is_not_read_again() {
    let lab = fresh(true);
    let mut index = Index::load(&lab.store).unwrap();
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    let mut all = Naive::default();
    for round in 0..3 {
        let runs: Vec<_> = (0..50).map(|number| run(round * 50 + number)).collect();
        for run in &runs {
            append(&mut writer, &attempt(*run, Outcome::Succeeded, 9));
        }
        let value = round.to_le_bytes();
        writer.put_value(Digest::of(&value), &value);
        let committed = writer.commit().unwrap();
        for (run, (name, place)) in runs.iter().zip(committed.records()) {
            all.add(*run, Outcome::Succeeded, 9, name);
            let entry = Entry {
                outcome: Outcome::Succeeded,
                name,
                place,
                started: 9,
                output: Some(Digest::of(b"x")),
                output_place: Place::Inline,
                several: false,
                origin: origin("experiment", "step"),
            };
            index.insert(*run, entry);
            assert_eq!(index.get(run), Some(entry));
        }
        index.cover(&committed);
        assert_eq!(&lab.store.values().get(&Digest::of(&value), &index).unwrap()[..], value);
        if round == 1 {
            index.publish().unwrap();
        }
    }
    lab.broken.take_read();
    assert_eq!(index.refresh().unwrap(), 0);
    assert_eq!(lab.broken.take_read(), [""; 0]);
    all.check(&index);
    assert_eq!(index.get(&run(7)).unwrap().output, Some(Digest::of(b"x")));
    assert_eq!(index.get(&run(7)).unwrap().origin, origin("experiment", "step"));
    index.publish().unwrap();
    all.check(&Index::load(&lab.store).unwrap());
}

#[test]
fn attempts_find_the_step_that_wanted_them() {
    // Writer ids are random: in some rounds the submission is read before the attempt, in others after it.
    for round in 0..12 {
        let lab = fresh(true);
        let mut driver = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        let opened = submission("wine", &["prepare", "train"]);
        let name = driver.append(kind::SUBMISSION_OPENED, 0, &to_cbor(&opened));
        driver.commit().unwrap();
        let mut index = Index::load(&lab.store).unwrap();
        let (found, place) = index.submissions().next().unwrap();
        assert_eq!((found, index.submission(&name)), (name, Some(place)));
        match lab.store.journal().read(&place).unwrap() {
            metalab_engine::record::Record::Opened(read) => assert_eq!(*read, opened),
            other => panic!("{other:?}"),
        }
        if round % 3 == 0 {
            index.publish().unwrap();
        }
        let mut worker = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        let mut wanted = attempt(run(1), Outcome::Succeeded, 1);
        (wanted.submission, wanted.step) = (Some(name), Some(1));
        append(&mut worker, &wanted);
        append(&mut worker, &attempt(run(2), Outcome::Succeeded, 1));
        worker.commit().unwrap();
        if round % 2 == 0 {
            index = Index::load(&lab.store).unwrap();
        }
        index.refresh().unwrap();
        for _ in 0..2 {
            assert_eq!(index.get(&run(1)).unwrap().origin, origin("wine", "train"));
            assert_eq!(index.get(&run(2)).unwrap().origin, 0);
            index.publish().unwrap();
            index = Index::load(&lab.store).unwrap();
            assert_eq!(index.submissions().collect::<Vec<_>>(), [(name, place)]);
        }
    }
}

#[test]
fn a_submission_of_its_own_is_found_after_the_commit() {
    let lab = fresh(true);
    let mut index = Index::load(&lab.store).unwrap();
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    let opened = submission("wine", &["train"]);
    let name = writer.append(kind::SUBMISSION_OPENED, 0, &to_cbor(&opened));
    let committed = writer.commit().unwrap();
    index.opened(name, &opened);
    assert_eq!(index.submission(&name), None);
    index.cover(&committed);
    let place = committed.records().next().unwrap().1;
    assert_eq!(index.submission(&name), Some(place));
    index.publish().unwrap();
    assert_eq!(Index::load(&lab.store).unwrap().submission(&name), Some(place));
}

#[test]
fn prefixes_find_runs() {
    let (lab, all) = filled(true, 3000);
    let mut index = Index::load(&lab.store).unwrap();
    for _ in 0..2 {
        for id in all.0.keys().take(50) {
            let prefix: DigestPrefix = id.to_string()[..10].parse().unwrap();
            assert_eq!(index.find(&prefix), [*id]);
        }
        let mut by_start: HashMap<String, Vec<RunId>> = HashMap::new();
        for id in all.0.keys() {
            by_start.entry(id.to_string()[..4].to_owned()).or_default().push(*id);
        }
        for (start, ids) in by_start {
            assert_eq!(index.find(&start.parse().unwrap()), ids);
        }
        index.publish().unwrap();
    }
}

#[test]
fn unknown_and_newer_records_are_passed_over() {
    let lab = fresh(true);
    let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
    writer.append(77, 0, b"a kind of later days");
    let newer = writer.append(kind::ATTEMPT, 200, b"for later readers");
    let garbage = writer.append(kind::ATTEMPT, 0, b"garbage");
    append(&mut writer, &attempt(run(1), Outcome::Succeeded, 1));
    writer.commit().unwrap();
    let index = Index::load(&lab.store).unwrap();
    assert_eq!(index.len(), 1);
    let messages: Vec<_> = index.damages().iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].contains(&newer.to_string()) && messages[0].contains("level 200"));
    assert!(messages[1].contains(&garbage.to_string()));
}

#[test]
fn values_are_found_when_their_announcement_is_damaged() {
    for appends in [true, false] {
        let (lab, all) = filled(appends, 3);
        let key = files(&lab.store, ".seg").remove(0);
        // The announcement lies before the records and names the digests.
        let digest = Digest::of(&0_u64.to_le_bytes());
        edit(&lab.store, &key, |bytes| {
            let at = bytes.windows(32).position(|window| window == digest.as_bytes()).unwrap();
            bytes[at] ^= 1;
        });
        let index = Index::load(&lab.store).unwrap();
        all.check(&index);
        assert_eq!(index.damages().len(), 1);
        assert!(!index.damages()[0].to_string().contains("lost"), "{}", index.damages()[0]);
        for number in 0..3_u64 {
            lab.store.values().get(&Digest::of(&number.to_le_bytes()), &index).unwrap();
        }
    }
}
