//! Arguments of a step, resolved once so that each run costs a few copies.

use std::collections::BTreeMap;

use metalab_cas::{Map, Value};

use super::PlanError;
use crate::context::{StatCache, Watched};
use crate::operation::Registered;
use crate::params::{Grid, List, ParamsError, Source};
use crate::recipe::uvar;
use crate::record::Shown;

const MAP: u8 = 0x09;

/// All parameter sets of a step by index.
///
/// A set takes one choice from each axis. A grid has one argument per axis, a list is a single axis whose
/// choices hold whole sets; in both cases the concatenated entries are in the order of the canonical map.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    axes: Vec<Axis>,
    /// The swept ones among them, slowest first.
    swept: Vec<usize>,
    sets: u64,
    /// Names of the swept arguments, slowest first.
    pub(crate) coordinates: Vec<String>,
    /// Canonical map of the arguments equal in all sets.
    pub(crate) fixed: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Axis {
    choices: Vec<Choice>,
    /// Sets until the next choice.
    stride: u64,
    swept: bool,
}

/// One value of an axis.
#[derive(Clone, Debug)]
struct Choice {
    /// What the operation is called with.
    arguments: Vec<(String, Value)>,
    /// Those of them that are paths or have paths inside, by content.
    contents: Vec<(String, Value)>,
    /// What is hashed: canonical entries, without those equal to their default.
    entries: Vec<u8>,
    count: u64,
    watched: Vec<Watched>,
    shown: Vec<Shown>,
}

impl Arguments {
    pub(crate) fn resolve(
        operation: &Registered,
        source: &Source,
        files: &StatCache,
    ) -> Result<Self, PlanError> {
        let sets = source.check()?;
        match source {
            Source::Grid(grid) => Self::of_grid(operation, grid, sets, files),
            Source::List(list) => Self::of_list(operation, list, sets, files),
            // Nothing is known yet; the step is planned again when the list is there.
            Source::Later(_) | Source::Mixed { .. } => Ok(Self {
                axes: vec![Axis { choices: Vec::new(), stride: 1, swept: true }],
                swept: vec![0],
                sets: 0,
                coordinates: operation.description().parameters.iter().map(|p| p.name.to_owned()).collect(),
                fixed: Vec::new(),
            }),
        }
    }

    fn of_grid(operation: &Registered, grid: &Grid, sets: u64, files: &StatCache) -> Result<Self, PlanError> {
        check_names(operation, grid.axes().map(|(name, ..)| name))?;
        let resolver = Resolver::new(operation, files)?;
        let mut axes = Vec::new();
        let mut coordinates = Vec::new();
        let mut stride = sets;
        for (number, (name, values, is_fixed)) in grid.axes().enumerate() {
            stride /= values.len() as u64;
            let values = normalised(operation, grid, number, name, values)?;
            let choices = values.into_iter().map(|value| resolver.choice(vec![(name.to_owned(), value)]));
            let axis = Axis { choices: choices.collect::<Result<_, _>>()?, stride, swept: !is_fixed };
            if axis.swept {
                coordinates.push(name.to_owned());
            }
            axes.push((encoded_key(name), axis));
        }
        axes.sort_by(|a, b| a.0.cmp(&b.0));
        let axes: Vec<_> = axes.into_iter().map(|(_, axis)| axis).collect();
        let mut swept: Vec<usize> = (0..axes.len()).filter(|at| axes[*at].swept).collect();
        // Axes of one value share their stride with the next: the order of the names decides.
        let place = |at: &usize| {
            let name = axes[*at].choices[0].arguments[0].0.as_str();
            coordinates.iter().position(|coordinate| coordinate == name)
        };
        swept.sort_by_key(place);
        let mut fixed = Vec::new();
        write_map(axes.iter().filter(|axis| !axis.swept).map(|axis| &axis.choices[0]), &mut fixed);
        Ok(Self { axes, swept, sets, coordinates, fixed })
    }

