//! Arguments of a step, resolved so that each run costs little.

mod choice;
mod resolve;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use metalab_cas::{Map, Value};

use self::choice::Choice;
use super::PlanError;
use crate::context::Watched;
use crate::operation::Registered;
use crate::params::{ParamsError, Rows};
use crate::recipe::uvar;
use crate::record::Shown;

const MAP: u8 = 0x09;

/// All parameter sets of a step by index: a set takes one choice from each axis.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    axes: Vec<Axis>,
    /// The swept ones among them, slowest first.
    swept: Vec<usize>,
    /// Arguments that are functions of the set.
    resolved: Vec<Resolved>,
    sets: u64,
    /// Names of the swept arguments, slowest first.
    pub(crate) coordinates: Vec<String>,
    /// Canonical map of the arguments equal in all sets.
    pub(crate) fixed: Vec<u8>,
    /// Each axis is one listed argument, and they are in the order of the canonical map: the entries of the choices
    /// need only be written one after another.
    is_plain: bool,
    defaults: Arc<BTreeMap<&'static str, Value>>,
}

/// A coordinate of a step, or an argument that is equal in all sets.
#[derive(Clone, Debug)]
struct Axis {
    /// Names of its arguments.
    names: Vec<Arc<str>>,
    choices: Choices,
    length: u64,
    /// Sets until the next choice.
    stride: u64,
    swept: bool,
}

#[derive(Clone, Debug)]
enum Choices {
    Listed(Vec<Choice>),
    Computed(Computed),
}

/// Choices that are made when they are asked for. They were all looked at once, or are of a kind that needs no look.
#[derive(Clone, Debug)]
struct Computed {
    rows: Rows,
    /// The operation and the first set, where the operation's types write values otherwise than the source.
    through: Option<Through>,
}

/// What takes values through the operation's own types.
#[derive(Clone, Debug)]
struct Through {
    operation: Registered,
    /// Arguments of other axes, for the types want a whole set.
    others: Arc<Vec<(Arc<str>, Value)>>,
    /// Arguments of this axis that have no default: where a set leaves one out, the types say what it is.
    needed: Arc<[Arc<str>]>,
}

/// An argument that a resolver has found: the choice of each set.
#[derive(Clone, Debug)]
struct Resolved {
    name: Arc<str>,
    choices: Vec<Choice>,
    of_set: Arc<Vec<u32>>,
}

impl Computed {
    fn arguments(&self, at: u64) -> Result<Vec<(Arc<str>, Value)>, ParamsError> {
        let mut arguments = Vec::with_capacity(self.rows.names().len());
        self.rows.fill(at, &mut arguments);
        match &self.through {
            None => Ok(arguments),
            Some(through) => through.normalise(at, arguments),
        }
    }
}

impl Axis {
    fn choice<'a>(&'a self, at: u64, defaults: &BTreeMap<&'static str, Value>) -> Cow<'a, Choice> {
        match &self.choices {
            Choices::Listed(choices) => Cow::Borrowed(&choices[at as usize]),
            Choices::Computed(computed) => {
                // What fails here failed when the experiment was planned, which then ended.
                let arguments = computed.arguments(at).unwrap_or_default();
                Cow::Owned(Choice::new(arguments, defaults, None).unwrap_or_default())
            }
        }
    }
}

impl Arguments {
    /// The number of parameter sets.
    pub(crate) fn sets(&self) -> u64 {
        self.sets
    }

    /// Names and length of each swept axis, slowest first.
    pub(crate) fn own_axes(&self) -> Vec<(Vec<String>, u64)> {
        let axis = |at: &usize| {
            let axis = &self.axes[*at];
            (axis.names.iter().map(|name| name.to_string()).collect(), axis.length)
        };
        self.swept.iter().map(axis).collect()
    }

    /// The arguments at a coordinate of a swept axis, by content, in the order of their names in [`Self::own_axes`].
    pub(crate) fn coordinate(&self, axis: usize, at: u64) -> Vec<Value> {
        let axis = &self.axes[self.swept[axis]];
        let choice = axis.choice(at, &self.defaults);
        axis.names.iter().map(|name| choice.by_content(name)).collect()
    }

