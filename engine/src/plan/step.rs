//! One step, ready to run: its cells by index, their run ids and arguments.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use metalab_cas::{Digest, Hasher, Value};

use super::arguments::{Arguments, defaults_map};
use super::contexts::{ContextPlans, borrowed};
use super::files::portable;
use super::inputs::{Feed, InputPlan};
use super::space::{self, Axis, Incoming, Space};
use super::{PlanError, metadata, wiring};
use crate::code::Grade;
use crate::context::{StatCache, Watched};
use crate::derived::{DerivedFunction, Deriving};
use crate::experiment::Experiment;
use crate::id::RunId;
use crate::operation::Registered;
use crate::params::{MAX_SETS, Source, StepSpec};
use crate::recipe::{HeadParts, RecipeHead, VERSION};
use crate::record::{CodeItemRecord, Template, to_cbor};
use crate::results::{Dimensions, StepCells};
use crate::schedule::{Edge, Resources};
use crate::tags::{Case, CaseTags};

/// A step of an experiment, ready to run. Its cells are numbered: its own parameter sets fastest, then the coordinates
/// it takes over from its inputs, replicates slowest of all.
#[derive(Clone, Debug)]
pub struct StepPlan {
    /// Its number in the experiment.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) operation: Registered,
    pub(crate) template: Template,
    pub(crate) template_digest: Digest,
    pub(crate) arguments: Arc<Arguments>,
    /// The parameter source by value, encoded.
    pub(crate) source: Vec<u8>,
    /// How the inputs are wired, by value, encoded; nothing for a step without.
    pub(crate) wiring: Vec<u8>,
    pub(crate) inputs: Vec<InputPlan>,
    pub(crate) space: Space,
    /// The list of parameter sets comes from this step, and it is not there yet.
    later: Option<usize>,
    /// Whether the cells are known: not before the lists of parameter sets that they come from.
    expanded: bool,
    cells: u64,
    pub(crate) resources: Resources,
    pub(crate) replicates: u64,
    pub(crate) base_seed: Option<u64>,
    /// Files and folders of the contexts it borrows.
    pub(crate) watched: Vec<Watched>,
    pub(crate) case_tags: Arc<CaseTags>,
    head: RecipeHead,
    /// Tags of the experiment.
    pub(crate) tags: Arc<Vec<String>>,
    /// Functions over its runs.
    derived: Vec<DerivedFunction>,
    deriving: OnceLock<Option<Arc<Deriving>>>,
}

/// Buffers for [`StepPlan::run_id`].
#[derive(Debug, Default)]
pub struct Scratch {
    arguments: Vec<u8>,
    /// The pre-image of the id made last.
    pub preimage: Vec<u8>,
}

impl StepPlan {
    /// Resolves a step; `before` has those it needs.
    pub(super) fn new(
        experiment: &Experiment,
        number: usize,
        before: &[Option<Arc<Self>>],
        files: &StatCache,
        contexts: &mut ContextPlans,
    ) -> Result<Self, PlanError> {
        let spec = &experiment.specs[number];
        Self::resolve(experiment, number, spec, before, files, contexts)
            .map_err(|error| error.in_step(spec.name()))
    }

