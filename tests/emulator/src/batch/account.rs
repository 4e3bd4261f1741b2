//! A Batch account: who it is, what it may use, and the pools and jobs in it.
//!
//! It does not speak any wire form; `arm_plane/accounts` shows it, `seed` reads it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::allocation::{Ceiling, NodeKind, ResizeError};
use super::ids::{JobId, PoolId, ScheduleId};
use super::image::Terms;
use super::job::Job;
use super::node::Node;
use super::pool::Pool;
use super::refusal::{JOB_NOT_FOUND, POOL_NOT_FOUND, Refusal, SCHEDULE_NOT_FOUND};
use super::schedule::Schedule;
use super::wire::Version;
use crate::compute::size;

/// Whose quota the nodes of an account use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PoolAllocationMode {
    BatchService,
    UserSubscription,
}

/// How a caller can prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthenticationMode {
    SharedKey,
    Aad,
    TaskAuthenticationToken,
}

/// Whether an account may make pools on managed images, which Batch retired on 31 March 2026.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ManagedImages {
    #[default]
    Retired,
    Allowed,
}

/// Where an account stands on the resource manager. A moment that is absent never comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AccountLife {
    /// It is being made, and is there from that moment on.
    Creating(Option<Timestamp>),
    /// Its making fails at that moment.
    Failing(Timestamp),
    #[default]
    There,
    /// It is being deleted, and is gone from that moment on.
    Deleting(Option<Timestamp>),
}

/// What an account may use. Core quotas do not bind accounts in user-subscription mode.
#[derive(Clone, Debug)]
pub(crate) struct Quotas {
    pub(crate) dedicated_cores: u32,
    pub(crate) low_priority_cores: u32,
    /// By family; other families are bound by `dedicated_cores` only. `None` when not enforced.
    pub(crate) per_family: Option<Vec<(String, u32)>>,
    pub(crate) pools: u32,
    pub(crate) active_jobs_and_schedules: u32,
}

/// The account keys, base64 as `listKeys` gives them.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) primary: String,
    pub(crate) secondary: String,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) subscription: String,
    /// Normalised, e.g. `eastus2`.
    pub(crate) location: String,
    pub(crate) mode: PoolAllocationMode,
    /// `None` means all.
    pub(crate) modes: Option<Vec<AuthenticationMode>>,
    pub(crate) quotas: Quotas,
    pub(crate) keys: Keys,
    pub(crate) tags: Value,
    pub(crate) identity: Option<Value>,
    /// Other properties that ARM callers set; kept and echoed.
    pub(crate) properties: Value,
    pub(crate) version: Version,
    /// Whether it may still make pools on managed images.
    pub(crate) managed_images: ManagedImages,
    /// Whether the terms of marketplace plans were accepted for it.
    pub(crate) terms: Terms,
    /// Whether it is being made or deleted.
    pub(crate) life: AccountLife,
    /// Writes to one pool must be this far apart; zero turns the rule off.
    pub(crate) write_interval: SignedDuration,
    pub(crate) pools: Vec<Pool>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) schedules: Vec<Schedule>,
}

impl AccountLife {
    /// ARM's word for its `provisioningState`; `None` when it is gone.
    pub(crate) fn word(self, now: Timestamp) -> Option<&'static str> {
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        match self {
            Self::Creating(end) if !is_over(end) => Some("Creating"),
            Self::Failing(end) if now < end => Some("Creating"),
            Self::Failing(_) => Some("Failed"),
            Self::Deleting(end) if is_over(end) => None,
            Self::Deleting(_) => Some("Deleting"),
            Self::Creating(_) | Self::There => Some("Succeeded"),
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl AuthenticationMode {
    pub(crate) const ALL: [Self; 3] = [Self::SharedKey, Self::Aad, Self::TaskAuthenticationToken];

    /// ARM's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::SharedKey => "SharedKey",
            Self::Aad => "AAD",
            Self::TaskAuthenticationToken => "TaskAuthenticationToken",
        }
    }

