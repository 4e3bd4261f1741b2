//! Changing a pool's size: resize, stop, removal of chosen nodes, autoscale.
//!
//! How a resize goes is decided in `allocation`; this file gathers what that needs and carries the plan out.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

use super::{AllocationState, Pool, Preemptions, Resize, Scale};
use crate::batch::account::Account;
use crate::batch::allocation::{self, Ask, Ceiling, DeallocationOption, NodeKind, Plan, ResizeError, Targets, Upset};
use crate::batch::autoscale;
use crate::batch::ids::{NodeId, PoolId};
use crate::batch::image::{self, Wanted};
use crate::batch::job::interrupt::interrupt;
use crate::batch::node::{self, Fate, Node, NodePlan, NodeState, TaskRun};
use crate::batch::refusal::{
    NODE_NOT_FOUND, OPERATION_INVALID_FOR_STATE, OPERATION_NOT_VALID_ON_POOL, POOL_BEING_RESIZED, Refusal,
    TOO_MANY_AUTOSCALE, TOO_MANY_REQUESTS,
};
use crate::batch::scene::Scene;
use crate::batch::subnet;
use crate::compute::size;

/// Recorded: a node shows half a second before its pool is steady.
const SHOWS_BEFORE_STEADY: SignedDuration = SignedDuration::from_millis(500);

/// A new size for a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSize {
    pub(crate) targets: Targets,
    pub(crate) timeout: Option<SignedDuration>,
    pub(crate) option: DeallocationOption,
}

/// A resize that may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    to: Targets,
    option: DeallocationOption,
    /// The nodes that are to go; any when absent.
    chosen: Option<&'a [NodeId]>,
}

/// What new nodes will find: their image, their addresses, what bounds their number and what keeps all of them away.
#[derive(Debug, Default)]
struct Arrivals {
    image: serde_json::Value,
    /// Of a subnet of the caller's; empty without one.
    addresses: Vec<Ipv4Addr>,
    ceilings: Vec<Ceiling>,
    hindrance: Option<ResizeError>,
}

impl Order<'_> {
    /// One that leaves the choice of nodes to Batch.
    pub(crate) fn of(to: Targets, option: DeallocationOption) -> Self {
        Self {
            to,
            option,
            chosen: None,
        }
    }
}

/// POST resize.
///
/// # Errors
/// The pool is gone, going, not steady, autoscaled, or was written too recently.
pub(crate) fn resize(account: &mut Account, id: &PoolId, size: NewSize, scene: &mut Scene<'_>) -> Result<(), Refusal> {
    let interval = account.write_interval;
    let pool = account.pool_mut(id, scene.now)?;
    ensure_resizable(pool, scene.now)?;
    ensure_unhurried(pool, interval, scene)?;
    if let Some(timeout) = size.timeout {
        pool.resize_timeout = timeout;
    }
    pool.touch(scene.ids.etag(), scene.now);
    begin(account, id, Order::of(size.targets, size.option), scene)
}

/// POST removenodes.
///
/// # Errors
/// As for resize, and `NodeNotFound` when one of the nodes is not there.
pub(crate) fn remove_nodes(
    account: &mut Account,
    id: &PoolId,
    nodes: &[NodeId],
    size: NewSize,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let interval = account.write_interval;
    let now = scene.now;
    let pool = account.pool_mut(id, now)?;
    ensure_resizable(pool, now)?;
    if nodes
        .iter()
        .any(|node| !pool.present(now).any(|present| present.id == *node))
    {
        return Err(NODE_NOT_FOUND.into());
    }
    ensure_unhurried(pool, interval, scene)?;
    if let Some(timeout) = size.timeout {
        pool.resize_timeout = timeout;
    }
    let current = pool.current(now);
    let leaving = |kind| {
        let chosen = pool
            .present(now)
            .filter(|node| node.kind == kind && nodes.contains(&node.id));
        u32::try_from(chosen.count()).unwrap_or(u32::MAX)
    };
    let to = Targets {
        dedicated: current.dedicated.saturating_sub(leaving(NodeKind::Dedicated)),
        low_priority: current.low_priority.saturating_sub(leaving(NodeKind::LowPriority)),
    };
    pool.touch(scene.ids.etag(), now);
    let order = Order {
        to,
        option: size.option,
        chosen: Some(nodes),
    };
    begin(account, id, order, scene)
}

