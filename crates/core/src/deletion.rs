//! Deletes a pool and waits until it is gone: only one that a roll-out made, and none that jobs or job schedules still use,
//! unless that is asked for. Jobs that a change of the pool has disabled are enabled again once it is gone.
//!
//! It looks before each write and decides again. Without consent it writes nothing and says what it would do.

pub mod expired;
mod users;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    batch::{
        account,
        job::Job,
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
    rights::{self, Need},
    rollout::{self, MadeBy, UnderWay},
    settings::{AccountRef, Checked, Consent, DeletionSettings},
    words,
    words::plural,
};
use users::Users;

/// The schema that results have today.
const SCHEMA: u32 = 1;

/// How long is waited between two looks: nodes go within minutes.
const PAUSE: Duration = Duration::from_secs(15);

/// How often the request is sent when the pool stays as it was: a lost answer or another writer may cost one.
const MOST_TRIES: u32 = 5;

/// How many looks at jobs that are being enabled. The pool is gone by then, so no task of theirs runs.
const MOST_ROUNDS: u32 = 20;

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
        /// The change of it that has not come to its end, and ends with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        change: Option<Box<UnderWay>>,
        /// The jobs that are active on it: their tasks go back into the queue and wait for another pool.
        jobs: Vec<String>,
        /// The jobs that a change of it has disabled, which are enabled once it is gone, and wait for another pool.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        held_jobs: Vec<String>,
        /// The jobs that others have disabled, which stay so.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        disabled_jobs: Vec<String>,
        /// The job schedules that make jobs for it, which wait for another pool.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        schedules: Vec<String>,
    },
    /// It is gone, and jobs that a change of it has disabled are enabled.
    EnableJobs {
        /// The pool.
        pool: PoolId,
        /// The jobs.
        jobs: Vec<String>,
    },
    /// It is being deleted already.
    AwaitDeletion {
        /// The pool.
        pool: PoolId,
    },
}

/// What to do next. Pure.
#[derive(Clone, Debug, PartialEq)]
enum Next {
    Done,
    Do(DeletionStep),
    Refuse(Refusal),
}

/// Why a pool is left alone.
#[derive(Clone, Debug, PartialEq)]
enum Refusal {
    /// No roll-out has made it.
    NotOurs,
    /// Jobs or job schedules use it.
    InUse(Box<Users>, Option<Box<UnderWay>>),
}

/// What one look has shown.
struct Look {
    next: Next,
    pool: Option<Pool>,
    /// The jobs that a change of the pool has disabled or marked.
    held: Vec<Job>,
}

impl Step for DeletionStep {
    fn effect(&self) -> Effect {
        match self {
            Self::DeletePool { .. } => Effect::Irreversible,
            Self::EnableJobs { .. } => Effect::Change,
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
                change,
                jobs,
                held_jobs,
                disabled_jobs,
                schedules,
            } => {
                write!(f, "delete pool {pool} with {}", plural(*nodes, "node"))?;
                if let Some(change) = change {
                    write!(f, "; {change}, has not come to its end, and ends with the pool")?;
                }
                if !jobs.is_empty() {
                    write!(f, "; running tasks of {} are queued again", jobs.join(", "))?;
                }
                if !held_jobs.is_empty() {
                    let ids = held_jobs.join(", ");
                    write!(
                        f,
                        "; jobs that a roll-out has disabled are enabled and wait for another pool: {ids}"
                    )?;
                }
                if !disabled_jobs.is_empty() {
                    write!(f, "; disabled jobs stay disabled: {}", disabled_jobs.join(", "))?;
                }
                if !schedules.is_empty() {
                    let ids = schedules.join(", ");
                    write!(f, "; jobs of the schedules {ids} wait for another pool")?;
                }
                Ok(())
            }
            Self::EnableJobs { pool, jobs } => write!(
                f,
                "enable jobs that a roll-out of pool {pool}, which is gone, has disabled: {}",
                jobs.join(", ")
            ),
            Self::AwaitDeletion { pool } => write!(f, "wait until pool {pool} is gone"),
        }
    }
}

