//! Jobs and job schedules that name a former pool without nodes: nothing runs their tasks, and nothing else shows it. Which
//! they are, what is said of them, and what to type.
//!
//! It moves none: a job that names a pool by its id may mean that pool.

use std::fmt;

use super::pair;
use crate::{
    batch::{
        job::{self, Job, JobState},
        pool::{Pool, PoolLife},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    rights,
    typing::{Command, az},
};

/// No family has so many pools one after the other.
const LONGEST: usize = 64;

/// What names a former pool without nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    /// That pool.
    pub pool: PoolId,
    /// The pool that does its work.
    pub successor: PoolId,
    /// Jobs that are not over.
    pub jobs: Vec<String>,
    /// Job schedules that make jobs for it.
    pub schedules: Vec<String>,
}

/// `jobs a, b and job schedule c name former pool p, whose work pool q does: their tasks get no nodes`.
impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} former pool {}, whose work pool {} does: no node runs their tasks",
            self.naming(),
            self.pool,
            self.successor
        )
    }
}

impl Stranded {
    /// What of this names the pool; nothing when nothing does, or when it has nodes.
    #[must_use]
    pub fn of(pool: &Pool, successor: PoolId, jobs: &[Job], schedules: Vec<String>) -> Option<Self> {
        let id = pool.id().filter(|_| is_empty(pool))?;
        let live = jobs.iter().filter(|job| job.is_on(&id) && job.state != JobState::Other);
        let stranded = Self {
            jobs: live.map(|job| job.id.clone()).collect(),
            pool: id,
            successor,
            schedules,
        };
        (!stranded.jobs.is_empty() || !stranded.schedules.is_empty()).then_some(stranded)
    }

    /// `jobs a, b and job schedule c name`.
    #[must_use]
    pub fn naming(&self) -> String {
        let kinds = [("job", &self.jobs), ("job schedule", &self.schedules)];
        let kinds = kinds.into_iter().filter(|(_, ids)| !ids.is_empty());
        let texts: Vec<String> = kinds.map(|(kind, ids)| named(kind, ids)).collect();
        let verb = match self.jobs.len() + self.schedules.len() {
            1 => "names",
            _ => "name",
        };
        format!("{} {verb}", texts.join(" and "))
    }

    /// What points the first of its jobs to the pool that does the work, one command after the other.
    #[must_use]
    pub fn moving(&self, endpoint: &BatchEndpoint) -> Vec<Command> {
        let Some(job) = self.jobs.first() else {
            return Vec::new();
        };
        let (account, endpoint) = (endpoint.account(), endpoint.to_string());
        let values = [
            ("account", account),
            ("endpoint", endpoint.as_str()),
            ("job", job.as_str()),
            ("pool", self.successor.as_str()),
        ];
        let all = [az::DISABLE_JOB, az::POINT_JOB, az::ENABLE_JOB];
        all.map(|template| Command::new(template, &values)).into()
    }
}

/// The pool that does the work of a former one, when it is there; there may be several moves between the two.
#[must_use]
pub fn does_work_of<'p>(pool: &Pool, find: impl Fn(&PoolId) -> Option<&'p Pool>) -> Option<PoolId> {
    let mut next = pair::successor(pool)?.pool;
    for _ in 0..LONGEST {
        let found = find(&next)?;
        match pair::successor(found) {
            Some(after) => next = after.pool,
            None => return Some(next),
        }
    }
    None
}

/// Whether a pool is there and has no nodes, and none are asked for.
fn is_empty(pool: &Pool) -> bool {
    pool.life == PoolLife::Active && pool.targets.total() + pool.current.total() == 0
}

/// The former pools among these that have no nodes, each with the one that does its work.
pub(super) fn former(pools: &[Pool]) -> Vec<(&Pool, PoolId)> {
    let find = |id: &PoolId| pools.iter().find(|pool| pool.is_called(id));
    let empty = pools.iter().filter(|pool| is_empty(pool));
    empty
        .filter_map(|pool| Some((pool, does_work_of(pool, find)?)))
        .collect()
}

