//! Changes a pool in place, and brings it back: its jobs are held, it is emptied, changed, filled, and its jobs go on.
//!
//! One loop: look at the pool, its record and its jobs; let `next` say what comes next; do that one thing; look again. A
//! refused or lost write is just another look. It can be killed anywhere: the record in the pool's metadata says where
//! the next run goes on.

mod begin;
mod canary;
pub(super) mod next;
pub(super) mod steps;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

pub use canary::CanaryTask;

use super::{
    PoolAction, RolloutReport,
    decide::{self, Intent, Refusal},
    explain::{self, refused},
    pool::PoolAccess,
    ready,
    record::{Phase, Record, Remembered},
    size::{OVERTAKEN, Sizing},
    spec::{Spec, Wanted, back_body, recorded},
    verdict::{Goal, Verdict, Waited},
};
use crate::{
    batch::{
        job::{self, DisableTasks, Job},
        pool::{Deallocation, Pool, Resize},
    },
    error::{Error, ErrorKind, Result},
    ids::NodeCounts,
    progress::Event,
    request::Request,
    settings::{Canary, OnBad, Readiness, RunningTasks},
    words::Words,
    write::Tries,
};
use begin::{Begun, forward};
use next::{Deed, Filled, HELD, Seen};

/// How long Batch tries to empty the pool before it has to be asked again; no maximum is documented. Tasks that run
/// longer only cost another request.
const EMPTYING: Duration = Duration::from_secs(3600);

/// What Batch answers of a job that came to its end meanwhile: the next look does not show it any more.
const JOB_IS_OVER: [&str; 4] = ["JobNotFound", "JobCompleted", "JobBeingDeleted", "JobBeingTerminated"];

/// So many writes that another client was faster with are followed by another look. After that they and we are at odds.
const MAX_OVERTAKEN: u32 = 20;

/// How a change is made.
#[derive(Clone, Debug)]
pub(super) struct Way<'s> {
    /// What the pool shall be; none when it goes back by a request of its own.
    pub(super) intent: Option<&'s Intent>,
    /// What happens to the tasks that run.
    pub(super) running_tasks: RunningTasks,
    /// How the image is tried first.
    pub(super) canary: &'s Canary,
    /// What happens when it is bad.
    pub(super) on_failure: OnBad,
    /// When the nodes are good.
    pub(super) readiness: Readiness,
    /// How many resize rounds there may be.
    pub(super) rounds: u32,
}

/// A change in place that is being made.
#[derive(Debug)]
pub(super) struct Replacing<'run, 'account> {
    access: &'run mut PoolAccess<'account>,
    way: Way<'run>,
    report: &'run mut RolloutReport,
    doing: &'run str,
    tries: Tries<'run>,
    overtaken: u32,
    filled: Filled,
    /// Why the new image was found bad.
    bad: Option<Error>,
    wait: Option<(&'static str, Instant)>,
}

impl<'run, 'account: 'run> Replacing<'run, 'account> {
    /// Nothing is done yet; `doing` completes "cannot".
    pub(super) fn new(
        access: &'run mut PoolAccess<'account>,
        way: Way<'run>,
        doing: &'run str,
        report: &'run mut RolloutReport,
    ) -> Self {
        let tries = Tries::new(access.client(), doing);
        Self {
            access,
            way,
            report,
            doing,
            tries,
            overtaken: 0,
            filled: Filled::NotYet,
            bad: None,
            wait: None,
        }
    }

    /// Goes on until the pool is what it shall be, or again what it was.
    ///
    /// # Errors
    /// `Returned` when the new image was found bad and the pool is what it was; when others change the pool meanwhile,
    /// Batch refuses, or the run ends.
    pub(super) async fn reach(mut self) -> Result<()> {
        if !self.begin().await? {
            return Ok(());
        }
        loop {
            let (pool, record) = self.look().await?;
            if self.bad.is_some() && record.phase == Phase::Forward {
                self.write_record(&pool, &record.at(Phase::Back)).await?;
                continue;
            }
            let jobs = self.access.jobs().await?;
            let seen = Seen {
                pool: &pool,
                record: &record,
                jobs: &jobs,
                filled: self.filled,
            };
            match next::next(seen, self.way.running_tasks) {
                Deed::Ended => return self.ended(&record),
                Deed::Refuse(refusal) => return Err(refused(self.access.at(), refusal)),
                Deed::Fill => self.fill(&pool, &record, &jobs).await?,
                deed => self.carry_out(deed, &pool, &record).await?,
            }
        }
    }

