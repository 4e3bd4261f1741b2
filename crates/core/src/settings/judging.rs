//! When new nodes count as worse, and what a roll-out does then.
//!
//! Which nodes are judged is in `judgement`.

use std::{fmt, str::FromStr, time::Duration};

use super::{reader::Reader, word::words_of};
use crate::{options::judgement as options, words};

/// How long both sides are watched when it is not given: time for tasks of some minutes to end.
pub(super) const WINDOW: Duration = Duration::from_secs(30 * 60);

/// How many tasks must have ended on each side when it is not given: with fewer, eight points more do not show.
const MIN_TASKS: u32 = 50;

/// One of so many nodes works before the rest of a judged pool comes: enough to see eight points more within hours, and
/// too few to harm much.
const SAMPLE: u32 = 5;

/// When new nodes count as worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureRule {
    /// The rate of failures may be higher by so much, from 0 to 1.
    pub max_increase: f64,
    /// On each side so many tasks must have ended before anything is said.
    pub min_tasks: u64,
    /// How sure it must be, from 0 to 1, over all looks together.
    pub confidence: f64,
}

/// Whether and how a roll-out judges its new nodes by the tasks that run on them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judging {
    /// What follows from a judgement.
    pub judge: Judge,
    /// What follows when nothing can be said.
    pub on_inconclusive: OnInconclusive,
    /// How long both sides are watched after each step.
    pub window: Duration,
    /// When nodes count as worse.
    pub rule: FailureRule,
}

/// What follows from a judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judge {
    /// Nothing is judged.
    #[default]
    No,
    /// It is reported, and nothing follows.
    Report,
    /// Nodes that are worse make a bad image.
    Act,
}

/// What follows when too few tasks have ended to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInconclusive {
    /// Tasks are watched further.
    #[default]
    Wait,
    /// The roll-out goes on.
    Proceed,
    /// The image counts as bad.
    Return,
}

/// A part of a whole, from 0 to 1.
struct Part(f64);

/// A text that is no part.
struct InvalidPart(String);

impl fmt::Display for InvalidPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a percentage from 0% to 100%; write 1% or 0.5%", self.0)
    }
}

impl FromStr for Part {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text
            .strip_suffix('%')
            .map(str::trim)
            .and_then(|number| number.parse().ok());
        let part = number.filter(|percent: &f64| (0.0..=100.0).contains(percent));
        part.map(|percent| Self(percent / 100.0))
            .ok_or_else(|| InvalidPart(text.to_owned()))
    }
}

impl Judging {
    /// How many of so many new nodes work before the rest comes, where there is room for all at once: a fifth, at least
    /// one; none when nothing is judged, or all there is would be the first node.
    #[must_use]
    pub fn sample_of(&self, nodes: u32) -> u32 {
        if self.judge == Judge::No || nodes < 2 {
            return 0;
        }
        (nodes / SAMPLE).max(1)
    }
}

impl Default for Judging {
    fn default() -> Self {
        Self {
            judge: Judge::No,
            on_inconclusive: OnInconclusive::Wait,
            window: WINDOW,
            rule: FailureRule::default(),
        }
    }
}

impl Default for FailureRule {
    fn default() -> Self {
        Self {
            max_increase: 0.01,
            min_tasks: u64::from(MIN_TASKS),
            confidence: 0.995,
        }
    }
}

words_of!(Judge, "no, report or act": "no" => No, "report" => Report, "act" => Act);
words_of!(OnInconclusive, "wait, proceed or return": "wait" => Wait, "proceed" => Proceed, "return" => Return);

/// Reads how a roll-out judges. What is given for nothing is refused.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Judging {
    let judge: Judge = reader.parsed_or_default(options::JUDGE_TASKS).unwrap_or_default();
    let judging = Judging {
        judge,
        on_inconclusive: reader.parsed_or_default(options::ON_INCONCLUSIVE).unwrap_or_default(),
        window: reader.duration(options::WINDOW).unwrap_or(WINDOW),
        rule: rule(reader),
    };
    if judge == Judge::No {
        let others = [
            options::ON_INCONCLUSIVE,
            options::MAX_FAILURE_INCREASE,
            options::MIN_TASKS,
            options::CONFIDENCE,
            options::WINDOW,
        ];
        for opt in others.into_iter().filter(|opt| reader.has(opt)).collect::<Vec<_>>() {
            let text = words!["nothing is judged; give report or act in ", options::JUDGE_TASKS];
            reader.refuse(opt, text);
        }
    }
    judging
}

/// Reads when nodes count as worse.
pub(super) fn rule(reader: &mut Reader<'_, '_>) -> FailureRule {
    let mut part = |opt, usual| reader.parsed::<Part>(opt).map_or(usual, |Part(part)| part);
    let usual = FailureRule::default();
    let max_increase = part(options::MAX_FAILURE_INCREASE, usual.max_increase);
    let confidence = part(options::CONFIDENCE, usual.confidence);
    if confidence >= 1.0 {
        reader.refuse(
            options::CONFIDENCE,
            "nothing is that sure; write less than 100%, such as 99.5%",
        );
    }
    let min_tasks = reader.number(options::MIN_TASKS).unwrap_or(MIN_TASKS);
    FailureRule {
        max_increase,
        min_tasks: u64::from(min_tasks.max(1)),
        confidence,
    }
}
