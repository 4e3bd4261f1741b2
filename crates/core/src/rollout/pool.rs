//! One pool in the service's hands: reads, and the writes that a roll-out makes.
//!
//! A write is sent once. Where its effect is not known, or another client was faster, the caller looks at the pool and
//! decides again: nothing is repeated unseen. What to write is decided in `decide`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::explain::At;
use crate::{
    batch::{
        account::Account,
        autoscale::{self, Evaluation},
        job::{self, Job},
        node::{self, Node, StateCounts, Uploaded},
        pool::{self, Pool, Resize},
        resource::{self, Described},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::PoolId,
    options::pool::ACCOUNT,
    progress::Event,
    request::Request,
    settings::{Autoscale, NodeLogs},
    trial,
    wait::Pace,
    watch::AccountWatch,
    words,
};

/// Batch wants so much time between two writes to one pool ("must be separated by at least 30 seconds").
const BETWEEN_WRITES: Duration = Duration::from_secs(30);

/// The pool, by its account's watch and its id.
#[derive(Debug)]
pub(super) struct PoolAccess<'a> {
    watch: &'a AccountWatch<'a>,
    id: PoolId,
    account: Option<Account>,
    written: Option<Instant>,
    has_followed: bool,
}

/// What became of a write that Batch takes no condition for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Batch has taken it.
    Sent,
    /// Others have changed the pool since it was seen, so it was not sent.
    Overtaken,
}

/// The pool at one time, as the account's watch shows it.
#[derive(Debug)]
pub(super) struct Seen {
    /// The pool, if it is there: the fields that the list of pools carries.
    pub(super) pool: Option<Pool>,
    /// Its nodes by state; `None` when this identity may not read the counts.
    pub(super) counts: Option<StateCounts>,
}

/// What a plan of a return is for, and so how old the pool that it rests on may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is shown. Of many pools it rests on what was read for all of them.
    Show,
    /// A write comes next: each pool is read now. Jobs only make its text: the steps are decided by lists of their own.
    Write,
}

impl<'a> PoolAccess<'a> {
    pub(super) const fn new(watch: &'a AccountWatch<'a>, id: PoolId) -> Self {
        Self {
            watch,
            id,
            account: None,
            written: None,
            has_followed: false,
        }
    }

