//! Tasks that fail by chance: which ones follows from a seed, so a run is the same again.
//!
//! Whose tasks they are is the script's word; see `scene`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::ids::{JobId, NodeId, TaskId};

/// How the tasks of a node fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfortune {
    /// Of 2^32 tasks so many fail.
    threshold: u64,
    exit_code: i32,
    seed: u64,
}

impl Misfortune {
    /// `rate` is from 0 to 1; what is beyond counts as the nearer end.
    pub(crate) fn new(rate: f64, exit_code: i32, seed: u64) -> Self {
        // In thousandths of a per cent: a finer rate shows in no test.
        let parts = (0..=100_000_u64).rev().find(|parts| {
            let parts = u32::try_from(*parts).unwrap_or(u32::MAX);
            f64::from(parts) / 100_000.0 <= rate
        });
        Self {
            threshold: (parts.unwrap_or(0) << 32) / 100_000,
            exit_code,
            seed,
        }
    }

    /// The exit code of a task that fails here.
    pub(crate) fn of(self, job: &JobId, task: &TaskId, node: &NodeId) -> Option<i32> {
        // This hasher's keys are fixed: the same words give the same number in every process.
        let mut hasher = DefaultHasher::new();
        (self.seed, job.as_str(), task.as_str(), node.as_str()).hash(&mut hasher);
        (hasher.finish() >> 32 < self.threshold).then_some(self.exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_tasks_fail_as_the_rate_says_and_the_same_ones_again() {
        let failed = |rate: f64, seed: u64| {
            let misfortune = Misfortune::new(rate, 137, seed);
            let of = |task: u32| misfortune.of(&JobId::of("job"), &TaskId::of(&format!("t{task}")), &NodeId::of("n"));
            (0..10_000).filter(|task| of(*task) == Some(137)).collect::<Vec<u32>>()
        };
        assert_eq!(failed(0.0, 1), Vec::<u32>::new());
        assert_eq!(failed(1.0, 1).len(), 10_000);
        assert!((950..1_050).contains(&failed(0.1, 1).len()), "{}", failed(0.1, 1).len());
        assert_eq!(failed(0.1, 1), failed(0.1, 1));
        assert_ne!(failed(0.1, 1), failed(0.1, 2));
    }
}
