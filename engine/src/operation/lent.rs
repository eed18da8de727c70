//! What a run lends to its operation.

use std::any::Any;
use std::sync::Arc;

use metalab_cas::Value;

use super::Runtime;
use crate::capture::Capture;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::seeds::SeedBundle;

/// A type that operations may take by reference.
///
/// [`SeedBundle`], [`Capture`], [`Runtime`], and every `#[derive(Context)]` type.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be lent to an operation",
    label = "not something a run lends",
    note = "operations own their data (take `{Self}` by value) and borrow only `&SeedBundle`, `&Capture`, `&Runtime` and contexts",
    note = "derive `metalab::Context` for a type that is given to the experiment by `.context(...)`"
)]
pub trait Lent: 'static {
    /// What it is.
    const KIND: LentKind;

    /// Takes it from the run.
    ///
    /// # Errors
    /// When the experiment has no such thing; the plan refuses such experiments before anything runs.
    fn lend<'r>(run: &'r Run<'_>) -> Result<&'r Self>;
}

/// The kinds of things that are lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LentKind {
    /// The seed bundle: makes the operation random, with replicates.
    Seeds,
    /// Capture of metrics, artifacts and logs.
    Capture,
    /// Scratch folder, cancellation, deadline.
    Runtime,
    /// The context of this name.
    Context(&'static str),
}

/// The contexts of an experiment, by type.
#[derive(Clone, Default)]
pub struct Contexts(Vec<Held>);

/// Names and values, or why there are none.
type Fields = Result<Vec<(&'static str, Value)>, String>;

#[derive(Clone)]
struct Held {
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
    fields: Fields,
}

impl Contexts {
    /// Adds a context; the one of the same type that was there is replaced.
    pub fn insert<C: Context>(&mut self, context: C) {
        self.0.retain(|held| held.name != C::NAME || !held.value.is::<C>());
        let fields = context.fields().map_err(|error| error.to_string());
        self.0.push(Held { name: C::NAME, value: Arc::new(context), fields });
    }

    /// The context of type `C`.
    pub fn get<C: Context>(&self) -> Option<&C> {
        self.0.iter().find_map(|held| held.value.downcast_ref())
    }

    /// Names and fields of the contexts, in the order they were added.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, &Fields)> {
        self.0.iter().map(|held| (held.name, &held.fields))
    }
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|held| held.name)).finish()
    }
}

/// What one execution can borrow from.
#[derive(Debug)]
pub struct Run<'a> {
    pub(crate) seeds: Option<&'a SeedBundle>,
    pub(crate) capture: &'a Capture,
    pub(crate) runtime: &'a Runtime,
    pub(crate) contexts: &'a Contexts,
    pub(crate) inputs: Option<super::inputs::Inputs<'a>>,
}

impl<'a> Run<'a> {
    /// A run outside any experiment, for calling an operation from a test.
    pub fn new(
        seeds: Option<&'a SeedBundle>,
        capture: &'a Capture,
        runtime: &'a Runtime,
        contexts: &'a Contexts,
    ) -> Self {
        Self { seeds, capture, runtime, contexts, inputs: None }
    }

    /// The context of type `C`.
    ///
    /// # Errors
    /// When the experiment has none.
    pub fn context<C: Context>(&self) -> Result<&C> {
        self.contexts.get().ok_or_else(|| {
            Failure::from(format!("the experiment has no context `{}`: add it by `.context(...)`", C::NAME))
        })
    }
}

impl Lent for SeedBundle {
    const KIND: LentKind = LentKind::Seeds;

    fn lend<'r>(run: &'r Run<'_>) -> Result<&'r Self> {
        run.seeds.ok_or_else(|| "the experiment has no seeds: add `.seeds(seeds(42))`".into())
    }
}

impl Lent for Capture {
    const KIND: LentKind = LentKind::Capture;

    fn lend<'r>(run: &'r Run<'_>) -> Result<&'r Self> {
        Ok(run.capture)
    }
}

impl Lent for Runtime {
    const KIND: LentKind = LentKind::Runtime;

    fn lend<'r>(run: &'r Run<'_>) -> Result<&'r Self> {
        Ok(run.runtime)
    }
}
