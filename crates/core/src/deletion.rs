//! Deletes a pool and waits until it is gone: only one that a roll-out made, and none that jobs or job schedules still use,
//! unless that is asked for.
//!
//! It looks before each write and decides again. Without consent it writes nothing and says what it would do.

pub mod expired;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    batch::{
        account,
        job::{self, Job, JobState},
        pool::{self, Pool, PoolLife},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    json,
    options::{
        fleet::{ANY_POOL, WITH_JOBS},
        pool::ACCOUNT,
    },
    plan::{Effect, Plan, Step},
    preflight,
    request::Request,
    rights,
    rollout::MadeBy,
    settings::{AccountRef, Checked, Consent, DeletionSettings},
    words,
    words::plural,
};

/// The schema that results have today.
const SCHEMA: u32 = 1;

/// How long is waited between two looks: nodes go within minutes.
const PAUSE: Duration = Duration::from_secs(15);

/// How often the request is sent when the pool stays as it was: a lost answer or another writer may cost one.
const MOST_TRIES: u32 = 5;

/// What was or would be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeletionReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// The pool.
    pub pool: PoolId,
    /// The steps; empty when the pool was gone before.
    pub plan: Plan<DeletionStep>,
    /// Whether the pool is gone now.
    pub gone: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum DeletionStep {
    /// The pool is deleted with its nodes.
    DeletePool {
        /// The pool.
        pool: PoolId,
        /// The nodes it has.
        nodes: u32,
        /// The jobs that are active on it: their tasks go back into the queue and wait for another pool.
        jobs: Vec<String>,
        /// The job schedules that make jobs for it, which wait for another pool.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        schedules: Vec<String>,
    },
    /// It is being deleted already.
    AwaitDeletion {
        /// The pool.
        pool: PoolId,
    },
}

/// What to do next. Pure.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Done,
    Do(DeletionStep),
    Refuse(Refusal),
}

/// Why a pool is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// No roll-out has made it.
    NotOurs,
    /// Jobs or job schedules use it.
    InUse(Users),
}

/// What uses a pool, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Users {
    /// Jobs that are active on it.
    jobs: Vec<String>,
    /// Job schedules that make jobs for it.
    schedules: Vec<String>,
}

/// A list that shows what uses a pool, and the right to read it.
struct List {
    request: Request,
    what: &'static str,
    right: &'static str,
}

impl Step for DeletionStep {
    fn effect(&self) -> Effect {
        match self {
            Self::DeletePool { .. } => Effect::Irreversible,
            Self::AwaitDeletion { .. } => Effect::Wait,
        }
    }
}

impl fmt::Display for DeletionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeletePool {
                pool,
                nodes,
                jobs,
                schedules,
            } => {
                write!(f, "delete pool {pool} with {}", plural(*nodes, "node"))?;
                if !jobs.is_empty() {
                    write!(f, "; running tasks of {} are queued again", jobs.join(", "))?;
                }
                if !schedules.is_empty() {
                    let ids = schedules.join(", ");
                    write!(f, "; jobs of the schedules {ids} wait for another pool")?;
                }
                Ok(())
            }
            Self::AwaitDeletion { pool } => write!(f, "wait until pool {pool} is gone"),
        }
    }
}

/// `active jobs: a, b; job schedules: c`.
impl fmt::Display for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [("active jobs", &self.jobs), ("job schedules", &self.schedules)];
        let kinds = kinds.iter().filter(|(_, ids)| !ids.is_empty());
        let texts: Vec<String> = kinds.map(|(kind, ids)| format!("{kind}: {}", ids.join(", "))).collect();
        f.write_str(&texts.join("; "))
    }
}

impl Refusal {
    fn error(self, pool: &PoolId) -> Error {
        match self {
            Self::NotOurs => Error::new(ErrorKind::Refused, format!("no roll-out has made pool {pool}"))
                .with_hint(words!["if it is to go all the same, say ", ANY_POOL]),
            Self::InUse(users) => {
                let text = format!("pool {pool} is used by {users}");
                Error::new(ErrorKind::Refused, text).with_hint(words![
                    "end them, point them to another pool, or say ",
                    WITH_JOBS,
                    ": their running tasks are then queued again"
                ])
            }
        }
    }
}

/// Deletes, or says what it would do.
///
/// # Errors
/// `Refused` for a pool that is not ours or in use; when Azure refuses, or the run ends.
pub async fn run(client: &Client, settings: &Checked<DeletionSettings>) -> Result<DeletionReport> {
    let deleted = delete(client, settings).await;
    deleted.map_err(|error| error.in_flow(format!("cannot delete pool {}", settings.pool)))
}

