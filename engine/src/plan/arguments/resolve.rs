//! From a parameter source to the arguments of a step.
//!
//! What is hashed is what the operation's own types write: an integer for a float argument is that float. Values of a
//! setter with the right type are so already, and a look at some of them tells; the rest is taken through the types.

use std::collections::BTreeMap;
use std::sync::Arc;

use metalab_cas::Value;
use metalab_cas::value::ValueError;

use super::{
    Arguments, Axis, Choice, Choices, Computed, Resolved, Through, defaults, encoded_key, write_map,
};
use crate::context::StatCache;
use crate::operation::Registered;
use crate::params::{
    Found, Params, ParamsError, Prepared, PreparedAxis, ResolverRef, Rows, Source, evaluate, prepare,
};
use crate::plan::{PlanError, files};

/// Arguments of a set by name.
type Entries = Vec<(Arc<str>, Value)>;

/// How many values of an axis are looked at to see whether the operation writes them as they are.
const LOOKS: usize = 8;

impl Arguments {
    pub(crate) fn resolve(
        operation: &Registered,
        source: &Source,
        files: &StatCache,
    ) -> Result<Self, PlanError> {
        let defaults = Arc::new(defaults(operation)?);
        if let Source::Later(_) | Source::Mixed { .. } = source {
            source.check()?;
            return Ok(Self::waiting(operation, defaults));
        }
        let prepared = prepare(source)?;
        let sets = prepared.sets()?;
        check_names(operation, &prepared)?;
        let layout = Layout::new(&prepared, sets);
        let found = layout.find(&prepared.resolved)?;
        let step = Step { operation, files, defaults: &defaults, first: layout.first(&found) };
        found.iter().try_for_each(|(name, by, found)| step.found(name, by, found, &layout))?;
        let is_plain = prepared.axes.iter().all(|axis| matches!(axis, PreparedAxis::Values { .. }));
        let resolved = found.into_iter().map(|(name, by, found)| step.resolved(name, by, found, &layout));
        let resolved: Vec<Resolved> = resolved.collect::<Result<_, _>>()?;
        let mut axes = Vec::with_capacity(prepared.axes.len());
        for (number, (axis, stride)) in prepared.axes.iter().zip(&layout.strides).enumerate() {
            axes.push((number, step.axis(axis, *stride)?));
        }
        if is_plain {
            axes.sort_by_cached_key(|(_, axis)| axis.names.first().map(|name| encoded_key(name)));
        }
        let mut swept: Vec<usize> = (0..axes.len()).filter(|at| axes[*at].1.swept).collect();
        swept.sort_by_key(|at| axes[*at].0);
        let axes: Vec<Axis> = axes.into_iter().map(|(_, axis)| axis).collect();
        let names = swept.iter().flat_map(|at| &axes[*at].names);
        let names = names.chain(resolved.iter().map(|resolved| &resolved.name));
        let coordinates = names.map(|name| name.to_string()).collect();
        let mut fixed = Vec::new();
        let of_fixed = axes.iter().filter(|axis| !axis.swept).filter_map(|axis| match &axis.choices {
            Choices::Listed(choices) => choices.first(),
            Choices::Computed(_) => None,
        });
        let mut of_fixed: Vec<&Choice> = of_fixed.collect();
        of_fixed.sort_by(|a, b| a.entries.cmp(&b.entries));
        write_map(of_fixed.into_iter(), &mut fixed);
        let is_plain = is_plain && resolved.is_empty();
        Ok(Self { axes, swept, resolved, sets, coordinates, fixed, is_plain, defaults: defaults.clone() })
    }

    /// Nothing is known yet; the step is planned again when the list is there.
    fn waiting(operation: &Registered, defaults: Arc<BTreeMap<&'static str, Value>>) -> Self {
        let names = operation.description().parameters.iter().map(|parameter| parameter.name);
        let coordinates: Vec<String> = names.clone().map(str::to_owned).collect();
        let choices = Choices::Listed(Vec::new());
        Self {
            axes: vec![Axis {
                names: names.map(Arc::from).collect(),
                choices,
                length: 0,
                stride: 1,
                swept: true,
            }],
            swept: vec![0],
            resolved: Vec::new(),
            sets: 0,
            coordinates,
            fixed: Vec::new(),
            is_plain: true,
            defaults,
        }
    }
}

