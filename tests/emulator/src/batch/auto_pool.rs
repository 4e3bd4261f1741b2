//! Pools that Batch makes for a job, or for all jobs of a schedule, and deletes with them.
//!
//! It says what was asked for and makes the pool; when the pool goes is decided in `settle`. Such a pool looks like
//! any other: only its id and the job's `executionInfo.poolId` tell.

use serde_json::{Value, json};

use super::account::Account;
use super::ids::PoolId;
use super::pool::body::{self, ApiAge};
use super::pool::change;
use super::refusal::Refusal;
use super::scene::Scene;
use super::scheduling_error::SchedulingError;

/// The longest prefix of such a pool's id, as the models give it.
const PREFIX_LENGTH: usize = 20;

/// How long such a pool lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// As long as its job.
    Job,
    /// As long as the schedule whose jobs share it.
    JobSchedule,
}

/// An `autoPoolSpecification`.
#[derive(Clone, Debug)]
pub(crate) struct AutoPool {
    pub(crate) lifetime: Lifetime,
    prefix: Option<String>,
    /// A create body without its id.
    pool: Value,
    age: ApiAge,
}

impl AutoPool {
    /// Reads the one of a `poolInfo`; `None` when it names a pool instead.
    ///
    /// # Errors
    /// A value that the service does not take, in the specification or in its pool.
    pub(crate) fn read(info: &Value, age: ApiAge) -> Result<Option<Self>, Refusal> {
        let Some(specification) = info.get("autoPoolSpecification") else {
            return Ok(None);
        };
        let text = |name: &str| crate::json::text(specification, name);
        let word = text("/poolLifetimeOption")
            .ok_or_else(|| Refusal::missing("poolInfo.autoPoolSpecification.poolLifetimeOption"))?;
        let lifetime = match word.to_ascii_lowercase().as_str() {
            "job" => Lifetime::Job,
            "jobschedule" => Lifetime::JobSchedule,
            _ => return Err(Refusal::property("poolLifetimeOption", word, "The value is not known.")),
        };
        let prefix = text("/autoPoolIdPrefix").filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = prefix.filter(|prefix| prefix.len() > PREFIX_LENGTH || PoolId::parse(prefix).is_none()) {
            let reason = "The prefix must be at most 20 letters, digits, hyphens and underscores.";
            return Err(Refusal::property("autoPoolIdPrefix", prefix, reason));
        }
        let pool = specification
            .get("pool")
            .filter(|pool| pool.is_object())
            .ok_or_else(|| Refusal::missing("poolInfo.autoPoolSpecification.pool"))?;
        let auto = Self {
            lifetime,
            prefix: prefix.map(str::to_owned),
            pool: pool.clone(),
            age,
        };
        body::read_new(&auto.body("checked"), age)?;
        Ok(Some(auto))
    }

    /// The pool's settings as they were sent.
    pub(crate) fn pool(&self) -> &Value {
        &self.pool
    }

    /// Makes the pool and begins its first resize.
    ///
    /// # Errors
    /// What the job shows instead of running.
    pub(crate) fn make(&self, account: &mut Account, scene: &mut Scene<'_>) -> Result<PoolId, SchedulingError> {
        let guid = scene.ids.guid();
        let id = match &self.prefix {
            Some(prefix) => format!("{prefix}_{guid}"),
            None => guid,
        };
        let new = body::read_new(&self.body(&id), self.age);
        new.and_then(|new| change::create(account, new, scene))
            .map_err(|refusal| SchedulingError::of(&refusal))
    }

    fn body(&self, id: &str) -> Value {
        let mut body = self.pool.clone();
        crate::json::set(&mut body, &["id"], json!(id));
        body
    }
}

/// Whether the pool of a `poolInfo` outlives what it was made for.
pub(crate) fn is_kept(info: Option<&Value>) -> bool {
    let kept = info.and_then(|info| info.pointer("/autoPoolSpecification/keepAlive"));
    kept == Some(&Value::Bool(true))
}
