//! Where a run stands in its experiment.

use metalab_cas::Value;

/// Where a run stands in its experiment.
#[derive(Clone, Debug)]
pub(crate) struct CellPlace {
    pub(crate) step: String,
    pub(crate) cell: u64,
    /// `None` for a step without replicates.
    pub(crate) replicate: Option<u64>,
    /// Of other steps: `prepare.threshold` and its value.
    pub(crate) coordinates: Vec<(String, Value)>,
    /// Of the experiment and of the cell.
    pub(crate) tags: Vec<String>,
}

impl CellPlace {
    /// The place of a run that is no cell of the experiment.
    pub(super) fn outside() -> Self {
        Self { step: String::new(), cell: 0, replicate: None, coordinates: Vec::new(), tags: Vec::new() }
    }
}
