//! The context types of a program, found by name: what turns a manifest back into an experiment.

use metalab_cas::Value;

use super::Context;
use crate::failure::Result;
use crate::operation::Contexts;

/// An entry that `#[derive(Context)]` leaves in the binary.
pub struct ContextRegistration {
    name: &'static str,
    insert: fn(&Value, &mut Contexts) -> Result<()>,
}

inventory::collect!(ContextRegistration);

impl ContextRegistration {
    /// The entry of a type.
    pub const fn of<C: Context>() -> Self {
        Self { name: C::NAME, insert: insert::<C> }
    }
}

fn insert<C: Context>(value: &Value, contexts: &mut Contexts) -> Result<()> {
    contexts.insert(C::from_value(value)?);
    Ok(())
}

/// Makes the context of this name that [`Context::to_value`] wrote, of a type of this program.
///
/// # Errors
/// When no type has the name, or the value is not one of it.
pub(crate) fn insert_by_name(name: &str, value: &Value, contexts: &mut Contexts) -> Result<()> {
    let all = inventory::iter::<ContextRegistration>.into_iter();
    let mut failed = None;
    // Types of equal name in one program are told apart by what their fields are called.
    for registration in all.filter(|registration| registration.name == name) {
        match (registration.insert)(value, contexts) {
            Ok(()) => return Ok(()),
            Err(failure) => failed = Some(failure),
        }
    }
    Err(failed.unwrap_or_else(|| {
        format!(
            "this program has no context type `{name}`: derive `Context` for it, or give the context by hand"
        )
        .into()
    }))
}
