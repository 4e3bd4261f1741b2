//! The step of a plan in which gates are asked.
//!
//! When they are asked, and what follows, is decided in `checkpoint`.

use std::fmt;

use serde::Serialize;

use crate::{gate::Checkpoint, ids::PoolId};

/// Gates are asked whether a roll-out may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedGates {
    /// The pool with the new image.
    pub pool: PoolId,
    /// The gates by name.
    pub gates: Vec<String>,
    /// When they are asked.
    pub checkpoint: Checkpoint,
    /// How long each has for its yes.
    pub minutes: u64,
    /// What follows from a no.
    pub then: &'static str,
}

impl fmt::Display for AskedGates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gates, when) = (self.gates.join(" and "), self.checkpoint.when(&self.pool));
        let (minutes, then) = (self.minutes, self.then);
        write!(f, "ask {gates} {when}, for {minutes} minutes at most; {then}")
    }
}