/// POST stopresize.
///
/// # Errors
/// The pool is gone or is not resizing.
pub(crate) fn stop(account: &mut Account, id: &PoolId, scene: &mut Scene<'_>) -> Result<(), Refusal> {
    let (now, steady) = (scene.now, scene.after(scene.pace.stopping));
    let pool = account.pool_mut(id, now)?;
    pool.ensure_active()?;
    if pool.allocation_state(now) != AllocationState::Resizing {
        return Err(Refusal::from(OPERATION_INVALID_FOR_STATE).saying("The specified pool is not being resized."));
    }
    pool.nodes.retain(|node| node.arrives <= now);
    let boot = scene.boot();
    for node in pool.nodes.iter_mut().filter(|node| node.allocated > now) {
        node.show_at(steady, boot);
    }
    pool.allocation.cut(now);
    pool.allocation = pool
        .allocation
        .clone()
        .then(now, AllocationState::Stopping)
        .then(steady, AllocationState::Steady);
    let reached = pool.current(steady) == pool.targets;
    if let Some(resize) = &mut pool.resize {
        resize.ends = Some(steady);
        resize.errors = if reached {
            Vec::new()
        } else {
            vec![allocation::stopped()]
        };
    }
    pool.touch(scene.ids.etag(), now);
    Ok(())
}

/// POST enableautoscale, and the same through ARM.
///
/// # Errors
/// The pool is gone, going or resizing, was written too recently, or the formula is none.
pub(crate) fn enable_autoscale(
    account: &mut Account,
    id: &PoolId,
    formula: &str,
    interval: SignedDuration,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let (now, write_interval) = (scene.now, account.write_interval);
    let pool = account.pool_mut(id, now)?;
    pool.ensure_active()?;
    if pool.allocation_state(now) != AllocationState::Steady {
        return Err(POOL_BEING_RESIZED.into());
    }
    ensure_unhurried(pool, write_interval, scene).map_err(|refusal| match refusal.retry_after() {
        Some(seconds) => Refusal::from(TOO_MANY_AUTOSCALE).retry_in(seconds),
        None => refusal,
    })?;
    let outcome = autoscale::evaluate(formula, pool.targets, pool.current(now), now)?;
    pool.scale = Scale::Auto {
        formula: formula.to_owned(),
        interval,
        since: now,
        failure: outcome.failure,
    };
    pool.touch(scene.ids.etag(), now);
    if outcome.targets != pool.targets {
        begin(account, id, Order::of(outcome.targets, outcome.option), scene)?;
    }
    Ok(())
}

/// POST disableautoscale, and the same through ARM.
///
/// # Errors
/// The pool is gone or going.
pub(crate) fn disable_autoscale(account: &mut Account, id: &PoolId, scene: &mut Scene<'_>) -> Result<(), Refusal> {
    let pool = account.pool_mut(id, scene.now)?;
    pool.ensure_active()?;
    pool.scale = Scale::Fixed;
    pool.touch(scene.ids.etag(), scene.now);
    Ok(())
}

fn ensure_resizable(pool: &Pool, now: Timestamp) -> Result<(), Refusal> {
    pool.ensure_active()?;
    if pool.scale != Scale::Fixed {
        let message = "The specified operation is not valid on a pool with autoscale enabled.";
        return Err(Refusal::from(OPERATION_NOT_VALID_ON_POOL).saying(message));
    }
    if pool.allocation_state(now) == AllocationState::Steady {
        Ok(())
    } else {
        Err(POOL_BEING_RESIZED.into())
    }
}

/// Refuses a write that follows another too closely, and notes the one that does not.
pub(crate) fn ensure_unhurried(pool: &mut Pool, interval: SignedDuration, scene: &Scene<'_>) -> Result<(), Refusal> {
    let interval = scene.timing.scaled(interval);
    let free = pool.last_write.map_or(scene.now, |last| last + interval);
    if free > scene.now {
        let wait = free.duration_since(scene.now);
        let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        return Err(Refusal::from(TOO_MANY_REQUESTS).retry_in(seconds));
    }
    pool.last_write = Some(scene.now);
    Ok(())
}

