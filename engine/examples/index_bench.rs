//! Times the journal and the index: `cargo run --release -p metalab-engine --example index_bench [runs] [writers] [folder]`.
//!
//! Without a folder the store lies in memory. Prints CPU-bound wall times of one thread per run.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::Instant;

use metalab_engine::id::RunId;
use metalab_engine::index::{Entry, Glance, Index};
use metalab_engine::journal::{Durability, Writer};
use metalab_engine::record::{Attempt, Outcome, OutputRef, Place, ValueRef, kind, to_cbor};
use metalab_engine::store::Store;

use metalab_cas::Digest;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let runs: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let writers: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let store = Store::create(&arguments.next().unwrap_or_else(|| "memory://".to_owned()))?;
    let ids: Vec<RunId> = (0..runs).map(|number| RunId(Digest::of(&number.to_le_bytes()))).collect();
    let per_run = |what: &str, from: Instant| {
        println!("{what:<44} {:>8.3} us per run", from.elapsed().as_secs_f64() * 1e6 / runs as f64);
    };

    let payload = to_cbor(&attempt(ids[0]));
    println!("{runs} runs, {writers} writers, {} bytes per record", payload.len());
    let mut index = Index::load(&store)?;
    let (mut append, mut commit, mut insert) = (0.0, 0.0, 0.0);
    for share in ids.chunks(ids.len().div_ceil(writers as usize)) {
        let mut writer = Writer::new(&store, Durability::Relaxed)?;
        for group in share.chunks(1000) {
            let payloads: Vec<Vec<u8>> = group.iter().map(|id| to_cbor(&attempt(*id))).collect();
            let from = Instant::now();
            for payload in &payloads {
                writer.append(kind::ATTEMPT, 0, payload);
            }
            append += from.elapsed().as_secs_f64();
            let from = Instant::now();
            let committed = writer.commit()?;
            commit += from.elapsed().as_secs_f64();
            let from = Instant::now();
            for (id, (name, place)) in group.iter().zip(committed.records()) {
                index.insert(
                    *id,
                    Entry {
                        outcome: Outcome::Succeeded,
                        name,
                        place,
                        started: 1,
                        output: Some(id.0),
                        output_place: Place::Inline,
                        several: false,
                        origin: 1,
                    },
                );
            }
            index.cover(&committed);
            insert += from.elapsed().as_secs_f64();
        }
    }
    for (what, seconds) in
        [("append", append), ("commit, relaxed", commit), ("insert into the index", insert)]
    {
        println!("{what:<44} {:>8.3} us per run", seconds * 1e6 / runs as f64);
    }

    let from = Instant::now();
    let scanned = Index::load(&store)?;
    per_run("load, nothing published", from);
    assert_eq!(scanned.len() as u64, runs);
    drop(scanned);
    let from = Instant::now();
    index.publish()?;
    per_run("publish", from);
    drop(index);

    for _ in 0..2 {
        let from = Instant::now();
        let index = Index::load(&store)?;
        per_run("load, everything published", from);
        let look = Instant::now();
        let found = ids.iter().filter(|id| index.succeeded(id)).count();
        per_run("look up", look);
        per_run("load and look up", from);
        assert_eq!(found as u64, runs);
        let from = Instant::now();
        let missing =
            (0..runs).filter(|n| index.get(&RunId(Digest::of(&(!n).to_le_bytes()))).is_none()).count();
        per_run("look up what is not there (and hash it)", from);
        assert_eq!(missing as u64, runs);
        let from = Instant::now();
        let glance = Glance::at(&store)?;
        let found = glance.find(&ids[0].to_string()[..12].parse()?)?;
        assert!(glance.get(&found[0])?.is_some());
        println!("{:<44} {:>8.3} ms", "one run by a prefix of its id", from.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

fn attempt(run: RunId) -> Attempt {
    let value = ValueRef { digest: run.0, size: 8, place: Place::Inline };
    Attempt {
        run,
        template: Digest::of(b"template"),
        arguments: Vec::new(),
        replicate: None,
        inputs: Vec::new(),
        outcome: Outcome::Succeeded,
        started: 1_790_000_000_000_000,
        duration: 12,
        cpu: Some(11),
        peak_memory: None,
        environment: Digest::of(b"environment"),
        submission: None,
        step: None,
        cell: Some(1),
        output: Some(OutputRef { value, codec: "json".to_owned(), inline: b"3.141592".to_vec() }),
        metrics: Vec::new(),
        artifacts: Vec::new(),
        series: Vec::new(),
        log: None,
        error: None,
        retry: None,
        shown: Vec::new(),
        reason: None,
        data: Vec::new(),
        streams: Vec::new(),
        derived: Vec::new(),
    }
}
