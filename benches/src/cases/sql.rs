//! Folding, and SQL over a million runs, with DuckDB on the same Parquet beside it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use metalab::engine::store::{Access, Store};
use metalab::query::{Options as Query, Session, fold_blocking};

use crate::measure::{Watch, in_process, median};
use crate::table::Row;
use crate::{Options, Result, report};

const SQL: &str = "SELECT params.x, avg(output) FROM runs WHERE params.y < 500 GROUP BY 1";
/// The same question on the columns as they are stored.
const DUCK: &str = r#"
import duckdb, sys, time
from deltalake import DeltaTable
files = ["%s/%s" % (sys.argv[1], f) for f in DeltaTable(sys.argv[1]).files()] if hasattr(DeltaTable, "files") else DeltaTable(sys.argv[1]).file_uris()
duckdb.sql("set threads=2")
sql = 'select "params.x|i64", avg("output|i64") from read_parquet(%r) where "params.y|i64" < 500 group by 1' % files
times = []
for _ in range(15):
    start = time.perf_counter(); duckdb.sql(sql).fetchall(); times.append(time.perf_counter() - start)
print(sorted(times)[7])
"#;

/// Folds a whole store, from process start.
pub(crate) fn fold(store: &str) -> Result<()> {
    let watch = Watch::start();
    let folded = fold_blocking(&Store::open(store, Access::ReadWrite)?)?;
    report(&watch.read(folded.attempts as u64))
}

pub(crate) fn measure(options: &Options, scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let small = scratch.join("fold");
    let path = small.to_str().ok_or("a path that is text")?;
    in_process(&["sweep", path, "100000"])?;
    let folded = in_process(&["fold", path])?;
    rows.push(Row {
        work: "fold of 100,000 finished runs".into(),
        goal: "< 2 s",
        reached: format!("{:.2} s", folded.wall),
        met: folded.wall < 2.0 && folded.count >= 99_000,
    });

    let large = scratch.join("sql");
    let path = large.to_str().ok_or("a path that is text")?;
    let count = options.runs.to_string();
    let run = in_process(&["sweep", path, &count])?;
    let folded = in_process(&["fold", path])?;
    let each = (run.cpu + folded.cpu) / options.runs as f64 * 1e6;
    rows.push(Row {
        work: format!("{count} no-op runs, first run, and folded into the tables"),
        goal: "<= 10 us of CPU per run",
        reached: format!("{each:.2} us, fold with {:.0} MB", folded.memory as f64 / 1e6),
        met: each <= 10.0,
    });

    let store = Store::open(path, Access::ReadOnly)?;
    let times = in_session(&store)?;
    let duck = duckdb(&large);
    let beside = match &duck {
        Ok(duck) => format!(", {:.2} x DuckDB ({:.1} ms)", times / duck, duck * 1e3),
        Err(why) => format!(" (DuckDB: {why})"),
    };
    rows.push(Row {
        work: format!("SQL filter and group-by mean over {count} runs, warm"),
        goal: "< 30 ms; 1.5 x DuckDB",
        reached: format!("{:.1} ms{beside}", times * 1e3),
        met: times < 30e-3,
    });
    Ok(())
}

/// The median of fifteen answers of a warm session, seconds.
fn in_session(store: &Store) -> Result<f64> {
    let times = futures::executor::block_on(async {
        let session = Session::open(store, Query::default()).await?;
        let mut times = Vec::new();
        for _ in 0..15 {
            let start = Instant::now();
            session.sql(SQL).await?;
            times.push(start.elapsed().as_secs_f64());
        }
        Ok::<_, metalab::query::QueryError>(times)
    })?;
    Ok(median(times))
}

fn duckdb(store: &Path) -> Result<f64> {
    let python = std::env::var("METALAB_PYTHON").map_err(|_| "METALAB_PYTHON is not set")?;
    let output = Command::new(python).args(["-c", DUCK]).arg(store.join("tables/attempts")).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or("failed")
            .to_owned()
            .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
