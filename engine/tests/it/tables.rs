//! Parameter sets from Arrow batches and Parquet files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array,
    ListArray, NullArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{Field, Schema};
use metalab::experiment::Experiment;
use metalab::params::{self, ParamsError, Source};
use metalab::seeds;
use metalab::store::Store;
use parquet::arrow::ArrowWriter;

use crate::lab::run;

fn sets(source: Result<Source, ParamsError>) -> Vec<String> {
    source.unwrap().sets().unwrap().iter().map(|set| set.to_string()).collect()
}

fn error(source: Result<Source, ParamsError>) -> String {
    match source {
        Ok(source) => source.check().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn written(path: &Path, batches: &[RecordBatch]) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

#[test]
fn sets_of_all_types_are_those_of_a_text_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sets.parquet");
    let kinds: DictionaryArray<Int32Type> = [Some("sgd"), None, Some("adam")].into_iter().collect();
    let unused = DictionaryArray::<Int32Type>::from_iter([None::<&str>, None, None]);
    let batch = table(vec![
        ("id", Arc::new(UInt64Array::from(vec![1, u64::MAX, 3]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-8), None, Some(8)]))),
        ("lr", Arc::new(Float64Array::from(vec![Some(0.1), Some(-0.0), None]))),
        ("half", Arc::new(Float32Array::from(vec![0.1, 0.5, 2.0]))),
        ("big", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("kind", Arc::new(kinds)),
        ("unused", Arc::new(unused)),
        ("nothing", Arc::new(NullArray::new(3))),
        ("view", Arc::new(StringViewArray::from(vec![Some("1"), None, Some("a,\n\"b\"")]))),
    ]);
    written(&path, std::slice::from_ref(&batch));
    let lines = concat!(
        r#"{"id": 1, "small": -8, "lr": 0.1, "half": 0.10000000149011612, "big": true, "kind": "sgd", "view": "1"}"#,
        "\n",
        r#"{"id": 18446744073709551615, "lr": -0.0, "half": 0.5, "big": false}"#,
        "\n",
        r#"{"id": 3, "small": 8, "half": 2.0, "kind": "adam", "view": "a,\n\"b\""}"#,
    );
    let expected = sets(params::ndjson_text(lines));
    assert_eq!(sets(params::parquet(&path)), expected);
    assert_eq!(sets(params::batches(&[batch.slice(0, 1), batch.slice(1, 2)])), expected);

    // Batches with other columns: what a batch has not, its sets lack.
    let other = table(vec![("lr", Arc::new(Int64Array::from(vec![7])))]);
    assert_eq!(sets(params::batches(&[batch.slice(2, 1), other])).last().unwrap(), "{lr: 7}");
}

#[test]
fn many_rows_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sets.parquet");
    let batch = table(vec![("id", Arc::new(Int64Array::from_iter_values(0..10_000)))]);
    written(&path, &[batch.slice(0, 5000), batch.slice(5000, 5000)]);
    for source in [params::parquet(&path).unwrap(), params::batches(&[batch]).unwrap()] {
        assert_eq!(source.check().unwrap(), 10_000);
        for at in [0, 4095, 4096, 9999] {
            assert_eq!(source.sets().unwrap().get(at).unwrap().to_string(), format!("{{id: {at}}}"));
        }
    }
}

#[test]
fn hostile_tables_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let of = |name: &str, array: ArrayRef| error(params::batches(&[table(vec![(name, array)])]));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)])]);
    let times = TimestampMicrosecondArray::from(vec![0]);
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let cases = [
        (of("layers", Arc::new(lists)), "column `layers` is of the type List"),
        (of("day", Arc::new(times)), "column `day` is of the type Timestamp"),
        (of("lr", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))), "row 2, column `lr`: NaN"),
        (of("lr", Arc::new(Float64Array::from(vec![f64::INFINITY]))), "row 1, column `lr`: inf"),
        (of(" ", one.clone()), "column 1 has no name"),
        (of("a", Arc::new(Int64Array::from(vec![1, 2, 1]))), "positions 0 and 2"),
        (of("a", Arc::new(StringArray::from(Vec::<String>::new()))), "is empty"),
        (error(params::batches(&[])), "is empty"),
        (
            error(params::batches(&[table(vec![("a", one.clone()), ("a", one)])])),
            "two columns are called `a`",
        ),
        (error(params::parquet("no-such-file.parquet")), "no-such-file.parquet"),
    ];
    for (error, part) in cases {
        assert!(error.contains(part), "{error} lacks {part}");
    }
    let long = table(vec![(
        "lr",
        Arc::new(Float64Array::from_iter_values((0..9000).map(|n| 1.0 / f64::from(n - 8000)))),
    )]);
    written(&path("long.parquet"), &[long]);
    let said = error(params::parquet(path("long.parquet")));
    assert!(said.contains("long.parquet: row 8001, column `lr`: inf"), "{said}");

    std::fs::write(path("a.parquet"), "lr\n0.1\n").unwrap();
    std::fs::write(path("b.parquet"), "").unwrap();
    let whole = std::fs::read(path("long.parquet")).unwrap();
    std::fs::write(path("c.parquet"), &whole[whole.len() / 2..]).unwrap();
    for name in ["a.parquet", "b.parquet", "c.parquet", "."] {
        let said = error(params::parquet(path(name)));
        assert!(!said.contains(&*folder.path().to_string_lossy()), "{said}");
        assert!(name == "." || said.contains(name) && said.contains("as Parquet"), "{said}");
    }
}

#[metalab::operation]
fn tuned(lr: f64, #[default(3)] depth: u64, kind: Option<String>) -> metalab::Result<f64> {
    Ok(lr * depth as f64 + kind.map_or(0.0, |kind| kind.len() as f64))
}

/// A null is an argument left out, like an empty cell of a CSV; what is there is the value that a grid gives.
#[test]
fn a_table_gives_the_runs_of_a_text_file_and_of_a_grid() {
    let store = Store::memory().unwrap();
    fn ids(sweep: impl params::IntoSweep<Output = f64>, store: &Store) -> Vec<String> {
        let results = run(Experiment::new("tuned", "1").sweep(sweep).seeds(seeds(1)), store);
        assert_eq!(results.failed().len(), 0);
        results.iter().map(|run| run.unwrap().id().to_string()).collect()
    }
    let table = |kinds: Vec<Option<&str>>| {
        let batch = table(vec![
            ("lr", Arc::new(Float32Array::from(vec![1.0, 0.5])) as ArrayRef),
            ("depth", Arc::new(Int64Array::from(vec![None, Some(3)]))),
            ("kind", Arc::new(StringArray::from(kinds))),
        ]);
        ids(Tuned::from(params::batches(&[batch]).unwrap()), &store)
    };
    let grid = Tuned::grid().lr([1.0, 0.5]).kind(Some("adam".to_owned()));
    assert_eq!(table(vec![Some("adam"); 2]), ids(grid, &store));
    let csv = params::csv_text("lr,depth,kind\n1,,\n0.5,3,\n").unwrap();
    assert_eq!(table(vec![None; 2]), ids(Tuned::from(csv), &store));
}
