//! Which nodes of a pool are ill, and what is done about them next: pure, from a list of nodes and what this run has done.
//!
//! A run that was killed leaves nothing behind: what it had done shows in the nodes, but for a reboot, which the next run
//! then tries once more.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use crate::rollout::node_logs::LogsOf;
use crate::{
    batch::node::{MOST_REMOVED, Node},
    one_line::one_line,
    progress::Span,
    settings::Healing,
};

/// Batch brings some nodes back by itself with which it has lost contact; so long it is let.
const GRACE: Duration = Duration::from_secs(20 * 60);

/// A node as this run knows it: Batch gives the ids of nodes that are gone to new ones.
type Known = (String, Option<Timestamp>);

/// What this run has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Nodes that were rebooted.
    rebooted: BTreeSet<Known>,
    /// How many were removed.
    removed: u32,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Nothing: no node is ill, or none may be touched now.
    Nothing,
    /// Look again: nodes that were rebooted are on their way.
    Await,
    /// Reboot these.
    Reboot(Vec<Ill>),
    /// Remove these, and let the pool grow again.
    Remove(Vec<Ill>),
    /// So many are ill that it is not theirs.
    Brake(String),
}

/// An ill node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ill {
    /// Its id.
    pub(super) id: String,
    /// What is wrong with it, in its own words.
    pub(super) why: String,
    /// Whether its start task failed, so that what that wrote says more.
    pub(super) is_start_task: bool,
    /// Which logs of Batch's agent say more.
    pub(super) logs: LogsOf,
    known: Known,
}

impl Done {
    /// Notes a reboot.
    pub(super) fn note_reboot(&mut self, ill: &Ill) {
        self.rebooted.insert(ill.known.clone());
    }

    /// Notes removals.
    pub(super) fn note_removed(&mut self, count: usize) {
        self.removed = self.removed.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

/// The ill nodes of a list.
pub(super) fn ill(nodes: &[Node], now: Timestamp) -> Vec<Ill> {
    nodes
        .iter()
        .filter_map(|node| Some(of(node, why(node, now)?)))
        .collect()
}

/// Decides.
pub(super) fn next(nodes: &[Node], done: &Done, healing: Healing, now: Timestamp) -> Care {
    let ill = ill(nodes, now);
    let total = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    let count = u32::try_from(ill.len()).unwrap_or(u32::MAX);
    let on_their_way = nodes.iter().filter(|node| is_rebooting(node, done)).count();
    let Some(first) = ill.first() else {
        return if on_their_way > 0 { Care::Await } else { Care::Nothing };
    };
    if count.saturating_add(done.removed) > healing.max_unhealthy.of(total) {
        return Care::Brake(brake((count, total, done.removed), healing, first));
    }
    let at_once = usize::try_from(healing.max_in_flight.of(total).max(1)).unwrap_or(usize::MAX);
    let room = at_once.saturating_sub(on_their_way).min(MOST_REMOVED);
    if room == 0 {
        return Care::Await;
    }
    let may_come_back = |ill: &Ill| ill.is_start_task && !done.rebooted.contains(&ill.known);
    let (reboot, remove): (Vec<Ill>, Vec<Ill>) = ill.into_iter().partition(may_come_back);
    if reboot.is_empty() {
        Care::Remove(remove.into_iter().take(room).collect())
    } else {
        Care::Reboot(reboot.into_iter().take(room).collect())
    }
}

/// What is wrong with a node that runs no task; nothing when nothing is, or it may yet come back.
fn why(node: &Node, now: Timestamp) -> Option<String> {
    if node.running_tasks > 0 {
        return None;
    }
    match (node.state.as_str(), &node.start_task, node.said()) {
        ("starttaskfailed", Some(failure), _) => {
            let exit = failure
                .exit_code
                .map_or_else(String::new, |code| format!(" with exit code {code}"));
            Some(format!("its start task failed{exit}: {failure}"))
        }
        ("starttaskfailed", None, _) => Some("its start task failed".to_owned()),
        ("unusable", _, Some(said)) => Some(format!("it is unusable: {said}")),
        ("unusable", _, None) => {
            let length = Duration::try_from(now.duration_since(node.since?)).unwrap_or_default();
            (length >= GRACE).then(|| format!("Batch has had no contact with it for {}", Span(length.as_secs())))
        }
        _ => None,
    }
}

fn of(node: &Node, why: String) -> Ill {
    Ill {
        id: node.id.clone(),
        why: one_line(&why),
        is_start_task: node.state.as_str() == "starttaskfailed",
        logs: LogsOf::new(node),
        known: known(node),
    }
}

fn known(node: &Node) -> Known {
    (node.id.clone(), node.allocated)
}

/// Whether this run has rebooted the node, and it has not come to an end of that.
fn is_rebooting(node: &Node, done: &Done) -> bool {
    let is_on_its_way = matches!(
        node.state.as_str(),
        "rebooting" | "starting" | "waitingforstarttask" | "creating"
    );
    is_on_its_way && done.rebooted.contains(&known(node))
}

fn brake((count, total, removed): (u32, u32, u32), healing: Healing, first: &Ill) -> String {
    let before = match removed {
        0 => String::new(),
        removed => format!(" after {removed} were removed"),
    };
    format!(
        "{count} of {total} nodes are ill{before}, more than the {} up to which nodes are healed, so none is touched; the \
         first is {}: {}",
        healing.max_unhealthy, first.id, first.why
    )
}

#[cfg(test)]
mod tests;
