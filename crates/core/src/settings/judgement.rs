//! Which nodes to judge, against which, and when they count as worse.

use std::{fmt, str::FromStr, time::Duration};

use super::{AccountRef, pool, reader::Reader};
use crate::{
    ids::PoolId,
    options::{judgement as options, pool as pool_options},
};

/// How long both sides are watched when it is not given: time for tasks of some minutes to end.
const WINDOW: Duration = Duration::from_secs(30 * 60);

/// How many tasks must have ended on each side when it is not given: with fewer, eight points more do not show.
const MIN_TASKS: u32 = 50;

/// What a judgement needs to know.
#[derive(Clone, Debug)]
pub struct JudgementSettings {
    /// The account.
    pub account: AccountRef,
    /// The pool whose nodes are judged.
    pub pool: PoolId,
    /// The pool that they are compared with. Without it, the nodes of one pool on its newest image version are compared
    /// with its others.
    pub against: Option<PoolId>,
    /// How long both are watched.
    pub window: Duration,
    /// When they count as worse.
    pub rule: FailureRule,
}

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

/// Reads what a judgement needs.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<JudgementSettings> {
    let account = pool::account(reader);
    let pool = reader
        .required(pool_options::POOL_ID, "give the id of the pool")
        .and_then(|_| reader.parsed(pool_options::POOL_ID));
    let against = reader.parsed(options::AGAINST);
    if against.is_some() && against == pool {
        reader.refuse(
            options::AGAINST,
            "is the pool that is judged; name another one, or leave it out to compare the nodes of this pool",
        );
    }
    let window = reader.duration(options::WINDOW).unwrap_or(WINDOW);
    let rule = rule(reader);
    Some(JudgementSettings {
        account: account?,
        pool: pool?,
        against,
        window,
        rule,
    })
}

fn rule(reader: &mut Reader<'_, '_>) -> FailureRule {
    let mut part = |opt, usual| reader.parsed::<Part>(opt).map_or(usual, |Part(part)| part);
    let max_increase = part(options::MAX_FAILURE_INCREASE, 0.01);
    let confidence = part(options::CONFIDENCE, 0.995);
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