    async fn carry_out(&mut self, deed: Deed, pool: &Pool, record: &Record) -> Result<()> {
        match deed {
            Deed::Mark(job) => self.mark(&job, Some(record)).await,
            Deed::Unmark(job) => self.mark(&job, None).await,
            Deed::Disable(id) => self.disable(&id).await,
            Deed::Enable(id) => self.enable(&id).await,
            Deed::AwaitJobs(count) => self.wait("jobs and their running tasks", count).await,
            Deed::AwaitSteady => self.wait("the pool to be empty", count_of(pool.current)).await,
            Deed::Empty => self.empty(pool).await,
            Deed::Swap => self.swap(pool, record).await,
            Deed::Forget(id) => self.send(job::delete(self.access.watch().endpoint(), &id)).await,
            Deed::Finish => self.finish(pool, record).await,
            // These need more than a write, and `reach` has them.
            Deed::Fill | Deed::Ended | Deed::Refuse(_) => Ok(()),
        }
    }

    /// Writes the record, unless a change is under way that this run goes on with. `false` when there is nothing to do.
    async fn begin(&mut self) -> Result<bool> {
        loop {
            let pool = self.find().await?;
            let begun = self
                .begun(&pool)
                .map_err(|refusal| refused(self.access.at(), refusal))?;
            let record = match begun {
                None => {
                    self.note_action(PoolAction::Unchanged);
                    return Ok(false);
                }
                Some(Begun::Already(record)) => {
                    let way = if record.phase == Phase::Back {
                        "back to what the pool was"
                    } else {
                        "in place"
                    };
                    let text = format!("going on with a change {way} that began {}", record.since);
                    self.access.client().note(text);
                    self.note_begun(record.phase);
                    return Ok(true);
                }
                Some(Begun::New(record)) => record,
            };
            if self.write_record(&pool, &record).await? {
                self.note_begun(record.phase);
                return Ok(true);
            }
        }
    }

    fn begun(&self, pool: &Pool) -> Result<Option<Begun>, Refusal> {
        match self.asked() {
            Some(asked) => forward(asked, pool, self.way.canary, self.access.client().run().now()).map(Some),
            None => begin::back(pool),
        }
    }

    fn asked(&self) -> Option<(&'run Intent, &'run Spec)> {
        let intent = self.way.intent?;
        Some((intent, intent.spec.asked()?))
    }

    async fn find(&self) -> Result<Pool> {
        let pool = self.access.find().await?;
        pool.ok_or_else(|| refused(self.access.at(), decide::deleted()))
    }

    async fn look(&self) -> Result<(Pool, Record)> {
        let pool = self.find().await?;
        match Record::of(&pool) {
            Remembered::Change(record) => Ok((pool, *record)),
            Remembered::Nothing | Remembered::Unreadable => {
                let why = "has lost its record of this change meanwhile".to_owned();
                let remedy = "look at the pool's metadata and jobs: jobs with the metadata item azure-batch-held were disabled by this change";
                Err(refused(self.access.at(), Refusal { why, remedy }))
            }
        }
    }

    async fn mark(&mut self, job: &Job, held_by: Option<&Record>) -> Result<()> {
        let text = held_by.map(|record| json!({"v": 1, "pool": self.access.id(), "rollout": record.id}).to_string());
        let metadata = job.with_metadata(HELD, text.as_deref());
        self.send(job::set_metadata(self.access.watch().endpoint(), job, metadata))
            .await
    }

