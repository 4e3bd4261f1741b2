//! What is asked before a roll-out goes on: how tasks fare on the new nodes, compared with those on the former ones, and
//! what the gates say.
//!
//! It writes nothing. Where it asks, and what becomes of the pools then, those decide who change the pools; the test
//! itself is in `judgement`, and gates are in `gate`.

use super::{RolloutReport, StepJudgement, asked::AskedGates, pool::PoolAccess, record::CANCELLED, step::RolloutStep};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    gate::{self, Checkpoint, Question},
    ids::{NodeCounts, PoolId},
    judgement::{Against, Comparison, JudgementReport, Outcome, Times},
    progress::Span,
    settings::{Change, Gates, Judge, Judging, OnBad, OnInconclusive},
};

/// The questions of a run so far.
#[derive(Debug)]
pub(super) struct Checkpoints<'run> {
    client: &'run Client,
    judging: &'run Judging,
    gates: &'run Gates,
    comparison: Option<Comparison<'run>>,
}

/// Where a roll-out asks.
#[derive(Debug)]
pub(super) struct Point<'p> {
    /// What the new nodes are compared with; nothing when there is nothing.
    pub(super) against: Option<Against>,
    /// The pool with the new image.
    pub(super) pool: &'p PoolId,
    /// Its nodes.
    pub(super) nodes: NodeCounts,
    /// The nodes that it gets.
    pub(super) of: NodeCounts,
}

/// Where a roll-out asks its gates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// What is done.
    pub(super) checkpoint: Checkpoint,
    /// Which checkpoint it is, from 1, and of how many.
    pub(super) step: (usize, usize),
    /// The pool with the new image.
    pub(super) pool: &'p PoolId,
    /// The pool whose work moves there.
    pub(super) former: Option<&'p PoolId>,
    /// The id of the image.
    pub(super) version: &'p str,
    /// The nodes on it, and those that the pool gets.
    pub(super) nodes: (NodeCounts, NodeCounts),
}

impl<'run> Checkpoints<'run> {
    /// Nothing is asked yet.
    pub(super) const fn new(client: &'run Client, (judging, gates): (&'run Judging, &'run Gates)) -> Self {
        Self {
            client,
            judging,
            gates,
            comparison: None,
        }
    }

    /// Whether anything is asked at all.
    pub(super) fn ask_anything(&self) -> bool {
        self.judge_anything() || self.gates.ask_anything()
    }

    /// Whether tasks are compared.
    pub(super) fn judge_anything(&self) -> bool {
        self.judging.judge != Judge::No
    }

    /// Asks the gates whether to go on.
    ///
    /// # Errors
    /// What speaks against the image; `Refused` when a gate cannot be asked; when the run ends.
    pub(super) async fn pass_gates(
        &self,
        access: &PoolAccess<'_>,
        place: Place<'_>,
        report: &mut RolloutReport,
    ) -> Result<()> {
        if !self.gates.ask_anything() {
            return Ok(());
        }
        let number = |step: usize| u32::try_from(step).unwrap_or(u32::MAX);
        let question = Question {
            account: access.watch().endpoint(),
            pool: place.pool,
            former_pool: place.former,
            version: place.version,
            checkpoint: place.checkpoint,
            step: number(place.step.0),
            steps: number(place.step.1),
            nodes: place.nodes.0,
            of: place.nodes.1,
        };
        match gate::ask(self.client, self.gates, &question, &mut report.gates).await? {
            Some(no) => Err(no),
            None => Ok(()),
        }
    }

    /// Asks whether to go on. What speaks against the image is `Some`.
    ///
    /// # Errors
    /// When Azure refuses, or the run ends.
    pub(super) async fn ask(
        &mut self,
        access: &PoolAccess<'_>,
        point: Point<'_>,
        report: &mut RolloutReport,
    ) -> Result<Option<Error>> {
        let Some(against) = point.against.clone().filter(|_| self.judging.judge != Judge::No) else {
            return Ok(None);
        };
        let step = report.judgements.len();
        if let Some(comparison) = &mut self.comparison {
            // The nodes are others than at the step before, so what was counted there is compared by itself.
            comparison.begin_again(against.clone());
        }
        loop {
            let found = self.compare(access, (&point, &against)).await?;
            self.client.note(sentence(&point, &found));
            report.judgements.truncate(step);
            report.judgements.push(StepJudgement {
                nodes: point.nodes,
                of: point.of,
                judgement: found.clone(),
            });
            if self.judging.judge == Judge::Report {
                return Ok(None);
            }
            match (found.outcome, self.judging.on_inconclusive) {
                (Outcome::Good, _) | (Outcome::Inconclusive, OnInconclusive::Proceed) => return Ok(None),
                (Outcome::Bad, _) => return Ok(Some(worse(&found))),
                (Outcome::Inconclusive, OnInconclusive::Return) => return Ok(Some(unknown(&found))),
                (Outcome::Inconclusive, OnInconclusive::Wait) if !can_be_known(&against, self.judging) => {
                    let text = "it cannot be known: too few tasks had ended before, and there are no others to compare with; the roll-out goes on";
                    self.client.warn(text.to_owned());
                    return Ok(None);
                }
                (Outcome::Inconclusive, OnInconclusive::Wait) if is_known_already(&against, report) => {
                    self.client.note("the steps before were good, so the roll-out goes on");
                    return Ok(None);
                }
                (Outcome::Inconclusive, OnInconclusive::Wait) => {}
            }
        }
    }

