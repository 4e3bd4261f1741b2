//! Deletes the pools in sight that are past the expiry that a roll-out wrote, and waits until they are gone.
//!
//! A pool that jobs or job schedules use stays, and so does one that another roll-out has renewed meanwhile: each is looked
//! at again before its deletion. What is looked at is lists of the whole account, so that many pools cost no more
//! questions than one. Without consent it writes nothing and says what it would do.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{MOST_TRIES, PAUSE, SCHEMA, send};
use crate::{
    batch::{
        job::{self, Job, JobState},
        pool::{self, Pool, PoolLife},
    },
    client::Client,
    clock::to_second,
    error::{Error, ErrorKind, Result},
    estate::{self, SeenAccount},
    expiry::Lifetime,
    ids::{BatchEndpoint, PoolId, resource::BatchAccountId},
    listing::Unseen,
    one_line::one_line,
    plan::{Effect, Plan, Step},
    preflight, rights,
    rollout::MadeBy,
    settings::{Checked, Consent, ExpirySettings},
};

/// Why a pool of others stays, also one that a roll-out has adopted and given an expiry.
const OF_OTHERS: &str =
    "no roll-out has made it; azure-batch-pool delete takes it away by its id, when told that any pool may go";

/// What was or would be done with all pools that are past their expiry.
#[derive(Debug, Serialize)]
pub struct ExpiredReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// When it was looked.
    pub at: Timestamp,
    /// The deletions that are due or were made.
    pub plan: Plan<ExpiredStep>,
    /// Every pool past its expiry, and what became of it.
    pub pools: Vec<ExpiredPool>,
    /// What could not be read; there may be expired pools in it.
    pub unseen: Vec<Unseen>,
}

/// A pool past its expiry.
#[derive(Debug, Serialize)]
pub struct ExpiredPool {
    /// The account as people know it.
    pub account: String,
    /// The pool.
    pub pool: PoolId,
    /// Until when it was wanted; absent when its metadata say so in another form.
    pub expired: Option<Timestamp>,
    /// How many nodes it had.
    pub nodes: u32,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
    #[serde(skip)]
    account_id: Option<BatchAccountId>,
    #[serde(skip)]
    endpoint: BatchEndpoint,
    #[serde(skip)]
    tries: u32,
}

/// What becomes of such a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It would be deleted.
    Due,
    /// Its deletion is under way.
    Going,
    /// It is gone.
    Deleted,
    /// It stays.
    Kept {
        /// Why.
        why: String,
    },
    /// Azure did not delete it.
    Failed {
        /// Why, one layer a line.
        why: String,
        /// Which kind of failure.
        #[serde(skip)]
        kind: ErrorKind,
    },
}

/// One deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum ExpiredStep {
    /// The pool is deleted with its nodes.
    DeletePool {
        /// The account.
        account: String,
        /// The pool.
        pool: PoolId,
        /// The nodes it has.
        nodes: u32,
        /// Until when it was wanted.
        expired: Timestamp,
    },
}

/// What one account was like at one time.
struct Look {
    pools: Vec<Pool>,
    users: Users,
}

/// The jobs and job schedules of an account that are not over.
#[derive(Default)]
struct Users {
    jobs: Vec<Job>,
    schedules: Vec<Value>,
}

impl Users {
    /// Those that name the pool.
    fn of(&self, pool: &PoolId) -> Vec<String> {
        let jobs = self.jobs.iter().filter(|job| job.state != JobState::Other);
        let jobs = jobs.filter(|job| job.is_on(pool) || job.runs_on(pool));
        let jobs = jobs.map(|job| format!("job {}", job.id));
        let schedules = self.schedules.iter().filter_map(|item| job::schedule_on(item, pool));
        jobs.chain(schedules.map(|id| format!("job schedule {id}"))).collect()
    }
}

impl Look {
    fn pool(&self, id: &PoolId) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.is_called(id))
    }
}

impl Step for ExpiredStep {
    fn effect(&self) -> Effect {
        Effect::Irreversible
    }
}

