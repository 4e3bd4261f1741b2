//! Changes a pool in place, and brings it back: its jobs are held, it is emptied, changed, filled, and its jobs go on.
//!
//! One loop: look at the pool, its record and its jobs; let `next` say what comes next; do that one thing; look again. A
//! refused or lost write is just another look. It can be killed anywhere: the record in the pool's metadata says where
//! the next run goes on.

pub(super) mod begin;
pub(super) mod next;
pub(super) mod steps;
mod told;

use std::time::Duration;

use tokio::time::Instant;

use super::{
    PoolAction, RolloutReport,
    attempts::Attempts,
    checkpoint::{Checkpoints, Place, Point},
    decide::{self, Intent, LAG, Refusal},
    explain::{self, refused},
    filling::Filling,
    former, jobs,
    pool::PoolAccess,
    record::{Back, CANCELLED, Phase, Record, Remembered, reason},
    report::BackOn,
    spec::{Spec, Wanted, back_body, recorded, unusable},
    strays::{Stray, Strays},
    verdict::{Goal, speaks_against_image},
};
use crate::{
    batch::{
        job::{self, Job},
        pool::{Deallocation, Pool, PoolLife, Resize, Scaling},
    },
    error::{Error, Result},
    gate::Checkpoint,
    ids::NodeCounts,
    judgement::{self, Against, Before},
    request::Request,
    settings::{Gates, Judge, Judging, OnBad, RunningTasks},
};
use begin::{Begun, forward};
use next::{Deed, Filled, Seen};
use told::{returned, too_large, too_long};

/// How long Batch tries to empty the pool before it has to be asked again; no maximum is documented. Tasks that run
/// longer only cost another request.
const EMPTYING: Duration = Duration::from_secs(3600);

/// What helps when the pool cannot get its former image.
const ANOTHER_VERSION: &str = "if the image itself is bad, roll out another version with {strategy=in-place}: that roll-out goes on from \
                               here";

/// How a change is made.
#[derive(Clone, Debug)]
pub(super) struct Way<'s> {
    /// What the pool shall be; none when it goes back by a request of its own.
    pub(super) intent: Option<&'s Intent>,
    /// How a pool is made whose first nodes try the image; none for one that is there.
    pub(super) make: Option<&'s Record>,
    /// What happens to the tasks that run.
    pub(super) running_tasks: RunningTasks,
    /// What happens when the image is bad.
    pub(super) on_failure: OnBad,
    /// How the pool is filled.
    pub(super) filling: Filling<'s>,
    /// How the new nodes are judged by their tasks.
    pub(super) judging: &'s Judging,
    /// What is asked outside.
    pub(super) gates: &'s Gates,
}

/// A change in place that is being made.
#[derive(Debug)]
pub(super) struct Replacing<'run, 'account> {
    access: &'run mut PoolAccess<'account>,
    way: Way<'run>,
    report: &'run mut RolloutReport,
    attempts: Attempts<'run>,
    checkpoints: Checkpoints<'run>,
    filled: Filled,
    strays: Strays,
    /// The targets that were seen last of a pool that is to be emptied.
    left: Option<NodeCounts>,
    /// When this run has made the pool.
    made: Option<Instant>,
    /// Why the new image was found bad.
    bad: Option<Error>,
    /// The change that this run has begun or goes on with.
    change: Option<String>,
}

/// What is said when the new image is bad.
struct Said {
    bad: &'static str,
    kept: &'static str,
}

