//! The long tables: `params`, `data`, and the columns `data.x`.

use metalab_cas::Value;
use metalab_query::{fold_blocking, rebuild_blocking};
use serde_json::json;

use super::lab::{Lab, Step, Try, ask, everything};

fn lab() -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let map = Value::from_serde(&json!({ "depth": 3, "label": "deep", "layers": [1, 2] })).unwrap();
    let large = Value::Text("x".repeat(3000));
    let array = Value::List(vec![Value::Text("npy".into())]);
    let tries = [
        Try::new("train", json!({ "k": 1, "rate": 0.5 }))
            .data("best", Value::Float(0.25))
            .data("epochs", Value::from(12_u64))
            .data("stopped", Value::Bool(true))
            .data("model", map)
            .data("note", large)
            .data("weights", array),
        Try::new("train", json!({ "k": "auto", "on": true, "list": [1, 2] }))
            .data("best", Value::Text("none".into()))
            .data("nothing", Value::Null),
    ];
    let runs: Vec<_> = tries.iter().map(Try::run).collect();
    let submission = lab.open(&mut writer, "long", 0, "train", &runs);
    for (cell, made) in tries.into_iter().enumerate() {
        lab.attempt(&mut writer, Some(submission), &made.cell(cell as u64).at(cell as i64));
    }
    writer.commit().unwrap();
    lab
}

#[test]
fn parameters_are_rows() {
    let lab = lab();
    let sql = "SELECT r.cell, p.name, p.type, p.number, p.text, p.value FROM params p JOIN runs r ON p.run_id = r.run_id \
               ORDER BY 1, 2";
    let expected = "cell,name,type,number,text,value\n\
                    0,dataset,text,,digits,\"\"\"digits\"\"\"\n0,k,integer,1.0,,1\n0,momentum,double,0.9,,0.9\n\
                    0,rate,double,0.5,,0.5\n1,dataset,text,,digits,\"\"\"digits\"\"\"\n1,k,text,,auto,\"\"\"auto\"\"\"\n\
                    1,list,json,,,\"[1,2]\"\n1,momentum,double,0.9,,0.9\n1,on,boolean,1.0,,true\n";
    for _ in 0..2 {
        let session = lab.session();
        assert_eq!(ask(&session, sql), expected);
        assert_eq!(
            ask(&session, "SELECT params.name FROM params WHERE params.number > 0.95 ORDER BY 1"),
            "params.name\nk\non\n"
        );
        assert_eq!(ask(&session, "SELECT params.k FROM runs WHERE cell = 1"), "params.k\nauto\n");
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn data_are_rows_and_scalars_are_columns() {
    let lab = lab();
    let sql = "SELECT name, type, dtype, shape, number, text IS NULL AS no_text, left(value, 40) AS value FROM data \
               ORDER BY name, type";
    let expected = "name,type,dtype,shape,number,no_text,value\n\
                    best,double,,,0.25,true,0.25\nbest,text,,,,false,\"\"\"none\"\"\"\nepochs,integer,,,12.0,true,12\n\
                    model,map,,,,true,\"{\"\"depth\"\":3,\"\"label\"\":\"\"deep\"\",\"\"layers\"\":[1,2]\"\n\
                    note,text,,,,false,\"\"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n\
                    nothing,null,,,,true,null\nstopped,boolean,,,1.0,true,true\n\
                    weights,array,<f8,\"[2, 3]\",,true,\n";
    for _ in 0..2 {
        let session = lab.session();
        assert_eq!(ask(&session, sql), expected);
        assert_eq!(
            ask(
                &session,
                "SELECT data.best, data.model.depth AS d, data.model.label AS l, data.stopped AS s FROM runs ORDER BY cell"
            ),
            "data.best,d,l,s\n0.25,3,deep,true\nnone,,,\n"
        );
        assert_eq!(
            ask(&session, "SELECT avg(data.best) AS x, max(data.epochs) AS y FROM runs"),
            "x,y\n0.25,12\n"
        );
        assert_eq!(ask(&session, "SELECT data.name FROM data WHERE data.number = 12"), "data.name\nepochs\n");
        assert_eq!(ask(&session, "SELECT epochs FROM long WHERE cell = 0"), "epochs\n12\n");
        fold_blocking(&lab.store).unwrap();
    }
    let folded = everything(&lab.session());
    rebuild_blocking(&lab.store).unwrap();
    assert_eq!(everything(&lab.session()), folded);
}

#[test]
fn cells_have_the_tags_of_their_experiment_and_their_own() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let trial = |k: u64| Try::new("train", json!({ "k": k })).cell(k).at(k as i64);
    let tries: Vec<Try> = (0..6).map(trial).collect();
    let step = Step {
        name: "main",
        template: "train",
        replicates: 2,
        cells: 6,
        runs: tries.iter().map(Try::run).collect(),
        dimensions: vec![],
        has_inputs: false,
        tags: vec![("edge", vec![(0, 1), (2, 1)]), ("slow", vec![(1, 2)])],
    };
    let submission = lab.open_steps(&mut writer, "tagged", 0, &[step]);
    for made in &tries {
        lab.attempt(&mut writer, Some(submission), made);
    }
    writer.commit().unwrap();
    let expected = "cell,tags\n0,\"nightly,edge\"\n1,\"nightly,slow\"\n2,\"nightly,edge,slow\"\n3,\"nightly,edge\"\n\
                    4,\"nightly,slow\"\n5,\"nightly,edge,slow\"\n";
    for _ in 0..2 {
        let session = lab.session();
        assert_eq!(ask(&session, "SELECT cell, tags FROM runs ORDER BY 1"), expected);
        assert_eq!(ask(&session, "SELECT count(*) AS n FROM tagged WHERE tags LIKE '%edge%'"), "n\n4\n");
        let manifest = ask(&session, "SELECT manifest FROM submissions");
        assert_eq!(manifest.trim_end().len(), "manifest\n".len() + 64, "{manifest}");
        fold_blocking(&lab.store).unwrap();
    }
}
