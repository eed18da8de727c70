//! One step, ready to run: its cells by index, their run ids and arguments.

use std::collections::HashSet;
use std::sync::OnceLock;

use metalab_cas::{Digest, Hasher, Map, Value};

use super::arguments::{Arguments, defaults_map};
use super::{PlanError, files};
use crate::code::Grade;
use crate::context::{StatCache, Watched};
use crate::experiment::Experiment;
use crate::id::RunId;
use crate::operation::{LentKind, Registered};
use crate::params::Sweep;
use crate::recipe::{HeadParts, RecipeHead, VERSION};
use crate::record::{CodeItemRecord, ContextRecord, Template, to_cbor};

/// A step of an experiment, ready to run. Its cells are numbered: parameter sets, and within the slowest axis
/// of all, replicates.
#[derive(Clone, Debug)]
pub struct StepPlan {
    pub(crate) name: String,
    pub(crate) operation: Registered,
    pub(crate) template: Template,
    pub(crate) template_digest: Digest,
    pub(crate) arguments: Arguments,
    /// The parameter source by value, encoded.
    pub(crate) source: Vec<u8>,
    pub(crate) replicates: u64,
    pub(crate) base_seed: Option<u64>,
    /// Files and folders of the contexts it borrows.
    pub(crate) watched: Vec<Watched>,
    head: RecipeHead,
}

/// Buffers for [`StepPlan::run_id`].
#[derive(Debug, Default)]
pub struct Scratch {
    arguments: Vec<u8>,
    /// The pre-image of the id made last.
    pub preimage: Vec<u8>,
}

impl StepPlan {
    pub(super) fn new(experiment: &Experiment, sweep: &Sweep, files: &StatCache) -> Result<Self, PlanError> {
        let operation = sweep.operation.clone();
        let description = operation.description();
        let arguments = Arguments::resolve(&operation, &sweep.source, files)
            .map_err(|error| error.in_step(sweep.step_name()))?;
        let (base_seed, replicates) = match (&experiment.seeds, description.takes_seeds()) {
            (_, false) => (None, 1),
            (Some(seeds), true) => (Some(seeds.base()), seeds.count()),
            (None, true) => return Err(PlanError::NoSeeds { operation: description.full_name() }),
        };
        let (contexts, watched) = contexts(experiment, &operation, files)?;
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
            contexts,
            base_seed,
            defaults: defaults_map(&operation)?,
            items: description
                .code
                .items
                .iter()
                .map(|item| CodeItemRecord { name: item.name.into(), digest: item.digest.into() })
                .collect(),
            parameters: description.parameters.iter().map(|parameter| parameter.name.into()).collect(),
        };
        let source = sweep.source.describe().to_bytes().map_err(|error| PlanError::Source {
            step: sweep.step_name().to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            name: sweep.step_name().to_owned(),
            head: head(&template),
            template_digest: Digest::of(&to_cbor(&template)),
            operation,
            template,
            arguments,
            source,
            replicates,
            base_seed,
            watched,
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

    /// The number of cells: parameter sets times replicates.
    pub fn cells(&self) -> u64 {
        self.arguments.sets() * self.replicates
    }

    /// Parameter set and replicate of a cell.
    pub(crate) fn split(&self, cell: u64) -> (u64, u64) {
        (cell % self.arguments.sets(), cell / self.arguments.sets())
    }

    /// The run id of a cell.
    pub fn run_id(&self, cell: u64, scratch: &mut Scratch) -> RunId {
        let (set, replicate) = self.split(cell);
        self.arguments.identity(set, &mut scratch.arguments);
        self.head.run_id(&scratch.arguments, replicate, &[], &mut scratch.preimage)
    }

    /// The run ids of all cells in index order; large steps use all cores.
    pub fn run_ids(&self) -> Vec<RunId> {
        let cells = usize::try_from(self.cells()).expect("at most a hundred million cells");
        let mut ids = vec![RunId(Digest::from_bytes([0; 32])); cells];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = if cells < 50_000 { cells.max(1) } else { cells.div_ceil(threads) };
        std::thread::scope(|scope| {
            for (number, part_ids) in ids.chunks_mut(part).enumerate() {
                let mut work = move || {
                    let mut scratch = Scratch::default();
                    for (offset, id) in part_ids.iter_mut().enumerate() {
                        *id = self.run_id((number * part + offset) as u64, &mut scratch);
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

    /// Files and folders that must not change while a cell runs.
    pub(crate) fn watched(&self, set: u64) -> impl Iterator<Item = &Watched> {
        self.watched.iter().chain(self.arguments.watched(set))
    }
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
    })
}

fn contexts(
    experiment: &Experiment,
    operation: &Registered,
    cache: &StatCache,
) -> Result<(Vec<ContextRecord>, Vec<Watched>), PlanError> {
    let mut records = Vec::new();
    let mut watched = Vec::new();
    let mut seen = HashSet::new();
    for kind in &operation.description().lent {
        let LentKind::Context(name) = kind else { continue };
        if !seen.insert(*name) {
            continue;
        }
        let Some((_, fields)) = experiment.contexts.fields().find(|(other, _)| other == name) else {
            return Err(PlanError::NoContext {
                operation: operation.description().full_name(),
                context: name,
            });
        };
        let wrong = |field: &str, reason: String| PlanError::ContextField {
            context: name,
            field: field.to_owned(),
            reason,
        };
        let fields = fields.as_ref().map_err(|reason| wrong("?", reason.clone()))?;
        let mut entries = Vec::new();
        for (field, value) in fields {
            let value = if files::mentions_path(value) {
                let (value, more) =
                    cache.resolve(value, field).map_err(|error| wrong(field, error.to_string()))?;
                watched.extend(more);
                value
            } else {
                value.clone()
            };
            entries.push((Value::Text((*field).to_owned()), value));
        }
        let map = Map::from_entries(entries).map_err(|error| wrong("?", error.to_string()))?;
        let fields = Value::Map(map.clone()).to_bytes().map_err(|error| wrong("?", error.to_string()))?;
        let whole = Value::Variant((*name).to_owned(), Box::new(Value::Map(map)));
        let mut hasher = Hasher::new();
        // Format: type of the record, version of the format, canonical value.
        hasher.update(b"metalab context\0\x01");
        hasher.update(&whole.to_bytes().map_err(|error| wrong("?", error.to_string()))?);
        records.push(ContextRecord { name: (*name).to_owned(), digest: hasher.finish(), fields });
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((records, watched))
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
