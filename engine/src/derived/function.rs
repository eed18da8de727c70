//! Functions over finished runs, with and without their types.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use metalab_cas::{Digest, Hasher};

use super::Metrics;
use crate::code::{Code, Grade};
use crate::failure::Result;
use crate::name::NameError;
use crate::plan::executable_digest;
use crate::results::RunResult;

/// A function over a finished run, as `#[metalab::derived]` writes it. By hand:
///
/// ```
/// use metalab_engine::code::Code;
/// use metalab_engine::derived::{Derive, Description, Metrics};
/// use metalab_engine::results::RunResult;
///
/// struct Efficiency;
///
/// impl Derive for Efficiency {
///     fn describe() -> Description {
///         Description::new("docs", "efficiency", "1", Code::manual())
///     }
///
///     fn call(run: &RunResult) -> metalab_engine::Result<Metrics> {
///         Ok(Metrics::new().with("efficiency", run.metric_f64("accuracy")? / run.param::<f64>("cost")?))
///     }
/// }
/// ```
pub trait Derive: Send + Sync + 'static {
    /// Name, version and code; called once per registration.
    fn describe() -> Description;

    /// Looks at a run. It sees parameters, metrics, data, artifacts and the output, and no derived metrics.
    ///
    /// # Errors
    /// Whatever kept it from giving metrics; kept with the run, which stays as it is.
    fn call(run: &RunResult) -> Result<Metrics>;
}

/// What is known of a function without calling it.
#[derive(Clone, Debug)]
pub struct Description {
    /// The package that defines it.
    pub namespace: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its version, given by hand.
    pub version: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// The module that defines it.
    pub module: &'static str,
    /// Its code.
    pub code: Code,
    /// The metrics it gives, where it says so; its own name is always its own.
    pub metrics: &'static [&'static str],
}

impl Description {
    /// A description without documentation.
    pub fn new(namespace: &'static str, name: &'static str, version: &'static str, code: Code) -> Self {
        Self { namespace, name, version, doc: "", module: "", code, metrics: &[] }
    }

    /// `namespace::name`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.namespace, self.name)
    }
}

/// A function whose type is not known here. Cheap to clone.
#[derive(Clone)]
pub struct DerivedFunction(Arc<Inner>);

struct Inner {
    description: Description,
    full_name: String,
    call: fn(&RunResult) -> Result<Metrics>,
    code: OnceLock<Result<Digest, String>>,
}

impl DerivedFunction {
    /// The handle of function `D`.
    pub fn of<D: Derive>() -> Self {
        let description = D::describe();
        let full_name = description.full_name();
        Self(Arc::new(Inner { description, full_name, call: D::call, code: OnceLock::new() }))
    }

    /// What is known of it.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// `namespace::name`: how records call it.
    pub fn name(&self) -> &str {
        &self.0.full_name
    }

    /// The digest of its code: what it gave under another one is out of date.
    ///
    /// BLAKE3 of `metalab derived 1`, a zero byte, and namespace, name, version, grade and code digest in hexadecimal,
    /// each followed by a zero byte.
    ///
    /// # Errors
    /// When the executable cannot be read (code grade `binary`); the message says why.
    pub fn code(&self) -> Result<Digest, String> {
        self.0.code.get_or_init(|| self.digest()).clone()
    }

    fn digest(&self) -> Result<Digest, String> {
        let Description { namespace, name, version, code, .. } = &self.0.description;
        let digest = match code.grade {
            Grade::Binary => executable_digest().map_err(|error| error.to_string())?.to_string(),
            _ => code.digest.unwrap_or_default().to_owned(),
        };
        let mut hasher = Hasher::new();
        hasher.update(b"metalab derived 1\0");
        for part in [*namespace, *name, *version, code.grade.as_str(), digest.as_str()] {
            hasher.update(part.as_bytes()).update(&[0]);
        }
        Ok(hasher.finish())
    }

    pub(super) fn call(&self, run: &RunResult) -> Result<Metrics> {
        (self.0.call)(run)
    }

    /// The metrics that belong to it: its name, and those it names.
    fn owned(&self) -> impl Iterator<Item = &'static str> {
        let description = self.description();
        let others = description.metrics.iter().copied().filter(|name| *name != description.name);
        std::iter::once(description.name).chain(others)
    }
}

impl fmt::Debug for DerivedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerivedFunction({})", self.0.full_name)
    }
}

/// Why some functions cannot be used together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionsError {
    /// The same function twice.
    #[error("the derived metric function `{name}` is given twice")]
    Twice {
        /// Its name.
        name: String,
    },
    /// Two functions that give the same metric.
    #[error(
        "the derived metric `{metric}` would come from `{first}` and from `{second}`; rename one by `#[metalab::derived(name = \"...\")]`"
    )]
    Collision {
        /// The metric.
        metric: String,
        /// One function.
        first: String,
        /// The other.
        second: String,
    },
    /// A name that breaks the rules of names.
    #[error("derived metrics of `{function}`")]
    Name {
        /// The function.
        function: String,
        /// What is wrong.
        source: NameError,
    },
    /// The code of a function is not known.
    #[error("the code of `{function}` is not known: {reason}")]
    Code {
        /// The function.
        function: String,
        /// Why not.
        reason: String,
    },
}

/// Whether functions can be used together, as far as is known without calling them.
pub(crate) fn check(functions: &[DerivedFunction]) -> Result<(), FunctionsError> {
    let mut owners: BTreeMap<&str, &DerivedFunction> = BTreeMap::new();
    for function in functions {
        let name = function.name().to_owned();
        function.code().map_err(|reason| FunctionsError::Code { function: name.clone(), reason })?;
        for metric in function.owned() {
            crate::name::check(metric)
                .map_err(|source| FunctionsError::Name { function: name.clone(), source })?;
            match owners.insert(metric, function) {
                None => {}
                Some(first) if first.name() == name => return Err(FunctionsError::Twice { name }),
                Some(first) => {
                    let (metric, first) = (metric.to_owned(), first.name().to_owned());
                    return Err(FunctionsError::Collision { metric, first, second: name });
                }
            }
        }
    }
    Ok(())
}
