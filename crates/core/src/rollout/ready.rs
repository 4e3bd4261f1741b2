//! Waits for the nodes of a steady pool: until enough are ready, or it is plain that they will not be.
//!
//! When that is, `verdict` says; a node's slowness alone does not end the wait, only stillness of all of them.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    pool::PoolAccess,
    verdict::{Census, Goal, Verdict},
};
use crate::{
    batch::node::{Node, NodeKind},
    error::Result,
    ids::{NodeCounts, resource::ImageVersionId},
    progress::Event,
    settings::Readiness,
};

/// How the wait ended.
#[derive(Debug)]
pub(super) struct Waited {
    /// The last list.
    pub(super) nodes: Vec<Node>,
    /// What it says.
    pub(super) census: Census,
    /// Why the wait ended: `Pending` means that no node has changed for the time allowed.
    pub(super) verdict: Verdict,
}

/// Waits; `allocated` is what the pool says it has, since the list of nodes lags behind it.
///
/// # Errors
/// When the list cannot be read, or the run ends.
pub(super) async fn wait(
    access: &PoolAccess<'_>,
    goal: Goal,
    version: &ImageVersionId,
    readiness: Readiness,
    allocated: NodeCounts,
) -> Result<Waited> {
    let mut stillness = Stillness::new();
    loop {
        let nodes = access.nodes().await?;
        let mut census = Census::of(&nodes, version);
        if stillness.note(&nodes) {
            tell(access, goal, &census);
        }
        add_unlisted(&mut census, &nodes, allocated);
        let verdict = census.verdict(goal);
        if verdict != Verdict::Pending || stillness.length() >= readiness.node_timeout {
            return Ok(Waited { nodes, census, verdict });
        }
        access.pause(stillness.since, "nodes to be ready").await?;
    }
}

/// Since when no node has changed its state.
struct Stillness {
    since: Instant,
    states: Option<Vec<(String, String)>>,
}

impl Stillness {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            states: None,
        }
    }

    fn length(&self) -> Duration {
        self.since.elapsed()
    }

    /// Notes a list. `true` when it differs from the last one; then the stillness begins again.
    fn note(&mut self, nodes: &[Node]) -> bool {
        let mut states: Vec<(String, String)> = nodes
            .iter()
            .map(|node| (node.id.clone(), node.state.to_string()))
            .collect();
        states.sort_unstable();
        if self.states.as_ref() == Some(&states) {
            return false;
        }
        self.states = Some(states);
        self.since = Instant::now();
        true
    }
}

/// Nodes that the pool has and the list does not show yet are still coming.
fn add_unlisted(census: &mut Census, nodes: &[Node], allocated: NodeCounts) {
    let listed = |kind: NodeKind| {
        let count = nodes.iter().filter(|node| node.kind == kind).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    census.coming.dedicated += allocated.dedicated.saturating_sub(listed(NodeKind::Dedicated));
    census.coming.spot += allocated.spot.saturating_sub(listed(NodeKind::Spot));
}

fn tell(access: &PoolAccess<'_>, goal: Goal, census: &Census) {
    access.client().run().progress.tell(Event::Nodes {
        wanted: goal.counted(goal.targets),
        ready: goal.counted(census.ready),
        states: census.states.clone(),
    });
}