/// Where each axis of a source stands in the number of a set.
struct Layout<'a> {
    axes: &'a [PreparedAxis],
    strides: Vec<u64>,
    sets: u64,
}

/// What a resolver found for an argument.
type FoundArgument = (Arc<str>, ResolverRef, Found);

impl<'a> Layout<'a> {
    fn new(prepared: &'a Prepared, sets: u64) -> Self {
        let mut stride = sets.max(1);
        let strides = prepared.axes.iter().map(|axis| {
            stride = (stride / axis.len().max(1)).max(1);
            stride
        });
        Self { axes: &prepared.axes, strides: strides.collect(), sets }
    }

    /// A set as the source writes it.
    fn set(&self, set: u64, found: &[FoundArgument]) -> Entries {
        let mut entries = Vec::new();
        for (axis, stride) in self.axes.iter().zip(&self.strides) {
            let at = set / stride % axis.len().max(1);
            match axis {
                PreparedAxis::Values { name, values, .. } => {
                    entries.push((name.clone(), values[at as usize].clone()));
                }
                PreparedAxis::Rows(rows) => rows.fill(at, &mut entries),
            }
        }
        let found = found.iter().filter_map(|(name, _, found)| Some((name.clone(), found.at(set)?.clone())));
        entries.extend(found);
        entries
    }

    fn first(&self, found: &[FoundArgument]) -> Entries {
        if self.sets == 0 { Vec::new() } else { self.set(0, found) }
    }

    /// Asks the resolvers, each of which sees what those before it found.
    fn find(&self, resolved: &[(String, ResolverRef)]) -> Result<Vec<FoundArgument>, ParamsError> {
        let mut all: Vec<FoundArgument> = Vec::with_capacity(resolved.len());
        for (argument, by) in resolved {
            let found = Found::new(argument, by, self.sets, |at| Params::of(self.set(at, &all)))?;
            all.push((argument.as_str().into(), *by, found));
        }
        Ok(all)
    }
}

/// What choices are made with.
struct Step<'a> {
    operation: &'a Registered,
    files: &'a StatCache,
    defaults: &'a BTreeMap<&'static str, Value>,
    /// The first set as the source writes it: the operation's types want a whole set.
    first: Entries,
}