    async fn disable(&mut self, id: &str) -> Result<()> {
        let tasks = match self.way.running_tasks {
            RunningTasks::Wait | RunningTasks::TaskCompletion => DisableTasks::Wait,
            RunningTasks::Requeue => DisableTasks::Requeue,
            RunningTasks::Terminate => DisableTasks::Terminate,
        };
        self.access.client().note(format!("disabling job {id}"));
        self.send(job::disable(self.access.watch().endpoint(), id, tasks)).await
    }

    async fn enable(&mut self, id: &str) -> Result<()> {
        self.access.client().note(format!("enabling job {id}"));
        self.send(job::enable(self.access.watch().endpoint(), id)).await
    }

    async fn empty(&mut self, pool: &Pool) -> Result<()> {
        if pool.targets.total() == 0 {
            let text = format!(
                "{} nodes still run tasks: asking again for 0 nodes",
                pool.current.total()
            );
            self.access.client().note(text);
        }
        let order = Resize {
            targets: NodeCounts::default(),
            timeout: EMPTYING,
            deallocation: Deallocation::TaskCompletion,
        };
        let sent = self.access.resize(&order, pool).await;
        self.after(sent).await.map(drop)
    }

    async fn swap(&mut self, pool: &Pool, record: &Record) -> Result<()> {
        let Some(text) = record.after_swap().text() else {
            return Err(too_long());
        };
        let spec = self.asked().map(|(_, spec)| spec);
        let body = match (record.phase, spec) {
            (Phase::Forward, Some(spec)) => spec.swap_body(pool, &spec.compare(pool), &text),
            _ => back_body(pool, record, spec, &text),
        };
        let sent = self.access.change(body, pool).await;
        if self.after(sent).await? {
            self.filled = Filled::NotYet;
        }
        Ok(())
    }

