//! What lies in artifacts, as rows.

use metalab_engine::capture::Capture;
use metalab_query::fold_blocking;
use serde_json::json;

use super::lab::{Lab, Try, ask, refusal};

#[test]
fn artifacts_of_all_formats_are_rows_of_one_table() {
    let capture = Capture::memory();
    capture.artifact_npy("p", &[2], &[0.25, 0.5]);
    let array = capture.get_artifact("p").unwrap();
    let made = |k: u64| Try::new("train", json!({ "k": k })).output(json!({ "slope": k }));
    let tries = [
        made(1).file("p", "csv", b"value,label\n1,a\n2,b\n"),
        made(2).file("p", "json", br#"[{"value": 3, "label": 7}, {"other": true}]"#),
        made(3).file("p", "npy", &array),
        made(4).file("p", "json", b"[{"),
        made(5).file("p", "figure", b"<svg/>"),
    ];
    let lab = Lab::memory();
    let mut writer = lab.writer();
    for (experiment, tries) in [("a", &tries[..2]), ("b", &tries[2..])] {
        let runs: Vec<_> = tries.iter().map(Try::run).collect();
        let submission = lab.open(&mut writer, experiment, 0, "train", &runs);
        for (cell, made) in tries.iter().enumerate() {
            lab.attempt(&mut writer, Some(submission), &made.clone().cell(cell as u64));
        }
    }
    writer.commit().unwrap();
    for _ in 0..2 {
        let session = lab.session();
        let sql = "SELECT count(*) AS n, sum(value) AS s, count(label) AS l FROM artifact_rows('p')";
        assert_eq!(ask(&session, sql), "n,s,l\n6,6.75,3\n");
        let warnings = session.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("2 of 5 `p` could not be read"), "{warnings:?}");
        let sql = "SELECT r.params.k AS k, p.label FROM artifact_rows('p', experiment => 'a') p \
                   JOIN runs r ON r.run_id = p.run_id WHERE p.label IS NOT NULL ORDER BY 1, 2";
        assert_eq!(ask(&session, sql), "k,label\n1,a\n1,b\n2,7\n");
        let sql = "SELECT sum(slope) AS s FROM artifact_rows('output')";
        assert_eq!(ask(&session, sql), "s\n15\n");
        assert!(refusal(&session, "SELECT * FROM artifact_rows('q')").contains("no run has `q`"));
        assert!(refusal(&session, "SELECT * FROM artifact_rows('p', 'c')").contains("no experiment `c`"));
        let wrong = refusal(&session, "SELECT * FROM artifact_rows(p)");
        assert!(wrong.contains("called as `artifact_rows('<artifact, or output>'"), "{wrong}");
        assert!(wrong.contains("no text in single quotes"), "{wrong}");
        fold_blocking(&lab.store).unwrap();
    }
}
