//! `metalab show`: everything about one run.

use metalab_engine::index::Glance;
use metalab_engine::inspect::{self, RunDetails};
use metalab_engine::record::{ArtifactRef, ErrorRecord, OutputRef, ValueRef};
use serde_json::{Map, Value, json};

use super::print_one;
use super::values::{self, arguments, output_bytes, plain, scalar_json};
use crate::args::ShowArgs;
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::open;
use crate::sheet::Sheet;
use crate::words;

/// An output is shown up to so many characters.
const PREVIEW: usize = 400;

pub(super) fn show(store: &str, args: &ShowArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let (glance, id) = open::run_at(store, &args.run, &args.moment)?;
    let details = inspect::show(&glance, &id)?;
    let paint = console.paint();
    let text = || text(&glance, &details, args.backtrace, paint);
    print_one(args.text.format, console, text, &fields(&glance, &details))
}

fn text(glance: &Glance, details: &RunDetails, backtrace: bool, paint: Paint) -> String {
    let RunDetails { attempt, template, .. } = details;
    let mut sheet = Sheet::default();
    let code = template.code.map(|digest| format!(" {}", digest.short())).unwrap_or_default();
    sheet.head(format!("run {}", details.id)).entry("status", attempt.outcome.as_str());
    sheet.entry("operation", format!("{}::{} {}", template.namespace, template.name, template.version));
    sheet.entry("code", format!("{}{code}", template.grade.as_str()));
    sheet.entry("wanted by", wanted_by(details));
    sheet.entry("replicate", attempt.replicate.map(|replicate| replicate.to_string()).unwrap_or_default());
    sheet.entry("seed", template.base_seed.map(|seed| seed.to_string()).unwrap_or_default());
    sheet.entry("try", attempt.retry.map(|retry| retry.to_string()).unwrap_or_default());
    sheet.entry("executed because", attempt.reason.clone().unwrap_or_default());

    let arguments = arguments(attempt, template);
    if !arguments.is_empty() {
        sheet.head("params");
        for argument in arguments {
            let shown = attempt.shown.iter().find(|shown| shown.argument == argument.name);
            let value = plain(&argument.value);
            let value = shown.map_or_else(|| value.clone(), |shown| format!("{} ({value})", shown.path));
            let suffix = if argument.default { " (default)" } else { "" };
            sheet.entry(argument.name, words::line(&value, PREVIEW) + suffix);
        }
    }
    for context in &template.contexts {
        sheet.head(format!("context {}", context.name));
        if let Ok(metalab_cas::Value::Map(map)) = metalab_cas::Value::decode(&context.fields) {
            for (key, value) in map.iter() {
                sheet.entry(plain(key), words::line(&plain(value), PREVIEW));
            }
        }
    }
    if let Some(output) = &attempt.output {
        sheet.head(format!("output ({}, {})", output.codec, words::bytes(output.value.size)));
        sheet.plain(preview(glance, details, output));
    }
    if !attempt.metrics.is_empty() || !attempt.series.is_empty() {
        sheet.head("metrics");
        for (name, value) in &attempt.metrics {
            sheet.entry(name, value.to_string());
        }
        for series in &attempt.series {
            sheet.entry(&series.name, words::count(series.length, "step"));
        }
    }
    if !attempt.artifacts.is_empty() {
        sheet.head("artifacts");
        for artifact in &attempt.artifacts {
            sheet.entry(&artifact.name, artifact_words(artifact));
        }
    }
    if let Some(log) = &attempt.log {
        sheet.head("log").plain(format!(
            "{}; `metalab logs {}` prints it",
            words::bytes(log.size),
            details.id.short()
        ));
    }
    if !attempt.streams.is_empty() {
        sheet.head("log streams");
        for stream in &attempt.streams {
            sheet.entry(&stream.name, words::bytes(stream.value.size));
        }
        sheet.plain(format!("`metalab logs {} --stream NAME` prints one", details.id.short()));
    }
    times(&mut sheet, details);
    machine(&mut sheet, details);
    if let Some(error) = &attempt.error {
        error_words(&mut sheet, error, backtrace);
    }
    if !details.others.is_empty() {
        sheet.head("other attempts");
        for (name, other) in &details.others {
            let error =
                other.error.as_ref().and_then(|error| error.chain.first()).map(|line| format!(": {line}"));
            let took = words::duration(other.duration);
            let error = words::line(&error.unwrap_or_default(), PREVIEW);
            sheet.plain(format!(
                "{} UTC  {}, {took}{error} (record {name})",
                words::time(other.started),
                other.outcome
            ));
        }
    }
    let mut text = sheet.render(paint);
    if details.differing_outputs {
        text.push_str(
            "warning: successful attempts gave different outputs: the operation is not deterministic\n",
        );
    }
    text
}

fn wanted_by(details: &RunDetails) -> String {
    let Some(submission) = &details.submission else { return String::new() };
    let step = details.attempt.step.and_then(|step| submission.steps.get(step as usize));
    let step = step.map(|step| format!(", step {}", step.name)).unwrap_or_default();
    let cell = details.attempt.cell.map(|cell| format!(", cell {cell}")).unwrap_or_default();
    format!("experiment {} {}{step}{cell}", submission.experiment, submission.version)
}

fn preview(glance: &Glance, details: &RunDetails, output: &OutputRef) -> String {
    let write = format!("`metalab artifacts {} output -o FILE` writes it", details.id.short());
    if output.codec != "json" || output.value.size > 1 << 20 {
        return write;
    }
    match output_bytes(glance, output) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let short = words::line(&text, PREVIEW);
            if short.ends_with('…') { format!("{short}\n{write}") } else { short }
        }
        Err(error) => error.to_string(),
    }
}

