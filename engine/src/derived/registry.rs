//! Finding derived metric functions by name.

use super::DerivedFunction;
use crate::registry::{self, Entry};

pub use crate::registry::RegistryError;

/// An entry that the attribute leaves in the binary, found by [`automatic`](registry::Registry::automatic).
pub struct Registration(pub fn() -> DerivedFunction);

inventory::collect!(Registration);

/// The functions that a program knows.
pub type Registry = registry::Registry<DerivedFunction>;

impl Entry for DerivedFunction {
    const PLURAL: &'static str = "derived metric functions";
    const ATTRIBUTE: &'static str = "metalab::derived";

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