    fn resolve(
        experiment: &Experiment,
        number: usize,
        spec: &StepSpec,
        before: &[Option<Arc<Self>>],
        files: &StatCache,
        contexts: &mut ContextPlans,
    ) -> Result<Self, PlanError> {
        let operation = spec.operation.clone();
        let description = operation.description();
        let description_resources = description.resources.clone();
        let arguments = Arc::new(Arguments::resolve(&operation, &spec.source, files)?);
        let (base_seed, seeded) = match (&experiment.seeds, description.takes_seeds()) {
            (_, false) => (None, None),
            (Some(seeds), true) => (Some(seeds.base()), Some(seeds.count())),
            (None, true) => return Err(PlanError::NoSeeds { operation: description.full_name() }),
        };
        let by_name: HashMap<&str, usize> =
            experiment.specs.iter().enumerate().map(|(number, spec)| (spec.name(), number)).collect();
        let of_inputs = wiring::of_inputs(spec)?;
        let mut incoming = Vec::new();
        for (at, (info, source)) in of_inputs.iter().enumerate() {
            let Some(from) = wiring::origin(experiment, &by_name, info.name, source)? else { continue };
            wiring::check_type(info, source, &experiment.specs[from])?;
            let Some(step) = &before[from] else { continue };
            incoming.push(Incoming { number: at, name: info.name, source, from, space: &step.space });
        }
        let unexpanded = |from: &usize| before[*from].as_ref().is_some_and(|step| !step.expanded);
        let later = match &spec.source {
            Source::Later(source) => wiring::origin(experiment, &by_name, "list of parameter sets", source)?,
            _ => None,
        };
        if let (Source::Later(_), None) = (&spec.source, later) {
            let reason = "a list of parameter sets comes from a step, not from the store".to_owned();
            return Err(PlanError::Stored { input: "list of parameter sets".into(), reason });
        }
        if let Some(step) = later.and_then(|from| before[from].as_ref())
            && step.expanded
            && step.cells != 1
        {
            return Err(PlanError::ListOfMany { step: step.name.clone(), cells: step.cells });
        }
        let expanded =
            later.is_none() && !incoming.iter().map(|incoming| incoming.from).any(|from| unexpanded(&from));
        let own = Axis::own(number, spec.name(), &arguments);
        let (space, wires) = space::join(number, &incoming, seeded, own)?;
        let mut wires = wires.into_iter();
        let inputs: Vec<InputPlan> = of_inputs
            .iter()
            .enumerate()
            .map(|(at, (info, source))| InputPlan {
                name: info.name,
                artifact: source.artifact.clone(),
                many: info.many,
                feed: match incoming.iter().any(|incoming| incoming.number == at) {
                    true => Feed::Step(Box::new(wires.next().expect("one wire for each incoming input"))),
                    false => Feed::Store(source.origin.clone()),
                },
            })
            .collect();
        let cells = match (expanded, space.cells()) {
            (false, _) => 0,
            (true, Some(cells)) if cells <= MAX_SETS => cells,
            (true, cells) => {
                let axes = space.axes.iter().filter(|axis| axis.length > 1);
                let axes: Vec<_> = axes.map(|axis| format!("{axis}: {}", axis.length)).collect();
                let cells = cells.map_or_else(|| "more than 2^64".into(), |cells| cells.to_string());
                return Err(PlanError::TooManyCells { cells, axes: axes.join(", ") });
            }
        };
        let wiring = match of_inputs.is_empty() {
            true => Vec::new(),
            false => {
                let wires = of_inputs.iter().map(|(info, source)| {
                    Value::List(vec![Value::Text(info.name.to_owned()), source.describe()])
                });
                Value::List(wires.collect()).to_bytes().map_err(|error| source_error(spec, &error))?
            }
        };
        let contexts = borrowed(experiment, &operation, files, contexts)?;
        let watched = contexts.iter().flat_map(|context| context.watched.iter().cloned()).collect();
        let code = match (description.code.grade, description.code.digest) {
            (Grade::Binary, _) => Some(executable_digest()?),
            (_, Some(digest)) => Some(digest.parse().map_err(|_| PlanError::CodeDigest {
                operation: description.full_name(),
                digest: digest.to_owned(),
            })?),
            (_, None) => None,
        };
        let template = Template {
            recipe_version: VERSION,
            kind: "rust".into(),
            namespace: description.namespace.into(),
            name: description.name.into(),
            version: description.version.into(),
            grade: description.code.grade,
            code,
            fixed: arguments.fixed.clone(),
            contexts: contexts.iter().map(|context| context.record.clone()).collect(),
            base_seed,
            metadata: metadata::declared(experiment, &operation)?,
            defaults: defaults_map(&operation)?,
            items: description
                .code
                .items
                .iter()
                .map(|item| CodeItemRecord { name: item.name.into(), digest: item.digest.into() })
                .collect(),
            parameters: description.parameters.iter().map(|parameter| parameter.name.into()).collect(),
        };
        let source =
            portable(&spec.source.describe()).to_bytes().map_err(|error| source_error(spec, &error))?;
        let mut step = Self {
            number,
            name: spec.name().to_owned(),
            head: head(&template),
            template_digest: Digest::of(&to_cbor(&template)),
            operation,
            template,
            arguments,
            source,
            wiring,
            inputs,
            replicates: space.replicates(),
            space,
            later,
            expanded,
            cells,
            resources: spec.resources.clone().unwrap_or(description_resources),
            base_seed,
            watched,
            tags: Arc::new(experiment.tags.clone()),
            derived: experiment.derived_of(spec.name()),
            deriving: OnceLock::new(),
            case_tags: Arc::default(),
        };
        step.case_tags = Arc::new(step.tagged(experiment, spec)?);
        Ok(step)
    }

    /// The tags of its cells, as far as these are known.
    fn tagged(&self, experiment: &Experiment, spec: &StepSpec) -> Result<CaseTags, PlanError> {
        let rules = spec.tags.iter().chain(&experiment.case_tags);
        if !self.expanded || rules.clone().next().is_none() {
            return Ok(CaseTags::default());
        }
        let dimensions = Dimensions::decode(&self.dimensions());
        CaseTags::evaluate(rules, self.sets(), |set, look| {
            let arguments = self.arguments.set(self.split(set).0);
            let coordinates = dimensions.at(set);
            look(&Case { step: &self.name, set, arguments: &arguments.call(), coordinates: &coordinates });
        })
    }