async fn delete(client: &Client, settings: &DeletionSettings) -> Result<DeletionReport> {
    let endpoint = match &settings.account {
        AccountRef::Endpoint(endpoint) => endpoint.clone(),
        AccountRef::Id(id) => account::read(client, id, ACCOUNT).await?.endpoint,
    };
    let (first, pool) = look(client, &endpoint, settings).await?;
    let steps = match first {
        Next::Done => Vec::new(),
        Next::Do(step) => vec![step],
        Next::Refuse(refusal) => return Err(refusal.error(&settings.pool)),
    };
    let mut report = DeletionReport {
        schema_version: SCHEMA,
        pool: settings.pool.clone(),
        gone: steps.is_empty(),
        plan: Plan::new(steps),
    };
    if settings.act == Consent::Yes && !report.gone {
        // An account that is given by its endpoint has no scope that could be asked.
        if let AccountRef::Id(account) = &settings.account {
            preflight::require_rights(client, [rights::pool_deletion(account)]).await?;
        }
        let work = until_gone(client, &endpoint, (settings, pool.as_ref().and_then(made_at)));
        let run = client.run();
        run.step("delete", format!("deleting pool {}", settings.pool), work)
            .await?;
        report.gone = true;
    }
    Ok(report)
}

async fn until_gone(
    client: &Client,
    endpoint: &BatchEndpoint,
    (settings, made): (&DeletionSettings, Option<Timestamp>),
) -> Result<()> {
    let mut tries = 0;
    loop {
        let (next, pool) = look(client, endpoint, settings).await?;
        let now_made = pool.as_ref().and_then(made_at);
        if made.zip(now_made).is_some_and(|(made, now)| made != now) {
            let id = &settings.pool;
            client.warn(format!(
                "pool {id} is gone, and another client has made a pool {id} since: it is left alone"
            ));
            return Ok(());
        }
        match next {
            Next::Done if tries > 0 && settings.with_jobs == Consent::No => {
                return tell_of_late(client, endpoint, settings).await;
            }
            Next::Done => return Ok(()),
            Next::Refuse(refusal) => return Err(refusal.error(&settings.pool)),
            Next::Do(DeletionStep::DeletePool { .. }) if tries < MOST_TRIES => {
                tries += 1;
                let etag = pool.as_ref().and_then(|pool| pool.etag.as_deref());
                send(client, endpoint, &settings.pool, etag).await?;
            }
            Next::Do(DeletionStep::DeletePool { .. }) => {
                let text = format!("it is still there after {MOST_TRIES} requests");
                return Err(Error::new(ErrorKind::Azure, text));
            }
            Next::Do(DeletionStep::AwaitDeletion { .. }) => {}
        }
        client.run().pause(PAUSE, "the pool to be gone").await?;
    }
}

