//! What happens after a failure.

use std::time::Duration;

/// What a failed run means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The others go on.
    #[default]
    KeepGoing,
    /// Nothing new starts; what runs may finish.
    FailFast,
}

/// How often a failed run is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// The most further tries.
    pub most: u32,
    /// Time before the first of them; it doubles with each.
    pub backoff: Duration,
}

impl Retries {
    /// Time before the next try, after `tries` of them failed; at most an hour.
    pub(super) fn delay(self, tries: u32) -> Duration {
        let factor = 1_u32 << tries.saturating_sub(1).min(20);
        self.backoff.saturating_mul(factor).min(Duration::from_secs(3600))
    }
}

/// The rules of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What a failed run means for the others.
    pub failure: FailurePolicy,
    /// How often a failed run is tried again.
    pub retries: Retries,
}
