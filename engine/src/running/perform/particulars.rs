//! What performing a run needs to know, of its step and of itself.

use std::sync::Arc;

use metalab_cas::{Digest, Value};

use crate::context::{Changed, StatCache};
use crate::derived::Deriving;
use crate::operation::{Metadata, Registered};
use crate::plan::{Feeds, ParameterSet, StepPlan};
use crate::record::Shown;

/// What the runs of a step share.
#[derive(Clone, Debug)]
pub(in crate::running) struct StepBrief {
    /// Its number in the experiment.
    pub(in crate::running) number: u32,
    pub(in crate::running) operation: Registered,
    pub(in crate::running) template: Digest,
    pub(in crate::running) base_seed: Option<u64>,
    pub(in crate::running) metadata: Metadata,
    /// Names for copies of artifacts, by input.
    pub(in crate::running) file_names: Vec<Option<String>>,
    /// What is kept of its results for later steps.
    pub(in crate::running) feeds: Feeds,
    /// What derives metrics from its runs.
    pub(in crate::running) deriving: Option<Arc<Deriving>>,
}

impl StepBrief {
    pub(in crate::running) fn of(plan: &StepPlan, feeds: Feeds) -> Self {
        Self {
            number: u32::try_from(plan.number).unwrap_or(u32::MAX),
            operation: plan.operation.clone(),
            template: plan.template_digest,
            base_seed: plan.base_seed,
            metadata: Metadata::decode(&plan.template.metadata),
            file_names: plan.file_names(),
            feeds,
            deriving: plan.deriving(),
        }
    }
}

/// What distinguishes a run from the others of its step.
pub(in crate::running) trait Particulars {
    fn replicate(&self) -> u64;

    /// What the operation is called with.
    fn arguments(&self) -> Vec<(&str, &Value)>;

    /// A file or folder that is not what it was when the run id was made.
    fn changed(&self) -> Option<Changed>;

    /// The canonical map of the swept arguments, as the record keeps it.
    fn swept(&self, out: &mut Vec<u8>);

    /// Paths among the arguments as the user wrote them.
    fn shown(&self) -> Vec<Shown>;
}

/// A cell of a plan that is at hand.
pub(in crate::running) struct Planned<'p> {
    plan: &'p StepPlan,
    set: ParameterSet<'p>,
    replicate: u64,
}

impl<'p> Planned<'p> {
    pub(in crate::running) fn new(plan: &'p StepPlan, cell: u64) -> Self {
        let (set, replicate) = plan.split(cell);
        Self { plan, set: plan.arguments.set(set), replicate }
    }
}

impl Particulars for Planned<'_> {
    fn replicate(&self) -> u64 {
        self.replicate
    }

    fn arguments(&self) -> Vec<(&str, &Value)> {
        self.set.call()
    }

    fn changed(&self) -> Option<Changed> {
        let mut all = self.plan.watched.iter().chain(self.set.watched());
        all.find_map(|watched| StatCache::check(watched).err())
    }

    fn swept(&self, out: &mut Vec<u8>) {
        self.set.swept(out);
    }

    fn shown(&self) -> Vec<Shown> {
        self.set.shown()
    }
}