/// Says which jobs have come to a pool that had none at the last look before its deletion. Batch takes no condition on
/// jobs, so these can only be named.
async fn tell_of_late(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<()> {
    let (id, late) = (&settings.pool, active_jobs(client, endpoint, settings).await?);
    if !late.is_empty() {
        client.warn(format!(
            "active jobs came to pool {id} while it was deleted: {}. Their tasks wait: point the jobs to another pool, or \
             end them",
            late.join(", ")
        ));
    }
    Ok(())
}

/// When a pool was made: a pool of the same name that is younger is another one.
fn made_at(pool: &Pool) -> Option<Timestamp> {
    json::time(pool.body(), "/creationTime")
}

/// Sends the request. A lost answer, and a pool that changed or went meanwhile, is another look.
async fn send(client: &Client, endpoint: &BatchEndpoint, id: &PoolId, etag: Option<&str>) -> Result<()> {
    match client.send(&pool::delete(endpoint, id, etag)).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnknownEffect => Ok(()),
        Err(error) if [404, 409, 412].iter().any(|status| error.has_status(*status)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn look(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<(Next, Option<Pool>)> {
    let found = client.find(&pool::get(endpoint, &settings.pool)).await?;
    let pool = found.map(|answer| Pool::new(answer.value()));
    let users = match &pool {
        Some(pool) if pool.life == PoolLife::Active => users(client, endpoint, settings).await?,
        Some(_) | None => Users::default(),
    };
    Ok((decide(pool.as_ref(), users, settings), pool))
}

/// Jobs are looked at last: they come more often than schedules, and nothing but this look sees them.
async fn users(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Users> {
    let schedules = List {
        request: job::schedules(endpoint),
        what: "job schedules",
        right: "Microsoft.Batch/batchAccounts/jobSchedules/read",
    };
    let schedules = items(client, schedules, settings).await?;
    Ok(Users {
        schedules: schedules
            .iter()
            .filter_map(|item| job::schedule_on(item, &settings.pool))
            .collect(),
        jobs: active_jobs(client, endpoint, settings).await?,
    })
}

async fn active_jobs(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Vec<String>> {
    let jobs = List {
        request: job::list(endpoint, &settings.pool),
        what: "jobs",
        right: "Microsoft.Batch/batchAccounts/jobs/read",
    };
    let jobs = items(client, jobs, settings).await?.into_iter().map(Job::new);
    let active = jobs.filter(|job| job.state != JobState::Other);
    Ok(active.map(|job| job.id).collect())
}

/// What a list has; nothing where it may not be read and that was allowed for.
async fn items(client: &Client, list: List, settings: &DeletionSettings) -> Result<Vec<Value>> {
    let List { request, what, right } = list;
    match client.list(&request).await {
        Err(error) if error.has_status(403) && settings.with_jobs == Consent::Yes => {
            client.warn(format!(
                "not checked: {what} on the pool, which this identity may not read"
            ));
            Ok(Vec::new())
        }
        Err(error) if error.has_status(403) => Err(error.with_hint(words![
            format!("grant {right}, or say "),
            WITH_JOBS,
            " to delete the pool without looking"
        ])),
        listed => listed,
    }
}

fn decide(pool: Option<&Pool>, users: Users, settings: &DeletionSettings) -> Next {
    let Some(pool) = pool else { return Next::Done };
    let id = settings.pool.clone();
    if pool.life == PoolLife::Deleting {
        return Next::Do(DeletionStep::AwaitDeletion { pool: id });
    }
    if MadeBy::of(pool) == MadeBy::Others && settings.any_pool == Consent::No {
        return Next::Refuse(Refusal::NotOurs);
    }
    if users != Users::default() && settings.with_jobs == Consent::No {
        return Next::Refuse(Refusal::InUse(users));
    }
    Next::Do(DeletionStep::DeletePool {
        pool: id,
        nodes: pool.current.total(),
        jobs: users.jobs,
        schedules: users.schedules,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tags::POOL_MARK;

    fn settings(any_pool: Consent, with_jobs: Consent) -> DeletionSettings {
        DeletionSettings {
            account: AccountRef::Endpoint("acct1.eastus2.batch.azure.com".parse().unwrap()),
            pool: "p1".parse().unwrap(),
            any_pool,
            with_jobs,
            act: Consent::Yes,
        }
    }

    fn pool(state: &str, metadata: &Value) -> Pool {
        Pool::new(json!({"id": "p1", "state": state, "metadata": metadata, "currentDedicatedNodes": 3}))
    }

    #[test]
    fn only_ours_and_only_without_jobs_unless_asked_for() {
        use Consent::{No, Yes};
        let (ours, foreign) = (json!([{"name": POOL_MARK, "value": "v1:x"}]), json!([]));
        let jobs = || Users {
            jobs: vec!["j1".to_owned()],
            ..Users::default()
        };
        let schedules = || Users {
            schedules: vec!["s1".to_owned()],
            ..Users::default()
        };
        let deletes = |next: &Next| matches!(next, Next::Do(DeletionStep::DeletePool { nodes: 3, .. }));
        let decided =
            |metadata: &Value, users, any, with| decide(Some(&pool("active", metadata)), users, &settings(any, with));
        let none = Users::default;
        assert!(deletes(&decided(&ours, none(), No, No)));
        assert_eq!(decided(&foreign, none(), No, Yes), Next::Refuse(Refusal::NotOurs));
        assert!(deletes(&decided(&foreign, none(), Yes, No)));
        let refused = Next::Refuse(Refusal::InUse(schedules()));
        assert_eq!(decided(&ours, schedules(), No, No), refused);
        assert!(deletes(&decided(&ours, schedules(), No, Yes)));
        assert_eq!(decided(&ours, jobs(), Yes, No), Next::Refuse(Refusal::InUse(jobs())));
        assert!(deletes(&decided(&ours, jobs(), No, Yes)));
        let deleting = decide(Some(&pool("deleting", &foreign)), jobs(), &settings(No, No));
        assert!(matches!(deleting, Next::Do(DeletionStep::AwaitDeletion { .. })));
        assert_eq!(decide(None, none(), &settings(No, No)), Next::Done);
    }
}
