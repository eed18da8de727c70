//! What a worker is told once about a step.

use metalab_cas::Value;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::deriving;
use super::prospect::{operation, shared_locator};
use super::wire::{BriefWire, NamedWire};
use crate::id::RecordName;
use crate::journal::Durability;
use crate::operation::{Contexts, LentKind};
use crate::record::to_cbor;
use crate::running::Job;

/// Names the step of a job: a worker that was told its brief knows it until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct BriefKey {
    #[n(0)]
    pub(super) submission: RecordName,
    #[n(1)]
    pub(super) step: u64,
}

impl Job {
    /// The step whose brief a worker must have been told before it takes a batch of this job.
    pub fn brief_key(&self) -> BriefKey {
        BriefKey::new(self.work.submission, self.step.number)
    }

    /// What a worker needs to know of the step, for [`Workplace::learn`](super::Workplace::learn).
    ///
    /// # Errors
    /// When the store or a context cannot be shared with another process; the message says why.
    pub fn brief(&self) -> Result<Vec<u8>, String> {
        let (work, step) = (&self.work, &self.step);
        let fixed = step.arguments.call_fixed();
        let scratch = work.scratch.as_deref().map(|path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            absolute.into_os_string().into_string().map_err(|path| {
                format!("the scratch folder {} is not UTF-8: choose another", path.to_string_lossy())
            })
        });
        let wire = BriefWire {
            key: self.brief_key(),
            operation: operation(step),
            template: step.template_digest,
            base_seed: step.base_seed,
            fixed: named(&fixed)?,
            watched: step.watched.iter().map(|watched| ByteVec::from(watched.send())).collect(),
            file_names: step.file_names(),
            contexts: contexts(step.operation.description().lent.iter(), &work.contexts)?,
            store: shared_locator(&work.store)?,
            store_id: work.store.id().to_owned(),
            writer: work.writer,
            environment: work.environment,
            timeout: work.timeout.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)),
            scratch: scratch.transpose()?,
            feeds: self.feeds.any,
            feeds_artifacts: self.feeds.artifacts,
            log_level: work.log_level as u8,
            durable: work.durability == Durability::Full,
            deriving: deriving::send(step)?,
            metadata: step.template.metadata.clone().into(),
        };
        Ok(to_cbor(&wire))
    }
}

/// Arguments in their canonical encoding.
pub(super) fn named(arguments: &[(&str, &Value)]) -> Result<Vec<NamedWire>, String> {
    let named = arguments.iter().map(|(name, value)| {
        let bytes = value.to_bytes().map_err(|error| format!("argument `{name}`: {error}"))?;
        Ok(NamedWire { name: (*name).to_owned(), value: bytes.into() })
    });
    named.collect()
}

/// The contexts that an operation borrows, by value.
pub(super) fn contexts<'a>(
    lent: impl Iterator<Item = &'a LentKind>,
    contexts: &Contexts,
) -> Result<Vec<NamedWire>, String> {
    let mut sent: Vec<NamedWire> = Vec::new();
    for kind in lent {
        let LentKind::Context(name) = kind else { continue };
        if sent.iter().any(|other| other.name == *name) {
            continue;
        }
        let value = contexts.by_value(name).ok_or_else(|| format!("there is no context `{name}`"))?;
        let bytes = value?.to_bytes().map_err(|error| format!("context `{name}`: {error}"))?;
        sent.push(NamedWire { name: (*name).to_owned(), value: bytes.into() });
    }
    Ok(sent)
}
