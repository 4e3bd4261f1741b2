//! Moves the work of a pool to a second one with the new image, in as many steps as there is room for, and back.
//!
//! One loop: look at both pools, their jobs and the record; let `next` say what comes next; do that one thing; look
//! again. A refused or lost write is just another look. It can be killed anywhere: the record in the former pool's
//! metadata says where the next run goes on.

pub(super) mod begin;
mod ending;
pub(super) mod family;
pub(super) mod find;
pub(super) mod next;
pub(super) mod stages;
pub(super) mod steps;
mod surge;
pub(super) mod tidy;

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Map, Value};

use super::{
    PoolAction, RolloutReport,
    attempts::Attempts,
    checkpoint::{Checkpoints, Place, Point},
    decide::{self, Intent, Refusal},
    explain::{self, refused},
    filling::Filling,
    former, jobs,
    pair::{Kin, PairRecord, Shift},
    pool::PoolAccess,
    record::{Back, Phase},
    spec::{Wanted, related},
    strays::{Stray, Strays},
    tags::with_asked,
    verdict::{Goal, speaks_against_image},
};
use crate::{
    batch::{
        account::Account,
        job::{self, Job},
        pool::{Deallocation, Pool, PoolLife, Resize},
    },
    error::{Error, Result},
    gate::Checkpoint,
    ids::{NodeCounts, PoolId},
    judgement::{Against, Before},
    request::Request,
    settings::{BlueGreen, Gates, Judging, OnBad, RunningTasks, Targets},
};
use next::{Deed, Good, Seen, Side, Work, next};
use stages::Stage;

pub(super) use surge::Surge;

/// How long Batch tries to shrink a pool before it has to be asked again; no maximum is documented. Tasks that run longer
/// only cost another request.
const SHRINKING: Duration = Duration::from_secs(3600);

/// What helps when the former pool cannot get its nodes back.
const END_AS_IT_IS: &str = "to end this roll-out with the new image, run it again, without the check that said no if one did; then roll out \
                            another version";

/// How the work moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'s> {
    /// What the second pool shall be; none when the work goes back by a request of its own.
    pub(super) intent: Option<&'s Intent>,
    /// The record with which it begins.
    pub(super) record: &'s PairRecord,
    /// The tags of the former pool, which the second one gets too.
    pub(super) tags: Option<&'s Map<String, Value>>,
    /// What happens to the tasks that run.
    pub(super) running_tasks: RunningTasks,
    /// What happens when the image is bad.
    pub(super) on_failure: OnBad,
    /// How the pools are filled.
    pub(super) filling: Filling<'s>,
    /// Steps, pauses, and what becomes of the former pool.
    pub(super) blue_green: &'s BlueGreen,
    /// How the new nodes are judged by their tasks.
    pub(super) judging: &'s Judging,
    /// What is asked outside.
    pub(super) gates: &'s Gates,
}

/// The two pools.
#[derive(Debug)]
pub(super) struct Pools<'account> {
    /// The former one, which carries the record.
    pub(super) old: PoolAccess<'account>,
    /// The second one.
    pub(super) new: PoolAccess<'account>,
}

/// Work that is being moved.
#[derive(Debug)]
pub(super) struct Shifting<'run, 'account> {
    pools: &'run mut Pools<'account>,
    way: Way<'run>,
    report: &'run mut RolloutReport,
    attempts: Attempts<'run>,
    checkpoints: Checkpoints<'run>,
    good: Good,
    /// The jobs that had tasks waiting when the nodes of the step were ready.
    waiting: BTreeSet<String>,
    strays: Strays,
    /// Whether this run has seen the second pool.
    second: Second,
    /// Why the new image was found bad.
    bad: Option<Error>,
}

/// Whether a run has seen the second pool: then it is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    NotYet,
    Seen,
}

/// What one look shows.
struct Look {
    old: Pool,
    new: Option<Pool>,
    record: PairRecord,
    shift: Shift,
    jobs: Vec<Job>,
}

