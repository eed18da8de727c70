//! What runs need of a machine, and what it has.

use std::collections::BTreeMap;
use std::time::Duration;

/// An amount of cpus, memory, gpus and resources of other names.
///
/// As a need: what one run takes while it executes; nothing said means one cpu. As a capacity: what an executor has.
/// A resource that a capacity does not name is not counted. The time that a run takes at most is kept beside them: nothing is
/// counted by it, and no run is ended for it.
///
/// ```
/// use metalab_engine::schedule::Resources;
/// use std::time::Duration;
///
/// let need = Resources::default().cpus(4).memory(2 << 30).named("licence", 1).time(Duration::from_secs(7200));
/// assert_eq!((need.amount("cpus"), need.most_time()), (4, Some(Duration::from_secs(7200))));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    amounts: BTreeMap<String, u64>,
    time: Option<Duration>,
}

impl Resources {
    /// Cores.
    #[must_use]
    pub fn cpus(self, cpus: u32) -> Self {
        self.named("cpus", cpus.into())
    }

    /// Bytes of memory.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        self.named("memory", bytes)
    }

    /// Graphics processors.
    #[must_use]
    pub fn gpus(self, gpus: u32) -> Self {
        self.named("gpus", gpus.into())
    }

    /// A resource of any other name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>, amount: u64) -> Self {
        self.amounts.insert(name.into(), amount);
        self
    }

    /// How long one run takes at most, as far as anybody knows: a hint for the order of steps, for plans, and for executors
    /// that have to ask for time. A run that takes longer goes on; what ends it is a timeout.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// The longest that one run takes, if it was said.
    pub fn most_time(&self) -> Option<Duration> {
        self.time
    }

    /// The amount of a resource; as a need, at least one cpu.
    pub fn amount(&self, name: &str) -> u64 {
        self.amounts.get(name).copied().unwrap_or(u64::from(name == "cpus"))
    }

    /// All amounts by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.amounts.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Whether no amount was said, or one cpu.
    pub fn is_default(&self) -> bool {
        self.amounts.is_empty() || self.amounts == Self::default().cpus(1).amounts
    }

    /// The first resource of which this need is more than a capacity has: name, need, capacity.
    pub fn exceeds(&self, capacity: &Self) -> Option<(String, u64, u64)> {
        let known = capacity.iter();
        known.map(|(name, has)| (name.to_owned(), self.amount(name), has)).find(|(_, needs, has)| needs > has)
    }

    /// Adds what `others` runs of this need take.
    pub(super) fn take(&mut self, need: &Self, runs: u64) {
        for (name, amount) in &mut self.amounts {
            *amount = amount.saturating_sub(need.amount(name).saturating_mul(runs));
        }
    }

    /// Gives back what runs of this need took.
    pub(super) fn give(&mut self, need: &Self, runs: u64) {
        for (name, amount) in &mut self.amounts {
            *amount = amount.saturating_add(need.amount(name).saturating_mul(runs));
        }
    }

    /// How many runs of this need fit into what is free; the resource that is short if none does.
    pub(super) fn fits(&self, free: &Self) -> Result<u64, String> {
        let mut most = u64::MAX;
        for (name, has) in &free.amounts {
            let needs = self.amount(name);
            most = most.min(has.checked_div(needs).unwrap_or(u64::MAX));
            if most == 0 {
                return Err(name.clone());
            }
        }
        Ok(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_counted_against_what_is_free() {
        let mut free = Resources::default().cpus(8).gpus(1);
        let need = Resources::default().cpus(2).gpus(1);
        assert_eq!(need.fits(&free), Ok(1));
        free.take(&need, 1);
        assert_eq!(need.fits(&free), Err("gpus".into()));
        assert_eq!(Resources::default().fits(&free), Ok(6));
        free.give(&need, 1);
        assert_eq!(free, Resources::default().cpus(8).gpus(1));
        // Time is nothing that is used up.
        let long = Resources::default().time(Duration::from_secs(1));
        assert!(long.is_default() && long.fits(&free) == Ok(8) && long.exceeds(&free).is_none());
        let large = Resources::default().cpus(9);
        assert_eq!(large.exceeds(&free), Some(("cpus".into(), 9, 8)));
    }
}
