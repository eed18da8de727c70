//! Manifests: what a submission asked for, by value.
//!
//! Each submission keeps one, named by its digest, so that equal ones cost nothing: the experiment with its metadata,
//! seeds and steps (operation, code, parameter source, wiring, resources, tags), the fields of the contexts that were
//! borrowed, and the rules it ran under. Manifests can be listed ([`manifests`]), compared ([`Manifest::diff`]), written
//! as JSON ([`Manifest::to_json`]), and turned back into the experiment ([`Manifest::experiment`]).
//!
//! Large things are named by digest and read with it: templates, sources, wirings and case tags lie beside the
//! submission anyway. Where a run ran is no part of a manifest; the environment of the driver is told with it.

mod diff;
mod parts;
mod read;
mod rebuild;
mod sources;
mod to_json;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use metalab_cas::{Digest, Value};

pub use diff::{Change, ManifestDiff, Section};
pub use read::{ManifestError, manifests, manifests_of};
pub use rebuild::{Rebuild, RebuildError};
pub(crate) use write::{Written, write};

use crate::id::RecordName;
use crate::journal::Durability;
use crate::record::{Environment, Template};
use crate::schedule::{FailurePolicy, Resources, Retries};
use crate::seeds::Seeds;
use crate::tags::CaseTags;

/// The version of the manifest format that this metalab writes.
pub const VERSION: u64 = 1;

/// What a submission asked for.
///
/// ```standalone_crate
/// # extern crate metalab_engine as metalab;
/// # fn look(store: &metalab::Store) -> metalab::Result<()> {
/// let manifests = metalab::manifest::manifests(store, "pi_mc")?;
/// if let [.., before, last] = &manifests[..] {
///     println!("{}", before.diff(last));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Manifest {
    /// The submission.
    pub submission: RecordName,
    /// When it was asked for: microseconds since 1970, UTC.
    pub time: i64,
    /// The digest of the manifest: equal for submissions that asked for the same. `None` where it is not kept.
    pub digest: Option<Digest>,
    /// Name of the experiment.
    pub experiment: String,
    /// Its version.
    pub version: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its free metadata.
    pub metadata: BTreeMap<String, Value>,
    /// Its seeds.
    pub seeds: Option<Seeds>,
    /// The contexts that its operations borrowed.
    pub contexts: Vec<ContextManifest>,
    /// Its steps, in order.
    pub steps: Vec<StepManifest>,
    /// The functions that derived metrics from its runs.
    pub derived: Vec<DerivedManifest>,
    /// The rules it ran under.
    pub rules: Option<Rules>,
    /// Host and code state of the driver.
    pub environment: Option<Environment>,
    /// What of it cannot be read, in words; the rest is as it was.
    pub problems: Vec<String>,
}

/// A step of a manifest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepManifest {
    /// Its name.
    pub name: String,
    /// What its runs share: operation, code, fixed arguments, contexts. `None` when it cannot be read.
    pub template: Option<Template>,
    /// Where its parameter sets come from, by value. `None` when it cannot be read.
    pub source: Option<Value>,
    /// How its inputs are wired: a list of `[input, [source, artifact, join, gather]]`, empty for a step without.
    pub wiring: Vec<Value>,
    /// What a run of it needs.
    pub needs: Resources,
    /// Whether the step says so itself, and not its operation.
    pub needs_of_step: bool,
    /// The number of its parameter sets, those taken over from other steps multiplied in; `None` while that depends on
    /// what another step returns.
    pub sets: Option<u64>,
    /// The number of its replicates.
    pub replicates: u64,
    /// Tags of its cells.
    pub case_tags: CaseTags,
}

impl StepManifest {
    /// `namespace::name` of its operation.
    pub fn operation(&self) -> Option<String> {
        self.template.as_ref().map(|template| format!("{}::{}", template.namespace, template.name))
    }

    /// The number of its cells.
    pub fn cells(&self) -> Option<u64> {
        self.sets.map(|sets| sets.saturating_mul(self.replicates))
    }
}

/// A context of a manifest.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ContextManifest {
    /// Name of its type.
    pub name: String,
    /// Its digest, as it entered run ids.
    pub digest: Digest,
    /// Its fields that count.
    pub fields: Vec<FieldManifest>,
    /// Names of its fields that do not count; their values are not kept.
    pub skipped: Vec<String>,
    /// All of it but what is skipped, for making it again; why not, where that is not possible.
    pub value: Result<Value, String>,
}

/// A field of a context.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldManifest {
    /// Its name.
    pub name: String,
    /// How it counts: `value`, `file`, `folder`, `paths` (some inside of a value), `fingerprint`, and `glob`,
    /// `metadata` or `path` for what is said by those types.
    pub kind: String,
    /// What was hashed.
    pub value: Value,
    /// The files and folders it stood for.
    pub paths: Vec<PathManifest>,
}

/// A file or folder that a field stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathManifest {
    /// The path as it was given, when it was relative; the last part of an absolute one.
    pub shown: String,
    /// The digest of what counted.
    pub digest: Digest,
    /// Bytes, of all files together.
    pub size: u64,
    /// The number of files.
    pub files: u64,
}

/// A function over the finished runs of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DerivedManifest {
    /// `namespace::name`.
    pub function: String,
    /// Digest of its code, where that is known.
    pub code: Option<Digest>,
    /// The step whose runs it takes; all where it is absent.
    pub step: Option<String>,
}

/// The rules that a submission ran under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// What a failed run meant for the others.
    pub failure: FailurePolicy,
    /// How often failed runs were tried again.
    pub retries: Retries,
    /// The longest a run might take.
    pub timeout: Option<Duration>,
    /// How much a power cut might take back.
    pub durability: Durability,
}

impl Manifest {
    /// What changed from this submission to another one.
    pub fn diff(&self, other: &Self) -> ManifestDiff {
        ManifestDiff::between(self, other)
    }

    /// Whether everything of it can be read.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }

    /// The number of cells of all steps, as far as they were known.
    pub fn cells(&self) -> u64 {
        self.steps.iter().filter_map(StepManifest::cells).sum()
    }
}
