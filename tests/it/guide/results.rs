//! `docs/guide/results.md`.

use metalab::Store;
use metalab::codec::Json;
use metalab::engine::id::RecordName;
use metalab::results::{Columns, Results};

type Matrix = Vec<Vec<u32>>;

#[derive(serde::Serialize, serde::Deserialize)]
struct Report {
    accuracy: f64,
}

fn loading(store: Store, submission: RecordName) -> metalab::Result<()> {
    let results = Results::load(&store, "descent")?;                 // the last submission of an experiment
    let results = Results::load_submission(&store, submission)?;     // a certain one
    for experiment in metalab::experiments(&store)? {                // what a store has
        println!("{} {} cells", experiment.name, experiment.cells);
    }
    Ok(())
}

fn reading(results: Results) -> metalab::Result<()> {
    for run in &results {                        // or results.at(3)?, results.get(&id)?
        let run = run?;
        let lr: f64 = run.param("lr")?;          // also `prepare.threshold`, of a step before it
        let loss = run.metric_f64("loss")?;      // run.metric("loss") gives any kind, or None
        let curve = run.series("loss")?;         // a stepped metric: (step, value)
        let table: Matrix = run.data("confusion")?;
        let report: Report = run.artifact_as::<Json, Report>("report")?;
        let value: f64 = run.output()?;
        let gap = run.derived_f64("gap")?;       // see derived.md
    }
    Ok(())
}

fn choosing(results: Results) -> metalab::Result<()> {
    let good = results.where_("metrics.loss < 1 and not params.lr = 0.4")?;
    let lost = results.where_("status in ('failed', 'timed_out') and contains(error, 'diverged')")?;
    let dear = results.where_("tag = 'large' or derived.price / 2 > abs(metrics.loss)")?;
    Ok(())
}

fn writing(results: Results) -> metalab::Result<()> {
    results.to_csv("runs.csv", Columns::all().without(Columns::RECORD))?;
    results.export().columns(Columns::PARAMS | Columns::METRICS).overwrite().ndjson("runs.ndjson")?;
    #[cfg(feature = "query")]
    results.to_parquet("runs.parquet", Columns::all())?;             // .export().arrow("runs.arrow") for an Arrow file
    #[cfg(feature = "query")]
    let batch = results.to_arrow(Columns::PARAMS)?;                  // a RecordBatch of `arrow`
    Ok(())
}
