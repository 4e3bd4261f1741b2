//! Reads a seed's `batchAccounts`.
//!
//! It checks no more than the service would; a pool in a seed goes through the same reading as one in a request.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::account::{Account, AccountLife, AuthenticationMode, Keys, ManagedImages, PoolAllocationMode, Quotas};
use super::allocation::{DeallocationOption, NodeKind, ResizeError, Targets};
use super::autoscale;
use super::ids::{JobId, NodeId, TaskId};
use super::job::{self, Job, JobState};
use super::node::{self, Fate, Node, NodePlan};
use super::pool::body::{self, ApiAge, NewPool, NewScale};
use super::pool::{AllocationState, Pool, Preemptions, Resize, Scale};
use super::task::{self, Task};
use super::timeline::Timeline;
use super::wire::Version;
use crate::batch::image::Terms;
use crate::json::{list, text};
use crate::region;

/// When everything in a seed was made; any moment before the first request would do.
const SEEDED: Timestamp = Timestamp::constant(1_735_689_600, 0);

/// The service's rule for two writes to one pool.
const WRITE_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Reads one account; it is in `subscription` unless it names another. Tasks of its jobs wait from `now` on.
///
/// # Errors
/// What is missing or wrong, as a fragment that names it.
pub(crate) fn read_account(value: &Value, subscription: &str, now: Timestamp) -> Result<Account, String> {
    let name = text(value, "/name").ok_or("a Batch account needs a name")?.to_owned();
    let need = |field: &str| {
        let found = text(value, &format!("/{field}")).map(str::to_owned);
        found.ok_or_else(|| format!("the Batch account {name:?} needs {field:?}"))
    };
    let mut account = Account {
        group: need("resourceGroup")?,
        subscription: text(value, "/subscription").unwrap_or(subscription).to_owned(),
        location: region::normalise(&need("location")?),
        mode: read_mode(text(value, "/poolAllocationMode").unwrap_or("BatchService"))?,
        modes: read_modes(value)?,
        quotas: read_quotas(value.get("quotas").unwrap_or(&Value::Null))?,
        keys: read_keys(value, &name),
        tags: value.get("tags").cloned().unwrap_or_else(|| json!({})),
        identity: value.get("identity").cloned(),
        properties: json!({}),
        version: Version {
            etag: etag(&name),
            modified: SEEDED,
        },
        managed_images: if read_flag(value, "managedImagePools", false)? {
            ManagedImages::Allowed
        } else {
            ManagedImages::Retired
        },
        terms: if read_flag(value, "marketplaceTermsAccepted", true)? {
            Terms::Accepted
        } else {
            Terms::Open
        },
        life: AccountLife::There,
        write_interval: read_interval(value)?,
        pools: Vec::new(),
        jobs: Vec::new(),
        schedules: Vec::new(),
        name,
    };
    for pool in list(value, "/pools") {
        let pool = read_pool(pool, &account.name)?;
        account.pools.push(pool);
    }
    for job in list(value, "/jobs") {
        account.jobs.push(read_job(job, &account.name, now)?);
    }
    Ok(account)
}

/// Reads ARM's word for whose quota nodes use.
pub(crate) fn read_mode(word: &str) -> Result<PoolAllocationMode, String> {
    [PoolAllocationMode::BatchService, PoolAllocationMode::UserSubscription]
        .into_iter()
        .find(|mode| mode.word().eq_ignore_ascii_case(word))
        .ok_or_else(|| format!("poolAllocationMode {word:?} is not known"))
}

/// Reads `allowedAuthenticationModes`; absent means all.
pub(crate) fn read_modes(value: &Value) -> Result<Option<Vec<AuthenticationMode>>, String> {
    if value.get("allowedAuthenticationModes").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let read = |mode: &Value| {
        let word = mode.as_str().unwrap_or_default();
        AuthenticationMode::parse(word).ok_or_else(|| format!("the authentication mode {word:?} is not known"))
    };
    list(value, "/allowedAuthenticationModes")
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}

/// Quotas that no example runs into: the figures of a large production account.
pub(crate) fn ample_quotas() -> Quotas {
    Quotas {
        dedicated_cores: 100_000,
        low_priority_cores: 100_000,
        per_family: None,
        pools: 500,
        active_jobs_and_schedules: 1_000,
    }
}