    /// Brings the pool to its size, after some nodes have tried the image. What speaks against the image is remembered,
    /// and the next look begins the return.
    async fn fill(&mut self, pool: &Pool, record: &Record, jobs: &[Job]) -> Result<()> {
        let filled = match (record.phase, self.asked()) {
            (Phase::Forward, Some((intent, _))) => {
                let (canary, goal) = (record.canary_nodes(), intent.goal);
                let tried = if canary.total() > 0 && pool.targets != record.size {
                    self.try_image(pool, &intent.filling(Goal::all(canary), record), jobs)
                        .await
                } else {
                    Ok(())
                };
                match tried {
                    Ok(()) => self.grow(&intent.filling(goal, record)).await,
                    bad => bad,
                }
            }
            _ => {
                let spec = Wanted::former(self.access.id(), record);
                let intent = Intent::to_former(spec, record, self.way.readiness);
                self.grow(&intent).await
            }
        };
        match filled {
            Ok(()) => self.filled = Filled::Yes,
            Err(error) if record.phase == Phase::Forward && speaks_against_image(error.kind()) => {
                if self.way.on_failure == OnBad::Keep {
                    return Err(error.with_hint(Words::naming(
                        "the pool stays as it is, with its jobs disabled: look at its nodes, then run the same again, or go back with azure-batch-pool rollback",
                    )));
                }
                self.access
                    .client()
                    .warn(format!("the new image is bad, so the pool goes back: {error}"));
                self.bad = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn try_image(&mut self, pool: &Pool, intent: &Intent, jobs: &[Job]) -> Result<()> {
        for left in jobs.iter().filter(|job| next::is_trial(job)) {
            canary::remove(self.access, &left.id).await;
        }
        self.grow(intent).await?;
        let way = self.way.canary;
        if let Some(command) = &way.command {
            let longest = self.way.readiness.node_timeout;
            let tasks = canary::run(self.access, (pool, jobs), (command, intent), longest).await?;
            self.report.canary = tasks;
        }
        if !way.bake.is_zero() {
            let what = "for the first nodes to stay ready".to_owned();
            let run = self.access.client().run();
            run.progress.tell(Event::Waiting {
                what: what.clone(),
                seconds: way.bake.as_secs(),
            });
            run.pause(way.bake, &what).await?;
            self.grow(intent).await?;
        }
        Ok(())
    }

    async fn grow(&mut self, intent: &Intent) -> Result<()> {
        let sizing = Sizing::new(self.access, intent, self.way.rounds, self.doing, self.report);
        sizing.reach().await?;
        let waited: Waited = ready::wait(self.access, intent, self.way.readiness, self.report).await?;
        if waited.verdict == Verdict::Good {
            return Ok(());
        }
        let stillness = self.way.readiness.node_timeout;
        Err(explain::unready(self.access.at(), intent.goal, &waited, stillness))
    }

    async fn finish(&mut self, pool: &Pool, record: &Record) -> Result<()> {
        let end = if record.phase == Phase::Back {
            Phase::Returned
        } else {
            Phase::Done
        };
        self.write_record(pool, &record.at(end)).await.map(drop)
    }

    fn ended(self, record: &Record) -> Result<()> {
        match (record.phase, self.way.intent) {
            (Phase::Returned, Some(_)) => Err(returned(self.access, record, self.bad)),
            _ => Ok(()),
        }
    }

    async fn write_record(&mut self, pool: &Pool, record: &Record) -> Result<bool> {
        let Some(text) = record.text() else {
            return Err(too_long());
        };
        let sent = self.access.change(recorded(pool, &text), pool).await;
        self.after(sent).await
    }

    async fn send(&mut self, request: Request) -> Result<()> {
        let sent = self.access.client().send(&request).await.map(drop);
        self.after(sent).await.map(drop)
    }

    /// `true` when a write was accepted. Where it may have had an effect, or another client was faster, the next look
    /// shows which; any other failure ends the run.
    async fn after(&mut self, sent: Result<()>) -> Result<bool> {
        let Err(error) = sent else {
            self.tries = Tries::new(self.access.client(), self.doing);
            self.wait = None;
            return Ok(true);
        };
        let is_overtaken = OVERTAKEN.iter().chain(&JOB_IS_OVER).any(|code| error.has_code(code));
        if !is_overtaken {
            self.tries.after(error).await?;
        } else if self.overtaken >= MAX_OVERTAKEN {
            return Err(error);
        } else {
            self.overtaken += 1;
            self.access.pause(Instant::now(), self.doing).await?;
        }
        Ok(false)
    }

    async fn wait(&mut self, what: &'static str, count: usize) -> Result<()> {
        let began = match self.wait {
            Some((same, began)) if same == what => began,
            _ => {
                self.access.client().note(format!("waiting for {what} ({count})"));
                Instant::now()
            }
        };
        self.wait = Some((what, began));
        self.access.pause(began, what).await
    }

    fn note_begun(&mut self, phase: Phase) {
        self.note_action(match phase {
            Phase::Forward | Phase::Done => PoolAction::Replaced,
            Phase::Back | Phase::Returned => PoolAction::Returned,
        });
    }

    fn note_action(&mut self, action: PoolAction) {
        self.report.action = action;
    }
}

fn count_of(nodes: NodeCounts) -> usize {
    usize::try_from(nodes.total()).unwrap_or(usize::MAX)
}

/// What the image or the service did, as opposed to what happened to this run.
const fn speaks_against_image(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PartlyReached
            | ErrorKind::Azure
            | ErrorKind::Rejected
            | ErrorKind::Quota
            | ErrorKind::Policy
            | ErrorKind::Locked
    )
}

fn too_long() -> Error {
    Error::new(
        ErrorKind::Refused,
        "the record of this change does not fit into the pool's metadata",
    )
}

fn returned(access: &PoolAccess<'_>, record: &Record, bad: Option<Error>) -> Error {
    let former = record.former_image().map(explain::short_image);
    let text = format!(
        "the new image was found bad, and pool {} is on {} again",
        access.id(),
        former.as_deref().unwrap_or("its former image")
    );
    let error = Error::plain(ErrorKind::Returned, text)
        .with_next("correct the image, publish another version, and roll that one out", None);
    match bad {
        Some(bad) => error.because(bad),
        None => error.because("an earlier run of this roll-out had found the new image bad"),
    }
}
