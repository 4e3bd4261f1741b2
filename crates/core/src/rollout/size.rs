//! Brings the pool to its size: looks at it, lets `decide` say what comes next, does that, and looks again.
//!
//! What to do is decided in `decide`, whether there is another round in `rounds`, what an error means in `classify`.

pub(super) mod classify;
pub(super) mod rounds;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    PoolAction, RolloutReport, Round,
    attempts::Attempts,
    counted::{bare, counted},
    decide::{self, Errors, Intent, Next, Stage, Waiting},
    explain,
    late::{self, Shrinking},
    live, observe,
    parts::{self, Part},
    pool::{PoolAccess, Seen, Sending},
    room,
    spec::{Difference, When, unusable},
    verdict::Census,
};
use crate::{
    batch::pool::{Deallocation, Pool, Resize, ResizeError},
    error::{Error, ErrorKind, Result},
    ids::NodeCounts,
    json,
    progress::Event,
    quota::Standing,
};
use classify::{Judgement, judge, judge_all};
use rounds::{AfterRound, End, Rounds};

/// Where a pool says how its nodes are spread.
const PLACEMENT: &str = "/virtualMachineConfiguration/nodePlacementConfiguration/policy";
/// So many resizes of other callers are waited for. After that they and we are at odds.
const MAX_OTHERS: u32 = 10;

/// The pool on its way to its size: what this run has done and seen so far.
#[derive(Debug)]
pub(super) struct Sizing<'run, 'account> {
    access: &'run mut PoolAccess<'account>,
    intent: &'run Intent,
    report: &'run mut RolloutReport,
    limit: u32,
    step: Step,
    /// The rounds, as soon as there is one.
    rounds: Option<Rounds>,
    /// What the write whose answer was lost would have done.
    tried: Option<PoolAction>,
    attempts: Attempts<'run>,
    /// The resizes of other callers that were waited for.
    others: u32,
    wait: Option<(Waiting, Instant)>,
    /// The allocation that was shown last.
    shown: Option<Event>,
}

/// Where the rounds stand.
#[derive(Clone, Copy, Debug)]
enum Step {
    Before,
    Made(Instant),
    UnderWay { after: Option<Timestamp>, since: Instant },
    Between,
}