impl<'run, 'account: 'run> Shifting<'run, 'account> {
    /// Nothing is done yet.
    pub(super) fn new(pools: &'run mut Pools<'account>, way: Way<'run>, report: &'run mut RolloutReport) -> Self {
        let attempts = Attempts::new(pools.old.client(), way.filling.doing);
        let checkpoints = Checkpoints::new(pools.old.client(), (way.judging, way.gates));
        Self {
            pools,
            way,
            report,
            attempts,
            checkpoints,
            good: Good::default(),
            waiting: BTreeSet::new(),
            strays: Strays::default(),
            second: Second::NotYet,
            bad: None,
        }
    }

    /// Goes on until the second pool does the work, or the former one does it again.
    ///
    /// # Errors
    /// `Returned` when the new image was found bad and the former pool does the work; when others change the pools
    /// meanwhile, Batch refuses, or the run ends.
    pub(super) async fn reach(mut self) -> Result<()> {
        self.begin().await?;
        loop {
            let mut look = self.look().await?;
            if let Some(stray) = self.stray(&mut look).await? {
                self.let_go(stray).await?;
                continue;
            }
            if let Some(bad) = self.bad.as_ref().filter(|_| look.shift.phase == Phase::Forward) {
                let back = look.record.back(bad);
                self.write_record(&look.old, &back).await?;
                continue;
            }
            let seen = Seen {
                old: &look.old,
                new: look.new.as_ref(),
                shift: &look.shift,
                jobs: &look.jobs,
                waiting: &self.waiting,
                good: self.good,
            };
            match next(seen) {
                Deed::Ended => return self.ended(&look),
                Deed::Refuse(side, refusal) => return Err(refused(self.pool(side).at(), refusal)),
                Deed::Grow(stage) => self.grow(stage, &look).await?,
                Deed::Check(stage, work) => self.check(stage, work, &look).await?,
                Deed::Refill(size) => self.refill(size, &look).await?,
                Deed::Finish => self.finish(&look).await?,
                deed => self.carry_out(deed, &look).await?,
            }
        }
    }

    /// What lets a job go that was given a third pool meanwhile.
    async fn stray(&mut self, look: &mut Look) -> Result<Option<Stray>> {
        let (old, new) = (&self.pools.old, &self.pools.new);
        let place = (old.client(), old.watch().endpoint());
        self.strays.find(place, &mut look.jobs, &[old.id(), new.id()]).await
    }

    /// Writes the record, unless the former pool has it.
    async fn begin(&mut self) -> Result<()> {
        let wanted = self.way.record.clone();
        loop {
            let old = self.former().await?;
            let there = match PairRecord::of(&old) {
                Kin::Member(record) => record.shift.filter(Shift::is_under_way),
                Kin::Nothing | Kin::Unreadable => None,
            };
            let asked = wanted.shift.as_ref();
            match there {
                Some(there) if asked.is_some_and(|asked| asked.id == there.id && asked.phase == there.phase) => break,
                Some(there) if asked.is_none_or(|asked| asked.id != there.id) => {
                    return Err(refused(self.pools.old.at(), begin::another(&there, None)));
                }
                // Another run of the same turned it back meanwhile.
                Some(there) if there.phase == Phase::Back => break,
                Some(_) | None => {
                    if self.write_record(&old, &wanted).await? {
                        break;
                    }
                }
            }
        }
        let is_back = wanted.shift.is_some_and(|shift| shift.phase == Phase::Back);
        self.report.action = if is_back {
            PoolAction::Returned
        } else {
            PoolAction::Moved
        };
        Ok(())
    }

    async fn carry_out(&mut self, deed: Deed, look: &Look) -> Result<()> {
        let (endpoint, client) = (self.pools.old.watch().endpoint(), self.pools.old.client());
        let held = (self.pools.old.id().clone(), look.shift.id.clone());
        match deed {
            Deed::Create(nodes) => self.create(nodes, look).await,
            Deed::Shrink(side, size) => self.shrink(side, size, look).await,
            Deed::Await(side) => self.await_nodes(side, look).await,
            Deed::Mark(job) => self.send(jobs::mark(endpoint, &job, Some((&held.0, &held.1)))).await,
            Deed::Unmark(job) => self.send(jobs::mark(endpoint, &job, None)).await,
            Deed::Disable(id) => {
                client.note(format!("disabling job {id}"));
                self.send(jobs::disable(endpoint, &id, self.way.running_tasks)).await
            }
            Deed::AwaitJobs(count) => self.wait("jobs and their running tasks", count).await,
            Deed::Point(job, side) => {
                let pool = self.pool(side).id().clone();
                client.note(format!("pointing job {} to pool {pool}", job.id));
                self.send(job::set_pool(endpoint, &job, &pool)).await
            }
            Deed::Enable(id) => {
                client.note(format!("enabling job {id}"));
                self.send(job::enable(endpoint, &id)).await
            }
            Deed::Forget(id) => self.send(job::delete(endpoint, &id)).await,
            Deed::Delete => self.delete(look).await,
            // These need more than a write, and `reach` has them.
            Deed::Grow(_) | Deed::Check(..) | Deed::Refill(_) | Deed::Finish | Deed::Ended | Deed::Refuse(..) => Ok(()),
        }
    }

    async fn await_nodes(&mut self, side: Side, look: &Look) -> Result<()> {
        match look.of(side) {
            Some(pool) if pool.life == PoolLife::Deleting => self.wait("the new pool to be gone", 1).await,
            pool => {
                let count = pool.map_or(0, |pool| count_of(pool.current));
                self.wait(side.waiting(), count).await
            }
        }
    }

    async fn send(&mut self, request: Request) -> Result<()> {
        self.attempts.send(&self.pools.old, request).await
    }

    async fn let_go(&mut self, stray: Stray) -> Result<()> {
        match stray {
            Stray::Send(request) => self.send(*request).await,
            Stray::Wait => self.wait("jobs and their running tasks", 1).await,
        }
    }

    async fn wait(&mut self, what: &'static str, count: usize) -> Result<()> {
        self.attempts.wait(&self.pools.old, what, count).await
    }

    const fn pool(&self, side: Side) -> &PoolAccess<'account> {
        match side {
            Side::Old => &self.pools.old,
            Side::New => &self.pools.new,
        }
    }

    async fn former(&self) -> Result<Pool> {
        let pool = self.pools.old.find().await?;
        pool.ok_or_else(|| refused(self.pools.old.at(), decide::deleted()))
    }

    async fn look(&mut self) -> Result<Look> {
        let old = self.former().await?;
        let record = match PairRecord::of(&old) {
            Kin::Member(record) => Some(*record),
            Kin::Nothing | Kin::Unreadable => None,
        };
        let with_shift = record.and_then(|record| Some((record.shift.clone()?, record)));
        let Some((shift, record)) = with_shift else {
            let why = "has lost its record of this roll-out meanwhile".to_owned();
            let remedy = "look at the metadata of both pools and of their jobs: jobs with the metadata item azure-batch-held were disabled by this roll-out";
            return Err(refused(self.pools.old.at(), Refusal { why, remedy }));
        };
        let new = self.pools.new.find().await?;
        if new.is_some() {
            self.second = Second::Seen;
        }
        let mut jobs = self.pools.old.jobs().await?;
        // A job that moved may stand in the one list or the other for a while; its own word decides.
        for job in self.pools.new.jobs().await? {
            if jobs.iter().all(|known| known.id != job.id) {
                jobs.push(job);
            }
        }
        Ok(Look {
            old,
            new,
            record,
            shift,
            jobs,
        })
    }

    async fn create(&mut self, nodes: NodeCounts, look: &Look) -> Result<()> {
        let Some((intent, spec)) = self.way.intent.and_then(|intent| Some((intent, intent.spec.asked()?))) else {
            return Ok(());
        };
        let record = PairRecord::after(look.record.family.clone(), self.pools.old.id().clone());
        if self.second == Second::Seen {
            return Err(refused(self.pools.new.at(), decide::deleted()));
        }
        let size = (nodes, intent.first_timeout());
        let tags = with_asked(self.way.tags, spec);
        let body = spec.twin_body(&look.old, size, (&record.text(), tags));
        let sent = self.pools.new.create(body).await;
        self.attempts.after(&self.pools.new, sent).await.map(drop)
    }

    /// Brings the second pool to the size of a step. What speaks against the image is remembered, and the next look begins
    /// the return.
    async fn grow(&mut self, stage: Stage, look: &Look) -> Result<()> {
        let (Some(intent), Some(new)) = (self.way.intent, &look.new) else {
            return Ok(());
        };
        match self.fill(intent, stage, (new, look)).await {
            Ok(()) => {
                self.waiting = self.waiting(stage, look).await?;
                self.good.new = Some(stage.new);
                if !self.checkpoints.ask_anything() {
                    self.good.checked = Some(stage.new);
                }
                Ok(())
            }
            Err(error) if speaks_against_image(error.kind()) => self.found_bad(error, look).await,
            Err(error) => Err(error),
        }
    }

    /// The jobs of the former pool that have tasks to give away, when tasks of both pools are to be compared.
    async fn waiting(&self, stage: Stage, look: &Look) -> Result<BTreeSet<String>> {
        let mut waiting = BTreeSet::new();
        if !self.checkpoints.judge_anything() || !look.shift.is_judged_at(stage.new) || stage.old.total() == 0 {
            return Ok(waiting);
        }
        let (endpoint, client) = (self.pools.old.watch().endpoint(), self.pools.old.client());
        for job in next::to_move(&look.jobs, self.pools.old.id()) {
            let counts = client.send(&job::task_counts(endpoint, &job.id)).await?;
            if job::waiting(&counts.value()) > 0 {
                waiting.insert(job.id.clone());
            }
        }
        Ok(waiting)
    }

    /// Remembers what speaks against the image, and the next look begins the return; or ends the run.
    async fn found_bad(&mut self, error: Error, look: &Look) -> Result<()> {
        let (old, new) = (&self.pools.old, &self.pools.new);
        // Nodes that are still there need no image.
        let way_back = match look.old.targets.total() < look.shift.was.total() {
            true => former::of_image(old.client(), old.watch().endpoint(), look.old.image_id()).await?,
            false => Back::Possible,
        };
        if self.way.on_failure == OnBad::Keep || matches!(way_back, Back::Lost(_)) {
            let stays = "the new pool stays too: nodes of both pools are billed, and each has a part of the work";
            return Err(explain::kept(old.at(), error, (stays, way_back, END_AS_IT_IS)));
        }
        new.client()
            .warn(format!("the new image is bad, so the work goes back: {error}"));
        self.bad = Some(error);
        Ok(())
    }

    /// Asks whether to go on from a step.
    async fn check(&mut self, stage: Stage, work: Work, look: &Look) -> Result<()> {
        let shift = &look.shift;
        let former = self.pools.old.id().clone();
        let against = match (work, shift.before) {
            _ if !shift.is_judged_at(stage.new) => None,
            (Work::Both, _) => Some(Against::Pool(former)),
            (Work::New, Some(tasks)) => Some(Against::Before(Before {
                pool: former,
                tasks,
                until: shift.since,
            })),
            (Work::New, None) | (Work::Old, _) => None,
        };
        let point = Point {
            against,
            pool: &shift.new,
            nodes: stage.new,
            of: shift.size,
        };
        if let Some(bad) = self.checkpoints.ask(&self.pools.new, point, self.report).await? {
            return self.found_bad(bad, look).await;
        }
        // First nodes without work were asked about before the step's jobs.
        let is_known = work == Work::Old && is_first(stage, shift);
        let passed = if is_known {
            Ok(())
        } else {
            self.pass_gates(Checkpoint::Step, stage, look).await
        };
        match passed {
            Ok(()) => {
                self.good.checked = Some(stage.new);
                Ok(())
            }
            Err(no) if speaks_against_image(no.kind()) => self.found_bad(no, look).await,
            Err(error) => Err(error),
        }
    }

    async fn pass_gates(&mut self, checkpoint: Checkpoint, stage: Stage, look: &Look) -> Result<()> {
        let shift = &look.shift;
        let stages = stages::stages(shift).unwrap_or_default();
        let at = stages
            .iter()
            .position(|known| known.new == stage.new)
            .unwrap_or_default();
        let place = Place {
            checkpoint,
            step: (at + 1, stages.len()),
            pool: &shift.new,
            former: Some(self.pools.old.id()),
            version: &shift.to,
            nodes: (stage.new, shift.size),
        };
        self.checkpoints.pass_gates(&self.pools.new, place, self.report).await
    }

    async fn fill(&mut self, intent: &Intent, stage: Stage, (new, look): (&Pool, &Look)) -> Result<()> {
        let (filling, shift) = (self.way.filling, &look.shift);
        let is_first = is_first(stage, shift);
        let goal = if is_first {
            Goal::all(stage.new)
        } else if stage.new == shift.size {
            intent.goal
        } else {
            Goal::new(Targets::from(stage.new), filling.readiness)
        };
        let sized = intent.sized(goal, new.targets);
        let access = &mut self.pools.new;
        if is_first {
            let seen = (new, look.jobs.as_slice());
            filling.try_image(access, seen, &sized, self.report).await?;
            self.pass_gates(Checkpoint::Canary, stage, look).await?;
        } else {
            filling.grow(access, &sized, self.report).await?;
        }
        let pause = self.way.blue_green.pause;
        if pause.is_zero() || stage.new == shift.size {
            return Ok(());
        }
        let reached = intent.sized(goal, stage.new);
        let what = (pause, "for the new nodes to stay ready");
        filling.stay(&mut self.pools.new, &reached, what, self.report).await
    }

    /// Brings the former pool back to a size.
    async fn refill(&mut self, size: NodeCounts, look: &Look) -> Result<()> {
        let spec = Wanted::as_it_is(self.pools.old.id(), &look.old);
        let filling = self.way.filling;
        let intent = Intent::refilling(spec, (size, look.old.targets), filling.readiness);
        filling.grow(&mut self.pools.old, &intent, self.report).await?;
        self.good.old = Some(size);
        Ok(())
    }

    async fn shrink(&mut self, side: Side, size: NodeCounts, look: &Look) -> Result<()> {
        let Some(pool) = look.of(side) else {
            return Ok(());
        };
        let access = match side {
            Side::Old => &mut self.pools.old,
            Side::New => &mut self.pools.new,
        };
        if pool.targets == size {
            let text = format!("pool {} still runs tasks: asking again for fewer nodes", access.id());
            access.client().note(text);
        }
        let order = Resize {
            targets: size,
            timeout: SHRINKING,
            deallocation: Deallocation::TaskCompletion,
        };
        let sent = access.resize(&order, pool).await;
        self.attempts.after(access, sent).await.map(drop)
    }

    async fn write_record(&mut self, old: &Pool, record: &PairRecord) -> Result<bool> {
        let sent = self.pools.old.change(related(old, &record.text()), old).await;
        self.attempts.after(&self.pools.old, sent).await
    }
}

impl Look {
    const fn of(&self, side: Side) -> Option<&Pool> {
        match side {
            Side::Old => Some(&self.old),
            Side::New => self.new.as_ref(),
        }
    }
}

impl Side {
    const fn waiting(self) -> &'static str {
        match self {
            Self::Old => "nodes of the former pool to go",
            Self::New => "nodes of the new pool to go",
        }
    }
}

impl<'account> Pools<'account> {
    /// Access to both, by the same watch.
    pub(super) const fn new(watch: &'account crate::watch::AccountWatch<'account>, old: PoolId, new: PoolId) -> Self {
        Self {
            old: PoolAccess::new(watch, old),
            new: PoolAccess::new(watch, new),
        }
    }

    /// The same with what ARM says of their account.
    pub(super) fn in_account(self, account: Option<Account>) -> Self {
        Self {
            old: self.old.in_account(account.clone()),
            new: self.new.in_account(account),
        }
    }
}

/// Whether the nodes of a step are those that try the image.
fn is_first(stage: Stage, shift: &Shift) -> bool {
    shift.first.total() > 0 && stage.new == shift.first
}

fn count_of(nodes: NodeCounts) -> usize {
    usize::try_from(nodes.total()).unwrap_or(usize::MAX)
}
