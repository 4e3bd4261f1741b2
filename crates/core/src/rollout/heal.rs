//! Heals the nodes of a pool of a fixed size: reboots those whose start task failed, removes those that do not come back,
//! and lets the pool grow again.
//!
//! Which nodes, and how many at once, is decided in `next`. Pools that follow a formula, and pools that others made, are
//! left alone; so are the nodes of a change in place, whose illness speaks against the image.

mod next;

use tokio::time::Instant;

use super::{
    PoolAction, RolloutReport,
    attempts::Attempts,
    decide::{Intent, Part},
    explain::refused,
    follow,
    healed::{HealedNode, NodeAction},
    node_logs::{self, UploadedLogs},
    pool::PoolAccess,
    size::Sizing,
    spec::Maker,
    step::RolloutStep,
    verdict::Waited,
};
use crate::{
    batch::{
        node::{Node, NodeKind},
        pool::{Pool, Scaling},
    },
    error::{Error, Result},
    ids::NodeCounts,
    settings::{Adopt, HealNodes, RolloutSettings},
};
use next::{Care, Done, Ill};

/// What Batch answers of a node that is gone or came to another state meanwhile: the next list shows it.
const NODE_IS_ELSEWHERE: [&str; 2] = ["NodeNotFound", "NodeStateUnusable"];

/// A pool whose nodes are being healed.
struct Healer<'run, 'account> {
    access: &'run mut PoolAccess<'account>,
    intent: &'run Intent,
    settings: &'run RolloutSettings,
    report: &'run mut RolloutReport,
    doing: &'run str,
    attempts: Attempts<'run>,
    done: Done,
    /// When something was done last.
    acted: Instant,
}

impl Healer<'_, '_> {
    async fn heal(mut self) -> Result<Waited> {
        let readiness = self.settings.policy.readiness;
        loop {
            let waited = follow::nodes(self.access, self.intent, readiness, self.report).await?;
            let now = self.access.client().run().now();
            match next::next(&waited.nodes, &self.done, self.settings.policy.healing, now) {
                Care::Nothing => return Ok(waited),
                Care::Await if self.acted.elapsed() < readiness.node_timeout => {
                    self.access.pause(self.acted, "nodes that were rebooted").await?;
                }
                Care::Await => return Ok(waited),
                Care::Brake(why) => {
                    self.access.client().warn(why);
                    return Ok(waited);
                }
                Care::Reboot(ill) => self.reboot(ill).await?,
                Care::Remove(ill) => {
                    if !self.remove(ill, &waited.nodes).await? {
                        return Ok(waited);
                    }
                }
            }
        }
    }

    async fn reboot(&mut self, ill: Vec<Ill>) -> Result<()> {
        for ill in ill {
            let output = self.output(&ill).await;
            let logs = self.logs(&ill).await;
            let sent = self.access.reboot(&ill.id).await;
            // Also one whose answer was lost, or that came to another state, is not rebooted twice.
            self.done.note_reboot(&ill);
            if self.after(sent).await? {
                self.note(&ill, NodeAction::Rebooted, (output, logs));
            }
        }
        self.acted = Instant::now();
        Ok(())
    }

    /// `false` when the pool may not be touched any more.
    async fn remove(&mut self, ill: Vec<Ill>, nodes: &[Node]) -> Result<bool> {
        let pool = self.access.find().await?;
        let unchanged = self.intent.unchanged(pool.as_ref());
        unchanged.map_err(|refusal| refused(self.access.at(), refusal))?;
        let Some(pool) = pool.filter(|pool| may_be_healed(self.intent, pool)) else {
            return Ok(false);
        };
        let mut found = Vec::new();
        for ill in &ill {
            found.push((self.output(ill).await, self.logs(ill).await));
        }
        if found.iter().any(|(_, logs)| logs.is_some()) {
            node_logs::let_write(self.access).await;
        }
        let ids: Vec<String> = ill.iter().map(|ill| ill.id.clone()).collect();
        let sent = self.access.remove_nodes(&ids, &pool).await;
        // What may have happened counts, so that lost answers cannot remove more than the brake lets.
        self.done.note_removed(ids.len());
        if self.after(sent).await? {
            for (ill, found) in ill.iter().zip(found) {
                self.note(ill, NodeAction::Removed, found);
            }
        }
        self.steady().await?;
        let rounds = self.settings.policy.resize.rounds;
        let grown = grown_again(self.intent, &pool, removed(nodes, &ids));
        let sizing = Sizing::new(self.access, &grown, rounds, self.doing, self.report);
        sizing.reach().await?;
        self.acted = Instant::now();
        Ok(true)
    }

    /// Our own removal is no resize of others that could be stopped.
    async fn steady(&mut self) -> Result<()> {
        let began = Instant::now();
        while self.access.find().await?.is_some_and(|pool| !pool.is_steady()) {
            self.access.pause(began, "the removed nodes to be gone").await?;
        }
        Ok(())
    }

