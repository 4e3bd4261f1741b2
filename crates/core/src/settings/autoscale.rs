//! A formula that decides a pool's size, and how often.
//!
//! What a formula says is for the service to evaluate; nothing of it is read here.

use serde::{Deserialize, Serialize};

/// The longest formula that Batch takes, in characters.
pub(super) const LONGEST_FORMULA: usize = 8192;

/// The minutes between two evaluations that Batch takes: five minutes to a week.
pub(super) const MINUTES: std::ops::RangeInclusive<u32> = 5..=10_080;

/// A formula that decides a pool's size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscale {
    /// The formula, as Batch takes it.
    pub formula: String,
    /// How many minutes are between two evaluations; a new pool gets Batch's own 15 when absent, and another keeps
    /// what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

impl Autoscale {
    /// Whether a pool that follows `found` does what this asks for. Line ends and white space around the formula say
    /// nothing.
    #[must_use]
    pub fn is_met_by(&self, found: &Self) -> bool {
        self.plain() == found.plain() && (self.minutes.is_none() || self.minutes == found.minutes)
    }

    /// The formula without what says nothing.
    #[must_use]
    pub fn plain(&self) -> String {
        self.formula.replace("\r\n", "\n").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_meets_the_same_formula_and_only_the_minutes_that_were_asked_for() {
        let scale = |formula: &str, minutes| Autoscale {
            formula: formula.to_owned(),
            minutes,
        };
        let found = scale("$TargetDedicatedNodes = 1;\n", Some(15));
        assert!(scale("$TargetDedicatedNodes = 1;", None).is_met_by(&found));
        assert!(scale("$TargetDedicatedNodes = 1;\r\n", Some(15)).is_met_by(&found));
        assert!(!scale("$TargetDedicatedNodes = 1;", Some(30)).is_met_by(&found));
        assert!(!scale("$TargetDedicatedNodes = 2;", None).is_met_by(&found));
    }
}
