//! Why a run did not succeed, as its record keeps it.

use crate::operation::CallError;
use crate::record::ErrorRecord;
use crate::running::panics::Panicked;

pub(super) fn of_call(error: CallError) -> ErrorRecord {
    match error {
        CallError::Operation(failure) => {
            ErrorRecord { chain: failure.chain(), backtrace: None, cause: "error".into() }
        }
        CallError::Arguments(error) => failed("arguments", &error),
        CallError::Output(error) => failed("output", &error),
    }
}

pub(super) fn of_panic(panicked: Panicked) -> ErrorRecord {
    ErrorRecord {
        chain: vec![panicked.message],
        backtrace: Some(panicked.backtrace).filter(|text| !text.is_empty()),
        cause: "panic".into(),
    }
}

pub(super) fn failed(cause: &str, error: &(dyn std::error::Error + 'static)) -> ErrorRecord {
    ErrorRecord { chain: chain(error), backtrace: None, cause: cause.into() }
}

pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push(cause.to_string());
        next = cause.source();
    }
    chain
}
