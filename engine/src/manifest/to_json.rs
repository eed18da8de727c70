//! A manifest as JSON, complete.

use metalab_cas::{Map, Value};

use super::parts::{durability_word, failure_word, micros};
use super::{ContextManifest, FieldManifest, Manifest, Rules, StepManifest};

impl Manifest {
    /// All of it as JSON text, indented: parameter sources, wires and contexts by value. What JSON does not have (bytes,
    /// digests of files, choices) is an object with one key, such as `{"$file": "..."}`.
    pub fn to_json(&self) -> String {
        let text = self.to_value().to_json_text();
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        json.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or(text)
    }

    /// All of it as one value.
    pub fn to_value(&self) -> Value {
        let mut all = Map::new();
        all.insert("submission", Value::Text(self.submission.to_string()));
        all.insert("time", Value::from(self.time));
        all.insert("digest", self.digest.map_or(Value::Null, |digest| Value::Text(digest.to_string())));
        all.insert("experiment", Value::Text(self.experiment.clone()));
        all.insert("version", Value::Text(self.version.clone()));
        all.insert("description", text_or_null(self.description.as_deref()));
        all.insert("tags", texts(&self.tags));
        let mut metadata = Map::new();
        for (key, value) in &self.metadata {
            metadata.insert(key.as_str(), value.clone());
        }
        all.insert("metadata", Value::Map(metadata));
        let seeds = self.seeds.as_ref().map(|seeds| {
            let mut all = Map::new();
            all.insert("base", Value::from(seeds.base()));
            all.insert("replicates", Value::from(seeds.count()));
            Value::Map(all)
        });
        all.insert("seeds", seeds.unwrap_or_default());
        all.insert("contexts", Value::List(self.contexts.iter().map(context).collect()));
        all.insert("steps", Value::List(self.steps.iter().map(step).collect()));
        let derived = self.derived.iter().map(|derived| {
            let mut all = Map::new();
            all.insert("function", Value::Text(derived.function.clone()));
            all.insert("code", derived.code.map_or(Value::Null, |code| Value::Text(code.to_string())));
            all.insert("step", text_or_null(derived.step.as_deref()));
            Value::Map(all)
        });
        all.insert("derived", Value::List(derived.collect()));
        all.insert("rules", self.rules.as_ref().map_or(Value::Null, rules));
        all.insert("cells", Value::from(self.cells()));
        all.insert("environment", self.environment().unwrap_or_default());
        all.insert("problems", texts(&self.problems));
        Value::Map(all)
    }

    fn environment(&self) -> Option<Value> {
        let environment = self.environment.as_ref()?;
        let mut all = Map::new();
        all.insert("host", Value::Text(environment.host.clone()));
        all.insert("platform", Value::Text(environment.platform.clone()));
        all.insert("metalab", Value::Text(environment.metalab.clone()));
        for (name, value) in [
            ("executable", &environment.executable),
            ("git_commit", &environment.git_commit),
            ("lock_file", &environment.lock_file),
            ("sources", &environment.sources),
        ] {
            all.insert(name, text_or_null(value.as_deref()));
        }
        all.insert("git_dirty", environment.git_dirty.map_or(Value::Null, Value::Bool));
        Some(Value::Map(all))
    }
}

fn text_or_null(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn texts(texts: &[String]) -> Value {
    Value::List(texts.iter().cloned().map(Value::Text).collect())
}

fn step(step: &StepManifest) -> Value {
    let mut all = Map::new();
    all.insert("name", Value::Text(step.name.clone()));
    all.insert("operation", text_or_null(step.operation().as_deref()));
    if let Some(template) = &step.template {
        all.insert("operation_version", Value::Text(template.version.clone()));
        let mut code = Map::new();
        code.insert("grade", Value::Text(template.grade.as_str().to_owned()));
        code.insert("digest", template.code.map_or(Value::Null, |digest| Value::Text(digest.to_string())));
        let items = template.items.iter();
        let items = items.map(|item| texts(&[item.name.clone(), item.digest.clone()]));
        code.insert("items", Value::List(items.collect()));
        all.insert("code", Value::Map(code));
        let contexts = template.contexts.iter().map(|context| Value::Text(context.name.clone()));
        all.insert("contexts", Value::List(contexts.collect()));
    }
    all.insert("source", step.source.clone().unwrap_or_default());
    all.insert("wiring", Value::List(step.wiring.clone()));
    let mut needs = Map::new();
    for (name, amount) in step.needs.iter() {
        needs.insert(name, Value::from(amount));
    }
    all.insert("needs", Value::Map(needs));
    if let Some(time) = step.needs.most_time() {
        all.insert("time_us", Value::from(micros(time)));
    }
    all.insert("sets", step.sets.map_or(Value::Null, Value::from));
    all.insert("replicates", Value::from(step.replicates));
    all.insert("cells", step.cells().map_or(Value::Null, Value::from));
    let mut tags = Map::new();
    for (tag, ranges) in step.case_tags.iter() {
        let range = |range: &std::ops::Range<u64>| {
            Value::List(vec![Value::from(range.start), Value::from(range.end - range.start)])
        };
        tags.insert(tag, Value::List(ranges.iter().map(range).collect()));
    }
    all.insert("case_tags", Value::Map(tags));
    Value::Map(all)
}

fn rules(rules: &Rules) -> Value {
    let mut all = Map::new();
    all.insert("failure", Value::Text(failure_word(rules.failure).to_owned()));
    all.insert("retries", Value::from(rules.retries.most));
    all.insert("backoff_us", Value::from(micros(rules.retries.backoff)));
    all.insert("timeout_us", rules.timeout.map_or(Value::Null, |limit| Value::from(micros(limit))));
    all.insert("durability", Value::Text(durability_word(rules.durability).to_owned()));
    Value::Map(all)
}

fn context(context: &ContextManifest) -> Value {
    let mut all = Map::new();
    all.insert("name", Value::Text(context.name.clone()));
    all.insert("digest", Value::Text(context.digest.to_string()));
    all.insert("fields", Value::List(context.fields.iter().map(field).collect()));
    all.insert("skipped", texts(&context.skipped));
    Value::Map(all)
}

fn field(field: &FieldManifest) -> Value {
    let mut all = Map::new();
    all.insert("name", Value::Text(field.name.clone()));
    all.insert("kind", Value::Text(field.kind.clone()));
    all.insert("value", field.value.clone());
    let paths = field.paths.iter().map(|path| {
        let mut all = Map::new();
        all.insert("path", Value::Text(path.shown.clone()));
        all.insert("digest", Value::Text(path.digest.to_string()));
        all.insert("size", Value::from(path.size));
        all.insert("files", Value::from(path.files));
        Value::Map(all)
    });
    all.insert("paths", Value::List(paths.collect()));
    Value::Map(all)
}