impl fmt::Display for ExpiredStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::DeletePool {
            account,
            pool,
            nodes,
            expired,
        } = self;
        write!(
            f,
            "delete pool {pool} in {account} with {nodes} nodes, expired {}",
            expired.strftime("%Y-%m-%d %H:%M UTC")
        )
    }
}

impl ExpiredReport {
    /// How many deletions are due and were not made.
    #[must_use]
    pub fn due(&self) -> usize {
        self.count(|fate| *fate == Fate::Due)
    }

    /// How many pools were deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.count(|fate| *fate == Fate::Deleted)
    }

    /// How many pools past their expiry stay.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Kept { .. }))
    }

    /// The first deletion that failed.
    #[must_use]
    pub fn failure(&self) -> Option<ErrorKind> {
        self.pools.iter().find_map(|pool| match pool.fate {
            Fate::Failed { kind, .. } => Some(kind),
            _ => None,
        })
    }

    fn count(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.pools.iter().filter(|pool| is(&pool.fate)).count()
    }
}

impl ExpiredPool {
    fn step(&self) -> Option<ExpiredStep> {
        let expired = self.expired.filter(|_| self.fate == Fate::Due)?;
        Some(ExpiredStep::DeletePool {
            account: self.account.clone(),
            pool: self.pool.clone(),
            nodes: self.nodes,
            expired,
        })
    }

    const fn is_open(&self) -> bool {
        matches!(self.fate, Fate::Due | Fate::Going)
    }
}

/// Deletes, or says what it would do.
///
/// # Errors
/// When nothing can be listed, or the run ends. What fails for one pool is in the report.
pub async fn run(client: &Client, settings: &Checked<ExpirySettings>) -> Result<ExpiredReport> {
    let doing = "cannot delete expired pools";
    let looked = delete_all(client, settings).await;
    looked.map_err(|error| error.in_flow(doing))
}

async fn delete_all(client: &Client, settings: &ExpirySettings) -> Result<ExpiredReport> {
    let look = find(client, settings);
    let mut report = client
        .run()
        .step("estate", "looking at the Batch accounts in sight", look)
        .await?;
    // A pool that another run is deleting is waited for too.
    if settings.act == Consent::Yes && report.pools.iter().any(ExpiredPool::is_open) {
        let work = async {
            require_rights(client, &mut report.pools).await?;
            until_gone(client, &mut report.pools).await
        };
        client.run().step("delete", "deleting expired pools", work).await?;
    }
    Ok(report)
}

/// Asks for the rights in every account before the first deletion. Where one is missing, the pools of that account fail,
/// and those of the others go. An account that is given by its endpoint has no scope that could be asked.
async fn require_rights(client: &Client, pools: &mut [ExpiredPool]) -> Result<()> {
    let due = pools.iter().filter(|pool| pool.fate == Fate::Due);
    let mut accounts: Vec<BatchAccountId> = due.filter_map(|pool| pool.account_id.clone()).collect();
    accounts.dedup();
    for account in accounts {
        let asked = preflight::require_rights(client, [rights::pool_deletion(&account)]).await;
        let Err(error) = asked else { continue };
        let fate = failed(error)?;
        let open = pools.iter_mut().filter(|pool| pool.is_open());
        for pool in open.filter(|pool| pool.account_id.as_ref() == Some(&account)) {
            pool.fate = fate.clone();
        }
    }
    Ok(())
}

/// The pools past their expiry, and for each whether it may go.
async fn find(client: &Client, settings: &ExpirySettings) -> Result<ExpiredReport> {
    let estate = estate::read(client, &settings.sight).await?;
    let now = client.run().now();
    let mut pools = Vec::new();
    for account in &estate.accounts {
        let mut expired = expired_in(account, now);
        if !expired.is_empty() {
            let users = users(client, &account.endpoint).await;
            judge(&mut expired, account, users, now)?;
        }
        pools.append(&mut expired);
    }
    Ok(ExpiredReport {
        schema_version: SCHEMA,
        at: to_second(now),
        plan: pools.iter().filter_map(ExpiredPool::step).collect(),
        unseen: estate.gaps.iter().map(Unseen::of).collect(),
        pools,
    })
}

