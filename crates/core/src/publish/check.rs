//! What one check of a source has found: the same for the plan, the log and programs.
//!
//! Which checks there are, and when one fails, is in `checks`.

use serde::Serialize;

use crate::progress::CheckOutcome;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, as `ignore_checks` takes it.
    pub name: &'static str,
    /// What it found.
    pub outcome: CheckOutcome,
    /// One line: what was seen, and the remedy of a failure.
    pub text: String,
}