/// Begins a resize whose preconditions have been checked.
///
/// # Errors
/// The pool is gone.
pub(crate) fn begin(
    account: &mut Account,
    id: &PoolId,
    order: Order<'_>,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let now = scene.now;
    let pool = account.pool(id, now)?;
    let ask = Ask {
        from: staying(pool, now),
        to: order.to,
        timeout: pool.resize_timeout,
    };
    let target = format!("{}/{}", account.name, pool.id);
    let mut arrivals = judge(account, pool, &ask, scene);
    let upset = upset(&target, &ask, scene);
    let plan = allocation::plan(&ask, &arrivals.ceilings, arrivals.hindrance.take(), upset, scene.pace);
    let ends = plan.takes.map(|takes| scene.after(takes));

    let pool = account.pool_mut(id, now)?;
    pool.prune(now);
    pool.targets = order.to;
    let leaving = leaving(pool, plan.shrinks, order.chosen, now);
    let interrupted = release(pool, |node| leaving.contains(&node.id), order.option, scene);
    let last_gone = pool.nodes.iter().filter_map(|node| node.removed).max().unwrap_or(now);
    let ends = ends.map(|ends| ends.max(last_gone));
    let stays = |node: &Node| leaving.contains(&node.id) && node.removed.is_none();
    let (ends, kept) = match pool.nodes.iter().find(|node| stays(node)) {
        Some(_) => (
            ends.map(|ends| ends.max(scene.after(pool.resize_timeout))),
            Some(allocation::kept_by_tasks()),
        ),
        None => (ends, None),
    };
    grow(pool, &plan, arrivals, &target, scene);
    pool.allocation.cut(now);
    pool.allocation = pool.allocation.clone().then(now, AllocationState::Resizing);
    if let Some(ends) = ends {
        pool.allocation = pool.allocation.clone().then(ends, AllocationState::Steady);
    }
    pool.resize = Some(Resize {
        started: now,
        ends,
        option: order.option,
        errors: plan.errors.into_iter().chain(kept).collect(),
    });
    interrupt(account, &interrupted, order.option, now);
    Ok(())
}

fn upset(target: &str, ask: &Ask, scene: &mut Scene<'_>) -> Option<Upset> {
    let (grows, shrinks) = (ask.to.beyond(ask.from), ask.from.beyond(ask.to));
    let upset = scene.operation_upset();
    let upset = upset.or_else(|| (grows.total() > 0).then(|| scene.upset(target))?);
    upset.or_else(|| (shrinks.total() > 0).then(|| scene.removal_upset(target))?)
}

/// The nodes that are there and are not leaving.
fn staying(pool: &Pool, now: Timestamp) -> Targets {
    let count = |kind| {
        let nodes = pool
            .present(now)
            .filter(|node| node.kind == kind && node.removed.is_none());
        u32::try_from(nodes.count()).unwrap_or(u32::MAX)
    };
    Targets {
        dedicated: count(NodeKind::Dedicated),
        low_priority: count(NodeKind::LowPriority),
    }
}

fn judge(account: &Account, pool: &Pool, ask: &Ask, scene: &Scene<'_>) -> Arrivals {
    let grows = ask.to.beyond(ask.from).total();
    let mut arrivals = Arrivals::default();
    if grows == 0 {
        return arrivals;
    }
    arrivals.ceilings = account.ceilings(pool, scene.now);
    match judge_image(account, pool, scene) {
        Ok(image) => arrivals.image = image,
        Err(error) => arrivals.hindrance = Some(error),
    }
    match pool.subnet_id().map(|id| (id, scene.subnet(id))) {
        Some((_, Some(subnet))) => {
            arrivals.ceilings.push(subnet.ceiling(account, pool, ask, scene.now));
            arrivals.addresses = subnet.free(account, scene.now).take(usize_of(grows)).collect();
        }
        Some((id, None)) => {
            arrivals.hindrance.get_or_insert_with(|| subnet::gone(id, &pool.id));
        }
        None => {}
    }
    arrivals
}

fn judge_image(account: &Account, pool: &Pool, scene: &Scene<'_>) -> Result<serde_json::Value, ResizeError> {
    let size = size::find(&pool.vm_size).ok_or_else(|| ResizeError::coded("UnsupportedVMSize"))?;
    let wanted = Wanted {
        configuration: pool.configuration(),
        size,
        size_name: &pool.vm_size,
        location: &account.location,
        terms: account.terms,
    };
    image::judge(&wanted, |id| scene.gallery.look(id, &account.location, scene.now))
}