    fn of_list(operation: &Registered, list: &List, sets: u64, files: &StatCache) -> Result<Self, PlanError> {
        let resolver = Resolver::new(operation, files)?;
        let names: Vec<_> = operation.description().parameters.iter().map(|p| p.name.to_owned()).collect();
        let mut choices = Vec::with_capacity(list.rows().len());
        for row in list.rows() {
            let Value::Map(row) = row else {
                let reason = "a parameter set must be a struct or map of arguments".to_owned();
                return Err(ParamsError::Value { argument: "list".into(), reason }.into());
            };
            let given: Vec<_> = row
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone())))
                .collect();
            check_names(operation, given.iter().map(|(name, _)| name.as_str()))?;
            choices.push(resolver.choice(given)?);
        }
        Ok(Self {
            axes: vec![Axis { choices, stride: 1, swept: true }],
            swept: vec![0],
            sets,
            coordinates: names,
            fixed: Vec::new(),
        })
    }

    /// The number of parameter sets.
    pub(crate) fn sets(&self) -> u64 {
        self.sets
    }

    /// Names and length of each swept axis, slowest first.
    pub(crate) fn own_axes(&self) -> Vec<(Vec<String>, u64)> {
        let axis = |at: &usize| {
            let choices = &self.axes[*at].choices;
            let names = match choices.first() {
                Some(first) => first.arguments.iter().map(|(name, _)| name.clone()).collect(),
                None => self.coordinates.clone(),
            };
            (names, choices.len() as u64)
        };
        self.swept.iter().map(axis).collect()
    }

    /// The arguments at a coordinate of a swept axis, by content, in the order of their names in [`Self::own_axes`].
    pub(crate) fn coordinate(&self, axis: usize, at: u64) -> Vec<Value> {
        let axis = &self.axes[self.swept[axis]];
        let names = axis.choices[0].arguments.iter().map(|(name, _)| name);
        let choice = &axis.choices[at as usize];
        let by_content = |name: &String| {
            let all = choice.contents.iter().chain(&choice.arguments);
            all.into_iter().find(|(other, _)| other == name).map_or(Value::Null, |(_, value)| value.clone())
        };
        names.map(by_content).collect()
    }

    fn choices(&self, set: u64) -> impl Iterator<Item = (&Axis, &Choice)> + Clone {
        self.axes.iter().map(move |axis| {
            let number = set / axis.stride % axis.choices.len() as u64;
            (axis, &axis.choices[number as usize])
        })
    }

    /// The canonical map that is hashed; nothing at all for a set without arguments.
    pub(crate) fn identity(&self, set: u64, out: &mut Vec<u8>) {
        out.clear();
        write_map(self.choices(set).map(|(_, choice)| choice), out);
    }

    /// The canonical map of the swept arguments, as the record keeps it.
    pub(crate) fn swept(&self, set: u64, out: &mut Vec<u8>) {
        out.clear();
        write_map(self.choices(set).filter(|(axis, _)| axis.swept).map(|(_, choice)| choice), out);
    }

    /// What the operation is called with.
    pub(crate) fn call<'a>(&'a self, set: u64, out: &mut Vec<(&'a str, &'a Value)>) {
        out.clear();
        for (_, choice) in self.choices(set) {
            out.extend(choice.arguments.iter().map(|(name, value)| (name.as_str(), value)));
        }
    }

    /// The same, only those that are swept, or only those that are not.
    pub(crate) fn call_part<'a>(&'a self, set: u64, swept: bool, out: &mut Vec<(&'a str, &'a Value)>) {
        out.clear();
        for (_, choice) in self.choices(set).filter(|(axis, _)| axis.swept == swept) {
            out.extend(choice.arguments.iter().map(|(name, value)| (name.as_str(), value)));
        }
    }

    /// Files and folders among the arguments.
    pub(crate) fn watched(&self, set: u64) -> impl Iterator<Item = &Watched> {
        self.choices(set).flat_map(|(_, choice)| &choice.watched)
    }

    /// Whether files or folders are among them at all.
    pub(crate) fn mentions_paths(&self) -> bool {
        self.axes.iter().any(|axis| axis.choices.iter().any(|choice| !choice.watched.is_empty()))
    }

    /// Their paths as the user wrote them.
    pub(crate) fn shown(&self, set: u64) -> Vec<Shown> {
        self.choices(set).flat_map(|(_, choice)| choice.shown.iter().cloned()).collect()
    }
}

