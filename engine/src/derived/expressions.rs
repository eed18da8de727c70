//! Derived metrics that are SQL expressions, kept by name: `normalized = metrics.score / params.lr`.
//!
//! They are kept as text. Whoever asks in SQL computes them; nothing is stored per run.

use std::collections::BTreeMap;

use crate::id::RecordName;
use crate::index::{Index, IndexError};
use crate::journal::{Durability, JournalError, Writer};
use crate::name::NameError;
use crate::record::{KeptExpression, LEVEL, Record, kind, to_cbor};
use crate::running::now_micros;
use crate::store::Store;

/// The longest expression, in bytes.
pub const LONGEST: usize = 10_000;

/// Why an expression was not kept, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionsError {
    /// The metric or the experiment cannot be called so.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no text, too much of it, or some that cannot be printed.
    #[error("the expression of `{name}` {why}")]
    Text {
        /// The metric.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// There is none of this name.
    #[error("no expression is kept as `{name}`{}; there are: {known}", match experiment { Some(experiment) => format!(" for `{experiment}`"), None => String::new() })]
    Unknown {
        /// The name.
        name: String,
        /// The experiment it was looked for in.
        experiment: Option<String>,
        /// Those there are.
        known: String,
    },
    /// The store is open for reading only.
    #[error("the store `{store}` is open for reading only: open it for writing to keep an expression")]
    ReadOnly {
        /// The store.
        store: String,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Keeps an expression by name, for one experiment or for all; it takes the place of an older one.
///
/// Names and lengths are checked here. Whether it is SQL is known to those who ask in SQL: check it there first.
///
/// ```
/// use metalab_engine::derived::expressions;
/// use metalab_engine::store::Store;
///
/// let store = Store::memory()?;
/// expressions::keep(&store, "normalized", None, "metrics.score / params.lr")?;
/// assert_eq!(expressions::all(&store)?[0].name, "normalized");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`ExpressionsError`].
pub fn keep(
    store: &Store,
    name: &str,
    experiment: Option<&str>,
    expression: &str,
) -> Result<KeptExpression, ExpressionsError> {
    let expression = expression.trim();
    let wrong = |why| ExpressionsError::Text { name: crate::name::shown(name), why };
    if expression.is_empty() {
        return Err(wrong("is empty: write for example `metrics.score / params.lr`"));
    }
    if expression.len() > LONGEST {
        return Err(wrong("is longer than 10,000 bytes"));
    }
    if expression.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(wrong("has a control character"));
    }
    write(store, name, experiment, Some(expression.to_owned()))
}

/// Gives up an expression.
///
/// # Errors
/// When there is none of this name for this experiment (or, without one, for all), or as [`keep`].
pub fn give_up(
    store: &Store,
    name: &str,
    experiment: Option<&str>,
) -> Result<KeptExpression, ExpressionsError> {
    let known = all(store)?;
    if !known.iter().any(|other| other.name == name && other.experiment.as_deref() == experiment) {
        let known: Vec<_> = known.iter().map(|known| format!("`{}`", known.name)).collect();
        return Err(ExpressionsError::Unknown {
            name: crate::name::shown(name),
            experiment: experiment.map(crate::name::shown),
            known: if known.is_empty() { "none".into() } else { known.join(", ") },
        });
    }
    write(store, name, experiment, None)
}

/// The expressions of a store, by name and experiment.
///
/// # Errors
/// When the store cannot be read.
pub fn all(store: &Store) -> Result<Vec<KeptExpression>, ExpressionsError> {
    Ok(of(store, &Index::load(store)?)?)
}

/// The same with an index at hand.
///
/// # Errors
/// When the journal cannot be read.
pub fn of(store: &Store, index: &Index) -> Result<Vec<KeptExpression>, JournalError> {
    let mut newest: BTreeMap<(String, Option<String>), (i64, RecordName, KeptExpression)> = BTreeMap::new();
    for (record, place) in index.expressions() {
        let kept = match store.journal().read(&place) {
            Ok(Record::Expression(kept)) => *kept,
            // A damaged record hides only itself.
            Ok(_) | Err(JournalError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        let key = (kept.name.clone(), kept.experiment.clone());
        if newest.get(&key).is_none_or(|(time, name, _)| (*time, *name) < (kept.time, record)) {
            newest.insert(key, (kept.time, record, kept));
        }
    }
    Ok(newest.into_values().map(|(_, _, kept)| kept).filter(|kept| kept.expression.is_some()).collect())
}

fn write(
    store: &Store,
    name: &str,
    experiment: Option<&str>,
    expression: Option<String>,
) -> Result<KeptExpression, ExpressionsError> {
    crate::name::check(name)?;
    experiment.map(crate::name::check).transpose()?;
    if store.is_read_only() {
        return Err(ExpressionsError::ReadOnly { store: store.describe().to_owned() });
    }
    let kept = KeptExpression {
        name: name.to_owned(),
        experiment: experiment.map(str::to_owned),
        expression,
        time: now_micros(),
    };
    let mut writer = Writer::new(store, Durability::Full)?;
    writer.append(kind::EXPRESSION, LEVEL, &to_cbor(&kept));
    writer.commit()?;
    writer.close();
    Ok(kept)
}
