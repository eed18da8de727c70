//! What a run lends to its operation.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use metalab_cas::Value;

use super::{Metadata, Runtime};
use crate::capture::Capture;
use crate::context::{Context, Field, FieldError};
use crate::failure::{Failure, Result};
use crate::seeds::SeedBundle;

/// A type that operations may take by reference.
///
/// [`SeedBundle`], [`Capture`], [`Runtime`], [`Metadata`], and every `#[derive(Context)]` type.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be lent to an operation",
    label = "not something a run lends",
    note = "operations own their data (take `{Self}` by value) and borrow only `&SeedBundle`, `&Capture`, `&Runtime`, `&Metadata` and contexts",
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
    /// The metadata that the operation declares.
    Metadata,
    /// The context of this name.
    Context(&'static str),
}

/// The contexts of an experiment, by type.
#[derive(Clone, Default)]
pub struct Contexts(Vec<Held>);

type Shared = Arc<dyn Any + Send + Sync>;

#[derive(Clone)]
struct Held {
    name: &'static str,
    form: Form,
}

#[derive(Clone)]
enum Form {
    /// Made in this process.
    Own(Shared, Type),
    /// Written by another process, and read when an operation first asks for it: only that knows the type.
    Sent(Arc<Sent>),
}

/// What is known of a context's type.
#[derive(Clone, Copy)]
struct Type {
    fields: fn(&(dyn Any + Send + Sync)) -> Result<Vec<Field>, FieldError>,
    skipped: fn() -> &'static [&'static str],
    /// Writes it as it is.
    write: fn(&(dyn Any + Send + Sync)) -> Result<Value, String>,
    /// Writes it for another process, where it has to come out the same.
    leave: fn(&(dyn Any + Send + Sync)) -> Result<Value, String>,
}

struct Sent {
    value: Value,
    made: OnceLock<Result<Shared, String>>,
}

impl Contexts {
    /// Adds a context; the one of the same type that was there is replaced.
    pub fn insert<C: Context>(&mut self, context: C) {
        self.0.retain(|held| held.name != C::NAME || !held.is::<C>());
        let this = Type { fields: fields::<C>, skipped: C::skipped, write: write::<C>, leave: leave::<C> };
        self.0.push(Held { name: C::NAME, form: Form::Own(Arc::new(context), this) });
    }

    /// The context of type `C`.
    pub fn get<C: Context>(&self) -> Option<&C> {
        self.find().and_then(Result::ok)
    }

    fn find<C: Context>(&self) -> Option<Result<&C, String>> {
        self.0.iter().find_map(|held| match &held.form {
            Form::Own(value, _) => value.downcast_ref().map(Ok),
            Form::Sent(sent) if held.name == C::NAME => {
                let made = sent.made.get_or_init(|| match C::from_value(&sent.value) {
                    Ok(context) => Ok(Arc::new(context) as Shared),
                    Err(failure) => Err(failure.to_string()),
                });
                match made {
                    Ok(value) => value.downcast_ref().map(Ok),
                    Err(reason) => Some(Err(reason.clone())),
                }
            }
            Form::Sent(_) => None,
        })
    }

    /// What the context of this name is for the identity, asked now; `None` if there is none.
    pub(crate) fn fields(&self, name: &str) -> Option<Result<Vec<Field>, FieldError>> {
        self.0.iter().find_map(|held| match &held.form {
            Form::Own(value, this) if held.name == name => Some((this.fields)(&**value)),
            _ => None,
        })
    }

    /// The fields of the context of this name that do not enter the identity.
    pub(crate) fn skipped(&self, name: &str) -> &'static [&'static str] {
        let found = self.0.iter().find_map(|held| match &held.form {
            Form::Own(_, this) if held.name == name => Some((this.skipped)()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// The context of this name by value, skipped fields included; `None` if there is none of this process.
    pub(crate) fn written(&self, name: &str) -> Option<Result<Value, String>> {
        self.0.iter().find_map(|held| match &held.form {
            Form::Own(value, this) if held.name == name => Some((this.write)(&**value)),
            _ => None,
        })
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|held| held.name == name)
    }

    /// The context of this name by value, for another process; `None` if there is none.
    pub(crate) fn by_value(&self, name: &str) -> Option<Result<Value, String>> {
        let held = self.0.iter().find(|held| held.name == name)?;
        Some(match &held.form {
            Form::Own(value, this) => (this.leave)(&**value),
            Form::Sent(sent) => Ok(sent.value.clone()),
        })
    }

    /// Adds a context that another process wrote.
    pub(crate) fn insert_sent(&mut self, name: &'static str, value: Value) {
        let form = Form::Sent(Arc::new(Sent { value, made: OnceLock::new() }));
        self.0.push(Held { name, form });
    }
}

impl Held {
    fn is<C: Context>(&self) -> bool {
        matches!(&self.form, Form::Own(value, _) if value.is::<C>())
    }
}

fn fields<C: Context>(context: &(dyn Any + Send + Sync)) -> Result<Vec<Field>, FieldError> {
    let context: Option<&C> = context.downcast_ref();
    context.ok_or_else(|| FieldError::new("?", "another type is held under its name"))?.fields()
}

fn write<C: Context>(context: &(dyn Any + Send + Sync)) -> Result<Value, String> {
    let context: &C = context.downcast_ref().ok_or("another type is held under its name")?;
    context.to_value().map_err(|failure| failure.to_string())
}

/// Writes a context for another process, and makes sure that it would come out the same there.
fn leave<C: Context>(context: &(dyn Any + Send + Sync)) -> Result<Value, String> {
    let context: &C = context.downcast_ref().ok_or("another type is held under its name")?;
    let value = context.to_value().map_err(|failure| failure.to_string())?;
    let back = C::from_value(&value).map_err(|failure| failure.to_string())?;
    let same = matches!((context.fields(), back.fields()), (Ok(before), Ok(after)) if before == after);
    match same {
        true => Ok(value),
        false => Err(format!(
            "context `{}` does not come out as it was after `to_value` and `from_value`: mend the serde impls of its fields",
            C::NAME
        )),
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
    pub(crate) metadata: Option<&'a Metadata>,
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
        Self { seeds, capture, runtime, contexts, metadata: None, inputs: None }
    }

    /// With the metadata that the operation declares.
    #[must_use]
    pub fn metadata(mut self, metadata: &'a Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// The context of type `C`.
    ///
    /// # Errors
    /// When the experiment has none.
    pub fn context<C: Context>(&self) -> Result<&C> {
        match self.contexts.find() {
            Some(found) => found.map_err(Failure::from),
            None => Err(Failure::from(format!(
                "the experiment has no context `{}`: add it by `.context(...)`",
                C::NAME
            ))),
        }
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
