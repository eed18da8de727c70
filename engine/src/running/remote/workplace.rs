//! Where a worker performs what it was told.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metalab_cas::{Digest, Value};

use super::brief::BriefKey;
use super::sent::{self, WatchedCache};
use super::wire::{BatchWire, BriefWire, OperationWire, TaskWire, value};
use crate::capture::{Events, LogLevel};
use crate::code::Grade;
use crate::context::Watched;
use crate::derived;
use crate::id::WriterId;
use crate::inputs::Supply;
use crate::journal::Durability;
use crate::operation::{Cancellation, Contexts, LentKind, Metadata, Registered, Registry};
use crate::plan::{Feeds, executable_digest};
use crate::record::{ErrorRecord, Outcome};
use crate::running::job::Work;
use crate::running::perform::{Performer, StepBrief};
use crate::running::usage::{forget_peak, now_micros, process_cpu_micros};
use crate::store::{Access, Store};

/// The operations of a worker process, and what it was told so far.
#[derive(Debug)]
pub struct Workplace {
    registry: Registry,
    /// Functions over finished runs.
    pub(super) functions: Result<derived::Registry, String>,
    /// By locator and id.
    supplies: HashMap<(String, String), Arc<Supply>>,
    steps: HashMap<BriefKey, Arc<Step>>,
    watched: WatchedCache,
}

/// What was told of a step.
#[derive(Debug)]
struct Step {
    brief: StepBrief,
    fixed: Vec<(String, Value)>,
    watched: Vec<Watched>,
    contexts: Contexts,
    supply: Arc<Supply>,
    writer: WriterId,
    environment: Digest,
    timeout: Option<Duration>,
    scratch: Option<std::path::PathBuf>,
    durability: Durability,
    log_level: LogLevel,
    events: Events,
}

/// By which a batch that is at work is asked to stop; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// The run at hand is to stop.
    pub cancellation: Cancellation,
    /// Nothing new is to start.
    pub draining: Cancellation,
}

impl Workplace {
    /// A workplace with these operations, which knows of no step yet.
    pub fn new(registry: Registry) -> Self {
        let functions = derived::Registry::automatic().map_err(|error| error.to_string());
        let (supplies, steps, watched) = (HashMap::new(), HashMap::new(), WatchedCache::default());
        Self { registry, functions, supplies, steps, watched }
    }