impl<'run, 'account: 'run> Sizing<'run, 'account> {
    /// Nothing is done yet; there may be so many rounds.
    pub(super) fn new(
        access: &'run mut PoolAccess<'account>,
        intent: &'run Intent,
        limit: u32,
        doing: &'run str,
        report: &'run mut RolloutReport,
    ) -> Self {
        let attempts = Attempts::new(access.client(), doing);
        Self {
            access,
            intent,
            report,
            limit,
            step: Step::Before,
            rounds: None,
            tried: None,
            attempts,
            others: 0,
            wait: None,
            shown: None,
        }
    }

    /// Goes on until the pool has its size.
    ///
    /// # Errors
    /// When going on could destroy something, a round's error stops it, the rounds are used up, Batch refuses, or the
    /// run ends. What was reached is in the report.
    pub(super) async fn reach(mut self) -> Result<()> {
        loop {
            let pool = self.look().await?;
            match self.intent.decide(self.stage(), pool.as_ref()) {
                Next::Create => self.create().await?,
                Next::Update(pool, difference) => self.update(pool, &difference).await?,
                Next::Resize(pool) => self.resize(pool).await?,
                Next::Follow(pool) => self.follow(pool).await?,
                Next::StopOther(pool) => self.stop_other(pool).await?,
                Next::Join(pool) => self.join(pool),
                Next::Wait(waiting) => self.wait(waiting).await?,
                Next::RoundEnded(pool, errors) => {
                    if self.end_round(pool, errors).await? {
                        return Ok(());
                    }
                }
                Next::Sized(_) => {
                    self.note_action(self.tried.unwrap_or(PoolAction::Unchanged));
                    return Ok(());
                }
                Next::Replace(_) => return Err(explain::refused(self.access.at(), decide::replaced())),
                Next::Refuse(refusal) => return Err(explain::refused(self.access.at(), refusal)),
            }
        }
    }

    fn stage(&self) -> Stage {
        match self.step {
            Step::Before => Stage::Before,
            Step::Made(since) => Stage::Made(since.elapsed()),
            Step::UnderWay { after, since } => Stage::UnderWay {
                after,
                passed: since.elapsed(),
            },
            Step::Between => Stage::Between,
        }
    }

    /// A decision to write rests on the whole pool; a wait is content with the account's list.
    async fn look(&mut self) -> Result<Option<Pool>> {
        if !matches!(self.step, Step::UnderWay { .. }) {
            return self.access.find().await;
        }
        let Seen { pool, counts } = self.access.look().await?;
        let census = counts.as_ref().map(Census::from);
        if let Some(census) = &census {
            self.report.count(self.intent.goal, census);
        }
        if let Some(pool) = &pool {
            let states = census.map(|census| census.states);
            self.tell_allocation(pool, states.unwrap_or_default());
        }
        Ok(pool)
    }

    async fn create(&mut self) -> Result<()> {
        let rounds = self.round_of(NodeCounts::default());
        let Some(spec) = self.intent.spec.asked() else {
            return Err(explain::refused(self.access.at(), decide::deleted()));
        };
        let body = self.intent.new_body(spec, rounds.timeout());
        let body = body.map_err(|faults| unusable(self.access.id(), &faults))?;
        let has_formula = self.intent.follows.is_some();
        if !has_formula {
            self.tell_round(&rounds);
        }
        match self.access.create(body).await {
            // Its size is the formula's: the next look shows that it follows it.
            Ok(()) if has_formula => {
                self.step = Step::Made(Instant::now());
                self.note_action(PoolAction::Created);
            }
            Ok(()) => self.begin(rounds, None, PoolAction::Created),
            Err(error) => self.look_again(error, PoolAction::Created).await?,
        }
        Ok(())
    }

    async fn update(&mut self, pool: &Pool, difference: &Difference) -> Result<()> {
        let Some(spec) = self.intent.spec.asked() else {
            return Ok(());
        };
        let sent = match spec.replacing_body(pool, difference) {
            Some(body) => self.access.replace_live(body, pool).await,
            None => {
                let sent = self.access.change(spec.update_body(pool, difference), pool).await;
                sent.map(|()| Sending::Sent)
            }
        };
        match sent {
            Ok(Sending::Sent) => {
                self.note_update(difference);
                self.note_action(PoolAction::Updated);
            }
            Ok(Sending::Overtaken) => {}
            Err(error) => {
                let is_unknown = error.kind() == ErrorKind::UnknownEffect;
                self.look_again(error, PoolAction::Updated).await?;
                // Where it was not done, the same is done next.
                if is_unknown {
                    self.note_update(difference);
                }
            }
        }
        Ok(())
    }

    /// Notes the settings that were changed, and says them: what nodes still have is otherwise seen nowhere.
    fn note_update(&mut self, difference: &Difference) {
        let mut names = difference.names(When::AnyTime);
        names.retain(|name| !self.report.updated.contains(name));
        if !names.is_empty() {
            let said = live::changed(&names, &format!(" of pool {}", self.access.id()));
            self.access.client().note(format!("changed {said}"));
            self.report.updated.append(&mut names);
        }
    }

    async fn resize(&mut self, pool: &Pool) -> Result<()> {
        let rounds = self.round_of(pool.current);
        self.tell_round(&rounds);
        let order = order(self.intent.goal.targets, rounds.timeout(), pool.current);
        match self.access.resize(&order, pool).await {
            Ok(()) => self.begin(rounds, pool.allocation_since, PoolAction::Resized),
            Err(error) => self.look_again(error, PoolAction::Resized).await?,
        }
        Ok(())
    }

    async fn follow(&mut self, pool: &Pool) -> Result<()> {
        let Some(follows) = &self.intent.follows else {
            return Ok(());
        };
        self.access
            .client()
            .note("letting the autoscale formula decide the pool's size");
        match self.access.follow(&follows.scale, pool).await {
            Ok(()) => self.note_action(PoolAction::Autoscaled),
            Err(error) => self.look_again(error, PoolAction::Autoscaled).await?,
        }
        Ok(())
    }

    async fn stop_other(&mut self, pool: &Pool) -> Result<()> {
        let progress = self.access.client().run().progress.clone();
        progress.note(format!(
            "stopping the resize to {} that is in progress",
            counted(pool.targets)
        ));
        match self.access.stop_resize(pool).await {
            Ok(Sending::Sent | Sending::Overtaken) => {}
            Err(error) => self.look_again(error, PoolAction::None).await?,
        }
        Ok(())
    }

    /// A resize to our targets is under way that may be ours: the answer to our write may have been lost.
    fn join(&mut self, pool: &Pool) {
        // A pool that this run has made came with the resize.
        let made = matches!(self.report.action, PoolAction::Created | PoolAction::Moved).then_some(self.report.action);
        let action = self.tried.or(made).unwrap_or(PoolAction::Joined);
        if action == PoolAction::Joined {
            let text = "a resize to the same targets is in progress; this run joins it";
            self.access.client().run().progress.note(text);
        }
        let rounds = self.rounds.clone().unwrap_or_else(|| {
            let timeout = pool.resize_timeout.unwrap_or_else(|| self.intent.first_timeout());
            Rounds::new(self.intent.goal, self.limit, timeout, pool.current)
        });
        self.begin(rounds, None, action);
    }

    /// Waits until the next look.
    async fn wait(&mut self, waiting: Waiting) -> Result<()> {
        let began = match self.wait {
            Some((same, began)) if same == waiting => began,
            _ => self.begin_wait(waiting)?,
        };
        let paused = self.access.pause(began, waiting.what()).await;
        paused.map_err(|error| match waiting {
            Waiting::OurResize => self.late(error),
            Waiting::Deletion | Waiting::OtherResize(_) => error,
        })
    }

    /// A deadline that passes while nodes are to be removed is explained by these nodes.
    fn late(&self, error: Error) -> Error {
        let (run, targets) = (self.access.client().run(), self.intent.goal.targets);
        let seen = self.report.allocated;
        let is_larger = |current: &NodeCounts| self.intent.goal.is_exceeded_by(*current);
        match seen.filter(is_larger).filter(|_| error.kind() == ErrorKind::Deadline) {
            Some(current) => {
                let running = self.report.states.get("running").copied().unwrap_or(0);
                let pool = Shrinking {
                    current,
                    targets,
                    running,
                };
                late::while_shrinking(self.access.at(), run, pool)
            }
            None => error,
        }
    }

    fn begin_wait(&mut self, waiting: Waiting) -> Result<Instant> {
        let progress = &self.access.client().run().progress;
        match waiting {
            Waiting::Deletion => progress.note("the old pool of that id is being deleted; waiting until it is gone"),
            Waiting::OtherResize(targets) => {
                self.others += 1;
                if self.others > MAX_OTHERS {
                    let text = format!("others keep resizing pool {}", self.access.id());
                    return Err(
                        Error::new(ErrorKind::Refused, text).with_hint("agree on its targets, then run it again")
                    );
                }
                progress.note(format!(
                    "a resize to {} is in progress; waiting for its end",
                    counted(targets)
                ));
            }
            Waiting::OurResize => {}
        }
        let began = Instant::now();
        self.wait = Some((waiting, began));
        Ok(began)
    }

    /// Ends a round. `true` when the pool has its size.
    async fn end_round(&mut self, pool: &Pool, errors: Errors) -> Result<bool> {
        let Some(mut rounds) = self.rounds.clone() else {
            return Ok(false);
        };
        let errors: &[ResizeError] = match errors {
            Errors::OfThisRound => &pool.resize_errors,
            Errors::Stale => &[],
        };
        let judged = judge_all(errors, self.intent.goal.counts_spot());
        let took = match self.step {
            Step::UnderWay { since, .. } => since.elapsed(),
            Step::Before | Step::Made(_) | Step::Between => Duration::ZERO,
        };
        let ended = round(&rounds, took, (pool.current, errors));
        let after = rounds.end(pool.current, judged.as_ref(), fastrand::f64());
        if !matches!(after, AfterRound::Drain(_)) {
            self.report.rounds.push(ended);
        }
        self.rounds = Some(rounds);
        self.step = Step::Between;
        match after {
            AfterRound::Reached => return Ok(true),
            AfterRound::Drain(pause) => self.pause_for_tasks(pool.current, pause).await?,
            AfterRound::End(end) => return Err(self.ended(pool, end, judged.as_ref()).await),
            AfterRound::Again(_) if self.is_image_gone(judged.as_ref()).await => {
                return Err(self.ended(pool, End::Stopped, judged.as_ref()).await);
            }
            AfterRound::Again(pause) => {
                let paused = self.pause_between(pool.current, pause, judged.as_ref()).await;
                let is_enough = self.intent.goal.is_reached_by(pool.current);
                match paused {
                    // What is missing of enough is worth a round, not a failure.
                    Err(error) if is_enough && error.kind() == ErrorKind::Deadline => return Ok(true),
                    paused => paused?,
                }
            }
        }
        Ok(false)
    }

    /// Whether Azure says that the region lacks the image version, and it is not there any more: it is not on its way.
    async fn is_image_gone(&self, judged: Option<&Judgement>) -> bool {
        let is_lacking = judged.is_some_and(|judged| judged.code == "GalleryImageNotFound");
        is_lacking && explain::gone_version(&self.parts().await).is_some()
    }

    async fn pause_between(&self, current: NodeCounts, pause: Duration, judged: Option<&Judgement>) -> Result<()> {
        let run = self.access.client().run();
        let timeout = self.rounds.as_ref().map_or(Duration::ZERO, Rounds::timeout);
        run.leaves(pause + timeout, "the next resize round")?;
        let why = judged.map_or_else(|| "Batch gives no reason".to_owned(), ToString::to_string);
        let number = self.rounds.as_ref().map_or(1, Rounds::number);
        let goal = self.intent.goal;
        run.progress.tell(Event::RoundShort {
            round: number.saturating_sub(1),
            came: goal.counted(current),
            wanted: goal.counted(goal.targets),
            why,
        });
        let what = format!("before resize round {number}");
        run.progress.tell(Event::Waiting {
            what: what.clone(),
            seconds: pause.as_secs(),
        });
        run.pause(pause, &what).await
    }

    /// A shrink that Batch has ended while tasks run on may end at any time after it was asked for again.
    async fn pause_for_tasks(&self, current: NodeCounts, pause: Duration) -> Result<()> {
        let run = self.access.client().run();
        let wanted = bare(self.intent.goal.targets);
        run.progress.note(format!(
            "{} are there and {wanted} are wanted: the others go when their tasks have ended, and are asked for again",
            counted(current)
        ));
        let paused = run.pause(pause, "the tasks of nodes that should go").await;
        paused.map_err(|error| self.late(error))
    }

    async fn ended(&self, pool: &Pool, end: End, judged: Option<&Judgement>) -> Error {
        let rounds = self.report.rounds.len();
        let may_miss_something = judged.is_some_and(Judgement::may_miss_something);
        let parts = match may_miss_something {
            true => self.parts().await,
            false => Vec::new(),
        };
        let versions = match explain::gone_version(&parts) {
            Some(version) => observe::numbers(self.access.client(), &version.definition()).await,
            None => Vec::new(),
        };
        let room = match judged.is_some_and(Judgement::is_quota_of_account) {
            true => room::standing(self.access, pool, self.intent.goal).await,
            false => Standing::default(),
        };
        let ending = explain::Ending {
            end,
            judged,
            rounds,
            parts,
            room,
            size: self.size(pool),
            placement: json::text(pool.body(), PLACEMENT),
            versions,
        };
        explain::other_size(self.access.at(), self.intent.goal, pool.current, &ending)
    }

    /// The VM size as it was asked for; Batch writes it in small letters.
    fn size<'pool>(&'pool self, pool: &'pool Pool) -> &'pool str {
        let asked = self.intent.spec.asked();
        let asked = asked.and_then(|spec| json::text(spec.body(), "/vmSize"));
        asked
            .filter(|asked| asked.eq_ignore_ascii_case(pool.vm_size()))
            .unwrap_or(pool.vm_size())
    }

    /// What is there of what the pool needs; nothing when the pool itself cannot be read.
    async fn parts(&self) -> Vec<Part> {
        match self.access.find().await {
            Ok(Some(pool)) => parts::look(self.access.client(), &pool).await,
            Ok(None) | Err(_) => Vec::new(),
        }
    }

    /// The round that a write begins: the next one, or the first of a pool of that size.
    fn round_of(&self, current: NodeCounts) -> Rounds {
        match &self.rounds {
            Some(rounds) => rounds.clone(),
            None => Rounds::new(self.intent.goal, self.limit, self.intent.first_timeout(), current),
        }
    }

    fn begin(&mut self, rounds: Rounds, after: Option<Timestamp>, action: PoolAction) {
        self.rounds = Some(rounds);
        self.step = Step::UnderWay {
            after,
            since: Instant::now(),
        };
        self.attempts.accepted();
        self.tried = None;
        self.note_action(action);
    }

    /// The first thing done with the pool is what the report calls it; changed settings count less than nodes.
    fn note_action(&mut self, action: PoolAction) {
        let is_open = match self.report.action {
            PoolAction::None => true,
            PoolAction::Updated => action != PoolAction::Unchanged,
            _ => false,
        };
        if is_open {
            self.report.action = action;
        }
    }

    /// A write has failed: the next look shows what is there, unless the failure ends the run.
    async fn look_again(&mut self, error: Error, action: PoolAction) -> Result<()> {
        let is_unknown = error.kind() == ErrorKind::UnknownEffect;
        self.attempts.failed(self.access, error).await?;
        if is_unknown {
            self.tried = Some(action);
        }
        Ok(())
    }

    fn tell_round(&self, rounds: &Rounds) {
        let targets = self.intent.goal.targets;
        self.access.client().run().progress.tell(Event::Resize {
            round: rounds.number(),
            rounds: self.limit,
            dedicated: targets.dedicated,
            spot: targets.spot,
            timeout_minutes: rounds.timeout().as_secs() / 60,
        });
    }

    fn tell_allocation(&mut self, pool: &Pool, states: BTreeMap<String, u32>) {
        self.report.allocated = Some(pool.current);
        let now = Event::Allocation {
            state: pool.allocation.to_string(),
            wanted: pool.targets.total(),
            allocated: pool.current.total(),
            states,
        };
        if self.shown.as_ref() != Some(&now) {
            self.access.client().tell(now.clone());
            self.shown = Some(now);
        }
    }
}

impl Waiting {
    const fn what(self) -> &'static str {
        match self {
            Self::Deletion => "the old pool's deletion",
            Self::OtherResize(_) => "the end of another resize",
            Self::OurResize => "Batch to bring the pool to its size",
        }
    }
}

fn order(targets: NodeCounts, timeout: Duration, current: NodeCounts) -> Resize {
    let shrinks = targets.dedicated < current.dedicated || targets.spot < current.spot;
    Resize {
        targets,
        timeout,
        deallocation: if shrinks {
            Deallocation::TaskCompletion
        } else {
            Deallocation::Unsaid
        },
    }
}

fn round(rounds: &Rounds, took: Duration, (current, errors): (NodeCounts, &[ResizeError])) -> Round {
    Round {
        number: rounds.number(),
        timeout_minutes: rounds.timeout().as_secs() / 60,
        seconds: took.as_secs(),
        dedicated: current.dedicated,
        spot: current.spot,
        errors: errors.iter().map(|error| judge(error).said).collect(),
    }
}
