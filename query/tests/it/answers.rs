//! The forms of an answer.

use metalab_query::{Answer, Format};

use super::lab::Lab;

fn answer() -> Answer {
    let sql = "SELECT * FROM (VALUES (1, 0.5, 'a,\"b\"', TIMESTAMP '2026-01-02T03:04:05Z'), \
               (2, 'NaN'::double, NULL, NULL), (3, 'Infinity'::double, 'é', NULL)) AS t(n, x, s, at) ORDER BY n";
    futures::executor::block_on(Lab::memory().session().sql(sql)).unwrap()
}

#[test]
fn text_forms() {
    let answer = answer();
    assert_eq!(answer.num_rows(), 3);
    let csv = answer.to_csv().unwrap();
    assert!(csv.starts_with("n,x,s,at\n1,0.5,\"a,\"\"b\"\"\",2026-01-02T03:04:05"), "{csv}");
    assert!(csv.contains("\n2,NaN,,\n3,inf,é,\n"), "{csv}");
    let lines = answer.to_ndjson().unwrap();
    let second = lines.lines().nth(1).unwrap();
    assert_eq!(second, r#"{"n":2,"x":"NaN","s":null,"at":null}"#);
    let json: serde_json::Value = serde_json::from_str(&answer.to_json().unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 3);
    assert_eq!(json[2]["x"], "Infinity");
    let none = futures::executor::block_on(Lab::memory().session().sql("SELECT 1 AS a WHERE false")).unwrap();
    assert_eq!((none.to_json().unwrap().as_str(), none.to_csv().unwrap().as_str()), ("[]\n", "a\n"));
}

#[test]
fn tables_fit_their_room() {
    let table = answer().to_table(Some(13)).unwrap();
    assert_eq!(table.lines().next().unwrap(), "n    x  s");
    assert!(table.ends_with("(3 rows; no room for 1 column: at)\n"), "{table}");
}

#[test]
fn parquet_reads_back() {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let bytes = answer().to_parquet().unwrap();
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
}

#[test]
fn formats_have_names() {
    assert_eq!("ndjson".parse::<Format>().unwrap(), Format::Ndjson);
    assert!("xml".parse::<Format>().unwrap_err().to_string().contains("`xml` is no format"));
}