/// A map is written only when it has entries: an absent field and an empty map must not be two forms.
fn write_map<'a>(choices: impl Iterator<Item = &'a Choice> + Clone, out: &mut Vec<u8>) {
    let count: u64 = choices.clone().map(|choice| choice.count).sum();
    if count > 0 {
        out.push(MAP);
        uvar(count, out);
        choices.for_each(|choice| out.extend_from_slice(&choice.entries));
    }
}

fn encoded_key(name: &str) -> Vec<u8> {
    Value::Text(name.to_owned()).to_bytes().expect("text always encodes")
}

fn check_names<'a>(operation: &Registered, given: impl Iterator<Item = &'a str>) -> Result<(), PlanError> {
    let description = operation.description();
    let mut missing: Vec<_> =
        description.parameters.iter().filter(|p| p.default.is_none()).map(|p| p.name).collect();
    for name in given {
        if !description.parameters.iter().any(|parameter| parameter.name == name) {
            let known: Vec<_> = description.parameters.iter().map(|p| format!("`{}`", p.name)).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            let (argument, operation) = (name.to_owned(), description.full_name());
            return Err(ParamsError::Unknown { argument, operation, known }.into());
        }
        missing.retain(|other| *other != name);
    }
    match missing.first() {
        Some(name) => {
            Err(ParamsError::Missing { argument: (*name).into(), operation: description.full_name() }.into())
        }
        None => Ok(()),
    }
}

/// The values of an axis as the operation's own types write them.
///
/// A setter of the right type has written them so already; the first value tells. If it differs (an integer for
/// a float, a field with `#[serde(with)]`), all values of the axis are taken through the types.
fn normalised(
    operation: &Registered,
    grid: &Grid,
    number: usize,
    name: &str,
    values: &[Value],
) -> Result<Vec<Value>, PlanError> {
    let mut set: Vec<(&str, &Value)> = grid.axes().map(|(name, values, _)| (name, &values[0])).collect();
    let mut through_types = |value| -> Result<Value, PlanError> {
        set[number].1 = value;
        let whole = operation.normalise(&set).map_err(|error| ParamsError::value(name, &error))?;
        let Value::Map(mut whole) = whole else { return Ok(value.clone()) };
        Ok(whole.remove(name).unwrap_or_else(|| value.clone()))
    };
    if values
        .iter()
        .take(8)
        .map(&mut through_types)
        .zip(values)
        .all(|(typed, value)| matches!(typed, Ok(typed) if typed == *value))
    {
        return Ok(values.to_vec());
    }
    values.iter().map(through_types).collect()
}

struct Resolver<'a> {
    files: &'a StatCache,
    /// Encoded default of each argument that has one.
    defaults: BTreeMap<&'static str, Value>,
}

impl<'a> Resolver<'a> {
    fn new(operation: &Registered, files: &'a StatCache) -> Result<Self, PlanError> {
        Ok(Self { files, defaults: defaults(operation)? })
    }

    fn choice(&self, arguments: Vec<(String, Value)>) -> Result<Choice, PlanError> {
        let mut choice = Choice {
            arguments,
            contents: Vec::new(),
            entries: Vec::new(),
            count: 0,
            watched: Vec::new(),
            shown: Vec::new(),
        };
        let mut entries = Vec::with_capacity(choice.arguments.len());
        for (name, value) in &choice.arguments {
            if self.defaults.get(name.as_str()) == Some(value) {
                continue;
            }
            let mut entry = encoded_key(name);
            let key = entry.len();
            if super::files::mentions_path(value) {
                let (content, watched) = self.files.resolve(value, name)?;
                choice.watched.extend(watched);
                super::files::shown_paths(name, value, &mut choice.shown);
                content.encode(&mut entry).map_err(|error| ParamsError::value(name, &error))?;
                choice.contents.push((name.clone(), content));
            } else {
                value.encode(&mut entry).map_err(|error| ParamsError::value(name, &error))?;
            }
            entries.push((key, entry));
        }
        entries.sort_by(|(a, x), (b, y)| x[..*a].cmp(&y[..*b]));
        choice.count = entries.len() as u64;
        entries.iter().for_each(|(_, entry)| choice.entries.extend_from_slice(entry));
        Ok(choice)
    }
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