    async fn compare(
        &mut self,
        access: &PoolAccess<'_>,
        (point, against): (&Point<'_>, &Against),
    ) -> Result<JudgementReport> {
        let window = Span(self.judging.window.as_secs());
        self.client
            .note(format!("comparing tasks on new and former nodes for {window}"));
        let comparison = self.comparison.get_or_insert_with(|| {
            let sides = (point.pool.clone(), against.clone());
            let rule = (self.judging.rule, self.judging.window);
            Comparison::new(self.client, access.watch().endpoint().clone(), sides, rule)
        });
        comparison.judge().await.map_err(meanwhile)
    }
}

/// The step of a plan in which the tasks of two pools are compared, or of one before and after.
pub(super) fn planned((pool, with): (&PoolId, &PoolId), nodes: NodeCounts, change: &Change) -> RolloutStep {
    let then = match (change.judging.judge, change.on_failure) {
        (Judge::No | Judge::Report, _) => "it is only reported",
        (Judge::Act, OnBad::Return) => "when more fail, all goes back",
        (Judge::Act, OnBad::Keep) => "when more fail, the run ends there",
    };
    RolloutStep::CompareTasks {
        pool: pool.clone(),
        with: with.clone(),
        nodes,
        minutes: change.judging.window.as_secs() / 60,
        then,
    }
}

/// The step of a plan in which the gates are asked; none without gates.
pub(super) fn gates_planned(pool: &PoolId, checkpoint: Checkpoint, change: &Change) -> Option<RolloutStep> {
    let then = match change.on_failure {
        OnBad::Return => "after a no all goes back",
        OnBad::Keep => "after a no the run ends there",
    };
    change.gates.ask_anything().then(|| {
        RolloutStep::AskGates(AskedGates {
            pool: pool.clone(),
            gates: change.gates.names(),
            checkpoint,
            minutes: change.gates.patience.as_secs() / 60,
            then,
        })
    })
}

/// A pool that another client deletes while its tasks are compared is no mistake of the user's.
fn meanwhile(error: Error) -> Error {
    if !error.has_code("PoolNotFound") {
        return error;
    }
    let happened = "one of the two pools was deleted meanwhile";
    Error::new(ErrorKind::Refused, happened)
        .because(error)
        .with_hint("agree with those who change the pools, then run again")
}

/// Whether time can bring what is missing.
fn can_be_known(against: &Against, judging: &Judging) -> bool {
    match against {
        Against::OwnNodes | Against::Pool(_) => true,
        Against::Before(before) => before.tasks.ended >= judging.rule.min_tasks,
    }
}

/// Whether a better comparison was good: nodes that work beside each other say more than what was before, and work that
/// is over brings no more tasks.
fn is_known_already(against: &Against, report: &RolloutReport) -> bool {
    let is_good = |step: &StepJudgement| step.judgement.outcome == Outcome::Good && step.judgement.times == Times::Same;
    matches!(against, Against::Before(_)) && report.judgements.iter().any(is_good)
}

fn sentence(point: &Point<'_>, found: &JudgementReport) -> String {
    let word = match found.outcome {
        Outcome::Good => "not worse",
        Outcome::Bad => "worse",
        Outcome::Inconclusive => "not known",
    };
    let (nodes, of) = (point.nodes.total(), point.of.total());
    format!("{nodes} of {of} new nodes judged: {word}: {}", found.why)
}

fn worse(found: &JudgementReport) -> Error {
    let error = Error::plain(
        ErrorKind::PartlyReached,
        format!("the new nodes are worse: {}", found.why),
    );
    let most = found.endings.iter().find(|ending| ending.new > 0);
    match most.and_then(|ending| Some((ending.exit_code?, ending))) {
        Some((code, ending)) => error.with_fact(format!(
            "most of them ended with exit code {code}: {} on the new nodes, {} on the former ones",
            ending.new, ending.old
        )),
        None => error,
    }
}

fn unknown(found: &JudgementReport) -> Error {
    Error::plain(
        ErrorKind::PartlyReached,
        format!("nothing is known of the new nodes: {}", found.why),
    )
}

/// The reason of a return: this run's own, or what an earlier one had written down.
pub(super) fn because(error: Error, bad: Option<Error>, written: Option<&str>) -> Error {
    match (bad, written) {
        (Some(bad), _) => error.because(bad.without_kept()),
        (None, Some(CANCELLED)) => {
            error.because("an earlier run of this roll-out was cancelled, and its cancel was to go back")
        }
        (None, Some(written)) => error.because(format!("an earlier run of this roll-out had found: {written}")),
        (None, None) => error.because("an earlier run of this roll-out had found the new image bad"),
    }
}