impl Step<'_> {
    fn axis(&self, axis: &PreparedAxis, stride: u64) -> Result<Axis, PlanError> {
        let length = axis.len();
        let (names, choices, swept) = match axis {
            PreparedAxis::Values { name, values, is_fixed } => {
                let values = self.values(name, values)?.into_iter();
                let choices = values.map(|value| self.choice(vec![(name.clone(), value)]));
                (vec![name.clone()], Choices::Listed(choices.collect::<Result<_, _>>()?), !is_fixed)
            }
            PreparedAxis::Rows(rows) => (self.in_order(rows), self.rows(rows)?, true),
        };
        Ok(Axis { names, choices, length, stride, swept })
    }

    /// Names of arguments in the order of the operation.
    fn in_order(&self, rows: &Rows) -> Vec<Arc<str>> {
        let parameters = self.operation.description().parameters.iter();
        let place = |parameter: &crate::operation::ParameterInfo| {
            rows.names().iter().find(|name| ***name == *parameter.name).cloned()
        };
        parameters.filter_map(place).collect()
    }

    fn choice(&self, arguments: Entries) -> Result<Choice, PlanError> {
        Choice::new(arguments, self.defaults, Some(self.files))
    }

    /// The values of one argument as the operation's own types write them.
    fn values(&self, name: &Arc<str>, values: &[Value]) -> Result<Vec<Value>, PlanError> {
        let typed = |value: &Value| {
            let typed = self.through_types(name, value);
            typed.map_err(|(fault, error)| PlanError::from(ParamsError::value(&fault, &error)))
        };
        let looks = values.iter().take(LOOKS);
        if looks.clone().map(typed).zip(looks).all(|(typed, value)| typed.is_ok_and(|typed| typed == *value))
        {
            return Ok(values.to_vec());
        }
        values.iter().map(typed).collect()
    }

    /// One argument as the operation's own types write it, the others as in the first set. With an error comes the
    /// argument at fault.
    fn through_types(&self, name: &str, value: &Value) -> Result<Value, (String, ValueError)> {
        let others = self.first.iter().filter(|(other, _)| **other != *name);
        let mut set: Vec<(&str, &Value)> = others.map(|(name, value)| (&**name, value)).collect();
        set.push((name, value));
        let whole = self.operation.normalise(&set);
        let whole =
            whole.map_err(|error| (self.operation.fault(&set).unwrap_or_else(|| name.to_owned()), error))?;
        let Value::Map(mut whole) = whole else { return Ok(value.clone()) };
        Ok(whole.remove(name).unwrap_or_else(|| value.clone()))
    }

    fn rows(&self, rows: &Rows) -> Result<Choices, PlanError> {
        let others = self.first.iter().filter(|(name, _)| !rows.names().contains(name)).cloned().collect();
        let needed =
            rows.names().iter().filter(|name| !self.defaults.contains_key(&***name)).cloned().collect();
        let through = Through { operation: self.operation.clone(), others: Arc::new(others), needed };
        let differs = match rows.probes() {
            Some(mut probes) => probes.try_fold(false, |differs, (name, values)| {
                let typed = self.values(name, &values)?;
                Ok::<_, PlanError>(differs || typed != values)
            })?,
            None if rows.is_typed => false,
            None => {
                let each = evaluate(rows.len(), |at| {
                    let mut raw = Vec::with_capacity(rows.names().len());
                    rows.fill(at, &mut raw);
                    self.complete(rows, at, &raw)?;
                    through.normalise(at, raw.clone()).map(|typed| typed != raw)
                })?;
                each.contains(&true)
            }
        };
        let computed = Computed { rows: rows.clone(), through: differs.then_some(through) };
        if !rows.any(files::mentions_path) {
            return Ok(Choices::Computed(computed));
        }
        // What paths point at is looked up once.
        let choices = (0..rows.len()).map(|at| self.choice(computed.arguments(at)?));
        Ok(Choices::Listed(choices.collect::<Result<_, _>>()?))
    }

    /// Refuses a set that lacks an argument, if the source gives that argument to other sets.
    fn complete(&self, rows: &Rows, at: u64, set: &Entries) -> Result<(), ParamsError> {
        let is_given = |name: &str| set.iter().any(|(other, _)| **other == *name);
        let needed = self.operation.description().parameters.iter();
        let mut needed = needed.filter(|parameter| {
            parameter.default.is_none()
                && !parameter.type_name.starts_with("Option")
                && rows.names().iter().any(|name| **name == *parameter.name)
        });
        match needed.find(|parameter| !is_given(parameter.name)) {
            None => Ok(()),
            Some(parameter) => {
                let reason = format!("argument `{}` is missing, and has no default", parameter.name);
                Err(ParamsError::Set { at, set: shown(set), reason })
            }
        }
    }

    /// Refuses a resolver that finds nothing for an argument that must have a value.
    fn found(
        &self,
        name: &str,
        by: &ResolverRef,
        found: &Found,
        layout: &Layout<'_>,
    ) -> Result<(), ParamsError> {
        let parameter = self.operation.description().parameters.iter().find(|one| one.name == name);
        let may_be_left_out =
            parameter.is_some_and(|one| one.default.is_some() || one.type_name.starts_with("Option"));
        match found.values.iter().position(Option::is_none).filter(|_| !may_be_left_out) {
            None => Ok(()),
            Some(number) => {
                let reason = "it found nothing, and the argument has no default";
                Err(resolver_error(name, by, found, number, layout, reason.into()))
            }
        }
    }

    /// The choices of an argument that a resolver found.
    fn resolved(
        &self,
        name: Arc<str>,
        by: ResolverRef,
        found: Found,
        layout: &Layout<'_>,
    ) -> Result<Resolved, PlanError> {
        let choice = |(number, value): (usize, &Option<Value>)| {
            let Some(value) = value else { return self.choice(self.left_out(&name)) };
            let typed = self.through_types(&name, value).map_err(|(fault, error)| match fault == *name {
                true => {
                    let reason = format!("it found {value}: {error}");
                    resolver_error(&name, &by, &found, number, layout, reason)
                }
                false => ParamsError::value(&fault, &error),
            })?;
            self.choice(vec![(name.clone(), typed)])
        };
        let choices = found.values.iter().enumerate().map(choice).collect::<Result<_, _>>()?;
        Ok(Resolved { choices, of_set: Arc::new(found.of_set), name })
    }

    /// What the operation is called with when an argument has no value: its default, or null.
    fn left_out(&self, name: &Arc<str>) -> Entries {
        match self.defaults.contains_key(&**name) {
            true => Vec::new(),
            false => vec![(name.clone(), Value::Null)],
        }
    }
}

