//! How the fields of a derived context travel to another process; what `#[derive(Context)]` calls.
//!
//! A field whose type serde can write and read travels by value. A skipped field that cannot, or that was not sent
//! because nothing keeps it, arrives as its default.
//! Any other field keeps the whole context in this process, which is said in words when it is to leave. Which of these
//! a type is, is found by the order in which the compiler tries impls behind references: the derive knows no bounds.

use std::marker::PhantomData;

use metalab_cas::{Map, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Field, FieldError, Fingerprint, Hidden};
use crate::failure::{Failure, Result};
use crate::secret::travelling;

/// A field that counts as identity.
#[derive(Debug)]
pub struct Counted<T>(PhantomData<fn() -> T>);

/// A field that does not.
#[derive(Debug)]
pub struct Skipped<T>(PhantomData<fn() -> T>);

impl<T> Counted<T> {
    /// Stands for the field's type.
    #[expect(clippy::new_without_default, reason = "only for the derive")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Skipped<T> {
    /// Stands for the field's type.
    #[expect(clippy::new_without_default, reason = "only for the derive")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Fields by name, while they travel.
#[derive(Debug, Default)]
pub struct Fields(Vec<(Value, Value)>);

impl Fields {
    /// All of them as one value.
    ///
    /// # Errors
    /// Never for fields of one struct.
    pub fn into_value(self) -> Result<Value> {
        Ok(Value::Map(Map::from_entries(self.0)?))
    }

    fn put<T: Serialize>(&mut self, name: &'static str, field: &T) -> Result<()> {
        let value =
            travelling(|| Value::from_serde(field)).map_err(|error| format!("field `{name}`: {error}"))?;
        self.0.push((Value::Text(name.to_owned()), value));
        Ok(())
    }
}

fn get<T: DeserializeOwned>(from: &Value, name: &'static str) -> Result<T> {
    let field = match from {
        Value::Map(map) => map.get(name),
        _ => None,
    };
    let field = field.ok_or_else(|| format!("field `{name}` did not come along"))?;
    travelling(|| field.clone().into_serde()).map_err(|error| format!("field `{name}`: {error}").into())
}

/// Tried first: skipped fields that serde can write and read, and that have a default.
pub trait ByValueOrDefault<T> {
    /// Adds the field.
    ///
    /// # Errors
    /// When it has no value, such as NaN.
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()>;

    /// Takes the field, or the default when it did not come along.
    ///
    /// # Errors
    /// When it is of another type.
    fn arrive(&self, from: &Value, name: &'static str) -> Result<T>;
}

impl<T: Serialize + DeserializeOwned + Default> ByValueOrDefault<T> for &&&Skipped<T> {
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()> {
        to.put(name, field)
    }

    fn arrive(&self, from: &Value, name: &'static str) -> Result<T> {
        match from {
            Value::Map(map) if map.get(name).is_none() => Ok(T::default()),
            from => get(from, name),
        }
    }
}

/// Tried next: types that serde can write and read.
pub trait ByValue<T> {
    /// Adds the field.
    ///
    /// # Errors
    /// When it has no value, such as NaN.
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()>;

    /// Takes the field.
    ///
    /// # Errors
    /// When it is not there, or of another type.
    fn arrive(&self, from: &Value, name: &'static str) -> Result<T>;
}

impl<T: Serialize + DeserializeOwned> ByValue<T> for &&Counted<T> {
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()> {
        to.put(name, field)
    }

    fn arrive(&self, from: &Value, name: &'static str) -> Result<T> {
        get(from, name)
    }
}

impl<T: Serialize + DeserializeOwned> ByValue<T> for &&Skipped<T> {
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()> {
        to.put(name, field)
    }

    fn arrive(&self, from: &Value, name: &'static str) -> Result<T> {
        get(from, name)
    }
}

/// Tried third: skipped fields whose type has a default.
pub trait ByDefault<T> {
    /// Leaves the field here.
    ///
    /// # Errors
    /// Never.
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()>;

