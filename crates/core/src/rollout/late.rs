//! The deadline that passes while a pool gets smaller: which nodes are still there, why, and what to type.
//!
//! It only words it. What else a run says that met its deadline is `cancelled`'s.

use super::{counted::counted, explain::At};
use crate::{
    error::{Error, ErrorKind},
    ids::NodeCounts,
    options::run::DEADLINE,
    progress::Span,
    run::Run,
    typing::az,
    words,
    words::{Part as Piece, plural},
};

/// A pool that gets smaller, as it was seen last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shrinking {
    /// The nodes that it has.
    pub(super) current: NodeCounts,
    /// The nodes that are wanted.
    pub(super) targets: NodeCounts,
    /// How many of its nodes run tasks.
    pub(super) running: u32,
}

/// The deadline of a run has passed meanwhile.
pub(super) fn while_shrinking(at: At<'_>, run: &Run, pool: Shrinking) -> Error {
    let (id, limit) = (at.pool, Span(run.limit().as_secs()));
    let (has, surplus) = (counted(pool.current), pool.current.distance(pool.targets));
    let error = |happened: String| {
        Error::plain(
            ErrorKind::Deadline,
            format!("the deadline of {limit} passed while {happened}"),
        )
        .with_kept(format!("pool {id} has {has}, and each is billed until it is removed"))
    };
    let again = words![
        "run again, for more time with ",
        Piece::set(DEADLINE, run.more_time()),
        ": the run goes on from here"
    ];
    if pool.running == 0 {
        let surplus = plural(surplus, "node");
        return error(format!("Batch was removing {surplus} of pool {id}")).with_next(again, None);
    }
    let running = plural(pool.running, "node");
    let are = if surplus == 1 { "is" } else { "are" };
    error(format!("tasks were still running on {running} of pool {id}"))
        .with_fact(format!(
            "{} {are} to be removed, each as soon as its tasks have ended; no task was stopped",
            plural(surplus, "node")
        ))
        .with_next(again, None)
        .with_next("to see which nodes run tasks, and how many", at.az(az::BUSY_NODES))
}