impl<'run, 'account: 'run> Replacing<'run, 'account> {
    /// Nothing is done yet.
    pub(super) fn new(access: &'run mut PoolAccess<'account>, way: Way<'run>, report: &'run mut RolloutReport) -> Self {
        let attempts = Attempts::new(access.client(), way.filling.doing);
        let checkpoints = Checkpoints::new(access.client(), (way.judging, way.gates));
        Self {
            access,
            way,
            report,
            attempts,
            checkpoints,
            filled: Filled::NotYet,
            strays: Strays::default(),
            left: None,
            made: None,
            bad: None,
            change: None,
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
            if let Some(bad) = self.bad.as_ref().filter(|_| record.phase == Phase::Forward) {
                let back = record.back(bad);
                self.write_record(&pool, &back).await?;
                continue;
            }
            let mut jobs = self.access.jobs().await?;
            let place = (self.access.client(), self.access.watch().endpoint());
            if let Some(stray) = self.strays.find(place, &mut jobs, &[self.access.id()]).await? {
                self.let_go(stray).await?;
                continue;
            }
            let seen = Seen {
                pool: &pool,
                record: &record,
                jobs: &jobs,
                filled: self.filled,
                left: self.left,
            };
            self.left = seen.targets_left();
            match next::next(seen, self.way.running_tasks) {
                Deed::Ended => return self.ended(&record),
                Deed::Refuse(refusal) => return Err(refused(self.access.at(), refusal)),
                Deed::Fill => self.fill(&pool, &record, &jobs).await?,
                Deed::Check => self.check(&record).await?,
                deed => self.carry_out(deed, &pool, &record).await?,
            }
        }
    }

    async fn carry_out(&mut self, deed: Deed, pool: &Pool, record: &Record) -> Result<()> {
        let (endpoint, client) = (self.access.watch().endpoint(), self.access.client());
        match deed {
            Deed::Mark(job) => {
                let held = (self.access.id(), record.id.as_str());
                self.send(jobs::mark(endpoint, &job, Some(held))).await
            }
            Deed::Unmark(job) => self.send(jobs::mark(endpoint, &job, None)).await,
            Deed::Disable(id) => {
                client.note(format!("disabling job {id}"));
                self.send(jobs::disable(endpoint, &id, self.way.running_tasks)).await
            }
            Deed::Enable(id) => {
                client.note(format!("enabling job {id}"));
                self.send(job::enable(endpoint, &id)).await
            }
            Deed::AwaitJobs(count) => self.wait("jobs and their running tasks", count).await,
            Deed::AwaitSteady => self.wait("the pool to be empty", count_of(pool.current)).await,
            Deed::Unfollow => self.unfollow(pool).await,
            Deed::Empty => self.empty(pool).await,
            Deed::Swap => self.swap(pool, record).await,
            Deed::Forget(id) => self.send(job::delete(endpoint, &id)).await,
            Deed::Finish => self.finish(pool, record).await,
            // These need more than a write, and `reach` has them.
            Deed::Fill | Deed::Check | Deed::Ended | Deed::Refuse(_) => Ok(()),
        }
    }

    async fn send(&mut self, request: Request) -> Result<()> {
        self.attempts.send(self.access, request).await
    }

    async fn let_go(&mut self, stray: Stray) -> Result<()> {
        match stray {
            Stray::Send(request) => self.send(*request).await,
            Stray::Wait => self.wait("jobs and their running tasks", 1).await,
        }
    }

    async fn wait(&mut self, what: &'static str, count: usize) -> Result<()> {
        self.attempts.wait(self.access, what, count).await
    }

    /// Writes the record, unless a change is under way that this run goes on with. `false` when there is nothing to do.
    async fn begin(&mut self) -> Result<bool> {
        loop {
            let pool = self.access.find().await?;
            let pool = match (pool, self.way.make) {
                (None, Some(record)) => {
                    self.make_once(record).await?;
                    continue;
                }
                (Some(pool), Some(_)) if pool.life == PoolLife::Deleting && self.made.is_none() => {
                    self.wait("the old pool's deletion", count_of(pool.current)).await?;
                    continue;
                }
                (pool, _) => pool.ok_or_else(|| refused(self.access.at(), decide::deleted()))?,
            };
            let begun = self.begun(&pool).await?;
            let record = match begun.map_err(|refusal| refused(self.access.at(), refusal))? {
                None => {
                    // A pool that was tried gets its size next, and that says what was done.
                    if self.way.make.is_none() {
                        self.note_action(PoolAction::Unchanged);
                    }
                    return Ok(false);
                }
                Some(Begun::Already(record)) => {
                    self.change = Some(record.id.clone());
                    self.note_resumed(&record);
                    return Ok(true);
                }
                Some(Begun::New(record)) => self.with_before(record).await?,
            };
            if self.write_record(&pool, &record).await? {
                self.change = Some(record.id.clone());
                self.note_begun(&record);
                return Ok(true);
            }
        }
    }

    /// Notes what the pool's nodes have done before it is emptied, when the new ones are judged.
    async fn with_before(&self, mut record: Record) -> Result<Record> {
        let is_judged = self.way.judging.judge != Judge::No && record.phase == Phase::Forward && !record.is_made();
        if is_judged {
            let (client, endpoint) = (self.access.client(), self.access.watch().endpoint());
            record.before = Some(judgement::done_by(client, endpoint, self.access.id()).await?);
        }
        Ok(record)
    }

    /// Creates the pool, unless this run has. One that it has made may not be shown yet, and then was deleted.
    async fn make_once(&mut self, record: &Record) -> Result<()> {
        match self.made.map(|made| made.elapsed()) {
            None => self.make(record).await,
            Some(passed) if passed < LAG => self.wait("the new pool to be there", count_of(record.size)).await,
            Some(_) => Err(refused(self.access.at(), decide::deleted())),
        }
    }

    /// Creates the pool with its first nodes and its record.
    async fn make(&mut self, record: &Record) -> Result<()> {
        let (Some((intent, spec)), Some(items)) = (self.asked(), record.items()) else {
            return Err(too_long());
        };
        let body = spec.trial_body(record.size, intent.first_timeout(), &items);
        let body = body.map_err(|faults| unusable(self.access.id(), &faults))?;
        let sent = self.access.create(body).await;
        if self.attempts.after(self.access, sent).await? {
            self.report.action = PoolAction::Created;
            self.made = Some(Instant::now());
        }
        Ok(())
    }

    async fn begun(&self, pool: &Pool) -> Result<Result<Option<Begun>, Refusal>> {
        Ok(match (self.asked(), self.way.make) {
            (Some(_), Some(record)) => begin::trial(record, pool),
            (Some(asked), None) => {
                let (client, endpoint) = (self.access.client(), self.access.watch().endpoint());
                let way_back = former::of_pool(client, endpoint, pool).await?;
                let now = client.run().now();
                forward(asked, (pool, way_back), self.way.filling.canary, now).map(Some)
            }
            (None, _) => begin::back(pool),
        })
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
            Remembered::Change(record) if self.is_taken_over(&record) => {
                Err(refused(self.access.at(), begin::taken_over(&record)))
            }
            Remembered::Change(record) => Ok((pool, *record)),
            Remembered::Nothing | Remembered::Unreadable => {
                let why = "has lost its record of this change meanwhile".to_owned();
                let remedy = "look at the pool's metadata and jobs: jobs with the metadata item azure-batch-held were disabled by this change";
                Err(refused(self.access.at(), Refusal { why, remedy }))
            }
        }
    }

    /// Whether another roll-out goes on with the pool; a return of its own never goes forward.
    fn is_taken_over(&self, record: &Record) -> bool {
        let is_other = self.change.as_ref().is_some_and(|id| *id != record.id);
        is_other || (self.way.intent.is_none() && record.phase == Phase::Forward)
    }

    async fn unfollow(&mut self, pool: &Pool) -> Result<()> {
        self.access
            .client()
            .note("taking the autoscale formula from the pool; it is remembered in the pool's metadata");
        let sent = self.access.unfollow(pool).await.map(drop);
        self.attempts.after(self.access, sent).await.map(drop)
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
        self.attempts.after(self.access, sent).await.map(drop)
    }

    async fn swap(&mut self, pool: &Pool, record: &Record) -> Result<()> {
        let Some(items) = record.after_swap().items() else {
            return Err(too_long());
        };
        let spec = self.asked().map(|(_, spec)| spec);
        let body = match (record.phase, spec) {
            (Phase::Forward, Some(spec)) => {
                let difference = spec.compare(pool);
                if let Some(body) = spec.without_start_task(pool, &difference) {
                    let sent = self.access.replace_live(body, pool).await.map(drop);
                    return self.attempts.after(self.access, sent).await.map(drop);
                }
                spec.swap_body(pool, &difference, &items)
            }
            _ => back_body(pool, record, spec, &items),
        };
        let sent = self.access.change(body, pool).await;
        if self.attempts.after(self.access, sent).await? {
            self.filled = Filled::NotYet;
        }
        Ok(())
    }

    /// Brings the pool to its size, after some nodes have tried the image. What speaks against the image is remembered,
    /// and the next look begins the return.
    async fn fill(&mut self, pool: &Pool, record: &Record, jobs: &[Job]) -> Result<()> {
        let filled = match (record.phase, self.asked()) {
            (Phase::Forward, Some((intent, _))) => self.fill_forward(intent, (pool, jobs), record).await,
            _ => {
                let spec = Wanted::former(self.access.id(), record);
                let intent = Intent::to_former(spec, record, self.way.filling.readiness);
                self.way.filling.grow(self.access, &intent, self.report).await
            }
        };
        match filled {
            Ok(()) => {
                self.filled = if self.checkpoints.judge_anything() {
                    Filled::Yes
                } else {
                    Filled::Checked
                };
                Ok(())
            }
            Err(error) if record.phase == Phase::Forward && speaks_against_image(error.kind()) => {
                self.found_bad(error, record, Said::of(record)).await
            }
            Err(error) => Err(self.while_returning(error, record)),
        }
    }

    /// Remembers what speaks against the image, and the next look begins the return; or ends the run.
    async fn found_bad(&mut self, error: Error, record: &Record, said: Said) -> Result<()> {
        let (client, endpoint) = (self.access.client(), self.access.watch().endpoint());
        let way_back = match record.is_made() {
            true => Back::Possible,
            false => former::of_image(client, endpoint, record.former_image()).await?,
        };
        // A return that cannot end would leave the pool without nodes and its jobs disabled.
        if self.way.on_failure == OnBad::Keep || way_back != Back::Possible {
            return Err(explain::kept(
                self.access.at(),
                error,
                (said.kept, way_back, ANOTHER_VERSION),
            ));
        }
        self.access.client().warn(format!("{}: {error}", said.bad));
        self.bad = Some(error);
        Ok(())
    }

    /// An error on the way back, with what the return began for.
    fn while_returning(&self, error: Error, record: &Record) -> Error {
        let why = self.bad.as_ref().map(reason).or_else(|| record.why.clone());
        match why.filter(|why| record.phase == Phase::Back && why != CANCELLED) {
            Some(why) => error.with_fact(format!("the pool goes back because the new image was found bad: {why}")),
            None => error,
        }
    }

    /// Asks whether the change is good, once the jobs run again: there are no former nodes any more, so what the pool had
    /// done before is what there is to compare with.
    async fn check(&mut self, record: &Record) -> Result<()> {
        let pool = self.access.id().clone();
        let before = record.before.map(|tasks| Before {
            pool: pool.clone(),
            tasks,
            until: record.since,
        });
        let point = Point {
            against: before.map(Against::Before),
            pool: &pool,
            nodes: record.size,
            of: record.size,
        };
        match self.checkpoints.ask(self.access, point, self.report).await? {
            Some(bad) => self.found_bad(bad, record, Said::WORKING).await,
            None => {
                self.filled = Filled::Checked;
                Ok(())
            }
        }
    }

    async fn fill_forward(&mut self, intent: &Intent, seen: (&Pool, &[Job]), record: &Record) -> Result<()> {
        let (filling, canary) = (self.way.filling, record.canary_nodes());
        let is_grown = match intent.follows {
            Some(_) => seen.0.scaling == Scaling::Auto,
            None => seen.0.targets == record.size,
        };
        if canary.total() > 0 && (!is_grown || record.is_made()) {
            let first = intent.filling(Goal::all(canary), record).without_formula();
            filling.try_image(self.access, seen, &first, self.report).await?;
            self.pass_gates(Checkpoint::Canary, intent, record).await?;
        }
        if record.is_made() {
            return Ok(());
        }
        let whole = intent.filling(intent.goal, record);
        filling.grow(self.access, &whole, self.report).await?;
        self.pass_gates(Checkpoint::Jobs, intent, record).await
    }

    async fn pass_gates(&mut self, checkpoint: Checkpoint, intent: &Intent, record: &Record) -> Result<()> {
        let (first, of) = (record.canary_nodes(), intent.goal.targets);
        let (has_first, is_first) = (first.total() > 0, checkpoint == Checkpoint::Canary);
        // A pool that is made is asked about its first nodes only.
        let steps = usize::from(has_first) + usize::from(!record.is_made());
        let place = Place {
            checkpoint,
            step: (if is_first { 1 } else { steps }, steps),
            pool: self.access.id(),
            former: None,
            version: &record.to,
            nodes: (if is_first { first } else { of }, of),
        };
        self.checkpoints.pass_gates(self.access, place, self.report).await
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
            (Phase::Returned, Some(_)) => {
                let former = record.former_image().filter(|_| !record.is_made());
                self.report.back_on = Some(BackOn {
                    image: former.map(str::to_owned),
                });
                if !record.is_made() {
                    self.report.action = PoolAction::Returned;
                }
                let error = returned(self.access, record, self.bad);
                Err(match self.report.replicas_left() {
                    Some(left) => error.with_kept(left),
                    None => error,
                })
            }
            _ => Ok(()),
        }
    }

    async fn write_record(&mut self, pool: &Pool, record: &Record) -> Result<bool> {
        let Some(items) = record.items() else {
            return Err(too_long());
        };
        let sent = self.access.change(recorded(pool, &items), pool).await;
        let sent = sent.map_err(|error| too_large(error, record));
        self.attempts.after(self.access, sent).await
    }

    fn note_resumed(&mut self, record: &Record) {
        let way = match (record.is_made(), record.phase) {
            (true, Phase::Back) => "of a new pool back to 0 nodes",
            (true, _) => "of a new pool, whose first nodes try the image,",
            (false, Phase::Back) => "back to what the pool was",
            (false, _) => "in place",
        };
        // What this run has just made is no news.
        if self.report.action != PoolAction::Created {
            let text = format!("going on with a change {way} that began {}", record.since);
            self.access.client().note(text);
        }
        self.note_begun(record);
    }

    fn note_begun(&mut self, record: &Record) {
        match (record.phase, record.is_made()) {
            (Phase::Forward | Phase::Done, true) if self.report.action == PoolAction::Created => {}
            (Phase::Forward | Phase::Done, true) => self.note_action(PoolAction::Resized),
            (Phase::Forward | Phase::Done, false) => self.note_action(PoolAction::Replaced),
            (Phase::Back | Phase::Returned, _) => self.note_action(PoolAction::Returned),
        }
    }

    fn note_action(&mut self, action: PoolAction) {
        self.report.action = action;
    }
}

impl Said {
    /// Of a pool whose jobs run again.
    const WORKING: Self = Self {
        bad: "the new image is bad, so the pool goes back",
        kept: "its jobs run on the new image",
    };

    const fn of(record: &Record) -> Self {
        if record.is_made() {
            Self {
                bad: "the image is bad, so the new pool gets 0 nodes",
                kept: "its nodes are billed until it is deleted or has 0 nodes",
            }
        } else {
            Self {
                bad: "the new image is bad, so the pool goes back",
                kept: "its nodes run the new image and are billed, and its jobs are disabled",
            }
        }
    }
}

fn count_of(nodes: NodeCounts) -> usize {
    usize::try_from(nodes.total()).unwrap_or(usize::MAX)
}
