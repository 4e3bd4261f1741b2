//! Many pools in one run: each as it is asked for, and how they take turns.

use std::time::Duration;

use super::{Checked, UnresolvedRollout};

/// Everything that a roll-out of many pools needs to know.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// The pools, in the order of the file.
    pub pools: Vec<Checked<UnresolvedRollout>>,
    /// How many of them are rolled out at one time, once the first one is good.
    pub max_parallel: usize,
    /// What a failure means for those that have not begun.
    pub after_failure: AfterFailure,
}

/// What the failure of one pool means for those that have not begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterFailure {
    /// They are left alone.
    #[default]
    Stop,
    /// They have their turn.
    Continue,
}

/// How many pools at one time when nothing is said: what one account's request limits take easily.
pub const MAX_PARALLEL: u32 = 4;

impl FleetSettings {
    /// How long all of them may take when nothing is said: the first one, and then as many turns as there are.
    #[must_use]
    pub fn usual_deadline(&self) -> Duration {
        let each = self.pools.iter().map(|pool| pool.usual_deadline());
        let longest = each.max().unwrap_or_default();
        let turns = 1 + self.pools.len().saturating_sub(1).div_ceil(self.max_parallel.max(1));
        longest * u32::try_from(turns).unwrap_or(u32::MAX)
    }
}
