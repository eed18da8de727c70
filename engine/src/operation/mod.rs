//! Operations: a user's functions, typed in and out.
//!
//! [`Operation`] is what `#[metalab::operation]` writes and what can be written by hand; [`Registered`] is the
//! same without its types, as the engine handles it; [`Run`] is what an operation borrows from while it works.

mod erased;
mod inputs;
mod lent;
mod metadata;
mod registry;
mod runtime;

pub use erased::{CallError, Registered};
pub(crate) use inputs::Inputs;
pub use inputs::{InputForm, InputInfo};
pub use lent::{Contexts, Lent, LentKind, Run};
pub use metadata::Metadata;
pub use registry::{Registration, Registry, RegistryError};
pub use runtime::{Cancellation, Runtime};

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::{Serialize, de::DeserializeOwned};

use crate::code::Code;
use crate::codec::Codec;
use crate::failure::Result;
use crate::schedule::Resources;

/// A function that can be swept: typed arguments in, a typed output out.
///
/// The attribute `#[metalab::operation]` writes this for a function. By hand:
///
/// ```
/// use metalab_engine::code::Code;
/// use metalab_engine::codec::Json;
/// use metalab_engine::operation::{Description, Operation, ParameterInfo, Run};
///
/// struct Square;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct SquareParams {
///     x: f64,
/// }
///
/// impl Operation for Square {
///     type Params = SquareParams;
///     type Output = f64;
///     type Codec = Json;
///
///     fn describe() -> Description {
///         Description::new("docs", "square", "1", Code::manual()).parameter(ParameterInfo::required("x", "f64"))
///     }
///
///     fn call(params: SquareParams, _run: &Run<'_>) -> metalab_engine::Result<f64> {
///         Ok(params.x * params.x)
///     }
/// }
/// ```
pub trait Operation: Send + Sync + 'static {
    /// The arguments the operation owns: its data, and a part of every run's identity.
    type Params: Serialize + DeserializeOwned + Send + 'static;
    /// What it returns. Later steps may share it between threads.
    type Output: Send + Sync + 'static;
    /// How the output becomes bytes.
    type Codec: Codec<Self::Output>;

    /// Name, version, code and arguments; called once per registration.
    fn describe() -> Description;

    /// Does the work.
    ///
    /// # Errors
    /// Whatever made the run fail; the chain of causes is kept in its record.
    fn call(params: Self::Params, run: &Run<'_>) -> Result<Self::Output>;
}

/// What is known of an operation without running it.
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
    /// The arguments it owns, in the order of the signature.
    pub parameters: Vec<ParameterInfo>,
    /// What it takes from other steps, in the order of the signature.
    pub inputs: Vec<InputInfo>,
    /// What it borrows.
    pub lent: Vec<LentKind>,
    /// Keys of the experiment's metadata that it reads: they and their values enter its runs.
    pub metadata: Vec<&'static str>,
    /// What a run of it needs of the machine; nothing said means one cpu.
    pub resources: Resources,
}

impl Description {
    /// A description without arguments and borrowings.
    pub fn new(namespace: &'static str, name: &'static str, version: &'static str, code: Code) -> Self {
        Self {
            namespace,
            name,
            version,
            doc: "",
            module: "",
            code,
            parameters: Vec::new(),
            inputs: Vec::new(),
            lent: Vec::new(),
            metadata: Vec::new(),
            resources: Resources::default(),
        }
    }

    /// Adds an owned argument.
    #[must_use]
    pub fn parameter(mut self, parameter: ParameterInfo) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Adds an input.
    #[must_use]
    pub fn input(mut self, input: InputInfo) -> Self {
        self.inputs.push(input);
        self
    }

    /// Adds something borrowed.
    #[must_use]
    pub fn lent(mut self, kind: LentKind) -> Self {
        self.lent.push(kind);
        self
    }

    /// Declares keys of the experiment's metadata that it reads through [`Metadata`].
    #[must_use]
    pub fn metadata(mut self, keys: impl IntoIterator<Item = &'static str>) -> Self {
        self.metadata.extend(keys);
        self
    }

    /// `namespace::name`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.namespace, self.name)
    }

    /// Whether runs of it have seeds and replicates.
    pub fn takes_seeds(&self) -> bool {
        self.lent.contains(&LentKind::Seeds)
    }
}

/// An owned argument of an operation.
#[derive(Clone, Debug)]
pub struct ParameterInfo {
    /// Its name.
    pub name: &'static str,
    /// Its type as written.
    pub type_name: &'static str,
    /// Its default: a run with this value is the same run as one that leaves the argument out.
    pub default: Option<fn() -> std::result::Result<Value, ValueError>>,
}

impl ParameterInfo {
    /// An argument without default.
    pub const fn required(name: &'static str, type_name: &'static str) -> Self {
        Self { name, type_name, default: None }
    }
}