    /// The step's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operation.
    pub fn operation(&self) -> &Registered {
        &self.operation
    }

    /// What its runs share.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The number of cells; 0 while they are not known.
    pub fn cells(&self) -> u64 {
        self.cells
    }

    /// Whether the cells are known: not before the list of parameter sets that they come from.
    pub fn is_expanded(&self) -> bool {
        self.expanded
    }

    /// The step whose output is the list of parameter sets, while that is not known.
    pub(crate) fn list_from(&self) -> Option<usize> {
        self.later
    }

    /// Cells of one replicate.
    pub(crate) fn sets(&self) -> u64 {
        self.cells / self.replicates.max(1)
    }

    /// Parameter set and replicate of a cell.
    pub(crate) fn split(&self, cell: u64) -> (u64, u64) {
        (cell % self.arguments.sets().max(1), cell / self.sets().max(1))
    }

    /// The edges from the steps it needs, for the schedule.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let edges = self.inputs.iter().filter_map(InputPlan::edge).filter(|_| self.expanded);
        edges.cloned().collect()
    }

    /// The coordinates it takes over from other steps, by value, encoded; nothing if there are none.
    pub(crate) fn dimensions(&self) -> Vec<u8> {
        let wires = self.inputs.iter().filter_map(|input| match &input.feed {
            Feed::Step(wire) => Some(&**wire),
            Feed::Store(_) => None,
        });
        let described = space::describe(self.number, &self.space, wires);
        described.and_then(|value| value.to_bytes().ok()).unwrap_or_default()
    }

    /// What derives metrics from its runs, if anything does.
    pub(crate) fn deriving(&self) -> Option<Arc<Deriving>> {
        let deriving = || {
            let (functions, template) = (self.derived.clone(), Arc::new(self.template.clone()));
            let any = !functions.is_empty();
            any.then(|| Arc::new(Deriving { functions, template, cells: StepCells::of_plan(self) }))
        };
        self.deriving.get_or_init(deriving).clone()
    }

    /// Names for copies of artifacts, by input.
    pub(crate) fn file_names(&self) -> Vec<Option<String>> {
        self.inputs.iter().map(|input| input.artifact.clone()).collect()
    }

    /// The run id of a cell; `inputs` is the canonical map of its inputs, empty for a step without.
    pub fn run_id(&self, cell: u64, inputs: &[u8], scratch: &mut Scratch) -> RunId {
        let (set, replicate) = self.split(cell);
        self.arguments.identity(set, &mut scratch.arguments);
        self.head.run_id(&scratch.arguments, replicate, inputs, &mut scratch.preimage)
    }

    /// The run ids of all cells of a step without inputs, in index order; large steps use all cores.
    pub(crate) fn run_ids(&self) -> Vec<RunId> {
        let cells = usize::try_from(self.cells()).expect("at most a hundred million cells");
        let mut ids = vec![RunId(Digest::from_bytes([0; 32])); cells];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = if cells < 50_000 { cells.max(1) } else { cells.div_ceil(threads) };
        std::thread::scope(|scope| {
            for (number, part_ids) in ids.chunks_mut(part).enumerate() {
                let mut work = move || {
                    let mut scratch = Scratch::default();
                    for (offset, id) in part_ids.iter_mut().enumerate() {
                        *id = self.run_id((number * part + offset) as u64, &[], &mut scratch);
                    }
                };
                if cells > part {
                    scope.spawn(work);
                } else {
                    work();
                }
            }
        });
        ids
    }
}

fn source_error(spec: &StepSpec, error: &metalab_cas::value::ValueError) -> PlanError {
    PlanError::Source { step: spec.name().to_owned(), reason: error.to_string() }
}

/// The hashed head of a template; the same for a plan and for a record read back.
pub(crate) fn head(template: &Template) -> RecipeHead {
    let contexts: Vec<_> =
        template.contexts.iter().map(|context| (context.name.as_str(), context.digest)).collect();
    RecipeHead::new(&HeadParts {
        kind: &template.kind,
        namespace: &template.namespace,
        name: &template.name,
        version: &template.version,
        grade: template.grade,
        code: template.code,
        contexts: &contexts,
        base_seed: template.base_seed,
        metadata: &template.metadata,
    })
}

/// Digest of the running executable, read once per process.
pub(crate) fn executable_digest() -> Result<Digest, PlanError> {
    static DIGEST: OnceLock<Result<Digest, String>> = OnceLock::new();
    let digest = DIGEST.get_or_init(|| {
        let mut hasher = Hasher::new();
        let open = std::env::current_exe().and_then(std::fs::File::open);
        open.and_then(|mut file| hasher.update_reader(&mut file).map(|_| ()))
            .map_err(|error| error.to_string())?;
        Ok(hasher.finish())
    });
    digest.clone().map_err(|reason| PlanError::Executable { reason })
}
