//! Finding operations by name.

use std::collections::BTreeMap;

use super::{Operation, Registered};

/// An entry that the attribute leaves in the binary, found by [`Registry::automatic`].
pub struct Registration(pub fn() -> Registered);

inventory::collect!(Registration);

/// Two operations of one name.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The same package has two operations of the same name.
    #[error(
        "two operations are called `{name}`: in `{first}` and in `{second}`; rename one by `#[operation(name = \"...\")]`"
    )]
    Duplicate {
        /// The full name.
        name: String,
        /// Module of the one registered first.
        first: String,
        /// Module of the other.
        second: String,
    },
}

/// The operations that a program knows.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<String, Registered>);

impl Registry {
    /// An empty registry, to be filled by hand.
    pub fn new() -> Self {
        Self::default()
    }

    /// All operations of this program that the attribute registered.
    ///
    /// # Errors
    /// When two have the same full name.
    pub fn automatic() -> Result<Self, RegistryError> {
        let mut registry = Self::new();
        for Registration(make) in inventory::iter::<Registration> {
            registry.insert(make())?;
        }
        Ok(registry)
    }

    /// Those operations of this program that have one of these full names; what others are called does not matter.
    ///
    /// # Errors
    /// When two of them have the same full name.
    pub(crate) fn automatic_of(names: &[String]) -> Result<Self, RegistryError> {
        let mut registry = Self::new();
        for Registration(make) in inventory::iter::<Registration> {
            let operation = make();
            if names.contains(&operation.description().full_name()) {
                registry.insert(operation)?;
            }
        }
        Ok(registry)
    }

    /// The full names of all operations of this program, sorted.
    pub(crate) fn automatic_names() -> std::collections::BTreeSet<String> {
        let all = inventory::iter::<Registration>.into_iter();
        all.map(|Registration(make)| make().description().full_name()).collect()
    }

    /// Adds operation `O` by hand.
    ///
    /// # Errors
    /// When another operation has its name.
    pub fn with<O: Operation>(mut self) -> Result<Self, RegistryError> {
        self.insert(Registered::of::<O>())?;
        Ok(self)
    }

    /// Adds an operation.
    ///
    /// # Errors
    /// When another operation has its name.
    pub fn insert(&mut self, operation: Registered) -> Result<(), RegistryError> {
        let name = operation.description().full_name();
        if let Some(first) = self.0.get(&name) {
            let (first, second) = (first.description().module, operation.description().module);
            if first != second {
                return Err(RegistryError::Duplicate { name, first: first.into(), second: second.into() });
            }
        }
        self.0.insert(name, operation);
        Ok(())
    }

    /// The operation called `namespace::name`, or `name` if only one package has it.
    pub fn get(&self, name: &str) -> Option<&Registered> {
        self.0.get(name).or_else(|| {
            let mut found = self.0.values().filter(|operation| operation.description().name == name);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// All operations by full name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Registered)> {
        self.0.iter().map(|(name, operation)| (name.as_str(), operation))
    }
}
