//! Refusals that need no look at what is wanted: what has become of a pool meanwhile.

use super::{AGREE, Refusal};
use crate::rollout::pair::Shift;

/// A pool that turned out to need a change in place after the run had begun with its size.
pub(in crate::rollout) fn replaced() -> Refusal {
    Refusal {
        why: "was given another image or another record meanwhile".to_owned(),
        remedy: AGREE,
    }
}

/// A pool whose work is on its way to another one.
pub(in crate::rollout) fn shifting(shift: &Shift) -> Refusal {
    Refusal {
        why: format!(
            "is being replaced by pool {} since {}, and that has not come to its end",
            shift.new, shift.since
        ),
        remedy: "run that roll-out again, with {strategy} blue-green, or go back with azure-batch-pool rollback",
    }
}

pub(in crate::rollout) fn deleting() -> Refusal {
    Refusal {
        why: "is being deleted meanwhile".to_owned(),
        remedy: AGREE,
    }
}

pub(in crate::rollout) fn deleted() -> Refusal {
    Refusal {
        why: "was deleted meanwhile".to_owned(),
        remedy: AGREE,
    }
}
