//! Creating, changing and deleting pools, and the service's rules about that.
//!
//! Both planes come here; each reads and shows bodies in its own words.

use serde_json::{Map, Value};

use super::body::{self, NewPool, NewScale, SETTINGS, WaitDefault};
use super::scale::{Order, begin, ensure_unhurried, release};
use super::{AllocationState, Pool, Preemptions, Scale};
use crate::batch::account::{Account, ManagedImages};
use crate::batch::allocation::{DeallocationOption, Targets};
use crate::batch::autoscale;
use crate::batch::ids::PoolId;
use crate::batch::image;
use crate::batch::job::interrupt::interrupt;
use crate::batch::refusal::{OPERATION_NOT_VALID_ON_POOL, POOL_EXISTS, POOL_QUOTA_REACHED, Refusal};
use crate::batch::scene::Scene;
use crate::batch::timeline::Timeline;
use crate::batch::wire::Version;

/// The settings that can change while there are nodes.
const ANY_TIME: &[&str] = &["startTask", "applicationPackageReferences", "metadata"];

/// What PATCH can carry in addition to the settings.
const VM_SIZE: &str = "vmSize";

/// Settings to put in place of the present ones; an empty start task stands for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) settings: Map<String, Value>,
    pub(crate) vm_size: Option<String>,
}

impl Changes {
    /// The first change that needs an empty pool; a value that stays the same needs none.
    fn needs_empty(&self, pool: &Pool) -> Option<String> {
        let moved =
            |name: &&String| !ANY_TIME.contains(&name.as_str()) && self.settings.get(*name) != pool.settings.get(*name);
        let resized = self
            .vm_size
            .as_ref()
            .is_some_and(|size| !size.eq_ignore_ascii_case(&pool.vm_size));
        let size = resized.then(|| VM_SIZE.to_owned());
        self.settings.keys().find(moved).cloned().or(size)
    }
}

/// What a pool's settings name outside the account must be there, and allowed.
///
/// # Errors
/// A subnet that does not exist; a managed image, unless the account may still use those.
fn ensure_allowed(account: &Account, settings: &Map<String, Value>, scene: &Scene<'_>) -> Result<(), Refusal> {
    let empty = Value::Null;
    let network = settings.get("networkConfiguration").unwrap_or(&empty);
    if let Some(subnet) = crate::json::text(network, "/subnetId").filter(|id| scene.subnet(id).is_none()) {
        let reason = "The specified subnet does not exist.";
        return Err(Refusal::property("networkConfiguration.subnetId", subnet, reason));
    }
    let configuration = settings.get("virtualMachineConfiguration").unwrap_or(&empty);
    match image::gallery_id(configuration).filter(|id| image::is_managed(id)) {
        Some(id) if account.managed_images == ManagedImages::Retired => {
            let reason = "Pools on managed images are retired. Use an Azure Compute Gallery image.";
            Err(Refusal::property("imageReference.virtualMachineImageId", id, reason))
        }
        _ => Ok(()),
    }
}

/// Creates a pool and begins its first resize.
///
/// # Errors
/// `PoolExists`, `PoolBeingDeleted`, `PoolQuotaReached`, or a formula that is none.
pub(crate) fn create(account: &mut Account, new: NewPool, scene: &mut Scene<'_>) -> Result<PoolId, Refusal> {
    let now = scene.now;
    account.pools.retain(|pool| !pool.is_gone(now));
    if let Some(existing) = account.pools.iter().find(|pool| pool.id == new.id) {
        existing.ensure_active()?;
        return Err(POOL_EXISTS.into());
    }
    if u32::try_from(account.pools.len()).unwrap_or(u32::MAX) >= account.quotas.pools {
        return Err(POOL_QUOTA_REACHED.into());
    }
    ensure_allowed(account, &new.settings, scene)?;
    let (scale, targets) = match new.scale {
        NewScale::Fixed(targets) => (Scale::Fixed, targets),
        NewScale::Auto { formula, interval } => {
            let outcome = autoscale::evaluate(&formula, Targets::default(), Targets::default(), now)?;
            (
                Scale::Auto {
                    formula,
                    interval,
                    since: now,
                    failure: outcome.failure,
                },
                outcome.targets,
            )
        }
    };
    let id = new.id.clone();
    account.pools.push(Pool {
        id: new.id,
        version: Version {
            etag: scene.ids.etag(),
            modified: now,
        },
        created: now,
        vm_size: new.vm_size,
        settings: new.settings,
        identity: None,
        tags: None,
        scale,
        targets,
        resize_timeout: new.resize_timeout,
        resize: None,
        allocation: Timeline::new(now, AllocationState::Resizing),
        nodes: Vec::new(),
        spare_ids: Vec::new(),
        node_count: 0,
        upgrade: None,
        preemptions: Preemptions::None,
        deletion: None,
        last_write: None,
    });
    begin(account, &id, Order::of(targets, DeallocationOption::Requeue), scene)?;
    Ok(id)
}

