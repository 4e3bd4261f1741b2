//! One pool in the service's hands: reads, the writes a roll-out makes, and waiting for the pool to settle.
//!
//! A write whose answer was lost is looked after before it is sent again. What to write is decided elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::spec::Spec;
use crate::{
    batch::node::{self, Node},
    batch::pool::{self, Pool, Resize},
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    operation::poll_pause,
    progress::Event,
};

/// Batch wants so much time between two writes to one pool ("must be separated by at least 30 seconds").
const BETWEEN_WRITES: Duration = Duration::from_secs(30);
/// Pools and nodes change in tens of seconds; Microsoft's own client polls them every 5 s.
pub(super) const LEAST_POLL: Duration = Duration::from_secs(5);
/// A pool that shows its former state so long after a write will not show another; reads lag by seconds.
const LAG: Duration = Duration::from_secs(120);
/// How often a write is looked after and sent again before we give up on it.
const MAX_LOOKS: u32 = 4;

/// The pool, by its account and id.
#[derive(Debug)]
pub(super) struct PoolAccess<'a> {
    client: &'a Client,
    endpoint: BatchEndpoint,
    id: PoolId,
    written: Option<Instant>,
}

/// What a pool's next steady state must be newer than, to be the answer to a write of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newer {
    /// Than nothing: any steady state will do.
    ThanNothing,
    /// Than the state that began then, by the service's clock.
    Than(Timestamp),
}

/// What became of a resize that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is under way; wait for a state newer than this.
    Ours(Newer),
    /// Somebody else's resize is under way.
    Others,
}

impl<'a> PoolAccess<'a> {
    pub(super) const fn new(client: &'a Client, endpoint: BatchEndpoint, id: PoolId) -> Self {
        Self {
            client,
            endpoint,
            id,
            written: None,
        }
    }

