//! Asking functions about every set of a source: what resolvers find, what filters keep.

use std::collections::HashMap;

use metalab_cas::Value;

use super::resolver::{Params, ResolverRef};
use super::{MAX_SETS, ParamsError};

/// What a resolver found: each value once, and which one each set has.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) values: Vec<Option<Value>>,
    pub(crate) of_set: Vec<u32>,
}

impl Found {
    /// Asks a resolver about every set.
    pub(crate) fn new(
        argument: &str,
        by: &ResolverRef,
        sets: u64,
        set: impl Fn(u64) -> Params + Sync,
    ) -> Result<Self, ParamsError> {
        let fault = |at, set: &Params, reason| ParamsError::Resolver {
            argument: argument.to_owned(),
            resolver: by.name.to_owned(),
            at,
            set: set.to_string(),
            reason,
        };
        let found = evaluate(sets, |at| {
            let set = set(at);
            let value = by.call(&set).map_err(|reason| fault(at, &set, reason))?;
            let bytes = value.as_ref().map(Value::to_bytes).transpose();
            bytes.map_err(|error| fault(at, &set, error.to_string()))
        })?;
        let mut numbers: HashMap<Option<Vec<u8>>, u32> = HashMap::new();
        let mut values = Vec::new();
        let number = |bytes: Option<Vec<u8>>| match numbers.get(&bytes) {
            Some(number) => *number,
            None => {
                let number = values.len() as u32;
                values.push(bytes.as_deref().and_then(|bytes| Value::decode(bytes).ok()));
                numbers.insert(bytes, number);
                number
            }
        };
        let of_set = found.into_iter().map(number).collect();
        Ok(Self { values, of_set })
    }

    pub(crate) fn at(&self, set: u64) -> Option<&Value> {
        self.values[self.of_set[set as usize] as usize].as_ref()
    }
}

/// Does something for every set, on all cores where there are many; the first error in order of the sets counts.
pub(crate) fn evaluate<T: Send, E: Send + From<ParamsError>>(
    sets: u64,
    work: impl Fn(u64) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    /// Fewer are not worth a thread.
    const MANY: u64 = 10_000;
    if sets > MAX_SETS {
        return Err(ParamsError::TooMany { sets: sets.into(), axes: "before filtering".into() }.into());
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let part = if sets < MANY { sets.max(1) } else { sets.div_ceil(threads) };
    let work = &work;
    let parts: Vec<Result<Vec<T>, E>> = std::thread::scope(|scope| {
        let bounds = (0..sets).step_by(part as usize).map(|start| start..sets.min(start + part));
        let running: Vec<_> =
            bounds.map(|range| scope.spawn(move || range.map(work).collect::<Result<Vec<T>, E>>())).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Vec::with_capacity(sets as usize);
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}
