//! Parameter sources and wires, from what a submission keeps of them by value.

use metalab_cas::{Digest, Value};

use crate::inputs::{Axes, GatherSource, InputSource, Join, Missing, Origin};
use crate::params::Source;

/// The parameter source that [`Source::describe`] wrote; a list that another step returns is one of the experiment.
pub(super) fn source(value: &Value) -> Result<Source, String> {
    match value {
        Value::Variant(kind, wire) if kind == "later" => Ok(Source::Later(Box::new(input(wire)?))),
        value => Source::from_value(value).map_err(|error| error.to_string()),
    }
}

/// The wire that [`InputSource::describe`] wrote.
pub(super) fn input(value: &Value) -> Result<InputSource, String> {
    wire(value).ok_or_else(|| "it is malformed, or of a newer metalab".to_owned())
}

fn wire(value: &Value) -> Option<InputSource> {
    let [origin, artifact, join, gather] = <&[Value; 4]>::try_from(list(value)?).ok()?;
    let Value::Variant(kind, from) = origin else { return None };
    let text = || from.as_text().map(str::to_owned);
    let origin = match (kind.as_str(), &**from) {
        ("step", _) => Origin::Named(text()?),
        ("run", _) => Origin::Run(text()?),
        ("pin", _) => Origin::Pin(text()?),
        ("digest", Value::Bytes(bytes)) => Origin::Digest(Digest::from_slice(bytes)?),
        _ => return None,
    };
    let join = match join.as_text()? {
        "natural" => Join::Natural,
        "cross" => Join::Cross,
        "zip" => Join::Zip,
        _ => return None,
    };
    let gather = match gather {
        Value::Null => None,
        gather => Some(gathered(gather)?),
    };
    let artifact = match artifact {
        Value::Null => None,
        name => Some(name.as_text()?.to_owned()),
    };
    Some(InputSource { origin, artifact, join, gather })
}

fn gathered(value: &Value) -> Option<GatherSource> {
    let [Value::Variant(how, names), missing] = <&[Value; 2]>::try_from(list(value)?).ok()? else {
        return None;
    };
    let names =
        || list(names)?.iter().map(|name| name.as_text().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let axes = match how.as_str() {
        "all" => Axes::All,
        "over" => Axes::Over(names()?),
        "by" => Axes::By(names()?),
        _ => return None,
    };
    let missing = match missing.as_text()? {
        "all" => Missing::Refuse,
        "those that succeeded" => Missing::Ignore,
        some => Missing::Tolerate(some.strip_prefix("all but ")?.parse().ok()?),
    };
    Some(GatherSource { axes, missing })
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::inputs::{IntoGather, IntoInput, Upstream};
    use crate::params::{AxisValues, Grid, List};

    #[test]
    fn wires_come_back() {
        let step = || Upstream::<i64>::step("first");
        for wire in [
            step().into_input(),
            step().zip().into_input(),
            step().artifact::<i64>("model").cross().into_input(),
            step().gather().into_gather(),
            step().gather().over(["k", "rep"]).tolerate(3).into_gather(),
            step().gather().by(["k"]).succeeded().into_gather(),
            Upstream::<i64>::digest(Digest::of(b"x")).into_input(),
            Upstream::<i64>::run("3f1c").into_input(),
            Upstream::<i64>::pinned("best").into_input(),
        ] {
            let value = wire.describe();
            assert_eq!(input(&value).unwrap().describe(), value);
        }
        for malformed in [Value::Null, Value::List(vec![Value::Null; 4]), Value::List(vec![])] {
            assert!(input(&malformed).is_err());
        }
    }

    #[test]
    fn sources_come_back() {
        let grid = Grid::new().axis("k", AxisValues::swept([1, 2])).axis("lr", AxisValues::fixed(&0.1));
        let later = Source::Later(Box::new(Upstream::<i64>::step("first").into_input()));
        for described in [
            Source::Grid(grid).describe(),
            Source::List(List::new([BTreeMap::from([("k", 1)])])).describe(),
            later.describe(),
        ] {
            assert_eq!(source(&described).unwrap().describe(), described);
        }
        let unknown = Value::Variant("spiral".into(), Box::new(Value::Null));
        assert!(source(&unknown).unwrap_err().contains("`spiral`"));
    }
}
