//! Functions over one run: called, judged, recorded.

use super::{DerivedFunction, Metrics, MetricsError};
use crate::failure::Failure;
use crate::record::{DerivedRecord, ErrorRecord};
use crate::results::RunResult;
use crate::running::contain;

/// What functions derive from a run, each in a record of its own. One that fails or panics says so in its record. A
/// metric belongs to the function that gave it first, be it among these or among those that are used with them and
/// whose records are `known` from before.
pub(crate) fn derive_all<'f>(
    functions: impl Iterator<Item = &'f DerivedFunction>,
    run: &RunResult,
    known: &[DerivedRecord],
) -> Vec<DerivedRecord> {
    let mut records: Vec<DerivedRecord> = Vec::new();
    for function in functions {
        let others = records.iter().chain(known).filter(|other| other.function != function.name());
        let result = match contain(|| function.call(run)) {
            Ok(Ok(metrics)) => check(metrics, others),
            Ok(Err(failure)) => Err(failed(&failure)),
            Err(panicked) => Err(ErrorRecord {
                chain: vec![panicked.message],
                backtrace: Some(panicked.backtrace).filter(|text| !text.is_empty()),
                cause: "panic".into(),
            }),
        };
        // The code was asked for when the functions were checked: it is known.
        let code = function.code().unwrap_or(metalab_cas::Digest::from_bytes([0; 32]));
        let (values, error) = match result {
            Ok(metrics) => (metrics.0, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        records.push(DerivedRecord { function: function.name().to_owned(), code, values, error });
    }
    records
}

fn failed(failure: &Failure) -> ErrorRecord {
    ErrorRecord { chain: failure.chain(), backtrace: None, cause: "error".into() }
}

/// Refuses names that a function by hand has made up, and those of other functions.
fn check<'r>(
    metrics: Metrics,
    others: impl Iterator<Item = &'r DerivedRecord> + Clone,
) -> Result<Metrics, ErrorRecord> {
    // Through the same door as everything else: names are checked there.
    let metrics = Metrics::of("", &metrics).map_err(|error| names(error.into()))?;
    for (name, _) in metrics.iter() {
        let owner = others.clone().find(|other| other.values.iter().any(|(taken, _)| taken == name));
        if let Some(owner) = owner {
            let (name, other) = (name.to_owned(), owner.function.clone());
            return Err(names(MetricsError::Taken { name, other }.into()));
        }
    }
    Ok(metrics)
}

fn names(error: Failure) -> ErrorRecord {
    ErrorRecord { cause: "names".into(), ..failed(&error) }
}
