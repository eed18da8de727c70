//! Whether the runs of a submission can be performed by other processes, asked before anything is written.

use metalab_cas::Key;

use super::wire::{FunctionWire, OperationWire};
use super::{Workplace, brief, deriving};
use crate::operation::Contexts;
use crate::plan::StepPlan;
use crate::record::to_cbor;
use crate::store::Store;

/// What an executor will be asked to execute, if it can.
#[derive(Debug)]
pub struct Prospect<'a> {
    store: &'a Store,
    contexts: &'a Contexts,
    steps: Vec<&'a StepPlan>,
}

impl<'a> Prospect<'a> {
    /// The steps of a submission that have something to execute.
    pub(crate) fn new(store: &'a Store, contexts: &'a Contexts, steps: Vec<&'a StepPlan>) -> Self {
        Self { store, contexts, steps }
    }

    /// Whether other processes of this machine can have the store and the contexts.
    ///
    /// # Errors
    /// What stands against it, and what to do.
    pub fn check_shared(&self) -> Result<(), String> {
        shared_locator(self.store)?;
        for step in &self.steps {
            let lent = step.operation.description().lent.iter();
            brief::contexts(lent, self.contexts)
                .map_err(|reason| format!("step `{}`: {reason}", step.name))?;
        }
        Ok(())
    }

    /// The operations, and the functions over their runs, for [`Workplace::check`].
    pub fn operations(&self) -> Vec<u8> {
        let operations: Vec<OperationWire> = self.steps.iter().map(|step| operation(step)).collect();
        // The plan has checked that their code is known.
        let functions = self.steps.iter().filter_map(|step| deriving::functions(step).ok());
        to_cbor(&(operations, functions.flatten().collect::<Vec<FunctionWire>>()))
    }
}

impl Workplace {
    /// Whether this worker has all of some operations and functions, with the same code.
    ///
    /// # Errors
    /// Which it has not, and what to do.
    pub fn check(&self, operations: &[u8]) -> Result<(), String> {
        let (operations, functions): (Vec<OperationWire>, Vec<FunctionWire>) =
            minicbor::decode(operations)
                .map_err(|error| format!("the list of operations cannot be read: {error}"))?;
        operations.iter().try_for_each(|operation| self.find(operation).map(drop))?;
        functions.iter().try_for_each(|function| self.function(function).map(drop))
    }
}

/// A step's operation, as a worker must have it too.
pub(super) fn operation(step: &StepPlan) -> OperationWire {
    OperationWire {
        name: step.operation.description().full_name(),
        version: step.operation.description().version.to_owned(),
        grade: step.template.grade,
        code: step.template.code,
        codec: step.operation.codec().0.to_owned(),
    }
}

/// By what another process of this machine finds a store.
pub(super) fn shared_locator(store: &Store) -> Result<String, String> {
    let manifest = Key::new("metalab.json").expect("a legal key");
    let Some(path) = store.backend().local_path(&manifest) else {
        return Err(format!(
            "the store `{}` lives in this process alone, where no other can write to it: name a folder, or run in threads",
            store.describe()
        ));
    };
    let path = std::path::absolute(&path).unwrap_or(path);
    let folder = path.parent().and_then(|folder| folder.to_str());
    folder.map(|folder| format!("file://{folder}")).ok_or_else(|| {
        format!("the path of the store `{}` is not UTF-8: choose another folder", store.describe())
    })
}
