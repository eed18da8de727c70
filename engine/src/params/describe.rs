//! Sources by value: what a submission and its manifest keep, and how a source is made of that again.
//!
//! # Format (version 1)
//!
//! A canonical variant; its name says which source it is.
//!
//! | name | content |
//! | --- | --- |
//! | `grid` | list of `[argument, whether it is one fixed value, values]` |
//! | `list` | list of maps |
//! | `sample` | `[design, [[argument, distribution], ...], grid of what is beside]` |
//! | `zip`, `product`, `chain` | list of sources |
//! | `filter` | `[source, name of the resolver]`; null for a closure |
//! | `slice` | `[source, first, after the last or null]` |
//! | `resolve` | `[source, argument, name of the resolver]` |
//! | `later` | the input that gives the list |
//!
//! A design is `random`, `latin_hypercube` or `sobol` with `[sets, seed]` (null: not scrambled). A distribution is
//! `uniform`, `log_uniform`, `normal` or `log_normal` with `[a, b, whether rounded to 32 bits]`, `int_range` or `log_int`
//! with `[low, high]`, `choice` with its values, or `weighted` with a list of `[value, weight]`.

use metalab_cas::Value;

use super::resolver::{Filter, ResolverRef};
use super::{Grid, List, ParamsError, Sample, Source};

impl Source {
    /// The source by value.
    pub fn describe(&self) -> Value {
        let variant = |name: &str, value| Value::Variant(name.to_owned(), Box::new(value));
        let all = |sources: &[Self]| Value::List(sources.iter().map(Self::describe).collect());
        match self {
            Self::Grid(grid) => grid.describe(),
            Self::List(list) => list.describe(),
            Self::Sample(sample) => sample.describe(),
            Self::Zip(sources) => variant("zip", all(sources)),
            Self::Product(sources) => variant("product", all(sources)),
            Self::Chain(sources) => variant("chain", all(sources)),
            Self::Filter(source, filter) => {
                let name = filter.name().map_or(Value::Null, Value::from);
                variant("filter", Value::List(vec![source.describe(), name]))
            }
            Self::Slice(source, start, end) => {
                let end = end.map_or(Value::Null, Value::from);
                variant("slice", Value::List(vec![source.describe(), Value::from(*start), end]))
            }
            Self::Resolve(source, argument, by) => {
                let names = [argument.as_str(), by.name].map(Value::from);
                variant("resolve", Value::List([source.describe()].into_iter().chain(names).collect()))
            }
            Self::Later(source) => variant("later", source.describe()),
            Self::Mixed { .. } => Value::Null,
        }
    }

    /// The source that [`Source::describe`] wrote.
    ///
    /// # Errors
    /// When it is no such value; when a resolver of its is not in this program, or a filter is a closure, which no
    /// program but the first one has; when it is the list of another step, which only the experiment knows.
    pub fn from_value(value: &Value) -> Result<Self, ParamsError> {
        let fault = |reason: &str| Err(ParamsError::Description { reason: reason.to_owned() });
        let Value::Variant(kind, inner) = value else { return fault("it is no variant") };
        if kind == "later" {
            return fault("it is a list that another step returns");
        }
        let unknown = || {
            format!(
                "`{kind}` is not known, or has other parts: use the metalab that wrote it, or a newer one"
            )
        };
        let Value::List(parts) = &**inner else { return fault(&unknown()) };
        let all = || parts.iter().map(Self::from_value).collect::<Result<Vec<_>, _>>();
        let found = match (kind.as_str(), parts.as_slice()) {
            ("grid", axes) => Grid::from_axes(axes).map(Self::Grid),
            ("list", rows) => Some(Self::List(List::of_rows(rows))),
            ("sample", parts) => Sample::from_parts(parts).map(Self::Sample),
            ("zip", _) => Some(Self::Zip(all()?)),
            ("product", _) => Some(Self::Product(all()?)),
            ("chain", _) => Some(Self::Chain(all()?)),
            ("filter", [_, Value::Null]) => {
                return fault(
                    "a filter of it is a closure, which only the program that wrote it has; register it by `#[metalab::resolver]`",
                );
            }
            ("filter", [source, Value::Text(name)]) => {
                let filter = Filter::Registered(ResolverRef::find(name)?);
                Some(Self::Filter(Box::new(Self::from_value(source)?), filter))
            }
            ("slice", [source, start, end]) => {
                let number = |value: &Value| value.clone().into_serde::<Option<u64>>().ok();
                match (number(start), number(end)) {
                    (Some(Some(start)), Some(end)) => {
                        Some(Self::Slice(Box::new(Self::from_value(source)?), start, end))
                    }
                    _ => None,
                }
            }
            ("resolve", [source, Value::Text(argument), Value::Text(name)]) => Some(Self::Resolve(
                Box::new(Self::from_value(source)?),
                argument.clone(),
                ResolverRef::find(name)?,
            )),
            _ => None,
        };
        found.map_or_else(|| fault(&unknown()), Ok)
    }
}