/// Adds the nodes of a plan; they arrive one by one and show when the resize ends.
fn grow(pool: &mut Pool, plan: &Plan, arrivals: Arrivals, target: &str, scene: &mut Scene<'_>) {
    let Some(takes) = plan.takes.filter(|_| plan.grows.total() > 0) else {
        return;
    };
    let upset = scene.node_upset(target);
    let preempts = matches!(upset.fate, Fate::Preempted(_));
    if preempts {
        pool.preemptions = Preemptions::Planned;
    }
    // Only spot nodes are taken away, and they come after the dedicated ones.
    let first_hit = if preempts { plan.grows.dedicated } else { 0 };
    let hit = first_hit..first_hit.saturating_add(upset.count);
    let allocated = scene.after(takes.checked_sub(SHOWS_BEFORE_STEADY).unwrap_or(takes));
    let kinds = NodeKind::BOTH
        .into_iter()
        .flat_map(|kind| std::iter::repeat_n(kind, usize_of(plan.grows.of(kind))));
    let mut addresses = arrivals.addresses.into_iter();
    for (place, kind) in (0..plan.grows.total()).zip(kinds) {
        let is_hit = hit.contains(&place);
        let rank = pool.node_count;
        pool.node_count += 1;
        let image = match &upset.image {
            Some(other) if is_hit => serde_json::json!({"virtualMachineImageId": other}),
            _ => arrivals.image.clone(),
        };
        let node = NodePlan {
            id: pool.take_spare_id(kind).unwrap_or_else(|| node_id(kind, scene)),
            kind,
            rank,
            misfortune: upset.misfortune_of(&image),
            arrives: arrival(place, allocated, scene),
            allocated,
            image,
            vm_size: pool.vm_size.clone(),
            os: pool.os(),
            address: addresses.next().unwrap_or_else(|| node::default_address(rank)),
            fate: if is_hit { upset.fate.clone() } else { Fate::Ready },
            start_task: pool.start_task().cloned(),
        };
        pool.nodes.push(Node::new(node, scene.boot()));
    }
}

fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn arrival(place: u32, latest: Timestamp, scene: &Scene<'_>) -> Timestamp {
    let steps = i32::try_from(place.saturating_add(1)).unwrap_or(i32::MAX);
    let each = scene
        .pace
        .allocation_per_node
        .checked_mul(steps)
        .unwrap_or(SignedDuration::MAX);
    scene.after(scene.pace.allocation_base.saturating_add(each)).min(latest)
}

/// The form that was recorded.
pub(crate) fn node_id(kind: NodeKind, scene: &mut Scene<'_>) -> NodeId {
    NodeId::of(&format!("tvmps_{}{}", scene.ids.hex(), kind.suffix()))
}

/// Which nodes go, so many of each kind: among those that were chosen, if any were; bad ones first, then idle ones, then
/// the newest.
fn leaving(pool: &Pool, leaves: Targets, chosen: Option<&[NodeId]>, now: Timestamp) -> Vec<NodeId> {
    let mut leaving: Vec<NodeId> = Vec::new();
    for kind in NodeKind::BOTH {
        // Nodes that have not shown yet cannot leave; none are there since resizes do not overlap.
        let mut nodes: Vec<&Node> = pool
            .present(now)
            .filter(|node| node.kind == kind && node.removed.is_none())
            .filter(|node| chosen.is_none_or(|chosen| chosen.contains(&node.id)))
            .collect();
        nodes.sort_by_key(|node| (order_of_leaving(node.state(now)), std::cmp::Reverse(node.rank)));
        let count = usize_of(leaves.of(kind));
        leaving.extend(nodes.into_iter().take(count).map(|node| node.id.clone()));
    }
    leaving
}

fn order_of_leaving(state: NodeState) -> u8 {
    match state {
        NodeState::Running => 2,
        NodeState::Idle | NodeState::Offline => 1,
        _ => 0,
    }
}

/// Lets chosen nodes go; returns the tasks that this interrupts. A node that waits for tasks beyond the resize timeout
/// stays.
pub(crate) fn release(
    pool: &mut Pool,
    chosen: impl Fn(&Node) -> bool,
    option: DeallocationOption,
    scene: &Scene<'_>,
) -> Vec<TaskRun> {
    let now = scene.now;
    let leaving = scene.timing.scaled(scene.pace.leaving);
    let latest = scene.after(pool.resize_timeout);
    let mut interrupted = Vec::new();
    for node in pool
        .nodes
        .iter_mut()
        .filter(|node| node.is_present(now) && node.removed.is_none() && chosen(node))
    {
        let waits = option == DeallocationOption::TaskCompletion;
        let busy = node.runs_at(now).map(|run| run.run.end).max().filter(|_| waits);
        let at = busy.unwrap_or(now);
        if at > latest {
            continue;
        }
        for run in node
            .runs
            .iter_mut()
            .filter(|run| run.run.start <= now && at < run.run.end)
        {
            interrupted.push(run.clone());
            run.run.end = now;
        }
        node.leave(at, at + leaving);
    }
    interrupted
}
