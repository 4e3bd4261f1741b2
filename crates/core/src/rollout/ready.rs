//! Waits for the nodes of a pool that has its size: until enough are ready, or it is plain that they will not be.
//!
//! While it waits it counts nodes by state. The nodes themselves are listed only where a decision needs them.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    RolloutReport,
    decide::Intent,
    explain::refused,
    grace::Grace,
    pool::PoolAccess,
    verdict::{Census, Goal, Verdict, Waited},
};
use crate::{
    batch::node::{NodeState, Outlook},
    error::Result,
    progress::Event,
    settings::Readiness,
};

/// Since when the nodes have come no nearer to being ready.
pub(super) struct Stillness {
    since: Instant,
    /// The most nodes that were ready at one time.
    most_ready: u32,
    /// All counts, with ready states as one: a node that takes a task or ends one makes no difference, as on a pool that
    /// works that never ends.
    states: Option<BTreeMap<String, u32>>,
}

impl Stillness {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            most_ready: 0,
            states: None,
        }
    }

    pub(super) fn length(&self) -> Duration {
        self.since.elapsed()
    }

    /// Notes a count. `true` when it differs from the last one. The stillness begins again when more nodes are ready than
    /// ever, or one on its way has gone on; not when a node is lost, or one that was lost is tried again and again.
    pub(super) fn note(&mut self, census: &Census) -> bool {
        let mut states = BTreeMap::new();
        for (state, count) in &census.states {
            let is_ready = NodeState::new(state).outlook() == Outlook::Ready;
            *states
                .entry(if is_ready { "ready".to_owned() } else { state.clone() })
                .or_insert(0) += count;
        }
        let before = self.states.take();
        let ready = census.ready.total();
        if ready > self.most_ready
            || before
                .as_ref()
                .is_none_or(|before| on_their_way(before) != on_their_way(&states))
        {
            self.since = Instant::now();
        }
        self.most_ready = self.most_ready.max(ready);
        let has_changed = before.as_ref() != Some(&states);
        self.states = Some(states);
        has_changed
    }
}

/// The counts of states that a node passes through on its first way to being ready.
fn on_their_way(states: &BTreeMap<String, u32>) -> Vec<(&str, u32)> {
    let is_on_its_way = |state: &str| matches!(state, "creating" | "starting" | "waitingforstarttask");
    let counts = states.iter().map(|(state, count)| (state.as_str(), *count));
    counts.filter(|(state, _)| is_on_its_way(state)).collect()
}

/// Waits. What was counted last is in the report, however the wait ends.
///
/// # Errors
/// `Refused` when another client changes the pool meanwhile; when the pool cannot be read, or the run ends.
pub(super) async fn wait(
    access: &PoolAccess<'_>,
    intent: &Intent,
    readiness: Readiness,
    report: &mut RolloutReport,
) -> Result<Waited> {
    let goal = intent.goal;
    let mut stillness = Stillness::new();
    let grace = Grace {
        began: access.client().run().now(),
        length: readiness.node_timeout,
    };
    let mut due = grace.first();
    loop {
        let seen = access.look().await?;
        let pool = intent
            .unchanged(seen.pool.as_ref())
            .map_err(|refusal| refused(access.at(), refusal))?;
        let mut census = seen.counts.as_ref().map(Census::from);
        let now = access.client().run().now();
        let needs_list = |census: &Census| now >= due || census.clone().of_pool(pool.current).needs_list(goal);
        let mut list = None;
        if census.as_ref().is_none_or(needs_list) {
            let nodes = access.nodes().await?;
            let is_right = |image: &str| intent.spec.runs(image);
            census = Some(Census::within(&nodes, is_right, |node| grace.is_late(node, now)));
            list = Some(nodes);
        }
        let census = census.unwrap_or_default().of_pool(pool.current);
        report.count(goal, &census);
        if stillness.note(&census) {
            tell(access, goal, &census);
        }
        if let Some(nodes) = list {
            let next = grace.next(&nodes, now);
            due = next.unwrap_or_else(|| Grace { began: now, ..grace }.first());
            // Nodes that do not show yet have no time of their own.
            let is_over = next.is_none() && stillness.length() >= readiness.node_timeout;
            if let Some(verdict) = end(&census, goal, is_over) {
                if verdict != Verdict::Good {
                    // Nodes that leave because another client shrinks the pool do not speak against the image.
                    let pool = access.find().await?;
                    let still_ours = intent.unchanged(pool.as_ref());
                    still_ours.map_err(|refusal| refused(access.at(), refusal))?;
                }
                return Ok(Waited {
                    nodes,
                    census,
                    goal,
                    verdict,
                });
            }
        }
        access.pause(stillness.since, "nodes to be ready").await?;
    }
}

/// Whether the wait has come to its end, and how.
const fn end(census: &Census, goal: Goal, is_over: bool) -> Option<Verdict> {
    match census.verdict(goal) {
        Verdict::Good => Some(Verdict::Good),
        Verdict::Bad if census.fails_by_the_late(goal) => Some(Verdict::Pending),
        Verdict::Bad => Some(Verdict::Bad),
        Verdict::Pending if is_over => Some(Verdict::Pending),
        Verdict::Pending => None,
    }
}

/// Shows a count.
pub(super) fn tell(access: &PoolAccess<'_>, goal: Goal, census: &Census) {
    access.client().run().progress.tell(Event::Nodes {
        wanted: goal.counted(goal.targets),
        ready: goal.counted(census.ready),
        states: census.states.clone(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeCounts;

    fn census(states: &[(&str, u32)]) -> Census {
        let is_ready = |state: &str| NodeState::new(state).outlook() == Outlook::Ready;
        let ready = states.iter().filter(|(state, _)| is_ready(state));
        Census {
            ready: NodeCounts {
                dedicated: ready.map(|(_, count)| count).sum(),
                spot: 0,
            },
            states: states
                .iter()
                .map(|(state, count)| ((*state).to_owned(), *count))
                .collect(),
            ..Census::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_come_and_go_on_a_working_pool_are_no_progress() {
        let mut stillness = Stillness::new();
        assert!(stillness.note(&census(&[("idle", 5), ("running", 2), ("unusable", 1)])));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!stillness.note(&census(&[("idle", 1), ("running", 6), ("unusable", 1)])));
        assert!(!stillness.note(&census(&[("running", 7), ("unusable", 1)])));
        assert_eq!(stillness.length(), Duration::from_secs(60));
        assert!(stillness.note(&census(&[("running", 8)])), "a node that gets ready is");
        assert_eq!(stillness.length(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_tried_again_and_again_is_no_progress() {
        let mut stillness = Stillness::new();
        stillness.note(&census(&[("idle", 7), ("unusable", 1)]));
        for _try in 0..3 {
            tokio::time::advance(Duration::from_secs(60)).await;
            assert!(stillness.note(&census(&[("idle", 7), ("rebooting", 1)])), "it is shown");
            assert!(stillness.note(&census(&[("idle", 7), ("unusable", 1)])));
        }
        assert_eq!(stillness.length(), Duration::from_secs(180));
        stillness.note(&census(&[("idle", 7), ("creating", 1)]));
        assert_eq!(stillness.length(), Duration::ZERO, "a new node is on its way");
    }
}