impl Refusal {
    fn error(self, pool: &PoolId) -> Error {
        match self {
            Self::NotOurs => Error::new(ErrorKind::Refused, format!("no roll-out has made pool {pool}"))
                .with_hint(words!["if it is to go all the same, say ", ANY_POOL]),
            Self::InUse(users, change) => {
                let change = change.map(|change| format!("; {change}, has not come to its end"));
                let text = format!("pool {pool} is used by {users}{}", change.unwrap_or_default());
                Error::new(ErrorKind::Refused, text).with_hint(words![
                    "end them, point them to another pool, or say ",
                    WITH_JOBS,
                    format!(": {}", users.then())
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
    let advised = |error: Error| rights::advised(error, client.identity().as_deref(), Some(&settings.account));
    deleted.map_err(|error| advised(error).in_flow(format!("cannot delete pool {}", settings.pool)))
}

async fn delete(client: &Client, settings: &DeletionSettings) -> Result<DeletionReport> {
    let endpoint = match &settings.account {
        AccountRef::Endpoint(endpoint) => endpoint.clone(),
        AccountRef::Id(id) => account::read(client, id, ACCOUNT).await?.endpoint,
    };
    let first = match look(client, &endpoint, settings).await {
        Ok(first) => first,
        Err(error) => return Err(preflight::with_all_lacks(client, error, needs(settings)).await),
    };
    if let (Next::Do(DeletionStep::DeletePool { .. }), Some(pool)) = (&first.next, &first.pool) {
        tell_work(client, &endpoint, (settings, pool)).await?;
    }
    let steps = match first.next {
        Next::Done => Vec::new(),
        Next::Do(step) => vec![step],
        Next::Refuse(refusal) => return Err(refusal.error(&settings.pool)),
    };
    let mut report = DeletionReport {
        schema_version: SCHEMA,
        pool: settings.pool.clone(),
        gone: first.pool.is_none() && steps.is_empty(),
        plan: Plan::new(steps),
    };
    if settings.act == Consent::Yes && !report.gone {
        // An account that is given by its endpoint has no scope that could be asked.
        if let AccountRef::Id(account) = &settings.account {
            let deletion = first.pool.is_some().then(|| rights::pool_deletion(account));
            let jobs = (!first.held.is_empty()).then(|| rights::held_jobs(account));
            preflight::require_rights(client, deletion.into_iter().chain(jobs)).await?;
        }
        let work = until_gone(client, &endpoint, (settings, first.pool.as_ref().and_then(made_at)));
        let run = client.run();
        run.step("delete", format!("deleting pool {}", settings.pool), work)
            .await?;
        report.gone = true;
    }
    Ok(report)
}

/// The rights of all of it; an account that is given by its endpoint has no scope that could be asked.
fn needs(settings: &DeletionSettings) -> Vec<Need> {
    match &settings.account {
        AccountRef::Id(account) => rights::deletion(account, settings.with_jobs),
        AccountRef::Endpoint(_) => Vec::new(),
    }
}

async fn until_gone(
    client: &Client,
    endpoint: &BatchEndpoint,
    (settings, made): (&DeletionSettings, Option<Timestamp>),
) -> Result<()> {
    let (mut tries, mut rounds) = (0, 0);
    loop {
        let Look { next, pool, held } = look(client, endpoint, settings).await?;
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
            Next::Do(DeletionStep::EnableJobs { .. }) if rounds < MOST_ROUNDS => {
                rounds += 1;
                users::give_back(client, endpoint, &held).await?;
                client.run().pause(PAUSE, "jobs to be enabled").await?;
                continue;
            }
            Next::Do(DeletionStep::EnableJobs { jobs, .. }) => {
                let text = format!(
                    "pool {} is gone, and jobs are still disabled: {}",
                    settings.pool,
                    jobs.join(", ")
                );
                return Err(Error::new(ErrorKind::Azure, text).with_hint("run the same deletion again to enable them"));
            }
            Next::Do(DeletionStep::AwaitDeletion { .. }) => {}
        }
        client.run().pause(PAUSE, "the pool to be gone").await?;
    }
}

/// Says which jobs have come to a pool that had none at the last look before its deletion. Batch takes no condition on
/// jobs, so these can only be named.
async fn tell_of_late(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<()> {
    let (id, late) = (&settings.pool, users::active(client, endpoint, settings).await?);
    if !late.is_empty() {
        client.warn(format!(
            "active jobs came to pool {id} while it was deleted: {}. Their tasks wait: point the jobs to another pool, or \
             end them",
            late.join(", ")
        ));
    }
    Ok(())
}

/// Says when a roll-out has moved the work of another pool to this one.
async fn tell_work(
    client: &Client,
    endpoint: &BatchEndpoint,
    (settings, pool): (&DeletionSettings, &Pool),
) -> Result<()> {
    if !rollout::has_family(pool) {
        return Ok(());
    }
    let pools: Vec<Pool> = client
        .list(&pool::list(endpoint))
        .await?
        .into_iter()
        .map(Pool::new)
        .collect();
    let id = &settings.pool;
    if let Some(other) = rollout::works_for(&pools, id) {
        client.warn(format!(
            "pool {id} does the work of pool {other}, which a roll-out has moved there"
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

async fn look(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Look> {
    let found = client.find(&pool::get(endpoint, &settings.pool)).await?;
    let pool = found.map(|answer| Pool::new(answer.value()));
    let users = match &pool {
        Some(pool) if pool.life == PoolLife::Active => users::read(client, endpoint, settings).await?,
        // While it goes, its jobs are left: enabled now, they would start tasks on nodes that go.
        Some(_) => Users::default(),
        None => users::left(client, endpoint, settings).await?,
    };
    let held = users.held.clone();
    Ok(Look {
        next: decide(pool.as_ref(), users, settings),
        pool,
        held,
    })
}

fn decide(pool: Option<&Pool>, users: Users, settings: &DeletionSettings) -> Next {
    let id = settings.pool.clone();
    let Some(pool) = pool else {
        return match users.held.is_empty() {
            true => Next::Done,
            false => Next::Do(DeletionStep::EnableJobs {
                pool: id,
                jobs: users.held_ids(),
            }),
        };
    };
    if pool.life == PoolLife::Deleting {
        return Next::Do(DeletionStep::AwaitDeletion { pool: id });
    }
    if MadeBy::of(pool) == MadeBy::Others && settings.any_pool == Consent::No {
        return Next::Refuse(Refusal::NotOurs);
    }
    let change = rollout::under_way(pool).map(Box::new);
    if users != Users::default() && settings.with_jobs == Consent::No {
        return Next::Refuse(Refusal::InUse(Box::new(users), change));
    }
    Next::Do(DeletionStep::DeletePool {
        pool: id,
        nodes: pool.current.total(),
        change,
        held_jobs: users.held_ids(),
        jobs: users.jobs,
        disabled_jobs: users.disabled,
        schedules: users.schedules,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let refused = Next::Refuse(Refusal::InUse(Box::new(schedules()), None));
        assert_eq!(decided(&ours, schedules(), No, No), refused);
        assert!(deletes(&decided(&ours, schedules(), No, Yes)));
        let refused = Next::Refuse(Refusal::InUse(Box::new(jobs()), None));
        assert_eq!(decided(&ours, jobs(), Yes, No), refused);
        assert!(deletes(&decided(&ours, jobs(), No, Yes)));
        let deleting = decide(Some(&pool("deleting", &foreign)), jobs(), &settings(No, No));
        assert!(matches!(deleting, Next::Do(DeletionStep::AwaitDeletion { .. })));
        assert_eq!(decide(None, none(), &settings(No, No)), Next::Done);
    }
}