fn expired_in(account: &SeenAccount, now: Timestamp) -> Vec<ExpiredPool> {
    let expired = account.pools.iter().filter_map(|seen| {
        Some(ExpiredPool {
            account: account.title(),
            pool: seen.id.clone(),
            expired: due(&seen.pool, now)?,
            nodes: seen.pool.current.total(),
            fate: Fate::Due,
            account_id: account.id.clone(),
            endpoint: account.endpoint.clone(),
            tries: 0,
        })
    });
    expired.collect()
}

/// What becomes of each, as far as its users could be seen.
fn judge(expired: &mut [ExpiredPool], account: &SeenAccount, users: Result<Users>, now: Timestamp) -> Result<()> {
    let (users, unread) = match users {
        Ok(users) => (users, None),
        Err(error) => (Users::default(), Some(unread_users(error)?)),
    };
    for pool in expired {
        let seen = account.pools.iter().find(|seen| seen.id == pool.pool);
        let decided = || decide(seen.map(|seen| &seen.pool), &users.of(&pool.pool), now);
        pool.fate = unread.clone().unwrap_or_else(decided);
    }
    Ok(())
}

/// Deletes each pool that is due, and looks again until all are gone or stay.
async fn until_gone(client: &Client, pools: &mut [ExpiredPool]) -> Result<()> {
    loop {
        let open = pools.iter().filter(|pool| pool.is_open());
        let mut endpoints: Vec<BatchEndpoint> = open.map(|pool| pool.endpoint.clone()).collect();
        endpoints.dedup();
        if endpoints.is_empty() {
            return Ok(());
        }
        for endpoint in endpoints {
            let open = pools
                .iter_mut()
                .filter(|pool| pool.is_open() && pool.endpoint == endpoint);
            advance_all(client, &endpoint, open.collect()).await?;
        }
        client.run().pause(PAUSE, "the pools to be gone").await?;
    }
}

/// One look at an account, and the requests for the deletions that are due in it.
async fn advance_all(client: &Client, endpoint: &BatchEndpoint, pools: Vec<&mut ExpiredPool>) -> Result<()> {
    let look = match look(client, endpoint, &pools).await {
        Ok(look) => look,
        Err(error) => {
            let fate = failed(error)?;
            for pool in pools {
                pool.fate = fate.clone();
            }
            return Ok(());
        }
    };
    for pool in pools {
        if let Err(error) = advance(client, pool, &look).await {
            pool.fate = failed(error)?;
        }
    }
    Ok(())
}

/// The request for a pool's deletion, when that is due.
async fn advance(client: &Client, pool: &mut ExpiredPool, look: &Look) -> Result<()> {
    let seen = look.pool(&pool.pool);
    pool.fate = decide(seen, &look.users.of(&pool.pool), client.run().now());
    if pool.fate != Fate::Due {
        return Ok(());
    }
    if pool.tries >= MOST_TRIES {
        let text = format!("it is still there after {MOST_TRIES} requests");
        return Err(Error::new(ErrorKind::Azure, text));
    }
    pool.tries += 1;
    // A pool that a roll-out has renewed since the look has another ETag, and stays.
    let etag = seen.and_then(|pool| pool.etag.as_deref());
    send(client, &pool.endpoint, &pool.pool, etag).await?;
    pool.fate = Fate::Going;
    Ok(())
}

/// Users are looked at only where they decide: for pools that are not going yet.
async fn look(client: &Client, endpoint: &BatchEndpoint, pools: &[&mut ExpiredPool]) -> Result<Look> {
    let listed = client.list(&pool::list(endpoint)).await?;
    let mut look = Look {
        pools: listed.into_iter().map(Pool::new).collect(),
        users: Users::default(),
    };
    let stays = |pool: &Pool| pool.life == PoolLife::Active;
    if pools.iter().any(|pool| look.pool(&pool.pool).is_some_and(stays)) {
        look.users = users(client, endpoint).await?;
    }
    Ok(look)
}