fn artifact_words(artifact: &ArtifactRef) -> String {
    format!("{}, {}, {}", artifact.kind, words::bytes(artifact.value.size), artifact.value.digest.short())
}

fn times(sheet: &mut Sheet, details: &RunDetails) {
    let attempt = &details.attempt;
    let cpu = attempt.cpu.map(|cpu| format!(" (cpu {})", words::duration(cpu))).unwrap_or_default();
    sheet.head("time (UTC)").entry("started", words::time(attempt.started));
    sheet.entry("ended", words::time(attempt.started.saturating_add_unsigned(attempt.duration)));
    sheet.entry("took", words::duration(attempt.duration) + &cpu);
}

fn machine(sheet: &mut Sheet, details: &RunDetails) {
    sheet.head("machine");
    if let Some(environment) = &details.environment {
        sheet.entry("host", &environment.host).entry("pid", environment.pid.to_string());
        sheet.entry("platform", &environment.platform).entry("metalab", &environment.metalab);
        if let Some(commit) = &environment.git_commit {
            let dirty = if environment.git_dirty == Some(true) { " (with changes)" } else { "" };
            sheet.entry("git commit", format!("{commit}{dirty}"));
        }
    }
    sheet.entry("peak memory", details.attempt.peak_memory.map(words::bytes).unwrap_or_default());
    sheet.entry("record", details.record.to_string());
}

fn error_words(sheet: &mut Sheet, error: &ErrorRecord, backtrace: bool) {
    sheet.head(format!("error ({})", error.cause));
    for (number, message) in error.chain.iter().enumerate() {
        let cause = if number == 0 { "" } else { "caused by: " };
        sheet.plain(format!("{cause}{message}"));
    }
    let _ = match (&error.backtrace, backtrace) {
        (Some(trace), true) => sheet.head("backtrace").plain(trace.trim_end()),
        (Some(_), false) => sheet.plain("(`--backtrace` prints where it panicked)"),
        (None, _) => sheet,
    };
}

/// The same for programs.
fn fields(glance: &Glance, details: &RunDetails) -> Value {
    let RunDetails { attempt, template, .. } = details;
    let params: Map<String, Value> = arguments(attempt, template)
        .into_iter()
        .map(|argument| (argument.name, values::json(&argument.value)))
        .collect();
    let metrics: Map<String, Value> =
        attempt.metrics.iter().map(|(name, value)| (name.clone(), scalar_json(value))).collect();
    let stored = |value: &ValueRef| json!({"digest": value.digest.to_string(), "size": value.size});
    let output = attempt.output.as_ref().map(|output| {
        let mut object = stored(&output.value);
        object["codec"] = output.codec.as_str().into();
        if output.codec == "json" && output.value.size <= 1 << 20 {
            let bytes = output_bytes(glance, output).ok();
            object["value"] = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        }
        object
    });
    let artifacts: Vec<Value> = attempt
        .artifacts
        .iter()
        .map(|artifact| {
            let mut object = stored(&artifact.value);
            object["name"] = artifact.name.as_str().into();
            object["kind"] = artifact.kind.as_str().into();
            object
        })
        .collect();
    let streams = attempt.streams.iter().map(|stream| {
        let mut object = stored(&stream.value);
        object["name"] = stream.name.as_str().into();
        object
    });
    let series = attempt.series.iter().map(|series| json!({"name": series.name, "steps": series.length}));
    let others = details.others.iter().map(|(name, other)| {
        json!({
            "record": name.to_string(),
            "status": other.outcome.as_str(),
            "started": words::time_exact(other.started),
            "duration_s": other.duration as f64 / 1e6,
            "error": other.error.as_ref().map(|error| &error.chain),
        })
    });
    let environment = details.environment.as_ref();
    json!({
        "run_id": details.id.to_string(),
        "status": attempt.outcome.as_str(),
        "operation": format!("{}::{}", template.namespace, template.name),
        "operation_version": template.version,
        "code": {"grade": template.grade.as_str(), "digest": template.code.map(|digest| digest.to_string())},
        "experiment": details.submission.as_ref().map(|submission| &submission.experiment),
        "experiment_version": details.submission.as_ref().map(|submission| &submission.version),
        "cell": attempt.cell,
        "replicate": attempt.replicate,
        "base_seed": template.base_seed,
        "params": params,
        "output": output,
        "metrics": metrics,
        "series": series.collect::<Vec<_>>(),
        "artifacts": artifacts,
        "log": attempt.log.as_ref().map(stored),
        "streams": streams.collect::<Vec<_>>(),
        "started": words::time_exact(attempt.started),
        "duration_s": attempt.duration as f64 / 1e6,
        "cpu_s": attempt.cpu.map(|cpu| cpu as f64 / 1e6),
        "peak_memory_bytes": attempt.peak_memory,
        "host": environment.map(|environment| &environment.host),
        "pid": environment.map(|environment| environment.pid),
        "git_commit": environment.and_then(|environment| environment.git_commit.as_ref()),
        "error": attempt.error.as_ref().map(|error| {
            json!({"cause": error.cause, "chain": error.chain, "backtrace": error.backtrace})
        }),
        "record": details.record.to_string(),
        "retry": attempt.retry,
        "reason": attempt.reason,
        "differing_outputs": details.differing_outputs,
        "other_attempts": others.collect::<Vec<_>>(),
    })
}
