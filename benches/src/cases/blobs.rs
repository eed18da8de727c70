//! Blobs against `cp`, at the same durability.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use metalab::cas::Blobs;
use metalab::cas::local::LocalBackend;

use crate::Result;
use crate::measure::{median, wall_of};
use crate::table::Row;

const SMALL: usize = 10_000;
const PAIRS: usize = 5;
const LARGE: u64 = 2 << 30;

fn sync() -> Result<()> {
    wall_of(&mut Command::new("sync")).map(drop)
}

pub(crate) fn measure(scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let source = scratch.join("small");
    fs::create_dir(&source)?;
    for number in 0..SMALL {
        let byte = |at: usize| (at.wrapping_mul(31) ^ number.wrapping_mul(7919) ^ (at * number)) as u8;
        fs::write(source.join(number.to_string()), (0..4096).map(byte).collect::<Vec<_>>())?;
    }
    sync()?;
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let copy = scratch.join(format!("cp-{pair}"));
        let start = Instant::now();
        wall_of(Command::new("cp").arg("-r").arg(&source).arg(&copy))?;
        wall_of(Command::new("sync").arg("-f").arg(&copy))?;
        let cp = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let blobs = Blobs::new(Arc::new(LocalBackend::create(&scratch.join(format!("cas-{pair}")))?));
        for number in 0..SMALL {
            blobs.put(&fs::read(source.join(number.to_string()))?)?;
        }
        blobs.sync()?;
        let own = start.elapsed().as_secs_f64();
        ratios.push(own / cp);
        ours.push(own);
        theirs.push(cp);
    }
    let ratio = median(ratios);
    rows.push(Row {
        work: "10,000 blobs of 4 KiB, durable".into(),
        goal: "faster than `cp -r` and `sync -f`",
        reached: format!("{ratio:.2} x ({:.2} s against {:.2} s)", median(ours), median(theirs)),
        met: ratio < 1.0,
    });

    let source = scratch.join("large");
    {
        use std::io::Write;
        let mut file = fs::File::create(&source)?;
        let mut block = vec![0_u8; 1 << 20];
        for number in 0..LARGE >> 20 {
            block.iter_mut().enumerate().for_each(|(at, byte)| *byte = ((at as u64 * 131) ^ number) as u8);
            file.write_all(&block)?;
        }
        file.sync_all()?;
    }
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let copy = scratch.join("large-copy");
        let start = Instant::now();
        wall_of(Command::new("cp").arg("--reflink=never").arg(&source).arg(&copy))?;
        wall_of(Command::new("sync").arg(&copy))?;
        let cp = start.elapsed().as_secs_f64();
        fs::remove_file(&copy)?;
        sync()?;
        let folder = scratch.join("large-cas");
        let start = Instant::now();
        let blobs = Blobs::new(Arc::new(LocalBackend::create(&folder)?));
        blobs.put_file(&source)?;
        blobs.sync()?;
        ratios.push(start.elapsed().as_secs_f64() / cp);
        fs::remove_dir_all(&folder)?;
        sync()?;
    }
    let ratio = median(ratios);
    rows.push(Row {
        work: "one blob of 2 GiB, durable".into(),
        goal: "<= 1.1 x `cp` and `sync`",
        reached: format!("{ratio:.2} x"),
        met: ratio <= 1.1,
    });
    Ok(())
}
