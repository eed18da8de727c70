//! Operations without their types, as the engine handles them.

use std::any::TypeId;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::Deserialize;
use serde::de::value::MapDeserializer;

use super::{Description, Operation, Run};
use crate::codec::{Codec, CodecError, Json};
use crate::failure::Failure;

/// A handle of an operation whose types are not known here.
#[derive(Clone)]
pub struct Registered(Arc<Inner>);

struct Inner {
    description: Description,
    full_name: String,
    operation: Box<dyn Erased>,
}

/// Why a call gave no output.
#[derive(Debug)]
pub enum CallError {
    /// The arguments do not fit the operation's types.
    Arguments(ValueError),
    /// The operation said so.
    Operation(Failure),
    /// The output could not be encoded, or not decoded.
    Output(CodecError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => error.fmt(f),
            Self::Operation(failure) => failure.fmt(f),
            Self::Output(error) => error.fmt(f),
        }
    }
}

trait Erased: Send + Sync {
    fn call(
        &self,
        arguments: &[(&str, &Value)],
        run: &Run<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), CallError>;
    fn normalise(&self, arguments: &[(&str, &Value)]) -> Result<Value, ValueError>;
    fn fault(&self, arguments: &[(&str, &Value)]) -> Option<String>;
    fn codec(&self) -> (&'static str, &'static str);
    fn output(&self) -> (TypeId, &'static str);
    fn decodes(&self, bytes: &[u8]) -> Result<(), CodecError>;
    fn rows(&self, bytes: &[u8]) -> Result<Vec<Value>, CallError>;
}

struct Typed<O>(PhantomData<fn() -> O>);

fn params<O: Operation>(arguments: &[(&str, &Value)]) -> Result<O::Params, ValueError> {
    O::Params::deserialize(MapDeserializer::new(arguments.iter().copied()))
}

impl<O: Operation> Erased for Typed<O> {
    fn call(
        &self,
        arguments: &[(&str, &Value)],
        run: &Run<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        let params = params::<O>(arguments).map_err(CallError::Arguments)?;
        let value = O::call(params, run).map_err(CallError::Operation)?;
        O::Codec::encode(&value, output).map_err(CallError::Output)
    }

    fn normalise(&self, arguments: &[(&str, &Value)]) -> Result<Value, ValueError> {
        Value::from_serde(&params::<O>(arguments)?)
    }

    fn fault(&self, arguments: &[(&str, &Value)]) -> Option<String> {
        // The types ask for one argument after another: the last one that they asked for is the one at fault.
        let asked = Cell::new(None);
        let one_by_one = (0..=arguments.len()).map_while(|at| {
            let next = arguments.get(at).copied();
            asked.set(next.map(|(name, _)| name));
            next
        });
        let taken = O::Params::deserialize(MapDeserializer::<_, ValueError>::new(one_by_one));
        taken.err().and(asked.get()).map(str::to_owned)
    }

    fn codec(&self) -> (&'static str, &'static str) {
        (O::Codec::NAME, O::Codec::EXTENSION)
    }

    fn output(&self) -> (TypeId, &'static str) {
        (TypeId::of::<O::Output>(), std::any::type_name::<O::Output>())
    }

    fn decodes(&self, bytes: &[u8]) -> Result<(), CodecError> {
        O::Codec::decode(bytes).map(drop)
    }

    fn rows(&self, bytes: &[u8]) -> Result<Vec<Value>, CallError> {
        let rows = <Json as Codec<Vec<O::Params>>>::decode(bytes).map_err(CallError::Output)?;
        let rows = rows.iter().map(|row| Value::from_serde(row).map_err(CallError::Arguments));
        rows.collect()
    }
}

impl Registered {
    /// The handle of operation `O`.
    pub fn of<O: Operation>() -> Self {
        let description = O::describe();
        let full_name = description.full_name();
        Self(Arc::new(Inner { description, full_name, operation: Box::new(Typed::<O>(PhantomData)) }))
    }

    /// What is known of it.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// `namespace::name`: how records call it.
    pub fn name(&self) -> &str {
        &self.0.full_name
    }

    /// Name and file extension of the codec of its output.
    pub fn codec(&self) -> (&'static str, &'static str) {
        self.0.operation.codec()
    }

    /// The type of its output, and how Rust calls it.
    pub(crate) fn output(&self) -> (TypeId, &'static str) {
        self.0.operation.output()
    }

    /// Whether these bytes are an output of it.
    ///
    /// # Errors
    /// When they are not; the error says why.
    pub fn decodes(&self, bytes: &[u8]) -> Result<(), CodecError> {
        self.0.operation.decodes(bytes)
    }

    /// Parameter sets of it that another operation returned, as values.
    ///
    /// # Errors
    /// When the bytes are no JSON list of them, or one cannot be hashed.
    pub(crate) fn rows(&self, bytes: &[u8]) -> Result<Vec<Value>, CallError> {
        self.0.operation.rows(bytes)
    }

    /// Runs it on the given arguments; the encoded output is appended to `output`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call(
        &self,
        arguments: &[(&str, &Value)],
        run: &Run<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        self.0.operation.call(arguments, run, output)
    }

    /// The argument that the operation's types do not take, if it is one of these (and not one that is missing).
    pub(crate) fn fault(&self, arguments: &[(&str, &Value)]) -> Option<String> {
        self.0.operation.fault(arguments)
    }

    /// The arguments as the operation's own types write them: what is hashed, whatever wrote them first.
    ///
    /// # Errors
    /// When an argument is missing, unknown or of another type.
    pub fn normalise(&self, arguments: &[(&str, &Value)]) -> Result<Value, ValueError> {
        self.0.operation.normalise(arguments)
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({})", self.0.full_name)
    }
}
