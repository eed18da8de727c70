//! Which finished runs are executed again to see whether they give what they gave.

use std::collections::HashSet;

use metalab_cas::Hasher;

use super::{Decisions, Plan, Verdict};
use crate::id::RunId;
use crate::schedule::CellId;

/// A choice among the finished runs of an experiment. The same seed chooses the same runs.
///
/// ```
/// use metalab_engine::plan::Sample;
/// let one_in_a_hundred = Sample::share(0.01).seed(7);
/// let ten_of_train = Sample::count(10).operation("train");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    size: Size,
    seed: u64,
    operation: Option<String>,
    run: Option<RunId>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Size {
    Share(f64),
    Count(u64),
}

impl Sample {
    /// This share of the runs, from 0 to 1 (what is beyond counts as the nearest of these), and one at least.
    pub fn share(share: f64) -> Self {
        Self { size: Size::Share(share), seed: 0, operation: None, run: None }
    }

    /// So many runs, or all if there are fewer.
    pub fn count(count: u64) -> Self {
        Self { size: Size::Count(count), ..Self::share(0.0) }
    }

    /// This run.
    pub fn run(run: RunId) -> Self {
        Self { run: Some(run), ..Self::count(1) }
    }

    /// Chooses others.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Only runs of this operation, by its name or by `namespace::name`.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Marks the chosen cells, among those whose run is done, as to be executed.
    pub(crate) fn choose(&self, plan: &Plan, decisions: &mut Decisions) {
        for (step, cell) in self.chosen(plan, decisions) {
            decisions.steps[step].verdicts[cell as usize] = Verdict::Rerun;
        }
    }

    fn chosen(&self, plan: &Plan, decisions: &Decisions) -> Vec<CellId> {
        let mut seen = HashSet::new();
        let mut ranked: Vec<([u8; 32], CellId)> = Vec::new();
        for (number, (step, decided)) in plan.steps().zip(&decisions.steps).enumerate() {
            let description = step.operation().description();
            let is_wanted = |name: &String| description.name == name || description.full_name() == *name;
            if !self.operation.as_ref().is_none_or(is_wanted) {
                continue;
            }
            for (cell, (verdict, run)) in decided.verdicts.iter().zip(&decided.ids).enumerate() {
                let is_it = self.run.is_none_or(|wanted| wanted == *run);
                if *verdict == Verdict::Reuse && is_it && seen.insert(*run) {
                    ranked.push((self.rank(run), (number, cell as u64)));
                }
            }
        }
        let count = match self.size {
            Size::Count(count) => count,
            Size::Share(share) => ((share.clamp(0.0, 1.0) * ranked.len() as f64).ceil() as u64).max(1),
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(ranked.len());
        ranked.sort_unstable();
        ranked.into_iter().take(count).map(|(_, cell)| cell).collect()
    }

    /// Runs are chosen by ascending rank: a number that looks random and depends on seed and run alone.
    fn rank(&self, run: &RunId) -> [u8; 32] {
        let mut hasher = Hasher::new();
        hasher.update(b"metalab sample\0\x01");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(run.as_bytes());
        *hasher.finish().as_bytes()
    }
}