/// Reads a PATCH body of the data plane.
///
/// # Errors
/// A name that PATCH does not have, or a value that the service does not take.
pub(crate) fn read_patch(pool: &Pool, fields: &Map<String, Value>) -> Result<Changes, Refusal> {
    let mut changes = Changes::default();
    let size_name = fields.get(VM_SIZE).and_then(Value::as_str).unwrap_or(&pool.vm_size);
    let size = body::vm_size_of(size_name)?;
    for (name, value) in fields {
        if name == VM_SIZE {
            changes.vm_size = Some(size_name.to_owned());
        } else if SETTINGS.contains(&name.as_str()) {
            let value = body::normalise(name, value, size, WaitDefault::False)?;
            changes.settings.insert(name.clone(), value);
        } else {
            return Err(body::unknown(name));
        }
    }
    Ok(changes)
}

/// Puts changes in place.
///
/// # Errors
/// The pool is gone or going, was written too recently, or has nodes and a change needs it empty.
pub(crate) fn apply(
    account: &mut Account,
    id: &PoolId,
    changes: Changes,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let interval = account.write_interval;
    account.pool(id, scene.now)?.ensure_active()?;
    ensure_allowed(account, &changes.settings, scene)?;
    let pool = account.pool_mut(id, scene.now)?;
    let needs_empty = changes.needs_empty(pool);
    if let Some(name) = needs_empty.filter(|_| !pool.is_empty(scene.now)) {
        let message = "The specified property can be changed only when the pool is steady and has no nodes.";
        return Err(Refusal::from(OPERATION_NOT_VALID_ON_POOL)
            .saying(message)
            .with("PropertyName", &name));
    }
    ensure_unhurried(pool, interval, scene)?;
    for (name, value) in changes.settings {
        pool.settings.insert(name, value);
    }
    if let Some(size) = changes.vm_size {
        pool.vm_size = size;
    }
    pool.touch(scene.ids.etag(), scene.now);
    Ok(())
}

/// Replaces start task, packages and metadata as a whole: POST updateproperties.
///
/// # Errors
/// The lists are missing, a value is not taken, the pool is gone or going, or was written too recently.
pub(crate) fn replace_properties(
    account: &mut Account,
    id: &PoolId,
    fields: &Map<String, Value>,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    for name in fields.keys() {
        if !ANY_TIME.contains(&name.as_str())
            && name != "certificateReferences"
            && name != "targetNodeCommunicationMode"
        {
            return Err(body::unknown(name));
        }
    }
    for list in ["applicationPackageReferences", "metadata"] {
        if !fields.contains_key(list) {
            return Err(Refusal::missing(list));
        }
    }
    let kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| ANY_TIME.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let changes = read_patch(account.pool(id, scene.now)?, &kept)?;
    apply(account, id, changes, scene)?;
    let pool = account.pool_mut(id, scene.now)?;
    if !kept.contains_key("startTask") {
        pool.settings.shift_remove("startTask");
    }
    for list in ["applicationPackageReferences", "metadata"] {
        if pool
            .settings
            .get(list)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
        {
            pool.settings.shift_remove(list);
        }
    }
    Ok(())
}

/// Deletes a pool: its nodes leave, running tasks go back into the queue, then it is gone.
///
/// # Errors
/// The pool is gone or going.
pub(crate) fn delete(account: &mut Account, id: &PoolId, scene: &mut Scene<'_>) -> Result<(), Refusal> {
    let now = scene.now;
    let pool = account.pool_mut(id, now)?;
    pool.ensure_active()?;
    let interrupted = release(pool, |_| true, DeallocationOption::Requeue, scene);
    pool.nodes.retain(|node| node.allocated <= now);
    let leaving = if pool.nodes.is_empty() {
        jiff::SignedDuration::ZERO
    } else {
        scene.pace.leaving
    };
    let gone = scene.after(leaving + scene.pace.pool_deletion);
    pool.deletion = Some((now, gone));
    pool.targets = Targets::default();
    pool.allocation.cut(now);
    if !pool.nodes.is_empty() {
        pool.allocation = pool.allocation.clone().then(now, AllocationState::Resizing);
    }
    interrupt(account, &interrupted, DeallocationOption::Requeue, now);
    Ok(())
}