async fn users(client: &Client, endpoint: &BatchEndpoint) -> Result<Users> {
    let jobs = client.list(&job::list_live(endpoint)).await?;
    Ok(Users {
        jobs: jobs.into_iter().map(Job::new).collect(),
        schedules: client.list(&job::schedules(endpoint)).await?,
    })
}

/// When a pool's expiry has passed: its time, or nothing for one in a form that this version cannot read.
fn due(pool: &Pool, now: Timestamp) -> Option<Option<Timestamp>> {
    match Lifetime::of(pool) {
        Lifetime::Open => None,
        Lifetime::Until(expiry) => expiry.is_past(now).then_some(Some(expiry.at)),
        Lifetime::Unreadable => Some(None),
    }
}

/// What becomes of a pool as it is seen. Pure.
fn decide(pool: Option<&Pool>, users: &[String], now: Timestamp) -> Fate {
    let kept = |why: String| Fate::Kept { why };
    let Some(pool) = pool else { return Fate::Deleted };
    if pool.life == PoolLife::Deleting {
        return Fate::Going;
    }
    match Lifetime::of(pool) {
        Lifetime::Unreadable => kept("its expiry was written by another version of this program".to_owned()),
        Lifetime::Open => kept("its expiry was taken away meanwhile".to_owned()),
        Lifetime::Until(expiry) if !expiry.is_past(now) => kept("a roll-out has renewed it meanwhile".to_owned()),
        Lifetime::Until(_) if MadeBy::of(pool) == MadeBy::Others => kept(OF_OTHERS.to_owned()),
        Lifetime::Until(_) if !users.is_empty() => kept(format!("it is used by {}", users.join(", "))),
        Lifetime::Until(_) => Fate::Due,
    }
}

/// A pool whose users cannot be seen stays; the end of the whole run is an error.
fn unread_users(error: Error) -> Result<Fate> {
    let error = unless_over(error)?;
    Ok(Fate::Kept {
        why: format!(
            "its jobs and job schedules could not be read: {}",
            one_line(&error.report())
        ),
    })
}

fn failed(error: Error) -> Result<Fate> {
    let error = unless_over(error)?;
    Ok(Fate::Failed {
        kind: error.kind(),
        why: error.report(),
    })
}

fn unless_over(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
        _ => Ok(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{expiry::ITEM, tags::POOL_MARK};

    fn pool(expiry: &str, mark: &Value, state: &str) -> Pool {
        let expiry = json!({"name": ITEM, "value": expiry});
        Pool::new(json!({"id": "p1", "state": state, "metadata": [expiry, mark]}))
    }

    #[test]
    fn only_what_is_past_its_expiry_ours_and_unused_goes() {
        let now: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        let ours = json!({"name": POOL_MARK, "value": "v1:x"});
        let at = |day: u8| format!(r#"{{"v":1,"at":"2026-11-0{day}T00:00:00Z","after":86400}}"#);
        let why = |pool: &Pool, users: &[&str]| {
            let users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
            match decide(Some(pool), &users, now) {
                Fate::Kept { why } => why,
                fate => format!("{fate:?}"),
            }
        };
        assert_eq!(why(&pool(&at(2), &ours, "active"), &[]), "Due");
        assert_eq!(
            why(&pool(&at(3), &ours, "active"), &[]),
            "a roll-out has renewed it meanwhile"
        );
        let found = json!({"name": POOL_MARK, "value": "found:x"});
        for of_others in [json!({}), found] {
            assert_eq!(why(&pool(&at(1), &of_others, "active"), &[]), OF_OTHERS);
        }
        assert_eq!(why(&pool(&at(1), &ours, "active"), &["job a"]), "it is used by job a");
        assert!(why(&pool("{}", &ours, "active"), &[]).contains("another version"));
        assert_eq!(why(&pool(&at(1), &ours, "deleting"), &["job a"]), "Going");
        assert_eq!(decide(None, &[], now), Fate::Deleted);
    }
}
