//! What records refer to by digest or name: templates, environments, submissions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use metalab_cas::value::Value;
use metalab_cas::{Digest, Hasher};
use metalab_engine::id::RecordName;
use metalab_engine::record::{Environment, Record, SubmissionOpened, Template};

use super::flatten::{Leaf, key_text, value_leaves};
use super::submissions::Submissions;

/// Finds the bytes of a stored value.
type Fetch = dyn Fn(&Digest) -> Option<Vec<u8>> + Send + Sync;

/// What records refer to by digest or name: shared by all builders of a fold or session.
pub(crate) struct Shared {
    fetch: Box<Fetch>,
    templates: Mutex<HashMap<Digest, Arc<Recipe>>>,
    environments: Mutex<HashMap<Digest, Arc<Environment>>>,
    submissions: RwLock<Submissions>,
}

/// A template with what it gives every row.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(super) template: Option<Template>,
    pub(super) hex: String,
    /// Fixed arguments and defaults, as leaves.
    pub(super) constants: Vec<Constant>,
    /// Digest of fixed arguments and defaults: the part of the coordinates that all rows share.
    pub(super) shared: Digest,
}

/// An argument, or a part of one, that all runs of a template have.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(super) argument: String,
    pub(super) parts: Vec<String>,
    pub(super) leaf: Leaf,
    pub(super) default: bool,
}

impl Shared {
    /// What is read through `fetch`, which finds stored values by digest.
    pub(crate) fn new(
        fetch: impl Fn(&Digest) -> Option<Vec<u8>> + Send + Sync + 'static,
        submissions: Submissions,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            templates: Mutex::default(),
            environments: Mutex::default(),
            submissions: RwLock::new(submissions),
        }
    }

    /// The recipe that this template gives its runs.
    pub(super) fn template(&self, digest: &Digest) -> Arc<Recipe> {
        cached(&self.templates, digest, || {
            let template = (self.fetch)(digest).and_then(|bytes| minicbor::decode(&bytes).ok());
            (template.is_some(), Recipe::new(digest, template))
        })
    }

    /// The environment with this digest; an empty one if it cannot be read.
    pub(crate) fn environment(&self, digest: &Digest) -> Arc<Environment> {
        cached(&self.environments, digest, || {
            let found = (self.fetch)(digest).and_then(|bytes| minicbor::decode(&bytes).ok());
            (found.is_some(), found.unwrap_or_default())
        })
    }

    /// The bytes of a stored value.
    pub(crate) fn fetch(&self, digest: &Digest) -> Option<Vec<u8>> {
        (self.fetch)(digest)
    }

    /// The name of the operation of a template, if that can be read.
    pub(crate) fn operation(&self, template: &Digest) -> Option<String> {
        self.template(template).template.as_ref().map(|template| template.name.clone())
    }

    /// The submission with this name.
    pub(crate) fn submission(&self, name: &RecordName) -> Option<Arc<SubmissionOpened>> {
        self.submissions.read().unwrap_or_else(|broken| broken.into_inner()).get(name).cloned()
    }

    /// Notes what a record says of submissions, if anything.
    pub(crate) fn note(&self, name: RecordName, record: &Record) {
        let mut submissions = self.submissions.write().unwrap_or_else(|broken| broken.into_inner());
        match record {
            Record::Opened(opened) => submissions.open(name, (**opened).clone()),
            Record::Resolved(resolved) => submissions.resolve(name, resolved),
            _ => {}
        }
    }

    /// All submissions known so far.
    pub(crate) fn submissions(&self) -> Submissions {
        self.submissions.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }
}

/// What was read before, or is read now; what cannot be read is tried again the next time.
fn cached<T>(
    known: &Mutex<HashMap<Digest, Arc<T>>>,
    digest: &Digest,
    read: impl FnOnce() -> (bool, T),
) -> Arc<T> {
    let mut known = known.lock().unwrap_or_else(|broken| broken.into_inner());
    if let Some(found) = known.get(digest) {
        return Arc::clone(found);
    }
    let (whole, value) = read();
    let value = Arc::new(value);
    if whole {
        known.insert(*digest, Arc::clone(&value));
    }
    value
}

impl Recipe {
    fn new(digest: &Digest, template: Option<Template>) -> Self {
        let mut constants = Vec::new();
        let mut hasher = Hasher::new();
        if let Some(template) = &template {
            for (bytes, default) in [(&template.fixed, false), (&template.defaults, true)] {
                hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
                let Ok(Value::Map(map)) = Value::decode(bytes) else { continue };
                for (key, value) in map.iter() {
                    let Some(argument) = key_text(key) else { continue };
                    if default
                        && constants
                            .iter()
                            .any(|known: &Constant| !known.default && known.argument == argument)
                    {
                        continue;
                    }
                    value_leaves(value, &mut vec![argument], &mut |parts, leaf| {
                        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
                        constants.push(Constant { argument: argument.to_owned(), parts, leaf, default });
                    });
                }
            }
        }
        Self { template, hex: digest.to_hex(), constants, shared: hasher.finish() }
    }
}
