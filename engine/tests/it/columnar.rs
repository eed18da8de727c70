//! Results as Arrow and Parquet.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, TimeUnit};
use metalab::experiment::Experiment;
use metalab::record::Scalar;
use metalab::results::{Columns, Results, Values};
use metalab::store::Store;
use metalab::{Capture, seeds};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::lab::run;

#[metalab::operation]
fn measure_exactly(
    id: u64,
    shift: i128,
    rate: f64,
    layers: Vec<u64>,
    note: Option<String>,
    capture: &Capture,
) -> metalab::Result<u64> {
    if id == 3 {
        return Err("no signal".into());
    }
    let rates = [f64::NAN, -0.0, f64::NEG_INFINITY];
    capture.metric("rate", rates[id.min(2) as usize]);
    // Above 2^53, where floats leave gaps.
    capture.metric("exact", if id == 1 { Scalar::Int(1 << 60) } else { Scalar::Float(0.5) });
    capture.metric("near", if id == 1 { Scalar::Int((1 << 60) + 1) } else { Scalar::Float(0.5) });
    capture.metric("mixed", if id == 1 { Scalar::Bool(true) } else { Scalar::Text("x".into()) });
    capture.data("big", &u64::MAX);
    let _ = (shift, rate, layers, note);
    Ok(u64::MAX - id)
}