/// What names a former pool.
///
/// # Errors
/// When that cannot be read.
pub async fn read(
    client: &Client,
    endpoint: &BatchEndpoint,
    (pool, successor): (&Pool, PoolId),
) -> Result<Option<Stranded>> {
    let Some(id) = pool.id() else { return Ok(None) };
    let jobs = client.list(&job::list(endpoint, &id)).await?;
    let jobs: Vec<Job> = jobs.into_iter().map(Job::new).collect();
    Ok(Stranded::of(pool, successor, &jobs, Vec::new()))
}

/// Warns of jobs that name former pools, with what to type.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn warn(client: &Client, endpoint: &BatchEndpoint, former: Vec<(&Pool, PoolId)>) -> Result<()> {
    for (pool, successor) in former {
        match read(client, endpoint, (pool, successor)).await {
            Ok(None) => {}
            Ok(Some(stranded)) => {
                let typed: Vec<String> = stranded.moving(endpoint).iter().map(ToString::to_string).collect();
                client.warn(format!("{stranded}; to point them there: {}", typed.join(", then ")));
            }
            Err(error) => {
                let why = unless_over(error)?;
                let id = pool.id().map(|id| id.to_string()).unwrap_or_default();
                client.note(format!("not checked: whether jobs name former pool {id}, {why}"));
            }
        }
    }
    Ok(())
}

fn unless_over(error: Error) -> Result<String> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline => Err(error),
        ErrorKind::NoRights => Ok(rights::lack(&error)),
        _ => Ok(error.to_string()),
    }
}

fn named(kind: &str, ids: &[String]) -> String {
    let end = if ids.len() == 1 { "" } else { "s" };
    format!("{kind}{end} {}", ids.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moved(id: &str, to: &str) -> Pool {
        let nodes = json!({"dedicated": 1, "spot": 0});
        let pair = json!({"v": 1, "family": "render", "shift": {"phase": "done", "id": "r", "new": to, "to": "/x/1.4.2",
            "size": nodes, "first": nodes, "was": nodes, "together": nodes, "since": "1970-01-01T00:00:00Z"}});
        Pool::new(json!({"id": id, "state": "active",
            "metadata": [{"name": pair::PAIR, "value": pair.to_string()}]}))
    }

    #[test]
    fn the_pool_that_does_the_work_is_found_over_several_moves() {
        let last = Pool::new(json!({"id": "c", "state": "active"}));
        let does = |pools: &[Pool]| {
            let all = former(pools).into_iter();
            let texts = all.map(|(pool, doer)| format!("{} for {}", doer, pool.id().unwrap()));
            texts.collect::<Vec<_>>()
        };
        assert_eq!(does(&[moved("a", "b"), moved("b", "c"), last]), ["c for a", "c for b"]);
        assert_eq!(
            does(&[moved("a", "b"), moved("b", "c")]),
            [] as [&str; 0],
            "nothing does it"
        );
        assert_eq!(does(&[moved("a", "b"), moved("b", "a")]), [] as [&str; 0]);
    }

    #[test]
    fn jobs_that_name_an_empty_former_pool_are_named_with_what_to_type() {
        let job = |id: &str, state: &str, pool: &str| {
            Job::new(json!({"id": id, "state": state, "poolInfo": {"poolId": pool}}))
        };
        let jobs = [
            job("late", "active", "A"),
            job("over", "completed", "a"),
            job("other", "active", "c"),
        ];
        let found = Stranded::of(&moved("a", "c"), "c".parse().unwrap(), &jobs, vec!["daily".to_owned()]);
        let found = found.unwrap();
        assert_eq!(
            found.to_string(),
            "job late and job schedule daily name former pool a, whose work pool c does: no node runs their tasks"
        );
        let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
        let typed: Vec<String> = found.moving(&endpoint).iter().map(ToString::to_string).collect();
        assert!(typed[1].ends_with("--job-id late --pool-id c"), "{typed:?}");
        let mut with_nodes = moved("a", "c").body().clone();
        with_nodes["targetDedicatedNodes"] = json!(1);
        let with_nodes = Pool::new(with_nodes);
        assert_eq!(Stranded::of(&with_nodes, "c".parse().unwrap(), &jobs, Vec::new()), None);
    }
}
