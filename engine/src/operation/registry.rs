//! Finding operations by name.

use super::{Operation, Registered};
use crate::registry::{self, Entry};

pub use crate::registry::RegistryError;

/// An entry that the attribute leaves in the binary, found by [`automatic`](registry::Registry::automatic).
pub struct Registration(pub fn() -> Registered);

inventory::collect!(Registration);

/// The operations that a program knows.
pub type Registry = registry::Registry<Registered>;

impl Entry for Registered {
    const PLURAL: &'static str = "operations";
    const ATTRIBUTE: &'static str = "operation";

    fn full_name(&self) -> &str {
        self.name()
    }

    fn short_name(&self) -> &str {
        self.description().name
    }

    fn module(&self) -> &'static str {
        self.description().module
    }

    fn registered() -> impl Iterator<Item = Self> {
        inventory::iter::<Registration>.into_iter().map(|Registration(make)| make())
    }
}

impl registry::Registry<Registered> {
    /// Adds operation `O` by hand.
    ///
    /// # Errors
    /// When another operation has its name.
    pub fn with<O: Operation>(mut self) -> Result<Self, RegistryError> {
        self.insert(Registered::of::<O>())?;
        Ok(self)
    }
}
