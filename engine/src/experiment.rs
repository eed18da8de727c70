//! What is to be computed: a name, steps, seeds, contexts and free metadata.

use metalab_cas::Value;
use serde::Serialize;

use crate::context::Context;
use crate::operation::Contexts;
use crate::params::{IntoSweep, Sweep};
use crate::seeds::Seeds;

/// An experiment: what is asked for in one submission.
///
/// Name, version, tags and metadata are for people: they never enter the identity of a run, so two experiments
/// that need the same run share it.
///
/// ```
/// use metalab_engine::experiment::Experiment;
/// use metalab_engine::seeds::seeds;
/// let experiment = Experiment::new("pi_mc", "0.1").seeds(seeds(42).replicates(3)).tag("demo");
/// assert_eq!(experiment.name(), "pi_mc");
/// ```
#[derive(Clone, Debug)]
pub struct Experiment {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sweeps: Vec<Sweep>,
    pub(crate) seeds: Option<Seeds>,
    pub(crate) contexts: Contexts,
    pub(crate) tags: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Vec<(String, Result<Value, String>)>,
}

impl Experiment {
    /// An experiment without steps. Names are checked when it is planned.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            sweeps: Vec::new(),
            seeds: None,
            contexts: Contexts::default(),
            tags: Vec::new(),
            description: None,
            metadata: Vec::new(),
        }
    }

    /// Adds a step: an operation with its arguments. The same operation twice needs `.named(...)`.
    #[must_use]
    pub fn sweep(mut self, sweep: impl IntoSweep) -> Self {
        self.sweeps.push(sweep.into_sweep());
        self
    }

    /// The base seed and the number of replicates, for operations that borrow `&SeedBundle`.
    #[must_use]
    pub fn seeds(mut self, seeds: Seeds) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// Adds a context, for operations that borrow it. It enters the identity of exactly those.
    #[must_use]
    pub fn context<C: Context>(mut self, context: C) -> Self {
        self.contexts.insert(context);
        self
    }

    /// What the experiment is about.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds free metadata, kept with the submission.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = Value::from_serde(&value).map_err(|error| error.to_string());
        self.metadata.push((key.into(), value));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }
}
