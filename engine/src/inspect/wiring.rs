//! How the inputs of a step are wired, read back from what a submission keeps.

use metalab_cas::{Digest, Value};

/// One input of a step, or its list of parameter sets.
pub(super) struct Wired {
    /// Name of the input.
    pub(super) input: String,
    pub(super) origin: Origin,
    /// A named artifact instead of the return value.
    pub(super) artifact: Option<String>,
    /// `natural`, `cross` or `zip`.
    pub(super) join: String,
    /// The gathered axes in words: `all`, `over k`, `by threshold`.
    pub(super) gather: Option<String>,
}

/// Where an input comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Step(String),
    Run(String),
    Digest(Digest),
    Pin(String),
}

impl Wired {
    /// The input with how it is wired, such as `data`, `b (zip)`, `scores (gather over k)`, `weights: model`.
    pub(super) fn label(&self) -> String {
        let artifact = self.artifact.as_ref().map(|name| format!(": {name}")).unwrap_or_default();
        let mut how = Vec::new();
        if self.join != "natural" {
            how.push(self.join.clone());
        }
        how.extend(self.gather.as_ref().map(|axes| format!("gather {axes}")));
        match how.is_empty() {
            true => format!("{}{artifact}", self.input),
            false => format!("{}{artifact} ({})", self.input, how.join(", ")),
        }
    }

    /// The step it comes from.
    pub(super) fn step(&self) -> Option<&str> {
        match &self.origin {
            Origin::Step(name) => Some(name),
            _ => None,
        }
    }
}

/// The inputs of a step (see [`StepRecord::wiring`](crate::record::StepRecord::wiring)); what is malformed is left out.
pub(super) fn wired(bytes: &[u8]) -> Vec<Wired> {
    let Ok(Value::List(inputs)) = Value::decode(bytes) else { return Vec::new() };
    let input = |input: Value| {
        let [name, source]: [Value; 2] = list(input)?.try_into().ok()?;
        from_source(name.as_text()?, source)
    };
    inputs.into_iter().filter_map(input).collect()
}

/// The list of parameter sets, for a step that gets it from another one.
pub(super) fn later(source: &[u8]) -> Option<Wired> {
    match Value::decode(source).ok()? {
        Value::Variant(kind, source) if kind == "later" => from_source("parameter sets", *source),
        _ => None,
    }
}

fn from_source(input: &str, source: Value) -> Option<Wired> {
    let [origin, artifact, join, gather]: [Value; 4] = list(source)?.try_into().ok()?;
    let Value::Variant(kind, from) = origin else { return None };
    let text = || from.as_text().map(str::to_owned);
    let origin = match kind.as_str() {
        "step" => Origin::Step(text()?),
        "run" => Origin::Run(text()?),
        "pin" => Origin::Pin(text()?),
        "digest" => match &*from {
            Value::Bytes(bytes) => Origin::Digest(Digest::from_slice(bytes)?),
            _ => return None,
        },
        _ => return None,
    };
    Some(Wired {
        input: input.to_owned(),
        origin,
        artifact: artifact.as_text().map(str::to_owned),
        join: join.as_text()?.to_owned(),
        gather: gathered(gather),
    })
}

fn gathered(gather: Value) -> Option<String> {
    let [axes, _]: [Value; 2] = list(gather)?.try_into().ok()?;
    let Value::Variant(how, names) = axes else { return None };
    let names = list(*names).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_text).collect();
    Some(if names.is_empty() { how } else { format!("{how} {}", names.join(", ")) })
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::List(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{Gathering, InputSource, IntoGather, IntoInput, Upstream};

    fn label(source: &InputSource) -> String {
        let entry = Value::List(vec![Value::Text("x".into()), source.describe()]);
        let bytes = Value::List(vec![entry]).to_bytes().expect("text and digests encode");
        wired(&bytes).iter().map(Wired::label).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let step = || Upstream::<i64>::step("first");
        assert_eq!(label(&step().into_input()), "x");
        assert_eq!(label(&step().zip().into_input()), "x (zip)");
        assert_eq!(label(&step().artifact::<i64>("model").cross().into_input()), "x: model (cross)");
        let gather = |gather: Gathering<i64>| label(&gather.into_gather());
        assert_eq!(gather(step().gather()), "x (gather all)");
        assert_eq!(gather(step().gather().over(["k", "rep"])), "x (gather over k, rep)");
        assert_eq!(gather(step().gather().by(["k"]).tolerate(1)), "x (gather by k)");
        assert_eq!(label(&Upstream::<i64>::digest(Digest::of(b"x")).into_input()), "x");
        assert!(wired(b"nothing").is_empty());
        assert!(later(&crate::params::Grid::new().describe().to_bytes().expect("a grid")).is_none());
    }
}