    /// The worker's own operation of that name, if its code is the same.
    pub(super) fn find(&self, wanted: &OperationWire) -> Result<Registered, String> {
        let name = &wanted.name;
        let Some(operation) = self.registry.named(name) else {
            let known: Vec<_> = self.registry.iter().map(Registered::name).take(20).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "the worker knows no operation `{name}` (it knows {known}): link the crate that defines it into the worker's program"
            ));
        };
        let description = operation.description();
        let code = match description.code.grade {
            Grade::Binary => Some(executable_digest().map_err(|error| error.to_string())?),
            _ => description.code.digest.and_then(|digest| digest.parse().ok()),
        };
        let own = OperationWire {
            name: name.clone(),
            version: description.version.to_owned(),
            grade: description.code.grade,
            code,
            codec: operation.codec().0.to_owned(),
        };
        match own == *wanted {
            true => Ok(operation.clone()),
            false => Err(format!(
                "operation `{name}` of the worker has other code than the driver's ({} instead of {}): build both programs from the same source",
                code_of(&own),
                code_of(wanted)
            )),
        }
    }

    /// Takes what [`Job::brief`](crate::running::Job::brief) wrote.
    ///
    /// # Errors
    /// When the operation is not known here, or the store cannot be used from here; the message says why.
    pub fn learn(&mut self, brief: &[u8]) -> Result<(), String> {
        let wire: BriefWire = minicbor::decode(brief)
            .map_err(|error| format!("the brief of a step cannot be read: {error}"))?;
        let operation = self.find(&wire.operation)?;
        let mut contexts = Contexts::default();
        for kind in &operation.description().lent {
            let LentKind::Context(name) = kind else { continue };
            if let Some(sent) = wire.contexts.iter().find(|sent| sent.name == *name) {
                contexts.insert_sent(name, value(&sent.value)?);
            }
        }
        let log_level = LogLevel::of_number(wire.log_level).ok_or("the level of logging is not known")?;
        let watched = wire.watched.iter().map(|bytes| self.watched.get(bytes)).collect::<Result<_, _>>()?;
        let step = Step {
            brief: StepBrief {
                number: u32::try_from(wire.key.step).unwrap_or(u32::MAX),
                operation,
                template: wire.template,
                base_seed: wire.base_seed,
                metadata: Metadata::decode(&wire.metadata),
                file_names: wire.file_names,
                feeds: Feeds { any: wire.feeds, artifacts: wire.feeds_artifacts },
                deriving: wire.deriving.map(|deriving| self.deriving(deriving)).transpose()?,
            },
            fixed: sent::arguments(wire.fixed)?,
            watched,
            contexts,
            supply: self.supply(wire.store, wire.store_id)?,
            writer: wire.writer,
            environment: wire.environment,
            timeout: wire.timeout.map(Duration::from_nanos),
            scratch: wire.scratch.map(Into::into),
            log_level,
            events: Events::new(log_level),
            durability: if wire.durable { Durability::Full } else { Durability::Relaxed },
        };
        self.steps.insert(wire.key, Arc::new(step));
        Ok(())
    }

    fn supply(&mut self, locator: String, id: String) -> Result<Arc<Supply>, String> {
        let key = (locator, id);
        if let Some(known) = self.supplies.get(&key) {
            return Ok(known.clone());
        }
        let store = Store::open(&key.0, Access::ReadWrite).map_err(|error| error.to_string())?;
        if store.id() != key.1 {
            return Err(format!(
                "the store `{}` is {} and not {}: it was replaced while the driver was at work",
                key.0,
                store.id(),
                key.1
            ));
        }
        let supply = Arc::new(Supply::new(store));
        self.supplies.insert(key, supply.clone());
        Ok(supply)
    }

    /// Performs a batch that [`Job::batch`](crate::running::Job::batch) wrote, and hands each run to `report` as soon
    /// as it is over.
    ///
    /// # Errors
    /// When the batch cannot be read, its step was never told, or `report` fails.
    pub fn perform(
        &mut self,
        batch: &[u8],
        signals: &Signals,
        mut report: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), String> {
        let batch: BatchWire =
            minicbor::decode(batch).map_err(|error| format!("a batch of runs cannot be read: {error}"))?;
        let step = self.steps.get(&batch.key).ok_or("a batch came before the brief of its step")?.clone();
        let work = step.work(batch.key, signals);
        for value in batch.values {
            step.supply.shelf.keep(value.digest, Vec::from(value.bytes).into());
        }
        let mut performer = Performer::new(&work, &step.brief);
        for task in batch.tasks {
            if signals.draining.is_cancelled() {
                break;
            }
            let bytes = self.one(&step, &work, &mut performer, task)?;
            report(&bytes).map_err(|error| format!("the driver cannot be told: {error}"))?;
        }
        step.supply.shelf.clear();
        Ok(())
    }

    fn one(
        &mut self,
        step: &Step,
        work: &Work,
        performer: &mut Performer<'_>,
        task: TaskWire,
    ) -> Result<Vec<u8>, String> {
        let (task, run) = sent::receive(task, &step.fixed, &step.watched, &mut self.watched)?;
        let started = now_micros();
        forget_peak();
        performer.perform(&task, &run);
        let mut performed = performer.take();
        // The driver syncs its own files only: these must be safe before it hears of the run.
        let synced = match work.durability {
            Durability::Full => work.store.backend().sync(),
            Durability::Relaxed => Ok(()),
        };
        if let Err(error) = synced {
            let took = performed.busy;
            let error =
                ErrorRecord { chain: vec![error.to_string()], backtrace: None, cause: "storage".into() };
            performer.note(&task, &run, (Outcome::Failed, error), (started, took), None, Vec::new());
            performed = performer.take();
        }
        performed.report().ok_or_else(|| "a run left nothing to report".to_owned())
    }
}

impl Step {
    fn work(&self, key: BriefKey, signals: &Signals) -> Work {
        Work {
            contexts: self.contexts.clone(),
            supply: self.supply.clone(),
            store: self.supply.store().clone(),
            writer: self.writer,
            submission: key.submission,
            environment: self.environment,
            cancellation: signals.cancellation.clone(),
            draining: signals.draining.clone(),
            timeout: self.timeout,
            scratch: self.scratch.clone(),
            durability: self.durability,
            log_level: self.log_level,
            events: self.events.clone(),
            own_process: true,
            cpu: process_cpu_micros,
        }
    }
}

/// Version and code in a few words.
fn code_of(operation: &OperationWire) -> String {
    let code = operation.code.map_or_else(|| "no digest".to_owned(), |digest| digest.short());
    let (version, grade, codec) = (&operation.version, operation.grade.as_str(), &operation.codec);
    format!("version {version}, {grade} {code}, codec {codec}")
}