fn resolver_error(
    argument: &str,
    by: &ResolverRef,
    found: &Found,
    number: usize,
    layout: &Layout<'_>,
    reason: String,
) -> ParamsError {
    let first = found.of_set.iter().position(|of| *of as usize == number);
    let at = first.unwrap_or_default() as u64;
    let set = shown(&layout.set(at, &[]));
    ParamsError::Resolver { argument: argument.to_owned(), resolver: by.name.to_owned(), at, set, reason }
}

impl Through {
    /// The arguments of a set as the operation's own types write them.
    pub(super) fn normalise(&self, at: u64, arguments: Entries) -> Result<Entries, ParamsError> {
        let all = self.others.iter().chain(&arguments);
        let set: Vec<(&str, &Value)> = all.map(|(name, value)| (&**name, value)).collect();
        let whole = self.operation.normalise(&set).map_err(|error| {
            let fault = self.operation.fault(&set).map(|name| format!("argument `{name}`: "));
            let reason = format!("{}{error}", fault.unwrap_or_default());
            ParamsError::Set { at, set: shown(&arguments), reason }
        })?;
        let Value::Map(mut whole) = whole else { return Ok(arguments) };
        let mut typed = arguments;
        for (name, value) in &mut typed {
            if let Some(typed) = whole.remove(name) {
                *value = typed;
            }
        }
        // One that is left out is the same call as one that is given `None`.
        let left_out = self.needed.iter().filter_map(|name| Some((name.clone(), whole.remove(name)?)));
        typed.extend(left_out);
        Ok(typed)
    }
}

fn shown(set: &Entries) -> String {
    Params::of(set.clone()).to_string()
}

fn check_names(operation: &Registered, prepared: &Prepared) -> Result<(), PlanError> {
    let description = operation.description();
    let mut missing: Vec<_> =
        description.parameters.iter().filter(|p| p.default.is_none()).map(|p| p.name).collect();
    for name in prepared.names() {
        if !description.parameters.iter().any(|parameter| parameter.name == name) {
            let known: Vec<_> = description.parameters.iter().map(|p| format!("`{}`", p.name)).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            let (argument, operation) = (name.to_owned(), description.full_name());
            return Err(ParamsError::Unknown { argument, operation, known }.into());
        }
        missing.retain(|other| *other != name);
    }
    // A list that another step returned may have nothing in it.
    match missing.first().filter(|_| prepared.axes.iter().all(|axis| axis.len() > 0)) {
        Some(name) => {
            Err(ParamsError::Missing { argument: (*name).into(), operation: description.full_name() }.into())
        }
        None => Ok(()),
    }
}
