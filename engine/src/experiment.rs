//! What is to be computed: a name, steps, seeds, contexts and free metadata.

use std::sync::atomic::{AtomicU64, Ordering};

use metalab_cas::Value;
use serde::Serialize;

use crate::context::Context;
use crate::derived::{Derive, DerivedFunction};
use crate::inputs::Step;
use crate::operation::Contexts;
use crate::params::{IntoSweep, StepSpec};
use crate::seeds::Seeds;
use crate::tags::{Case, TagRule};

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
    /// Tells the handles of this experiment's steps from those of others.
    pub(crate) id: u64,
    pub(crate) specs: Vec<StepSpec>,
    pub(crate) seeds: Option<Seeds>,
    pub(crate) contexts: Contexts,
    pub(crate) tags: Vec<String>,
    /// Rules of case tags that are asked in every step.
    pub(crate) case_tags: Vec<TagRule>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Vec<(String, Result<Value, String>)>,
    /// Derived metrics, with the step they are for; `None` for all.
    pub(crate) derived: Vec<(Option<String>, DerivedFunction)>,
}

impl Experiment {
    /// An experiment without steps. Names are checked when it is planned.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            id: next_id(),
            specs: Vec::new(),
            seeds: None,
            contexts: Contexts::default(),
            tags: Vec::new(),
            case_tags: Vec::new(),
            description: None,
            metadata: Vec::new(),
            derived: Vec::new(),
        }
    }

    /// The experiments of this program that `#[metalab::experiment]` registered, by name.
    pub fn registered() -> Vec<Self> {
        let registrations = inventory::iter::<ExperimentRegistration>.into_iter();
        let mut all: Vec<Self> = registrations.map(|ExperimentRegistration(make)| make()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Adds a step, an operation with its arguments and inputs, and gives a handle on what it returns, by which later
    /// steps are wired to it. The same operation twice needs `.named(...)`.
    pub fn step<S: IntoSweep>(&mut self, step: S) -> Step<S::Output> {
        let spec = step.into_sweep().spec;
        let name = spec.name().to_owned();
        self.specs.push(spec);
        Step::new(self.id, self.specs.len() - 1, name)
    }

    /// Adds a step that no other step needs: [`Experiment::step`] without a handle.
    #[must_use]
    pub fn sweep(mut self, sweep: impl IntoSweep) -> Self {
        self.specs.push(sweep.into_sweep().spec);
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

    /// Tags the cells, of any step, for whose parameter set `rule` is true.
    ///
    /// ```standalone_crate
    /// # extern crate metalab_engine as metalab;
    /// # use metalab::Experiment;
    /// # #[metalab::operation]
    /// # fn sort(n: u64) -> u64 { n }
    /// let experiment = Experiment::new("sorting", "1")
    ///     .sweep(Sort::grid().n([1_000, 1_000_000]))
    ///     .tag_cases("large", |case| case.number("n") >= 1e6);
    /// ```
    #[must_use]
    pub fn tag_cases(
        mut self,
        tag: impl Into<String>,
        rule: impl Fn(&Case<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.case_tags.push(TagRule::of_cases(tag, rule));
        self
    }

    /// Adds free metadata, kept with the submission.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = Value::from_serde(&value).map_err(|error| error.to_string());
        self.metadata.push((key.into(), value));
        self
    }

    /// Adds a derived metric: a function that is called with each run as soon as it has succeeded, where it was
    /// executed, and with the runs that were there before and have not got it yet, or from other code.
    ///
    /// It is no part of what a run is: changing, adding or removing it makes no run stale.
    #[must_use]
    pub fn derive<D: Derive>(mut self, _: D) -> Self {
        self.derived.push((None, DerivedFunction::of::<D>()));
        self
    }

    /// The same for the runs of one step alone.
    #[must_use]
    pub fn derive_from<D: Derive>(mut self, step: impl Into<String>, _: D) -> Self {
        self.derived.push((Some(step.into()), DerivedFunction::of::<D>()));
        self
    }

    /// The functions over the runs of a step.
    pub(crate) fn derived_of(&self, step: &str) -> Vec<DerivedFunction> {
        let of_it = self.derived.iter().filter(|(only, _)| only.as_deref().is_none_or(|only| only == step));
        of_it.map(|(_, function)| function.clone()).collect()
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

/// An entry that `#[metalab::experiment]` leaves in the binary, found by [`Experiment::registered`].
pub struct ExperimentRegistration(pub fn() -> Experiment);

inventory::collect!(ExperimentRegistration);

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