fn read_quotas(value: &Value) -> Result<Quotas, String> {
    let ample = ample_quotas();
    let count = |name: &str, default: u32| match value.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(found) => found
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("the quota {name:?} is {found}, which is no count")),
    };
    let families = value.get("perFamily").and_then(Value::as_object).map(|families| {
        let count = |quota: &Value| u32::try_from(quota.as_u64().unwrap_or_default()).unwrap_or(u32::MAX);
        families
            .iter()
            .map(|(name, quota)| (name.clone(), count(quota)))
            .collect()
    });
    Ok(Quotas {
        dedicated_cores: count("dedicatedCores", ample.dedicated_cores)?,
        low_priority_cores: count("lowPriorityCores", ample.low_priority_cores)?,
        per_family: families,
        pools: count("pools", ample.pools)?,
        active_jobs_and_schedules: count("activeJobsAndSchedules", ample.active_jobs_and_schedules)?,
    })
}

fn read_keys(value: &Value, name: &str) -> Keys {
    let made = made_keys(name, 1);
    Keys {
        primary: text(value, "/keys/primary").map_or(made.primary, str::to_owned),
        secondary: text(value, "/keys/secondary").map_or(made.secondary, str::to_owned),
    }
}

/// Keys that follow from a name and a generation; everybody can know them, since nothing real hangs on them.
pub(crate) fn made_keys(name: &str, generation: u32) -> Keys {
    use base64::Engine as _;
    let key = |which: &str| {
        let digest = Sha256::digest(format!("{which} {generation} {name}"));
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    Keys {
        primary: key("primary"),
        secondary: key("secondary"),
    }
}

fn read_interval(value: &Value) -> Result<SignedDuration, String> {
    match value.get("poolWriteIntervalSeconds") {
        None => Ok(WRITE_INTERVAL),
        Some(found) => found
            .as_i64()
            .filter(|seconds| *seconds >= 0)
            .map(SignedDuration::from_secs)
            .ok_or_else(|| format!("poolWriteIntervalSeconds is {found}, which is no number of seconds")),
    }
}

fn read_flag(value: &Value, name: &str, default: bool) -> Result<bool, String> {
    match value.get(name) {
        None => Ok(default),
        Some(found) => found
            .as_bool()
            .ok_or_else(|| format!("{name} is {found}, which is neither true nor false")),
    }
}

/// The interval of accounts that are made through ARM.
pub(crate) fn usual_interval() -> SignedDuration {
    WRITE_INTERVAL
}

/// Reads a job in the data plane's words, optionally with its `state`: `active` or `disabled`, and with `tasks`.
fn read_job(value: &Value, account: &str, now: Timestamp) -> Result<Job, String> {
    let id = text(value, "/id").and_then(JobId::parse);
    let id = id.ok_or_else(|| format!("a job in the Batch account {account:?} needs an id"))?;
    let state = match text(value, "/state") {
        None | Some("active") => JobState::Active,
        Some("disabled") => JobState::Disabled,
        Some(other) => {
            return Err(format!(
                "the job {id} has the state {other:?}: it is active or disabled"
            ));
        }
    };
    let fields = value.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| job::SETTINGS.contains(&name.as_str()));
    let mut settings = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    job::fill_defaults(&mut settings);
    let tasks = list(value, "/tasks").iter().map(|task| read_task(task, &id, now));
    let tasks = tasks.collect::<Result<Vec<Task>, String>>()?;
    Ok(Job {
        version: Version {
            etag: etag(id.as_str()),
            modified: SEEDED,
        },
        id,
        created: SEEDED,
        settings,
        life: Timeline::new(SEEDED, state),
        schedule: None,
        made_pool: None,
        scheduling_error: None,
        terminate_reason: None,
        gone: None,
        tasks,
    })
}

/// Reads a task of a job in the data plane's words; it has just been added.
fn read_task(value: &Value, job: &JobId, now: Timestamp) -> Result<Task, String> {
    let id = text(value, "/id").and_then(TaskId::parse);
    let id = id.ok_or_else(|| format!("a task of the job {job} needs an id"))?;
    if text(value, "/commandLine").is_none() {
        return Err(format!("the task {id} of the job {job} needs a commandLine"));
    }
    let fields = value.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| task::SETTINGS.contains(&name.as_str()));
    let version = Version {
        etag: etag(id.as_str()),
        modified: now,
    };
    let settings = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Task::new(id, version, settings))
}

