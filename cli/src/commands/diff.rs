//! `metalab diff`: what differs between two runs, hashed or not.

use metalab_cas::Value;
use metalab_engine::index::Glance;
use metalab_engine::inspect::{self, RunDetails};
use metalab_engine::record::{Environment, OutputRef, Scalar};
use serde::Serialize;

use super::print_one;
use super::values::{arguments, output_bytes, plain};
use crate::args::DiffArgs;
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::open;
use crate::sheet::Sheet;
use crate::words;

/// A value is shown up to so many characters.
const PREVIEW: usize = 160;
/// Outputs up to this size are shown as what they are.
const SMALL: u64 = 4096;

/// What differs between two runs.
#[derive(Serialize)]
struct Diff {
    runs: [String; 2],
    /// How many things were compared and are equal.
    equal: usize,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    name: &'static str,
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Difference {
    name: String,
    old: Option<String>,
    new: Option<String>,
    /// For numbers: how much the new one is larger, relative to the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<f64>,
}

pub(super) fn diff(store: &str, args: &DiffArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let (glance, old) = open::run_at(store, &args.run, &args.moment)?;
    let new = inspect::find_run(&glance, &args.other)?;
    let (old, new) = (inspect::show(&glance, &old)?, inspect::show(&glance, &new)?);
    let found = compare(&glance, &old, &new);
    let paint = console.paint();
    print_one(args.text.format, console, || text(&found, paint), &found)
}

fn text(diff: &Diff, paint: Paint) -> String {
    let mut sheet = Sheet::default();
    sheet.head(format!("run {}", diff.runs[0])).head(format!("and {}", diff.runs[1]));
    for section in &diff.sections {
        sheet.head(section.name);
        for Difference { name, old, new, change } in &section.differences {
            let value = match (old, new) {
                (Some(old), Some(new)) => format!("{} -> {}", paint.plain_red(old), paint.green(new)),
                (Some(old), None) => format!("{} (only the first)", paint.plain_red(old)),
                (None, Some(new)) => format!("{} (only the second)", paint.green(new)),
                (None, None) => continue,
            };
            let change = change.map(|change| format!(" ({:+.3}%)", change * 100.0)).unwrap_or_default();
            sheet.entry(name, value + &change);
        }
    }
    if diff.sections.is_empty() {
        sheet.plain("nothing differs");
    }
    sheet.plain(format!("{} compared and equal", words::count(diff.equal as u64, "thing")));
    sheet.render(paint)
}

fn compare(glance: &Glance, old: &RunDetails, new: &RunDetails) -> Diff {
    let (old, new) = ([old, new].map(|run| sections(glance, run)), [old, new].map(|run| run.id.to_string()));
    let [old, theirs] = old;
    let mut diff = Diff { runs: new, equal: 0, sections: Vec::new() };
    for ((name, ours), (_, theirs)) in old.iter().zip(&theirs) {
        let mut differences = Vec::new();
        let only_new = theirs.iter().filter(|entry| !ours.iter().any(|other| other.name == entry.name));
        for entry in ours.iter().chain(only_new) {
            let find = |all: &[Entry]| all.iter().find(|other| other.name == entry.name).cloned();
            let (old, new) = (find(ours), find(theirs));
            if old.as_ref().map(|entry| &entry.exact) == new.as_ref().map(|entry| &entry.exact) {
                diff.equal += 1;
                continue;
            }
            let change = match (&old, &new) {
                (Some(Entry { number: Some(old), .. }), Some(Entry { number: Some(new), .. })) => {
                    Some((new - old) / old.abs()).filter(|change| change.is_finite())
                }
                _ => None,
            };
            let shown = |entry: Option<Entry>| entry.map(|entry| words::line(&entry.shown, PREVIEW));
            differences.push(Difference {
                name: entry.name.clone(),
                old: shown(old),
                new: shown(new),
                change,
            });
        }
        if !differences.is_empty() {
            diff.sections.push(Section { name, differences });
        }
    }
    diff
}

/// Something a run has: what people see, and what decides whether two are equal.
#[derive(Clone)]
struct Entry {
    name: String,
    shown: String,
    exact: String,
    number: Option<f64>,
}

fn entry(name: impl Into<String>, shown: impl Into<String>) -> Entry {
    let shown = shown.into();
    Entry { name: name.into(), exact: shown.clone(), shown, number: None }
}

fn optional(name: &str, value: Option<impl ToString>) -> Option<Entry> {
    value.map(|value| entry(name, value.to_string()))
}

/// Everything that is compared; both runs have all sections, in this order.
fn sections(glance: &Glance, run: &RunDetails) -> Vec<(&'static str, Vec<Entry>)> {
    let RunDetails { attempt, template, .. } = run;
    let mut said = vec![
        entry("status", attempt.outcome.as_str()),
        entry("operation", format!("{}::{} {}", template.namespace, template.name, template.version)),
    ];
    if let Some(error) = attempt.error.as_ref().and_then(|error| error.chain.first()) {
        said.push(entry("error", error));
    }
    let params = arguments(attempt, template).into_iter();
    let params = params.map(|argument| Entry {
        number: number(&argument.value),
        exact: argument.value.to_string(),
        ..entry(argument.name, plain(&argument.value))
    });
    let seeds = [optional("base seed", template.base_seed), optional("replicate", attempt.replicate)];
    let inputs = attempt.inputs.iter().map(|input| {
        let digest = input.digest.or(input.gather.as_ref().map(|gather| gather.digest));
        let from = input.run.map(|run| format!(" of run {}", run.short())).unwrap_or_default();
        let digest = digest.map(|digest| digest.short()).unwrap_or_default();
        Entry { exact: digest.clone(), ..entry(&input.name, format!("{digest}{from}")) }
    });
    let contexts = template.contexts.iter().flat_map(|context| match Value::decode(&context.fields) {
        Ok(Value::Map(map)) => map
            .iter()
            .map(|(key, value)| entry(format!("{}.{}", context.name, plain(key)), plain(value)))
            .collect(),
        _ => vec![entry(&context.name, context.digest.short())],
    });
    let metrics = attempt.metrics.iter().map(|(name, value)| Entry {
        number: match value {
            Scalar::Float(x) => Some(*x),
            Scalar::Int(x) => Some(*x as f64),
            _ => None,
        },
        ..entry(name, value.to_string())
    });
    let series = attempt.series.iter().map(|series| {
        let shown = format!("{}, {}", words::count(series.length, "step"), series.value.digest.short());
        Entry { exact: series.value.digest.to_string(), ..entry(&series.name, shown) }
    });
    let data = attempt.data.iter().map(|data| {
        let shown =
            format!("{}, {}, {}", data.codec, words::bytes(data.value.size), data.value.digest.short());
        Entry { exact: data.value.digest.to_string(), ..entry(&data.name, shown) }
    });
    let artifacts = attempt.artifacts.iter().map(|artifact| {
        let value = &artifact.value;
        let shown = format!("{}, {}, {}", artifact.kind, words::bytes(value.size), value.digest.short());
        Entry { exact: value.digest.to_string(), ..entry(&artifact.name, shown) }
    });
    let code =
        [Some(entry("grade", template.grade.as_str())), optional("digest", template.code.map(|d| d.short()))];
    let items =
        template.items.iter().map(|item| entry(&item.name, item.digest.chars().take(12).collect::<String>()));
    vec![
        ("run", said),
        ("params", params.collect()),
        ("seeds", seeds.into_iter().flatten().collect()),
        ("inputs", inputs.collect()),
        ("contexts", contexts.collect()),
        ("output", attempt.output.as_ref().map(|output| shown_output(glance, output)).into_iter().collect()),
        ("metrics", metrics.collect()),
        ("stepped metrics", series.collect()),
        ("data", data.collect()),
        ("artifacts", artifacts.collect()),
        ("code", code.into_iter().flatten().chain(items).collect()),
        ("environment", run.environment.as_ref().map(environment).unwrap_or_default()),
        ("time", vec![entry("took", words::duration(attempt.duration))]),
    ]
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(_) | Value::Int(_) => value.to_string().parse().ok(),
        _ => None,
    }
}

fn shown_output(glance: &Glance, output: &OutputRef) -> Entry {
    let value = &output.value;
    let words = format!("{}, {}, {}", output.codec, words::bytes(value.size), value.digest.short());
    let bytes = (output.codec == "json" && value.size <= SMALL).then(|| output_bytes(glance, output).ok());
    let text = bytes.flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let number = text.as_ref().and_then(|text| text.trim().parse().ok());
    Entry { exact: value.digest.to_string(), number, ..entry("output", text.unwrap_or(words)) }
}

fn environment(environment: &Environment) -> Vec<Entry> {
    let short = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(12).collect::<String>());
    [
        optional("git commit", short(&environment.git_commit)),
        optional("uncommitted changes", environment.git_dirty),
        optional("package sources", short(&environment.sources)),
        optional("lock file", short(&environment.lock_file)),
        optional("executable", short(&environment.executable)),
        optional("metalab", Some(&environment.metalab)),
        optional("platform", Some(&environment.platform)),
        optional("host", Some(&environment.host)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
