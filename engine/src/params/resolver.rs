//! Functions over a parameter set: resolvers and filters.

use std::fmt;
use std::sync::Arc;

use metalab_cas::{Map, Value};
use serde::{Serialize, de::DeserializeOwned};

use super::ParamsError;
use crate::failure::{Failure, Result};

/// One parameter set, as resolvers, filters and [`Sets`](super::Sets) show it: the arguments by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    pub(super) entries: Vec<(Arc<str>, Value)>,
}

impl Params {
    pub(crate) fn of(entries: Vec<(Arc<str>, Value)>) -> Self {
        Self { entries }
    }

    /// An argument as a Rust value.
    ///
    /// # Errors
    /// When the set has no such argument, or its value is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.value(name).ok_or_else(|| {
            let known: Vec<_> = self.entries.iter().map(|(name, _)| format!("`{name}`")).collect();
            Failure::from(format!("the set has no argument `{name}`; it has {}", known.join(", ")))
        })?;
        T::deserialize(value).map_err(|error| format!("argument `{name}` ({value}): {error}").into())
    }

    /// An argument as it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(other, _)| **other == *name).map(|(_, value)| value)
    }

    /// All arguments as a struct of yours, which may have some of them only.
    ///
    /// # Errors
    /// When an argument is missing or of another type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.to_value().into_serde()?)
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// The set as a map.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        self.entries.iter().for_each(|(name, value)| drop(map.insert(&**name, value.clone())));
        Value::Map(map)
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

/// A registered function over a parameter set; `#[metalab::resolver]` writes this for a function.
///
/// It is called once for each set when the experiment is planned, on several threads, and never again: what it gave
/// is what enters the identity and what the operation is called with. It sees the values as they were given.
pub trait Resolver: 'static {
    /// What it finds.
    type Value: Serialize;

    /// `package::function`, by which manifests name it.
    const NAME: &'static str;

    /// The value for a set; nothing leaves the argument at its default.
    ///
    /// # Errors
    /// Whatever keeps it from an answer: the experiment is then not planned.
    fn resolve(set: &Params) -> Result<Option<Value>>;
}

/// What the function of a resolver may return: a value, an `Option` of it (nothing leaves the argument at its
/// default), or a `Result` of either.
pub trait Answer {
    /// The value.
    type Value: Serialize;

    /// The same in one form.
    ///
    /// # Errors
    /// Those of the function.
    fn answer(self) -> Result<Option<Self::Value>>;
}

/// That what a resolver finds is a value of an argument of type `T`: it is one, or `T` is an `Option` of it.
#[diagnostic::on_unimplemented(message = "the resolver finds `{Self}`, and the argument is `{T}`")]
pub trait Fits<T> {}

impl<T> Fits<T> for T {}
impl<T> Fits<Option<T>> for T {}

impl<T: Serialize> Answer for Option<T> {
    type Value = T;

    fn answer(self) -> Result<Option<T>> {
        Ok(self)
    }
}

impl<T: Serialize, E: Into<Failure>> Answer for Result<Option<T>, E> {
    type Value = T;

    fn answer(self) -> Result<Option<T>> {
        self.map_err(Into::into)
    }
}

macro_rules! answers {
    ($($value:ty)*) => {$(
        impl Answer for $value {
            type Value = Self;

            fn answer(self) -> Result<Option<Self>> {
                Ok(Some(self))
            }
        }

        impl<E: Into<Failure>> Answer for Result<$value, E> {
            type Value = $value;

            fn answer(self) -> Result<Option<$value>> {
                self.map(Some).map_err(Into::into)
            }
        }
    )*};
}

answers!(bool f32 f64 u8 u16 u32 u64 usize i8 i16 i32 i64 isize String);

/// A resolver without its types.
#[derive(Clone, Copy)]
pub struct ResolverRef {
    pub(crate) name: &'static str,
    call: fn(&Params) -> Result<Option<Value>>,
}

impl ResolverRef {
    /// That of resolver `R`.
    pub const fn of<R: Resolver>() -> Self {
        Self { name: R::NAME, call: R::resolve }
    }

    /// The registered resolver of this name.
    pub(super) fn find(name: &str) -> Result<Self, ParamsError> {
        let mut found = inventory::iter::<ResolverRegistration>
            .into_iter()
            .filter(|registration| registration.resolver.name == name);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.resolver),
            (None, _) => Err(ParamsError::NoResolver { name: name.to_owned() }),
            (Some(one), Some(other)) => Err(ParamsError::Resolvers {
                name: name.to_owned(),
                first: one.module.to_owned(),
                second: other.module.to_owned(),
            }),
        }
    }

    /// What it finds for a set; a panic is an error.
    pub(crate) fn call(&self, set: &Params) -> Result<Option<Value>, String> {
        match crate::running::contain(|| (self.call)(set)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(failure.chain().join(": ")),
            Err(panicked) => Err(panicked.message),
        }
    }
}

impl fmt::Debug for ResolverRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An entry that `#[metalab::resolver]` leaves in the binary.
pub struct ResolverRegistration {
    /// The resolver.
    pub resolver: ResolverRef,
    /// The module that defines it.
    pub module: &'static str,
}

inventory::collect!(ResolverRegistration);

/// Which sets stay.
#[derive(Clone)]
pub enum Filter {
    /// Those for which a registered function says so: it can be written into a manifest.
    Registered(ResolverRef),
    /// Those for which a closure says so, which exists in this program only.
    Closure(Arc<dyn Fn(&Params) -> bool + Send + Sync>),
}

impl Filter {
    /// Whether a set stays.
    pub(super) fn keeps(&self, set: &Params) -> Result<bool, String> {
        match self {
            Self::Registered(resolver) => match resolver.call(set)? {
                Some(Value::Bool(keeps)) => Ok(keeps),
                None => Ok(false),
                Some(other) => Err(format!("a filter says true or false, not {other}")),
            },
            Self::Closure(closure) => {
                crate::running::contain(|| closure(set)).map_err(|panicked| panicked.message)
            }
        }
    }

    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Registered(resolver) => Some(resolver.name),
            Self::Closure(_) => None,
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("closure"))
    }
}