    /// Reads ARM's word in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.word().eq_ignore_ascii_case(text))
    }
}

impl PoolAllocationMode {
    /// ARM's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::BatchService => "BatchService",
            Self::UserSubscription => "UserSubscription",
        }
    }
}

impl Account {
    /// The resource id, in the casing it was created with.
    pub(crate) fn id(&self) -> String {
        let (subscription, group, name) = (&self.subscription, &self.group, &self.name);
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Batch/batchAccounts/{name}")
    }

    /// Whether callers may sign with the account's keys.
    pub(crate) fn allows(&self, mode: AuthenticationMode) -> bool {
        let listed = self.modes.as_ref().is_none_or(|modes| modes.contains(&mode));
        // Nodes of such an account live in the caller's subscription, which keys say nothing about.
        listed && !(self.mode == PoolAllocationMode::UserSubscription && mode == AuthenticationMode::SharedKey)
    }

    /// The pool of that id.
    ///
    /// # Errors
    /// `PoolNotFound` when there is none, or it is gone by now.
    pub(crate) fn pool(&self, id: &PoolId, now: Timestamp) -> Result<&Pool, Refusal> {
        self.pools
            .iter()
            .find(|pool| pool.id == *id && !pool.is_gone(now))
            .ok_or_else(|| POOL_NOT_FOUND.into())
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// `PoolNotFound` when there is none, or it is gone by now.
    pub(crate) fn pool_mut(&mut self, id: &PoolId, now: Timestamp) -> Result<&mut Pool, Refusal> {
        self.pools
            .iter_mut()
            .find(|pool| pool.id == *id && !pool.is_gone(now))
            .ok_or_else(|| POOL_NOT_FOUND.into())
    }

    /// The job of that id.
    ///
    /// # Errors
    /// `JobNotFound` when there is none, or it is gone by now.
    pub(crate) fn job(&self, id: &JobId, now: Timestamp) -> Result<&Job, Refusal> {
        self.jobs
            .iter()
            .find(|job| job.id == *id && !job.is_gone(now))
            .ok_or_else(|| JOB_NOT_FOUND.into())
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// `JobNotFound` when there is none, or it is gone by now.
    pub(crate) fn job_mut(&mut self, id: &JobId, now: Timestamp) -> Result<&mut Job, Refusal> {
        self.jobs
            .iter_mut()
            .find(|job| job.id == *id && !job.is_gone(now))
            .ok_or_else(|| JOB_NOT_FOUND.into())
    }

    /// How many jobs and schedules count against the quota.
    pub(crate) fn active_jobs_and_schedules(&self, now: Timestamp) -> u32 {
        let jobs = self.jobs.iter().filter(|job| job.ensure_open(now).is_ok()).count();
        let schedules = self
            .schedules
            .iter()
            .filter(|schedule| schedule.ensure_open(now).is_ok());
        u32::try_from(jobs + schedules.count()).unwrap_or(u32::MAX)
    }

    /// Takes over the pools, jobs and schedules of an account in whose place this one comes, but for those it has itself.
    pub(crate) fn keep_what_is_in(&mut self, former: Self) {
        let pools = former
            .pools
            .into_iter()
            .filter(|old| self.pools.iter().all(|pool| pool.id != old.id));
        let pools: Vec<Pool> = pools.collect();
        self.pools.extend(pools);
        let jobs = former
            .jobs
            .into_iter()
            .filter(|old| self.jobs.iter().all(|job| job.id != old.id));
        let jobs: Vec<Job> = jobs.collect();
        self.jobs.extend(jobs);
        let is_new = |old: &Schedule| self.schedules.iter().all(|schedule| schedule.id != old.id);
        let schedules: Vec<Schedule> = former.schedules.into_iter().filter(is_new).collect();
        self.schedules.extend(schedules);
    }

    /// The schedule of that id, to change it.
    ///
    /// # Errors
    /// `JobScheduleNotFound` when there is none.
    pub(crate) fn schedule_mut(&mut self, id: &ScheduleId) -> Result<&mut Schedule, Refusal> {
        self.schedules
            .iter_mut()
            .find(|schedule| schedule.id == *id)
            .ok_or_else(|| SCHEDULE_NOT_FOUND.into())
    }

    /// What bounds the pool's nodes in addition to its own targets, tightest last.
    pub(crate) fn ceilings(&self, pool: &Pool, now: Timestamp) -> Vec<Ceiling> {
        let mut ceilings = Vec::new();
        if let (PoolAllocationMode::BatchService, Some(size)) = (self.mode, size::find(&pool.vm_size)) {
            let room = |quota: u32, used: u32| quota.saturating_sub(used) / size.cores.max(1);
            let used = self.cores_beside(pool, NodeKind::Dedicated, None, now);
            ceilings.push(core_quota(
                "AccountCoreQuotaReached",
                room(self.quotas.dedicated_cores, used),
            ));
            if let Some(quota) = self.quotas.family(size.family) {
                let used = self.cores_beside(pool, NodeKind::Dedicated, Some(size.family), now);
                ceilings.push(core_quota("AccountVMSeriesCoreQuotaReached", room(quota, used)));
            }
            let used = self.cores_beside(pool, NodeKind::LowPriority, None, now);
            ceilings.push(Ceiling {
                kind: Some(NodeKind::LowPriority),
                most: room(self.quotas.low_priority_cores, used),
                error: ResizeError::coded("AccountLowPriorityCoreQuotaReached"),
            });
        }
        if pool.is_communicating() {
            ceilings.extend(NodeKind::BOTH.map(|kind| self.communication_limit(kind)));
        }
        if pool.is_on_managed_image() {
            ceilings.extend([(NodeKind::Dedicated, 2_000), (NodeKind::LowPriority, 1_000)].map(managed_image_limit));
        }
        ceilings
    }

    fn communication_limit(&self, kind: NodeKind) -> Ceiling {
        // The limits that the quota page gives for pools whose nodes talk to each other.
        let most = if self.mode == PoolAllocationMode::BatchService {
            100
        } else {
            80
        };
        Ceiling {
            kind: Some(kind),
            most,
            error: ResizeError::coded("CommunicationEnabledPoolReachedMaxVMCount"),
        }
    }

    /// The cores that the other pools have or are about to have.
    fn cores_beside(&self, pool: &Pool, kind: NodeKind, family: Option<&str>, now: Timestamp) -> u32 {
        let others = self
            .pools
            .iter()
            .filter(|other| other.id != pool.id && !other.is_gone(now));
        let cores = others.filter_map(|other| {
            // A pool's size changes only while it has no nodes, so all of them have it.
            let size = size::find(&other.vm_size).filter(|size| family.is_none_or(|family| size.family == family))?;
            let stays = |node: &&Node| node.kind == kind && node.removed.is_none_or(|removed| now < removed);
            let nodes = u32::try_from(other.nodes.iter().filter(stays).count()).unwrap_or(u32::MAX);
            Some(nodes.saturating_mul(size.cores))
        });
        cores.fold(0, u32::saturating_add)
    }
}

impl Quotas {
    fn family(&self, family: &str) -> Option<u32> {
        let families = self.per_family.as_ref()?;
        families
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(family))
            .map(|(_, quota)| *quota)
    }
}

/// The limits that the quota page gave for custom images until these pools were retired; its code is not documented.
fn managed_image_limit((kind, most): (NodeKind, u32)) -> Ceiling {
    Ceiling {
        kind: Some(kind),
        most,
        error: ResizeError::new(
            "AllocationFailed",
            "The pool has reached the maximum number of VMs of a custom image",
        ),
    }
}

fn core_quota(code: &'static str, most: u32) -> Ceiling {
    Ceiling {
        kind: Some(NodeKind::Dedicated),
        most,
        error: ResizeError::coded(code),
    }
}