fn measured() -> Results {
    let sweep = MeasureExactly::grid()
        .id([0, 1, 3, u64::MAX])
        .shift([-1, i128::from(u64::MAX)])
        .rate([0.25])
        .layers(vec![vec![1, 2]])
        .note(None::<String>);
    run(Experiment::new("measured", "1").sweep(sweep).seeds(seeds(1)), &Store::memory().unwrap())
}

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    batches.into_iter().next().unwrap_or_else(|| RecordBatch::new_empty(schema))
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> &'b ArrayRef {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no {name} in {:?}", batch.schema()))
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    column(batch, name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn numbers_are_exact_and_kinds_are_kept() {
    let results = measured();
    let batch = results.to_arrow(Columns::all()).unwrap();
    assert_eq!(batch.num_rows(), 8);
    let ids: Vec<_> = column(&batch, "param_id").as_primitive::<UInt64Type>().iter().flatten().collect();
    assert_eq!(ids, [0, 0, 1, 1, 3, 3, u64::MAX, u64::MAX]);
    assert_eq!(texts(&batch, "param_shift")[..2], [Some("-1".into()), Some(u64::MAX.to_string())]);
    let bits: Vec<_> = column(&batch, "metric_rate").as_primitive::<Float64Type>().iter().collect();
    assert!(bits[0].unwrap().is_nan() && bits[4].is_none(), "{bits:?}");
    assert_eq!(bits[2].map(f64::to_bits), Some((-0.0_f64).to_bits()));
    assert_eq!(bits[7], Some(f64::NEG_INFINITY));
    let exact = column(&batch, "metric_exact").as_primitive::<Float64Type>();
    assert_eq!((exact.value(0), exact.value(2)), (0.5, (1_u64 << 60) as f64));
    // A float would be another number: texts.
    assert_eq!(texts(&batch, "metric_near")[2].as_deref(), Some("1152921504606846977"));
    assert_eq!(
        texts(&batch, "metric_mixed")[1..4],
        [Some("x".into()), Some("true".into()), Some("true".into())]
    );
    assert_eq!(column(&batch, "data_big").as_primitive::<UInt64Type>().value(0), u64::MAX);
    let output = column(&batch, "output").as_primitive::<UInt64Type>();
    assert_eq!((output.value(2), output.is_null(4), output.value(6)), (u64::MAX - 1, true, 0));
    assert_eq!(texts(&batch, "param_layers")[0].as_deref(), Some("[1,2]"));
    let notes = column(&batch, "param_note");
    assert_eq!((notes.data_type(), notes.null_count()), (&DataType::Utf8, 8), "nothing is known: texts");
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(column(&batch, "started").data_type(), &zone);
    let started = column(&batch, "started").as_primitive::<TimestampMicrosecondType>();
    assert!(started.iter().all(|time| time.is_some_and(|time| time > 1_600_000_000_000_000)));

    // The CSV has the same columns in the same order, and says the same.
    let mut csv = Vec::new();
    results.export().write_csv(&mut csv).unwrap();
    let mut csv = csv::Reader::from_reader(&csv[..]);
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(csv.headers().unwrap().iter().collect::<Vec<_>>(), names);
    let place = |name: &str| names.iter().position(|known| known == name).unwrap();
    let row = csv.records().nth(2).unwrap().unwrap();
    assert_eq!((&row[place("param_id")], &row[place("output")]), ("1", &*(u64::MAX - 1).to_string()));
    assert_eq!(&row[place("metric_near")], "1152921504606846977");
    let mut json = Vec::new();
    results.export().columns(Columns::OUTPUT).write_json(&mut json).unwrap();
    assert!(String::from_utf8(json).unwrap().contains(&(u64::MAX - 1).to_string()));
}

#[test]
fn files_read_back_as_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let results = measured();
    let batch = results.to_arrow(Columns::all()).unwrap();
    results.to_parquet(path("a.parquet"), Columns::all()).unwrap();
    let back = read(&path("a.parquet"));
    assert_eq!(back.schema(), batch.schema());
    // NaN is equal to nothing: compared as text.
    assert_eq!(format!("{back:?}"), format!("{batch:?}"));
    results.export().columns(Columns::PARAMS).arrow(path("a.arrow")).unwrap();
    let arrow = |path: &Path| FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    let back = arrow(&path("a.arrow")).next().unwrap().unwrap();
    assert_eq!(back, results.to_arrow(Columns::PARAMS).unwrap());

    // A file that is there stays, unless the user says otherwise.
    let refused = results.failed().to_parquet(path("a.parquet"), Columns::all()).unwrap_err().to_string();
    assert!(refused.contains("a.parquet") && refused.contains(".overwrite()"), "{refused}");
    assert_eq!(read(&path("a.parquet")).num_rows(), 8);
    results.failed().export().overwrite().parquet(path("a.parquet")).unwrap();
    assert_eq!(read(&path("a.parquet")).num_rows(), 2);
    assert!(results.export().arrow(path("a.arrow")).is_err());
    assert!(results.export().parquet(path("no/a.parquet")).is_err());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|x| x.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");

    // Bytes are the same as the file's; an output that takes none is an error.
    let mut bytes = Vec::new();
    results.failed().export().write_parquet(&mut bytes).unwrap();
    assert_eq!(bytes, std::fs::read(path("a.parquet")).unwrap());
    assert!(results.export().write_parquet(&mut [0_u8; 10][..]).is_err());
    assert!(results.export().write_arrow(&mut [0_u8; 10][..]).is_err());
}

#[test]
fn no_rows_and_no_columns_are_tables_too() {
    let folder = tempfile::tempdir().unwrap();
    let none = measured().where_("status = 'cancelled'").unwrap();
    let some = measured().to_arrow(Columns::RECORD).unwrap();
    let batch = none.to_arrow(Columns::all()).unwrap();
    assert_eq!((batch.num_rows(), batch.schema()), (0, some.schema()), "kinds do not depend on the rows");
    let path = folder.path().join("none.parquet");
    none.to_parquet(&path, Columns::all()).unwrap();
    assert_eq!((read(&path).num_rows(), read(&path).schema()), (0, some.schema()));
    let empty = measured().to_arrow(Columns::DERIVED).unwrap();
    assert_eq!((empty.num_rows(), empty.num_columns()), (8, 0));
    measured().to_parquet(folder.path().join("columns.parquet"), Columns::DERIVED).unwrap();
    let path = folder.path().join("none.arrow");
    none.export().columns(Columns::METRICS).arrow(&path).unwrap();
    assert_eq!(FileReader::try_new(File::open(&path).unwrap(), None).unwrap().schema().fields().len(), 0);
    assert!(
        matches!(&none.frame(Columns::RECORD).unwrap().columns[2].values, Values::Int(all) if all.is_empty())
    );
}
