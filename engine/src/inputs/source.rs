//! Where an input comes from, without its type.

use metalab_cas::{Digest, Value};

use super::Missing;

/// Where one input of a step comes from.
#[derive(Clone, Debug)]
pub struct InputSource {
    /// The step or the stored thing.
    pub(crate) origin: Origin,
    /// A named artifact instead of the return value.
    pub(crate) artifact: Option<String>,
    /// How its cells meet those of the other inputs.
    pub(crate) join: Join,
    /// Many values instead of one.
    pub(crate) gather: Option<GatherSource>,
}

/// The step or the stored thing that an input comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A step of the same experiment, by its handle.
    Step {
        /// Which experiment made the handle.
        experiment: u64,
        /// Number of the step in it.
        step: usize,
        /// Name of the step, for messages.
        name: String,
    },
    /// A step of the same experiment, by name.
    Named(String),
    /// A finished run of the store, by its id or the first digits of it.
    Run(String),
    /// A value of the store.
    Digest(Digest),
    /// A pinned value of the store.
    Pin(String),
}

/// How the cells of an input meet those of the inputs before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// On the coordinates they share; all combinations of the others.
    #[default]
    Natural,
    /// All combinations, shared coordinates included.
    Cross,
    /// The first with the first, the second with the second, over the coordinates they do not share.
    Zip,
}

/// Which values of a step are gathered.
#[derive(Clone, Debug)]
pub struct GatherSource {
    pub(crate) axes: Axes,
    pub(crate) missing: Missing,
}

/// The axes that a gather removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// All of them, replicates included.
    All,
    /// These.
    Over(Vec<String>),
    /// All but these.
    By(Vec<String>),
}

impl InputSource {
    pub(crate) fn of(origin: Origin) -> Self {
        Self { origin, artifact: None, join: Join::Natural, gather: None }
    }

    /// The source by value, as a submission keeps it.
    pub(crate) fn describe(&self) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        let (kind, from) = match &self.origin {
            Origin::Step { name, .. } | Origin::Named(name) => ("step", text(name)),
            Origin::Run(run) => ("run", text(run)),
            Origin::Digest(digest) => ("digest", Value::Bytes(digest.as_bytes().to_vec())),
            Origin::Pin(name) => ("pin", text(name)),
        };
        let join = match self.join {
            Join::Natural => "natural",
            Join::Cross => "cross",
            Join::Zip => "zip",
        };
        let gather = self.gather.as_ref().map_or(Value::Null, GatherSource::describe);
        let artifact = self.artifact.as_deref().map_or(Value::Null, text);
        Value::List(vec![Value::Variant(kind.into(), Box::new(from)), artifact, text(join), gather])
    }
}

impl GatherSource {
    fn describe(&self) -> Value {
        let names = |names: &[String]| Value::List(names.iter().cloned().map(Value::Text).collect());
        let axes = match &self.axes {
            Axes::All => Value::Variant("all".into(), Box::new(Value::Null)),
            Axes::Over(axes) => Value::Variant("over".into(), Box::new(names(axes))),
            Axes::By(axes) => Value::Variant("by".into(), Box::new(names(axes))),
        };
        Value::List(vec![axes, Value::Text(self.missing.to_string())])
    }
}
