//! Automatic OS upgrades: Azure itself puts the newest version of a definition on a pool's nodes, a batch after another.
//!
//! As in the page on upgrade policies of Batch pools: only pools that name a definition, once a newer version is latest
//! and complete in the region; with `osRollingUpgradeDeferral` a node is left until its tasks have ended. The size of a
//! batch is a scale set's. It plays no roll-back: nodes that fail stay, and the next batch begins all the same.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::Account;
use super::allocation::DeallocationOption;
use super::ids::{NodeId, PoolId};
use super::image::{self, Lookup};
use super::job::interrupt::interrupt;
use super::node::Node;
use super::pool::{Pool, Upgrade};
use super::scene::Scene;
use super::wire::parse_duration;
use crate::json::text;
use crate::region;

/// Percent of the nodes that change at one time when the pool does not say it: a scale set's default.
const BATCH: u64 = 20;

/// What a pool's policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    defers: bool,
    percent: u64,
    pause: SignedDuration,
}

impl Policy {
    /// The policy of a pool whose nodes Azure changes by itself.
    fn of(pool: &Pool) -> Option<Self> {
        let policy = pool.settings.get("upgradePolicy")?;
        let is = |name: &str| policy.pointer(&format!("/automaticOSUpgradePolicy/{name}")) == Some(&json!(true));
        let rolling = policy.get("rollingUpgradePolicy").unwrap_or(&Value::Null);
        let own = |name: &str| {
            rolling
                .pointer(name)?
                .as_u64()
                .filter(|_| is("useRollingUpgradePolicy"))
        };
        is("enableAutomaticOSUpgrade").then(|| Self {
            defers: is("osRollingUpgradeDeferral"),
            percent: own("/maxBatchInstancePercent").unwrap_or(BATCH),
            pause: text(rolling, "/pauseTimeBetweenBatches")
                .and_then(parse_duration)
                .unwrap_or_default(),
        })
    }

    /// How many of so many nodes change at one time.
    fn batch(self, nodes: usize) -> usize {
        let percent = usize::try_from(self.percent).unwrap_or(100);
        (nodes * percent / 100).max(1)
    }
}

/// Begins the changes that are due: those of steady pools on a definition that has a newer version.
///
/// A change begins with the first request after the version is there.
pub(crate) fn begin(account: &mut Account, scene: &Scene<'_>) {
    let location = account.location.clone();
    for pool in &mut account.pools {
        let Some(policy) = Policy::of(pool).filter(|_| is_free(pool, scene.now)) else {
            continue;
        };
        let Some(to) = latest(pool, &location, scene) else {
            continue;
        };
        // Which version the nodes of a seeded pool run that follows a definition is not known.
        let older = |node: &&Node| !number(image_of(node)).is_empty() && number(image_of(node)) < number(&to);
        let present = pool.present(scene.now);
        let left: Vec<NodeId> = present.filter(older).map(|node| node.id.clone()).collect();
        if left.is_empty() {
            continue;
        }
        let batch = policy.batch(left.len());
        pool.upgrade = Some(Upgrade {
            to,
            batch,
            open: batch,
            left,
            changed: Vec::new(),
            since: scene.now,
        });
    }
}

fn is_free(pool: &Pool, now: Timestamp) -> bool {
    let is_steady = pool.allocation_state(now) == super::pool::AllocationState::Steady;
    pool.upgrade.is_none() && pool.deletion.is_none() && is_steady
}

fn latest(pool: &Pool, location: &str, scene: &Scene<'_>) -> Option<String> {
    let id = image::gallery_id(pool.configuration()).filter(|id| !image::is_managed(id))?;
    let Lookup::Found { view, .. } = scene.gallery.look(id, location, scene.now) else {
        return None;
    };
    let here = region::normalise(location);
    let is_complete = view.complete_regions.iter().any(|(region, _)| *region == here);
    is_complete.then_some(view.id)
}

fn image_of(node: &Node) -> &str {
    text(&node.image, "/virtualMachineImageId").unwrap_or_default()
}

/// The numbers of a version's id; none for an id that names no version.
fn number(id: &str) -> Vec<u64> {
    let name = id.rsplit('/').next().unwrap_or_default();
    name.split('.').map_while(|part| part.parse().ok()).collect()
}

/// The node that changes next, and when.
pub(crate) fn due(pool: &Pool) -> Option<(Timestamp, NodeId)> {
    let upgrade = pool.upgrade.as_ref().filter(|_| pool.deletion.is_none())?;
    let policy = Policy::of(pool)?;
    let open = upgrade.left.iter().take(upgrade.open);
    let at = open.map(|id| {
        (
            node_of(pool, id).map_or(upgrade.since, |node| due_of(node, upgrade, policy)),
            id,
        )
    });
    let (at, id) = at.min_by_key(|(at, _)| *at)?;
    Some((at, id.clone()))
}

fn due_of(node: &Node, upgrade: &Upgrade, policy: Policy) -> Timestamp {
    if policy.defers {
        node.without_tasks_from(upgrade.since)
    } else {
        upgrade.since
    }
}

fn node_of<'a>(pool: &'a Pool, id: &NodeId) -> Option<&'a Node> {
    let mut nodes = pool.nodes.iter().filter(|node| node.removed.is_none());
    nodes.find(|node| node.id == *id)
}

/// Changes a node, unless a task that it must wait for has begun meanwhile.
pub(crate) fn carry_out(account: &mut Account, pool: &PoolId, id: &NodeId, scene: &Scene<'_>) {
    let now = scene.now;
    let Some(pool) = account.pools.iter_mut().find(|known| known.id == *pool) else {
        return;
    };
    if due(pool).is_none_or(|(at, next)| at > now || next != *id) {
        return;
    }
    let Some(mut upgrade) = pool.upgrade.take() else {
        return;
    };
    upgrade.left.retain(|left| left != id);
    upgrade.open = upgrade.open.saturating_sub(1);
    upgrade.changed.push(id.clone());
    let image: Value = json!({"virtualMachineImageId": upgrade.to});
    let mut nodes = pool.nodes.iter_mut().filter(|node| node.removed.is_none());
    let changed = nodes.find(|node| node.id == *id);
    let interrupted = changed.map(|node| node.upgrade(image, now, scene.boot()));
    pool.upgrade = next(upgrade, pool, scene);
    interrupt(
        account,
        &interrupted.unwrap_or_default(),
        DeallocationOption::Requeue,
        now,
    );
}

/// Opens the next batch once this one has changed; nothing is left of a change that is over.
fn next(mut upgrade: Upgrade, pool: &Pool, scene: &Scene<'_>) -> Option<Upgrade> {
    let policy = Policy::of(pool)?;
    if upgrade.open > 0 {
        return Some(upgrade);
    }
    let changed = upgrade.changed.iter().filter_map(|id| node_of(pool, id));
    let settled = changed.map(Node::settles_at).max().unwrap_or(scene.now);
    if upgrade.left.is_empty() {
        return None;
    }
    upgrade.since = settled + scene.timing.scaled(policy.pause);
    upgrade.open = upgrade.batch.min(upgrade.left.len());
    upgrade.changed.clear();
    Some(upgrade)
}