    async fn after(&mut self, sent: Result<()>) -> Result<bool> {
        let is_elsewhere = |error: &Error| NODE_IS_ELSEWHERE.iter().any(|code| error.has_code(code));
        match sent {
            Err(error) if is_elsewhere(&error) => Ok(false),
            sent => self.attempts.after(self.access, sent).await,
        }
    }

    async fn output(&self, ill: &Ill) -> String {
        match ill.is_start_task {
            true => self.access.start_task_end(&ill.id).await,
            false => String::new(),
        }
    }

    async fn logs(&self, ill: &Ill) -> Option<UploadedLogs> {
        node_logs::take(self.access, self.settings.node_logs.as_ref(), &ill.logs).await
    }

    fn note(&mut self, ill: &Ill, action: NodeAction, (output, logs): (String, Option<UploadedLogs>)) {
        let done = match action {
            NodeAction::Rebooted => "was rebooted",
            NodeAction::Removed => "was removed",
        };
        let mut text = format!("node {} {done}: {}", ill.id, ill.why);
        if let Some(logs) = &logs {
            text = format!("{text}; {}", logs.of_node(&ill.id));
        }
        self.access.client().warn(text);
        self.report.healed.push(HealedNode {
            node: ill.id.clone(),
            action,
            why: ill.why.clone(),
            output,
            logs,
        });
        if matches!(self.report.action, PoolAction::None | PoolAction::Unchanged) {
            self.report.action = PoolAction::Healed;
        }
    }
}

/// How many of these nodes are of which kind.
fn removed(nodes: &[Node], ids: &[String]) -> NodeCounts {
    let of_kind = |kind| {
        let removed = nodes.iter().filter(|node| node.kind == kind && ids.contains(&node.id));
        u32::try_from(removed.count()).unwrap_or(u32::MAX)
    };
    NodeCounts {
        dedicated: of_kind(NodeKind::Dedicated),
        spot: of_kind(NodeKind::Spot),
    }
}

/// The size that the pool shall have again. Other targets than those before and after the removal are another client's,
/// and a pool that is gone was deleted: neither is undone.
fn grown_again(intent: &Intent, before: &Pool, removed: NodeCounts) -> Intent {
    let less = |nodes: NodeCounts| NodeCounts {
        dedicated: nodes.dedicated.saturating_sub(removed.dedicated),
        spot: nodes.spot.saturating_sub(removed.spot),
    };
    let targets = intent.goal.targets;
    Intent {
        part: Part::Nodes([targets, less(targets), less(before.current), targets]),
        ..intent.clone()
    }
}

/// Waits for the nodes of a pool that has its size, and heals the ill ones where that was asked for.
///
/// # Errors
/// As [`follow::nodes`]; when the pool does not grow again, Batch refuses, or the run ends.
pub(super) async fn nodes(
    access: &mut PoolAccess<'_>,
    (intent, settings): (&Intent, &RolloutSettings),
    report: &mut RolloutReport,
) -> Result<Waited> {
    let doing = format!("heal the nodes of pool {}", settings.pool.id);
    let readiness = settings.policy.readiness;
    if !is_wanted(intent, settings) {
        return follow::nodes(access, intent, readiness, report).await;
    }
    let attempts = Attempts::new(access.client(), &doing);
    let healer = Healer {
        access,
        intent,
        settings,
        report,
        doing: &doing,
        attempts,
        done: Done::default(),
        acted: Instant::now(),
    };
    healer.heal().await
}

/// The step of a plan, when nodes are ill now.
pub(super) async fn foresee(
    access: &PoolAccess<'_>,
    (intent, settings): (&Intent, &RolloutSettings),
    pool: Option<&Pool>,
) -> Result<Option<RolloutStep>> {
    if !is_wanted(intent, settings) || !pool.is_some_and(|pool| may_be_healed(intent, pool)) {
        return Ok(None);
    }
    let (nodes, now) = (access.nodes().await?, access.client().run().now());
    let step = |ill: Vec<Ill>| RolloutStep::HealNodes {
        pool: intent.spec.id().clone(),
        nodes: ill.into_iter().map(|ill| ill.id).collect(),
    };
    Ok(
        match next::next(&nodes, &Done::default(), settings.policy.healing, now) {
            Care::Reboot(_) | Care::Remove(_) => Some(step(next::ill(&nodes, now))),
            Care::Brake(why) => {
                access.client().warn(why);
                None
            }
            Care::Nothing | Care::Await => None,
        },
    )
}

fn is_wanted(intent: &Intent, settings: &RolloutSettings) -> bool {
    settings.policy.healing.nodes == HealNodes::Yes && intent.follows.is_none()
}

/// Others' pools are written to only when they may be.
fn may_be_healed(intent: &Intent, pool: &Pool) -> bool {
    let is_ours = intent.adopt != Adopt::No || intent.spec.compare(pool).maker == Maker::RollOut;
    is_ours && pool.scaling == Scaling::Fixed && !pool.is_upgraded_by_platform()
}