    pub(super) const fn client(&self) -> &'a Client {
        self.client
    }

    pub(super) const fn endpoint(&self) -> &BatchEndpoint {
        &self.endpoint
    }

    pub(super) const fn id(&self) -> &PoolId {
        &self.id
    }

    /// Reads the pool, if it is there.
    pub(super) async fn find(&self) -> Result<Option<Pool>> {
        let answer = self.client.find(&pool::get(&self.endpoint, &self.id)).await?;
        Ok(answer.map(|answer| Pool::new(answer.value())))
    }

    /// Reads a pool that must be there.
    async fn read(&self) -> Result<Pool> {
        self.find().await?.ok_or_else(|| {
            Error::new(ErrorKind::Azure, format!("pool {} vanished meanwhile", self.id))
                .with_hint("somebody deleted it; run it again to create it anew")
        })
    }

    /// Lists the pool's nodes.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        let items = self.client.list(&node::list(&self.endpoint, &self.id)).await?;
        Ok(items.iter().map(Node::new).collect())
    }

    /// Creates the pool. One that an equal run made meanwhile is as good as ours.
    pub(super) async fn create(&mut self, spec: &Spec, body: Value) -> Result<()> {
        let request = pool::create(&self.endpoint, &self.id, body);
        for _ in 0..MAX_LOOKS {
            self.space_writes().await?;
            match self.client.send(&request).await {
                Ok(_) => {
                    self.client.run().progress.tell(Event::Created {
                        id: format!("pool {}", self.id),
                    });
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::UnknownEffect || error.has_code("PoolExists") => {
                    match self.find().await? {
                        Some(pool) if spec.has_made(&pool) => return Ok(()),
                        Some(_) => return Err(self.made_by_others()),
                        None => {}
                    }
                }
                Err(error) if error.has_code("PoolQuotaReached") => {
                    return Err(error.with_hint("delete a pool nobody uses, or ask for a higher pool quota"));
                }
                Err(error) => return Err(error),
            }
        }
        Err(self.lost("create"))
    }

    /// Resizes the pool, which was last seen so. A resize to the same size that is found under way is as good as ours.
    pub(super) async fn resize(&mut self, order: &Resize, seen: &Pool) -> Result<Begun> {
        let newer = seen.allocation_since.map_or(Newer::ThanNothing, Newer::Than);
        let mut etag = seen.etag.clone();
        for _ in 0..MAX_LOOKS {
            self.space_writes().await?;
            let request = pool::resize(&self.endpoint, &self.id, order, etag.as_deref());
            let is_worth_a_look = |error: &Error| {
                error.kind() == ErrorKind::UnknownEffect || error.has_code("PoolBeingResized") || error.has_status(412)
            };
            match self.client.send(&request).await {
                Ok(_) => return Ok(Begun::Ours(newer)),
                Err(error) if is_worth_a_look(&error) => {}
                Err(error) => return Err(error),
            }
            let pool = self.read().await?;
            if pool.targets == order.targets && newer.is_met_by(&pool) {
                return Ok(Begun::Ours(newer));
            }
            if !pool.is_steady() {
                return Ok(Begun::Others);
            }
            etag.clone_from(&pool.etag);
        }
        Err(self.lost("resize"))
    }

    /// Stops the resize under way; one that has ended meanwhile is stopped. The caller looks again anyway.
    pub(super) async fn stop_resize(&mut self) -> Result<()> {
        self.space_writes().await?;
        match self.client.send(&pool::stop_resize(&self.endpoint, &self.id)).await {
            Err(error) if error.kind() != ErrorKind::UnknownEffect && !error.has_status(409) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Waits until the pool is steady. If it shows nothing newer for a while, it is taken as it is, but the errors it
    /// shows are those of an older resize and are dropped.
    pub(super) async fn steady(&self, newer: Newer) -> Result<Pool> {
        let began = Instant::now();
        let mut has_moved = false;
        let mut told = None;
        loop {
            let mut pool = self.read().await?;
            self.tell_allocation(&pool, &mut told);
            has_moved |= newer.is_met_by(&pool);
            if pool.is_steady() && has_moved {
                return Ok(pool);
            }
            if pool.is_steady() && began.elapsed() >= LAG {
                pool.resize_errors.clear();
                return Ok(pool);
            }
            self.pause(began, "the pool to be steady").await?;
        }
    }

    /// Waits until the pool is gone.
    pub(super) async fn gone(&self) -> Result<()> {
        let began = Instant::now();
        while self.find().await?.is_some() {
            self.pause(began, "the old pool's deletion").await?;
        }
        Ok(())
    }

    /// The pause between two looks of a wait that began then.
    pub(super) async fn pause(&self, began: Instant, waiting_for: &str) -> Result<()> {
        let length = poll_pause(began.elapsed(), None).max(LEAST_POLL);
        self.client.run().pause(length, waiting_for).await
    }

    /// Waits until Batch takes another write, and notes that one follows.
    async fn space_writes(&mut self) -> Result<()> {
        if let Some(written) = self.written {
            let left = BETWEEN_WRITES.saturating_sub(written.elapsed());
            if !left.is_zero() {
                self.client.run().pause(left, "Batch to take another write").await?;
            }
        }
        self.written = Some(Instant::now());
        Ok(())
    }

    fn tell_allocation(&self, pool: &Pool, told: &mut Option<(String, u32)>) {
        let now = (pool.allocation.to_string(), pool.current.total());
        if told.as_ref() != Some(&now) {
            self.client.run().progress.tell(Event::Allocation {
                state: now.0.clone(),
                wanted: pool.targets.total(),
                allocated: now.1,
            });
            *told = Some(now);
        }
    }

    fn made_by_others(&self) -> Error {
        let text = format!(
            "pool {} was created by somebody else meanwhile, with other settings",
            self.id
        );
        Error::new(ErrorKind::Refused, text).with_hint("agree with them, or roll out to another pool id")
    }

    fn lost(&self, verb: &str) -> Error {
        let text = format!(
            "cannot {verb} pool {}: the answer was lost {MAX_LOOKS} times without an effect",
            self.id
        );
        Error::new(ErrorKind::Azure, text).with_hint("check the connection and run it again")
    }
}

impl Newer {
    /// Whether the pool shows a state that began later, or one under way.
    fn is_met_by(self, pool: &Pool) -> bool {
        match self {
            Self::ThanNothing => true,
            Self::Than(former) => !pool.is_steady() || pool.allocation_since.is_none_or(|since| since > former),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_steady_pool_answers_our_write_only_when_its_state_is_younger_than_the_one_before() {
        let before: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let pool = |state: &str, since: &str| {
            Pool::new(json!({"allocationState": state, "allocationStateTransitionTime": since}))
        };
        let table = [
            ("steady", "2026-01-01T00:00:00Z", false),
            ("steady", "2025-12-31T00:00:00Z", false),
            ("steady", "2026-01-01T00:00:00.0000001Z", true),
            ("resizing", "2026-01-01T00:00:00Z", true),
            ("steady", "", true),
        ];
        for (state, since, expected) in table {
            let found = Newer::Than(before).is_met_by(&pool(state, since));
            assert_eq!(found, expected, "{state} since {since:?}");
        }
        assert!(Newer::ThanNothing.is_met_by(&pool("steady", "2025-01-01T00:00:00Z")));
    }
}
