//! Derived metrics on their way to a worker.

use std::sync::Arc;

use super::Workplace;
use super::wire::{DerivingWire, FunctionWire};
use crate::derived::{DerivedFunction, Deriving};
use crate::plan::StepPlan;
use crate::results::{Dimensions, StepCells};
use crate::tags::CaseTags;

/// The functions over the runs of a step, as a worker must have them too.
pub(super) fn functions(step: &StepPlan) -> Result<Vec<FunctionWire>, String> {
    let deriving = step.deriving();
    let functions = deriving.iter().flat_map(|deriving| &deriving.functions);
    let wire = |function: &DerivedFunction| {
        Ok(FunctionWire { name: function.name().to_owned(), code: function.code()? })
    };
    functions.map(wire).collect()
}

/// What a worker is told of them.
pub(super) fn send(step: &StepPlan) -> Result<Option<DerivingWire>, String> {
    let Some(deriving) = step.deriving() else { return Ok(None) };
    Ok(Some(DerivingWire {
        functions: functions(step)?,
        template: (*deriving.template).clone(),
        step: step.name().to_owned(),
        sets: deriving.cells.sets,
        replicates: deriving.cells.replicates,
        dimensions: step.dimensions().into(),
        tags: (*step.tags).clone(),
        case_tags: step.case_tags.to_bytes().into(),
    }))
}

impl Workplace {
    /// The worker's own function of that name, if its code is the same.
    pub(super) fn function(&self, wanted: &FunctionWire) -> Result<DerivedFunction, String> {
        let name = &wanted.name;
        let registry = self.functions.as_ref().map_err(Clone::clone)?;
        let function = registry.named(name).ok_or_else(|| {
            format!(
                "the worker knows no derived metric function `{name}`: write it with `#[metalab::derived]`, and link the crate that defines it into the worker's program"
            )
        })?;
        match function.code()? == wanted.code {
            true => Ok(function.clone()),
            false => Err(format!(
                "the derived metric function `{name}` of the worker has other code than the driver's: build both programs from the same source"
            )),
        }
    }

    /// Takes what [`send`] wrote.
    pub(super) fn deriving(&self, wire: DerivingWire) -> Result<Arc<Deriving>, String> {
        let functions = wire.functions.iter().map(|wanted| self.function(wanted));
        let cells = StepCells {
            name: wire.step,
            axes: Vec::new(),
            sets: wire.sets,
            replicates: wire.replicates,
            dimensions: Dimensions::decode(&wire.dimensions),
            tags: Arc::new(wire.tags),
            case_tags: Arc::new(CaseTags::decode(&wire.case_tags).unwrap_or_default()),
            ids: Vec::new(),
        };
        Ok(Arc::new(Deriving {
            functions: functions.collect::<Result<_, _>>()?,
            template: Arc::new(wire.template),
            cells,
        }))
    }
}
