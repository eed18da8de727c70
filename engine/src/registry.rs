//! Finding by name what the attributes registered: operations and derived metric functions.

use std::collections::{BTreeMap, BTreeSet};

/// What a [`Registry`] holds.
pub trait Entry: Sized {
    /// What it is called in messages when there are several.
    const PLURAL: &'static str;
    /// The attribute that registers it, and renames it.
    const ATTRIBUTE: &'static str;

    /// `namespace::name`.
    fn full_name(&self) -> &str;

    /// The name without its namespace.
    fn short_name(&self) -> &str;

    /// The module that defines it.
    fn module(&self) -> &'static str;

    /// All that the attribute left in this program, in no order.
    fn registered() -> impl Iterator<Item = Self>;
}

/// Two entries of one name.
#[derive(Debug, thiserror::Error)]
#[error(
    "two {plural} are called `{name}`: in `{first}` and in `{second}`; rename one by `#[{attribute}(name = \"...\")]`"
)]
pub struct RegistryError {
    /// What they are, such as `operations`.
    pub plural: &'static str,
    /// The attribute that renames them.
    pub attribute: &'static str,
    /// The full name.
    pub name: String,
    /// Module of the one registered first.
    pub first: String,
    /// Module of the other.
    pub second: String,
}

/// What a program knows by name: operations ([`operation::Registry`](crate::operation::Registry)) or derived metric
/// functions ([`derived::Registry`](crate::derived::Registry)).
#[derive(Clone, Debug)]
pub struct Registry<T>(BTreeMap<String, T>);

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Entry> Registry<T> {
    /// An empty registry, to be filled by hand.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that the attribute registered in this program.
    ///
    /// # Errors
    /// When two have the same full name.
    pub fn automatic() -> Result<Self, RegistryError> {
        Self::automatic_where(|_| true)
    }

    /// Those of this program that have one of these full names; what others are called does not matter.
    ///
    /// # Errors
    /// When two of them have the same full name.
    pub(crate) fn automatic_of(names: &[String]) -> Result<Self, RegistryError> {
        Self::automatic_where(|name| names.iter().any(|wanted| wanted == name))
    }

    fn automatic_where(wanted: impl Fn(&str) -> bool) -> Result<Self, RegistryError> {
        let mut registry = Self::new();
        T::registered()
            .filter(|entry| wanted(entry.full_name()))
            .try_for_each(|entry| registry.insert(entry))?;
        Ok(registry)
    }

    /// The full names of all of this program, sorted.
    pub(crate) fn automatic_names() -> BTreeSet<String> {
        T::registered().map(|entry| entry.full_name().to_owned()).collect()
    }

    /// Adds an entry; one that is there already may be given again.
    ///
    /// # Errors
    /// When another one has its name.
    pub fn insert(&mut self, entry: T) -> Result<(), RegistryError> {
        let name = entry.full_name().to_owned();
        if let Some(known) = self.0.get(&name) {
            let (first, second) = (known.module(), entry.module());
            if first != second {
                let (plural, attribute) = (T::PLURAL, T::ATTRIBUTE);
                let (first, second) = (first.to_owned(), second.to_owned());
                return Err(RegistryError { plural, attribute, name, first, second });
            }
        }
        self.0.insert(name, entry);
        Ok(())
    }

    /// The one called `namespace::name`, or `name` if only one package has it.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.named(name).or_else(|| {
            let mut found = self.0.values().filter(|entry| entry.short_name() == name);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// The one called `namespace::name`, in full.
    pub(crate) fn named(&self, full_name: &str) -> Option<&T> {
        self.0.get(full_name)
    }

    /// All by full name.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::derived::DerivedFunction;
    use crate::operation::Registered;

    #[derive(Clone, Debug, PartialEq)]
    struct Thing(&'static str, &'static str);

    impl Entry for Thing {
        const PLURAL: &'static str = "things";
        const ATTRIBUTE: &'static str = "thing";

        fn full_name(&self) -> &str {
            self.0
        }

        fn short_name(&self) -> &str {
            self.0.rsplit("::").next().unwrap()
        }

        fn module(&self) -> &'static str {
            self.1
        }

        fn registered() -> impl Iterator<Item = Self> {
            [Thing("b::fit", "b::x"), Thing("a::fit", "a"), Thing("a::load", "a"), Thing("b::fit", "b::y")]
                .into_iter()
        }
    }

    #[test]
    fn a_short_name_finds_what_only_one_package_has() {
        let wanted = ["a::fit", "a::load", "b::none"].map(String::from);
        let mut registry = Registry::automatic_of(&wanted).unwrap();
        assert_eq!(registry.get("fit"), Some(&Thing("a::fit", "a")));
        registry.insert(Thing("b::fit", "b::x")).unwrap();
        assert_eq!((registry.get("fit"), registry.get("load")), (None, Some(&Thing("a::load", "a"))));
        assert_eq!((registry.get("b::fit").unwrap().1, registry.named("fit")), ("b::x", None));
        let names: Vec<&str> = registry.iter().map(Entry::full_name).collect();
        assert_eq!(names, ["a::fit", "a::load", "b::fit"]);
        assert!(Registry::<Thing>::automatic_names().into_iter().eq(["a::fit", "a::load", "b::fit"]));
    }

    #[test]
    fn two_of_one_name_are_refused_and_one_twice_is_not() {
        let text = "two things are called `b::fit`: in `b::x` and in `b::y`; rename one by `#[thing(name = \"...\")]`";
        assert_eq!(Registry::<Thing>::automatic().unwrap_err().to_string(), text);
        let mut registry = Registry::new();
        registry.insert(Thing("b::fit", "b::x")).unwrap();
        registry.insert(Thing("b::fit", "b::x")).unwrap();
        assert_eq!(registry.insert(Thing("b::fit", "b::y")).unwrap_err().to_string(), text);
        assert_eq!((Registered::PLURAL, Registered::ATTRIBUTE), ("operations", "operation"));
        let derived = (DerivedFunction::PLURAL, DerivedFunction::ATTRIBUTE);
        assert_eq!(derived, ("derived metric functions", "metalab::derived"));
    }
}