    /// A parameter set.
    pub(crate) fn set(&self, set: u64) -> Set<'_> {
        let axes = self.axes.iter().map(|axis| {
            let at = set / axis.stride % axis.length;
            (axis.swept, axis.choice(at, &self.defaults))
        });
        let resolved = self.resolved.iter().map(|resolved| {
            let number = resolved.of_set[set as usize];
            (true, Cow::Borrowed(&resolved.choices[number as usize]))
        });
        Set { choices: axes.chain(resolved).collect(), is_plain: self.is_plain }
    }

    /// The canonical map that is hashed; nothing at all for a set without arguments.
    pub(crate) fn identity(&self, set: u64, out: &mut Vec<u8>) {
        if !self.is_plain {
            return self.set(set).write(|_| true, out);
        }
        out.clear();
        write_map(
            self.axes.iter().filter_map(|axis| match &axis.choices {
                Choices::Listed(choices) => choices.get((set / axis.stride % axis.length) as usize),
                Choices::Computed(_) => None,
            }),
            out,
        );
    }

    /// The arguments that are equal in all sets.
    pub(crate) fn call_fixed(&self) -> Vec<(&str, &Value)> {
        let fixed = self.axes.iter().filter(|axis| !axis.swept);
        let listed = fixed.filter_map(|axis| match &axis.choices {
            Choices::Listed(choices) => choices.first(),
            Choices::Computed(_) => None,
        });
        listed.flat_map(|choice| choice.arguments.iter().map(|(name, value)| (&**name, value))).collect()
    }

    /// Whether two sets may be the same run: files and folders may be equal, and what is drawn or put together may
    /// come twice.
    pub(crate) fn may_repeat(&self) -> bool {
        self.axes.iter().any(|axis| match &axis.choices {
            Choices::Listed(choices) => choices.iter().any(|choice| !choice.watched.is_empty()),
            Choices::Computed(computed) => !computed.rows.is_typed || computed.rows.probes().is_some(),
        })
    }
}

/// One parameter set.
#[derive(Debug)]
pub(crate) struct Set<'a> {
    /// With each, whether it is swept.
    choices: Vec<(bool, Cow<'a, Choice>)>,
    is_plain: bool,
}

impl Set<'_> {
    /// The canonical map of the swept arguments, as the record keeps it.
    pub(crate) fn swept(&self, out: &mut Vec<u8>) {
        self.write(|swept| swept, out);
    }

    fn write(&self, wanted: impl Fn(bool) -> bool + Copy, out: &mut Vec<u8>) {
        out.clear();
        let choices = self.choices.iter().filter(|(swept, _)| wanted(*swept)).map(|(_, choice)| &**choice);
        if self.is_plain {
            return write_map(choices, out);
        }
        let mut entries: Vec<_> = choices.flat_map(Choice::keyed).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        if !entries.is_empty() {
            out.push(MAP);
            uvar(entries.len() as u64, out);
            entries.iter().for_each(|(_, entry)| out.extend_from_slice(entry));
        }
    }

    /// What the operation is called with.
    pub(crate) fn call(&self) -> Vec<(&str, &Value)> {
        self.arguments(|_| true)
    }

    /// The same, only what is swept.
    pub(crate) fn call_swept(&self) -> Vec<(&str, &Value)> {
        self.arguments(|swept| swept)
    }

    fn arguments(&self, wanted: impl Fn(bool) -> bool) -> Vec<(&str, &Value)> {
        let choices = self.choices.iter().filter(|(swept, _)| wanted(*swept));
        choices
            .flat_map(|(_, choice)| choice.arguments.iter().map(|(name, value)| (&**name, value)))
            .collect()
    }

    /// Files and folders among the arguments.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Watched> {
        self.choices.iter().flat_map(|(_, choice)| &choice.watched)
    }

    /// Their paths as the user wrote them.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.choices.iter().flat_map(|(_, choice)| choice.shown.iter().cloned()).collect()
    }
}

/// A map is written only when it has entries: an absent field and an empty map must not be two forms.
fn write_map<'a>(choices: impl Iterator<Item = &'a Choice> + Clone, out: &mut Vec<u8>) {
    let count: u64 = choices.clone().map(Choice::count).sum();
    if count > 0 {
        out.push(MAP);
        uvar(count, out);
        choices.for_each(|choice| out.extend_from_slice(&choice.entries));
    }
}

fn encoded_key(name: &str) -> Vec<u8> {
    Value::Text(name.to_owned()).to_bytes().expect("text always encodes")
}

/// The declared defaults of an operation by argument.
pub(super) fn defaults(operation: &Registered) -> Result<BTreeMap<&'static str, Value>, PlanError> {
    let parameters = operation.description().parameters.iter();
    let defaults = parameters.filter_map(|parameter| Some((parameter.name, parameter.default?)));
    defaults
        .map(|(name, default)| Ok((name, default().map_err(|error| ParamsError::value(name, &error))?)))
        .collect()
}

/// The canonical map of the defaults, as the template keeps it.
pub(super) fn defaults_map(operation: &Registered) -> Result<Vec<u8>, PlanError> {
    let defaults = defaults(operation)?;
    if defaults.is_empty() {
        return Ok(Vec::new());
    }
    let entries = defaults.into_iter().map(|(name, value)| (Value::Text(name.to_owned()), value));
    let map = Map::from_entries(entries).map_err(|error| ParamsError::value("default", &error))?;
    Value::Map(map).to_bytes().map_err(|error| ParamsError::value("default", &error).into())
}