    /// The same with what ARM says of its account.
    pub(super) fn in_account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// The pool and its account, for commands about it.
    pub(super) fn at(&self) -> At<'_> {
        At {
            pool: &self.id,
            endpoint: self.watch.endpoint(),
            account: self.account.as_ref(),
        }
    }

    pub(super) const fn client(&self) -> &'a Client {
        self.watch.client()
    }

    pub(super) const fn watch(&self) -> &'a AccountWatch<'a> {
        self.watch
    }

    pub(super) const fn id(&self) -> &PoolId {
        &self.id
    }

    /// Reads the whole pool, if it is there: what a decision to write rests on.
    pub(super) async fn find(&self) -> Result<Option<Pool>> {
        let answer = self.client().find(&pool::get(self.watch.endpoint(), &self.id)).await?;
        Ok(answer.map(|answer| Pool::new(answer.value())))
    }

    /// The same for a plan, by which nothing is written.
    pub(super) async fn foreseen(&self) -> Result<Option<Pool>> {
        self.watch.foreseen(&self.id).await
    }

    /// What the account's watch shows of the pool, no older than our last write: for waits.
    pub(super) async fn look(&self) -> Result<Seen> {
        let look = self.watch.look(self.written).await?;
        Ok(Seen {
            pool: look.pool(&self.id).cloned(),
            counts: look.counts(&self.id),
        })
    }

    /// Lists the pool's nodes.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        let items = self.client().list(&node::list(self.watch.endpoint(), &self.id)).await?;
        Ok(items.iter().map(Node::new).collect())
    }

    /// The end of what the start task of a node wrote; nothing where that cannot be read.
    pub(super) async fn start_task_end(&self, node: &str) -> String {
        trial::start_task_end(self.client(), self.watch.endpoint(), &self.id, node).await
    }

    /// The jobs that run on the pool, for a plan.
    pub(super) async fn foreseen_jobs(&self) -> Result<Vec<Job>> {
        self.watch.foreseen_jobs(&self.id).await
    }

    /// Lists the jobs that run on the pool.
    pub(super) async fn jobs(&self) -> Result<Vec<Job>> {
        let items = self.client().list(&job::list(self.watch.endpoint(), &self.id)).await?;
        Ok(items.into_iter().map(Job::new).collect())
    }

    /// Creates the pool.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn create(&mut self, body: Value) -> Result<()> {
        let request = self.creation(body)?;
        let sent = self.write(request, None).await;
        if sent.is_ok() {
            self.client().run().progress.tell(Event::Created {
                id: format!("pool {}", self.id),
            });
        }
        sent.map_err(|error| match error.kind() {
            ErrorKind::Quota if error.has_code("PoolQuotaReached") => {
                error.with_hint("delete a pool that is not used, or ask for a higher pool quota")
            }
            _ => error,
        })
    }

    /// The request that creates the pool: on the data plane, unless only the resource manager can make such a pool.
    fn creation(&self, body: Value) -> Result<Request> {
        if !resource::is_needed_for(&body) {
            return Ok(pool::create(self.watch.endpoint(), &self.id, body));
        }
        let Some(account) = &self.account else {
            let text = format!(
                "pool {} has an identity or tags, and its account is not known by its resource id",
                self.id
            );
            return Err(Error::plain(ErrorKind::BadInput, text).with_hint(words!["give the resource id in ", ACCOUNT]));
        };
        Ok(resource::create(&account.id, &self.id, &body))
    }

    /// Resizes the pool, unless it has changed since it was seen so.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn resize(&mut self, order: &Resize, seen: &Pool) -> Result<()> {
        let request = pool::resize(self.watch.endpoint(), &self.id, order, seen.etag.as_deref());
        self.write(request, seen.modified).await
    }

    /// Changes settings of the pool, unless it has changed since it was seen so.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn change(&mut self, body: Value, seen: &Pool) -> Result<()> {
        let request = pool::patch(self.watch.endpoint(), &self.id, body, seen.etag.as_deref());
        self.write(request, seen.modified).await
    }

    /// What the resource manager says of the pool; nothing when the account is not known by its resource id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn described(&self) -> Result<Option<Described>> {
        let Some(account) = &self.account else {
            return Ok(None);
        };
        let answer = self.client().find(&resource::get(&account.id, &self.id)).await?;
        Ok(answer.map(|answer| Described::new(answer.value())))
    }

    /// Gives the pool these tags, unless it has changed since it was seen so.
    ///
    /// # Errors
    /// When Azure refuses it, its effect is not known, or the run ends.
    pub(super) async fn retag(&mut self, tags: Map<String, Value>, seen: &Described) -> Result<()> {
        let Some(account) = &self.account else {
            return Ok(());
        };
        let request = resource::tag(&account.id, &self.id, tags, seen);
        self.write(request, seen.modified()).await
    }

    /// Replaces all settings that can be changed at any time. Batch takes no condition here.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn replace_live(&mut self, body: Value, seen: &Pool) -> Result<Sending> {
        let request = pool::replace_live(self.watch.endpoint(), &self.id, body);
        self.write_to(request, seen).await
    }

    /// Deletes the pool, unless it has changed since it was seen so.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn delete(&mut self, seen: &Pool) -> Result<()> {
        let request = pool::delete(self.watch.endpoint(), &self.id, seen.etag.as_deref());
        self.write(request, seen.modified).await
    }

    /// Stops the resize that is under way. Batch takes no condition here.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn stop_resize(&mut self, seen: &Pool) -> Result<Sending> {
        let request = pool::stop_resize(self.watch.endpoint(), &self.id);
        self.write_to(request, seen).await
    }

    /// Removes nodes, unless the pool has changed since it was seen so.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn remove_nodes(&mut self, nodes: &[String], seen: &Pool) -> Result<()> {
        let request = node::remove(self.watch.endpoint(), &self.id, nodes, seen.etag.as_deref());
        self.write(request, seen.modified).await
    }

    /// Reboots a node. The time between two writes is the pool's, not that of its nodes.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn reboot(&mut self, node: &str) -> Result<()> {
        let sent = self
            .client()
            .send(&node::reboot(self.watch.endpoint(), &self.id, node))
            .await;
        self.written = Some(Instant::now());
        sent.map(drop)
    }

    /// Lets Batch write the logs of its agent on a node, those of `since` and later. The pool is not written to.
    ///
    /// # Errors
    /// When Batch refuses it, or the run ends.
    pub(super) async fn upload_logs(&self, node: &str, logs: &NodeLogs, since: Timestamp) -> Result<Uploaded> {
        let request = node::upload_logs((self.watch.endpoint(), &self.id), node, logs, since);
        let answer = self.client().send(&request).await?;
        Ok(Uploaded::new(&answer.value()))
    }

    /// What a formula would come to now, in a pool that follows one. It changes nothing.
    ///
    /// # Errors
    /// When Batch refuses it, or the run ends.
    pub(super) async fn evaluate(&self, scale: &Autoscale) -> Result<Option<Evaluation>> {
        let request = autoscale::evaluate(self.watch.endpoint(), &self.id, &scale.formula);
        let answer = self.client().send(&request).await?;
        Ok(Evaluation::read(&answer.value()))
    }

    /// Lets a formula decide the pool's size, unless the pool has changed since it was seen so.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn follow(&mut self, scale: &Autoscale, seen: &Pool) -> Result<()> {
        // Only with an interval does Batch evaluate the formula at once; without one it waits for the next time.
        let own = autoscale::of(seen).and_then(|found| found.minutes);
        let scale = Autoscale {
            minutes: scale.minutes.or(own),
            ..scale.clone()
        };
        let request = autoscale::enable(self.watch.endpoint(), &self.id, &scale, seen.etag.as_deref());
        self.has_followed = true;
        self.write(request, seen.modified).await
    }

    /// Takes the formula from the pool. Batch takes no condition here.
    ///
    /// # Errors
    /// When Batch refuses it, its effect is not known, or the run ends.
    pub(super) async fn unfollow(&mut self, seen: &Pool) -> Result<Sending> {
        let request = autoscale::disable(self.watch.endpoint(), &self.id);
        self.write_to(request, seen).await
    }

    /// Whether this run has given the pool a formula.
    pub(super) const fn has_followed(&self) -> bool {
        self.has_followed
    }

    /// The pause between two looks of a wait that began then.
    pub(super) async fn pause(&self, began: Instant, waiting_for: &str) -> Result<()> {
        // No jitter: pools that pause alike share the looks of their account's watch.
        let (length, run) = (Pace::COPY.pause(began.elapsed(), None, 0.5), self.client().run());
        run.pause(self.watch.pause(length, run.elapsed()), waiting_for).await
    }

    /// Sends a write for which Batch takes no condition, to the pool as it was seen: it is read again right before, since
    /// the pause until Batch takes another write gives others half a minute.
    async fn write_to(&mut self, request: Request, seen: &Pool) -> Result<Sending> {
        self.pause_before_write(seen.modified).await?;
        let now = self.find().await?;
        if now.as_ref().is_none_or(|now| now.etag != seen.etag) {
            return Ok(Sending::Overtaken);
        }
        self.send_once(request).await.map(|()| Sending::Sent)
    }

    /// Sends a write once, at the earliest when Batch takes another one.
    async fn write(&mut self, request: Request, modified: Option<Timestamp>) -> Result<()> {
        self.pause_before_write(modified).await?;
        self.send_once(request).await
    }

    async fn send_once(&mut self, request: Request) -> Result<()> {
        self.written = Some(Instant::now());
        self.client().send(&request).await.map(drop)
    }

    /// Waits until Batch takes another write: after our last, and after that of another client, which the pool shows.
    async fn pause_before_write(&self, modified: Option<Timestamp>) -> Result<()> {
        let ours = self.written.map(|written| written.elapsed());
        let others =
            modified.map(|at| Duration::try_from(self.client().run().now().duration_since(at)).unwrap_or_default());
        let since = ours.into_iter().chain(others).min().unwrap_or(BETWEEN_WRITES);
        let left = BETWEEN_WRITES.saturating_sub(since);
        match left.is_zero() {
            true => Ok(()),
            false => self.client().run().pause(left, "Batch to take another write").await,
        }
    }
}

impl Purpose {
    /// The pool, if it is there.
    pub(super) async fn find(self, access: &PoolAccess<'_>) -> Result<Option<Pool>> {
        match self {
            Self::Show => access.foreseen().await,
            Self::Write => access.find().await,
        }
    }
}
