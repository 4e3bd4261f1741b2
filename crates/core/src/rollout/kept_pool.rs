//! The step of a plan in which a former pool stays without nodes.
//!
//! Which former pools are deleted, and when, is decided in `blue_green::family` and `blue_green::tidy`.

use std::fmt;

use serde::Serialize;

use super::made_by::MadeBy;
use crate::ids::PoolId;

/// A former pool stays without nodes for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptPool {
    /// The pool.
    pub pool: PoolId,
    /// How long; one that others made stays longer.
    pub hours: u64,
    /// Who has made it.
    pub made_by: MadeBy,
    /// Why a return to it is not possible, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_return: Option<&'static str>,
}

impl fmt::Display for KeptPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pool, hours) = (&self.pool, self.hours);
        let no_return = self
            .no_return
            .map(|why| format!("a return is not possible, as its image version {why}"));
        match (self.made_by, no_return) {
            (MadeBy::RollOuts, None) => write!(
                f,
                "keep pool {pool} without nodes for {hours} hours; until then a return is possible"
            ),
            (MadeBy::RollOuts, Some(why)) => write!(f, "keep pool {pool} without nodes for {hours} hours; {why}"),
            (MadeBy::Others, None) => write!(
                f,
                "keep pool {pool} without nodes, so that a return is possible; no roll-out deletes it, as none has made it"
            ),
            (MadeBy::Others, Some(why)) => write!(
                f,
                "keep pool {pool} without nodes; {why}, and no roll-out deletes it, as none has made it"
            ),
        }
    }
}
