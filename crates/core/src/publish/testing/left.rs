//! Pools of tests that other runs have left in the account: a killed run removes nothing, and its node is billed.
//!
//! A pool whose time is over goes. One that tests this version by another test goes when no run can be at work on it;
//! else it is said, before this run ends. What tests other versions is left alone until its time is over.

use jiff::{SignedDuration, Timestamp};

use super::PlannedTest;
use crate::{
    batch::{
        job::{self, TaskEnd},
        pool::{self, Pool, PoolLife},
    },
    client::Client,
    error::{Error, Result},
    ids::{PoolId, resource::ImageVersionId},
    json,
    plan::Kept,
    progress::Event,
    publish::cleanup,
    trial::{self, TESTS},
    typing::{Command, az},
};

/// A run gives its command to the pool with the requests that follow the creation. After so long it does not come any more,
/// also where Azure was busy; a run that was slower makes its pool again.
const COMMAND_COMES: SignedDuration = SignedDuration::from_mins(5);

/// What a pool of another test is to this run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Left {
    /// No run needs it; this says which it is.
    Needless(&'static str),
    /// A run may be at work on it.
    InUse,
    /// It is not this version's.
    OfOthers,
}

/// Removes what no run needs, before the test.
pub(super) async fn before(client: &Client, test: &PlannedTest, version: &ImageVersionId) {
    let in_use = remove(client, test, version).await;
    for pool in in_use.iter().filter_map(Pool::id) {
        client.note(format!(
            "pool {pool} tests this version by another test: it is looked at again after this one"
        ));
    }
}

/// The same after the test, however that ended, with what is left since another run may be at work on it.
pub(in crate::publish) async fn after(client: &Client, test: &PlannedTest, version: &ImageVersionId) -> Vec<Kept> {
    let cleaning = client.for_cleanup(cleanup::LIMIT);
    let in_use = remove(&cleaning, test, version).await;
    let kept: Vec<Kept> = in_use.iter().filter_map(|pool| kept(test, pool)).collect();
    for Kept { id, why } in kept.clone() {
        client.tell(Event::Kept { id, why });
    }
    kept
}

/// Removes what no run needs; gives the pools of this version that a run may be at work on.
async fn remove(client: &Client, test: &PlannedTest, version: &ImageVersionId) -> Vec<Pool> {
    // What cannot be listed here, `gc` finds.
    let Ok(items) = client.list(&pool::survey(&test.endpoint)).await else {
        return Vec::new();
    };
    let mut in_use = Vec::new();
    for pool in items.into_iter().map(Pool::new) {
        let (Some(id), Some(of)) = (pool.id(), pool.metadata(TESTS)) else {
            continue;
        };
        if id == test.pool {
            continue;
        }
        match look(client, test, (&id, &pool), version).await {
            Ok(Left::Needless(which)) => {
                client.note(format!("pool {id} is left of {which}: it is removed"));
                if let Err(error) = trial::remove(client, &test.endpoint, &id, of).await {
                    say(client, &id, &error);
                }
            }
            Ok(Left::OfOthers) => {}
            Ok(Left::InUse) | Err(_) => in_use.push(pool),
        }
    }
    in_use
}

async fn look(
    client: &Client,
    test: &PlannedTest,
    (id, pool): (&PoolId, &Pool),
    version: &ImageVersionId,
) -> Result<Left> {
    let now = client.run().now();
    if trial::is_over(pool, now) || !PlannedTest::is_of(pool, version) {
        return Ok(left((pool, version), &[], now));
    }
    let tasks = match client.list(&job::tasks(&test.endpoint, id.as_str())).await {
        Ok(items) => items.iter().map(TaskEnd::read).collect(),
        Err(error) if error.has_status(404) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(left((pool, version), &tasks, now))
}

/// Decides by the ends of the tasks; one that has not ended is `None`. Pure.
fn left((pool, version): (&Pool, &ImageVersionId), tasks: &[Option<TaskEnd>], now: Timestamp) -> Left {
    if trial::is_over(pool, now) {
        return Left::Needless("a test that ended long ago");
    }
    if pool.life != PoolLife::Active || !PlannedTest::is_of(pool, version) {
        return Left::OfOthers;
    }
    let made = json::time(pool.body(), "/creationTime");
    match tasks.first() {
        Some(Some(_)) => Left::Needless("another test of this version, whose command has ended"),
        None if made.is_some_and(|made| now.duration_since(made) >= COMMAND_COMES) => {
            Left::Needless("another test of this version, which was given no command")
        }
        Some(None) | None => Left::InUse,
    }
}

/// What is said of a pool that a run may be at work on.
fn kept(test: &PlannedTest, pool: &Pool) -> Option<Kept> {
    let id = pool.id()?;
    let (account, endpoint) = (test.endpoint.account(), test.endpoint.to_string());
    let values = [
        ("account", account),
        ("endpoint", endpoint.as_str()),
        ("pool", id.as_str()),
    ];
    let until = trial::expires(pool).map(|time| {
        let time = time.strftime("%Y-%m-%d %H:%M UTC");
        format!("; after {time} gc and a publish with a test in this account remove it")
    });
    Some(Kept {
        id: format!("pool {id} in {account}"),
        why: format!(
            "it tests this version by another test, and a run may be at work on it{}. If none is, its node is billed \
             until this is typed: {}",
            until.unwrap_or_default(),
            Command::new(az::RELEASE_NODES, &values)
        ),
    })
}

/// Says what is left: its time says when a later run removes it.
pub(super) fn say(client: &Client, id: &PoolId, error: &Error) {
    client.warn(format!(
        "pool {id} and its job are left; a later publish with a test removes them: {error}"
    ));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    /// A pool that was made at 12:00 and is over at 15:00.
    fn verdict(version: &str, tasks: &[Option<TaskEnd>], now: &str) -> Left {
        let body: Value = json!({"id": "p", "state": "active", "creationTime": "2026-01-01T12:00:00Z", "metadata": [
            {"name": TESTS, "value": version}, {"name": trial::EXPIRES, "value": "2026-01-01T15:00:00Z"}]});
        left(
            (&Pool::new(body), &VERSION.parse().unwrap()),
            tasks,
            now.parse().unwrap(),
        )
    }

    #[test]
    fn a_pool_goes_when_its_command_has_ended_or_never_comes_or_its_time_is_over() {
        let ended = TaskEnd {
            task: "test".to_owned(),
            exit_code: Some(0),
            failure: None,
        };
        let (at, later) = ("2026-01-01T12:04:59Z", "2026-01-01T12:05:00Z");
        let goes = |left: Left| matches!(left, Left::Needless(_));
        assert_eq!(verdict(VERSION, &[], at), Left::InUse);
        assert!(goes(verdict(VERSION, &[], later)));
        assert_eq!(verdict(VERSION, &[None], later), Left::InUse);
        assert!(goes(verdict(VERSION, &[Some(ended)], at)));
        assert!(goes(verdict(VERSION, &[None], "2026-01-01T15:00:01Z")));
        let other = VERSION.replace("1.0.0", "1.0.1");
        assert_eq!(verdict(&other, &[], later), Left::OfOthers);
        assert!(goes(verdict(&other, &[], "2026-01-01T15:00:01Z")));
    }
}
