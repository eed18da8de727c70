//! What a query may not do, and how much it may take.

use std::time::{Duration, Instant};

use metalab_query::{Options, QueryError, Session};

use super::lab::{Lab, refusal};

fn session(lab: &Lab, options: Options) -> Session {
    futures::executor::block_on(Session::open(&lab.store, options)).unwrap()
}

#[test]
fn only_reading_is_allowed() {
    let lab = Lab::memory();
    let session = lab.session();
    let statements = [
        ("CREATE TABLE x (a int)", "CREATE TABLE"),
        ("DROP TABLE runs", "DROP TABLE"),
        ("INSERT INTO runs VALUES (1)", "INSERT INTO"),
        ("DELETE FROM runs", "DELETE FROM"),
        ("UPDATE runs SET a = 1", "UPDATE"),
        ("COPY runs TO 'x.csv'", "COPY"),
        ("COPY (SELECT 1) TO 'x.parquet'", "COPY"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION 'x.csv'", "CREATE EXTERNAL"),
        ("SET datafusion.execution.batch_size = 1", "SET"),
        ("SELECT 1 AS a INTO x", "SELECT INTO"),
        ("EXPLAIN INSERT INTO runs VALUES (1)", "INSERT INTO"),
    ];
    for (sql, name) in statements {
        let message = refusal(&session, sql);
        assert!(message.starts_with(&format!("{name} is refused")), "{sql}: {message}");
    }
    assert!(refusal(&session, "SELECT 1; SELECT 2").contains("2 statements"));
    assert!(refusal(&session, "").contains("0 statements"));
    assert!(refusal(&session, "SELEC 1").contains("not valid SQL"));
    assert!(
        refusal(&session, &format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000)))
            .contains("not valid SQL")
    );
}

#[test]
fn time_is_limited() {
    let lab = Lab::memory();
    let mut options = Options::default();
    options.time = Some(Duration::from_millis(300));
    let session = session(&lab, options);
    let begun = Instant::now();
    let endless = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t";
    let cross = "SELECT count(*) FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b WHERE a.value * b.value % 7 = 3";
    for sql in [endless, cross] {
        let error = futures::executor::block_on(session.sql(sql)).unwrap_err();
        assert!(matches!(error, QueryError::TimedOut { .. }), "{sql}: {error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn memory_is_limited() {
    let lab = Lab::memory();
    let mut options = Options::default();
    options.memory = Some(4 << 20);
    let session = session(&lab, options);
    let sql = "SELECT value, count(*) FROM generate_series(1, 3000000) GROUP BY value ORDER BY 2, 1";
    let error = futures::executor::block_on(session.sql(sql)).unwrap_err();
    assert!(matches!(error, QueryError::OutOfMemory { limit } if limit == 4 << 20), "{error}");
}

#[test]
fn blocking_calls_work_inside_a_runtime() {
    let lab = Lab::memory();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        metalab_query::fold_blocking(&lab.store).unwrap();
        let answer =
            metalab_query::query_blocking(&lab.store, "SELECT 1 AS one", Options::default()).unwrap();
        assert_eq!(answer.to_csv().unwrap(), "one\n1\n");
    });
}
