//! Whether tasks fail more often on new nodes than on old ones: an exact one-sided test, job by job. Pure.
//!
//! Under equal chances the failures of a job fall on new and old nodes as drawn by lot, which is the hypergeometric
//! distribution; the sum over all jobs is the convolution of these. What a job's share of failures is does not matter,
//! so a job that fails often and happens to run on the new nodes is no evidence against them.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Discrete as _, Hypergeometric};

use crate::settings::FailureRule;

/// Tasks that ended, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// How many ended.
    pub ended: u64,
    /// How many of these failed.
    pub failed: u64,
}

/// What is compared: the same kind of work on both sides over the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// On the nodes that were there.
    pub old: Tasks,
    /// On those that are judged.
    pub new: Tasks,
}

/// What is said of the new nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// They are not worse by more than the rule permits, as far as so many tasks can show.
    Good,
    /// They are worse.
    Bad,
    /// Too few tasks have ended to say anything.
    Inconclusive,
}

impl Tasks {
    /// The part that failed; nothing when none ended.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.ended > 0).then(|| real(self.failed) / real(self.ended))
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            ended: self.ended.saturating_add(other.ended),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

impl Pair {
    /// Whether both sides had such work: otherwise it compares nothing.
    const fn compares(self) -> bool {
        self.old.ended > 0 && self.new.ended > 0
    }

    /// All pairs as one.
    #[must_use]
    pub fn sum(pairs: &[Self]) -> Self {
        pairs.iter().fold(Self::default(), |sum, pair| Self {
            old: sum.old.and(pair.old),
            new: sum.new.and(pair.new),
        })
    }
}

/// Judges at the `look`-th look, the first being 1. Of the chance to be wrong, a look may use only its share: the
/// shares of all looks, however many there are, add up to what the rule leaves.
#[must_use]
pub(super) fn judge(pairs: &[Pair], rule: FailureRule, look: u32) -> Outcome {
    let pairs: Vec<Pair> = pairs.iter().copied().filter(|pair| pair.compares()).collect();
    let sum = Pair::sum(&pairs);
    if sum.old.ended.min(sum.new.ended) < rule.min_tasks {
        return Outcome::Inconclusive;
    }
    let look = f64::from(look.max(1));
    let share = (1.0 - rule.confidence) / (look * (look + 1.0));
    let is_worse = increase(&pairs).is_some_and(|increase| increase > rule.max_increase);
    if is_worse && chance(&pairs) <= share {
        Outcome::Bad
    } else {
        Outcome::Good
    }
}

/// By how much the rate of failures is higher on new nodes: the mean over the jobs, each with the weight of what it can
/// show (Mantel and Haenszel). Nothing when no job ran on both sides.
#[must_use]
pub(super) fn increase(pairs: &[Pair]) -> Option<f64> {
    let mut weights = 0.0;
    let mut sum = 0.0;
    for pair in pairs {
        if let (Some(old), Some(new)) = (pair.old.rate(), pair.new.rate()) {
            let (all_old, all_new) = (real(pair.old.ended), real(pair.new.ended));
            let weight = all_old * all_new / (all_old + all_new);
            weights += weight;
            sum += weight * (new - old);
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// The chance that lot alone puts so many failures on the new nodes, or more.
#[must_use]
fn chance(pairs: &[Pair]) -> f64 {
    let mut sum = vec![1.0];
    let mut seen = 0_u64;
    for pair in pairs.iter().filter(|pair| pair.compares()) {
        let (least, chances) = by_lot(*pair);
        sum = convolved(&sum, &chances);
        // Only what is above the least possible number can be a matter of chance.
        seen = seen.saturating_add(pair.new.failed.saturating_sub(least));
    }
    let from = usize::try_from(seen).unwrap_or(usize::MAX);
    sum.iter().skip(from).sum::<f64>().min(1.0)
}

/// How many failures lot puts on the new nodes: the least number, and the chances from there on.
fn by_lot(pair: Pair) -> (u64, Vec<f64>) {
    let all = pair.old.ended.saturating_add(pair.new.ended);
    let failed = pair.old.failed.saturating_add(pair.new.failed).min(all);
    let least = failed.saturating_sub(pair.old.ended);
    let most = failed.min(pair.new.ended);
    match Hypergeometric::new(all, failed, pair.new.ended) {
        // By logarithms: the binomials themselves are beyond what a float holds.
        Ok(lot) => (least, (least..=most).map(|count| lot.ln_pmf(count).exp()).collect()),
        // There are no such numbers: nothing is shown by them.
        Err(_) => (least, vec![1.0]),
    }
}

fn convolved(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; (left.len() + right.len()).saturating_sub(1)];
    for (place, one) in left.iter().enumerate() {
        for (cell, other) in sum.iter_mut().skip(place).zip(right) {
            *cell += one * other;
        }
    }
    sum
}

/// Counts of tasks are far below what a float holds exactly.
fn real(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;