    /// The default.
    ///
    /// # Errors
    /// Never.
    fn arrive(&self, from: &Value, name: &'static str) -> Result<T>;
}

impl<T: Default> ByDefault<T> for &Skipped<T> {
    fn leave(&self, _: &T, _: &'static str, _: &mut Fields) -> Result<()> {
        Ok(())
    }

    fn arrive(&self, _: &Value, _: &'static str) -> Result<T> {
        Ok(T::default())
    }
}

/// Tried last: all other types.
pub trait Stays<T> {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    fn leave(&self, field: &T, name: &'static str, to: &mut Fields) -> Result<()>;

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    fn arrive(&self, from: &Value, name: &'static str) -> Result<T>;
}

impl<T> Stays<T> for Counted<T> {
    fn leave(&self, _: &T, name: &'static str, _: &mut Fields) -> Result<()> {
        Err(stays::<T>(name, "derive `Serialize` and `Deserialize` for it"))
    }

    fn arrive(&self, _: &Value, name: &'static str) -> Result<T> {
        Err(stays::<T>(name, "derive `Serialize` and `Deserialize` for it"))
    }
}

impl<T> Stays<T> for Skipped<T> {
    fn leave(&self, _: &T, name: &'static str, _: &mut Fields) -> Result<()> {
        Err(stays::<T>(name, "derive `Serialize` and `Deserialize`, or `Default`, for it"))
    }

    fn arrive(&self, _: &Value, name: &'static str) -> Result<T> {
        Err(stays::<T>(name, "derive `Serialize` and `Deserialize`, or `Default`, for it"))
    }
}

fn stays<T>(name: &str, remedy: &str) -> Failure {
    let what = std::any::type_name::<T>();
    format!("field `{name}` of type `{what}` cannot be sent to another process: {remedy}, or run in threads")
        .into()
}

/// How a field enters the identity, tried first: not at all.
pub trait EnterNothing<T> {
    /// Adds nothing.
    ///
    /// # Errors
    /// Never.
    fn enter(&self, field: &T, name: &'static str, to: &mut Vec<Field>) -> Result<(), FieldError>;
}

impl<T: Hidden> EnterNothing<T> for &&Counted<T> {
    fn enter(&self, _: &T, _: &'static str, _: &mut Vec<Field>) -> Result<(), FieldError> {
        Ok(())
    }
}

/// Tried second: by what the field says of itself.
pub trait EnterByFingerprint<T> {
    /// Adds the fingerprint.
    ///
    /// # Errors
    /// When there is none.
    fn enter(&self, field: &T, name: &'static str, to: &mut Vec<Field>) -> Result<(), FieldError>;
}

impl<T: Fingerprint> EnterByFingerprint<T> for &Counted<T> {
    fn enter(&self, field: &T, name: &'static str, to: &mut Vec<Field>) -> Result<(), FieldError> {
        let value = field.fingerprint().map_err(|failure| FieldError::failed(name, &failure))?;
        to.push(Field::fingerprint(name, value));
        Ok(())
    }
}

/// Tried last: by value. The bound stands at the method, so that the compiler names what a type lacks.
pub trait EnterByValue<T> {
    /// Adds the value.
    ///
    /// # Errors
    /// When it has none, such as NaN.
    fn enter(&self, field: &T, name: &'static str, to: &mut Vec<Field>) -> Result<(), FieldError>
    where
        T: Serialize;
}

impl<T> EnterByValue<T> for Counted<T> {
    fn enter(&self, field: &T, name: &'static str, to: &mut Vec<Field>) -> Result<(), FieldError>
    where
        T: Serialize,
    {
        let value = Value::from_serde(field).map_err(|error| FieldError::new(name, error.to_string()))?;
        to.push(Field::new(name, value));
        Ok(())
    }
}