/// Reads a pool in the data plane's words; its nodes have been idle for long.
fn read_pool(value: &Value, account: &str) -> Result<Pool, String> {
    let mut asked = body::without_nulls(value.clone());
    let errors: Vec<ResizeError> = list(value, "/resizeErrors").iter().map(ResizeError::read).collect();
    // What only answers have; `currentDedicatedNodes` says how many of the target are there.
    let current = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|count| u32::try_from(count).ok())
    };
    let (dedicated, low_priority) = (current("currentDedicatedNodes"), current("currentLowPriorityNodes"));
    for name in [
        "resizeErrors",
        "currentDedicatedNodes",
        "currentLowPriorityNodes",
        "identity",
        "tags",
    ] {
        crate::json::remove(&mut asked, "", name);
    }
    let new = body::read_new(&asked, ApiAge::New).map_err(|refusal| {
        let id = text(value, "/id").unwrap_or_default();
        let values: Vec<&str> = refusal.values().iter().map(|(_, value)| value.as_str()).collect();
        format!(
            "the pool {id:?} of the Batch account {account:?} is refused: {} {}",
            refusal.code(),
            values.join(", ")
        )
    })?;
    let mut pool = standing(new, account)?;
    pool.identity = value.get("identity").cloned();
    pool.tags = value.get("tags").cloned();
    let present = Targets {
        dedicated: dedicated.unwrap_or(pool.targets.dedicated),
        low_priority: low_priority.unwrap_or(pool.targets.low_priority),
    };
    pool.nodes = nodes(&pool, present, account);
    pool.node_count = present.total();
    let option = DeallocationOption::Requeue;
    pool.resize = Some(Resize {
        started: SEEDED,
        ends: Some(SEEDED),
        option,
        errors,
    });
    Ok(pool)
}

fn standing(new: NewPool, account: &str) -> Result<Pool, String> {
    let (scale, targets) = match new.scale {
        NewScale::Fixed(targets) => (Scale::Fixed, targets),
        NewScale::Auto { formula, interval } => {
            let outcome = autoscale::evaluate(&formula, Targets::default(), Targets::default(), SEEDED)
                .map_err(|refusal| format!("a formula in the Batch account {account:?} is none: {}", refusal.code()))?;
            (
                Scale::Auto {
                    formula,
                    interval,
                    since: SEEDED,
                    failure: outcome.failure,
                },
                outcome.targets,
            )
        }
    };
    Ok(Pool {
        version: Version {
            etag: etag(new.id.as_str()),
            modified: SEEDED,
        },
        id: new.id,
        created: SEEDED,
        vm_size: new.vm_size,
        settings: new.settings,
        identity: None,
        tags: None,
        scale,
        targets,
        resize_timeout: new.resize_timeout,
        resize: None,
        allocation: Timeline::new(SEEDED, AllocationState::Steady),
        nodes: Vec::new(),
        spare_ids: Vec::new(),
        node_count: 0,
        upgrade: None,
        preemptions: Preemptions::None,
        deletion: None,
        last_write: None,
    })
}

/// A definition's id stays as it is: which version such nodes run is not known to a seed.
fn nodes(pool: &Pool, present: Targets, account: &str) -> Vec<Node> {
    let image = pool
        .configuration()
        .get("imageReference")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let node = |rank: u32| {
        let kind = if rank < present.dedicated {
            NodeKind::Dedicated
        } else {
            NodeKind::LowPriority
        };
        let digits = hex(&format!("{account}/{}/{rank}", pool.id));
        Node::settled(NodePlan {
            id: NodeId::of(&format!("tvmps_{digits}{}", kind.suffix())),
            kind,
            rank,
            arrives: SEEDED,
            allocated: SEEDED,
            image: image.clone(),
            vm_size: pool.vm_size.clone(),
            os: pool.os(),
            address: node::default_address(rank),
            misfortune: None,
            fate: Fate::Ready,
            start_task: pool.start_task().cloned(),
        })
    };
    (0..present.total()).map(node).collect()
}

fn etag(name: &str) -> String {
    format!("0x8D{}", hex(name).to_uppercase().get(..12).unwrap_or_default())
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
