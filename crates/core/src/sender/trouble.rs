//! A request that got no good answer until the run's time was over: what the service said last is the reason.
//!
//! It words and decides nothing: how often a request is sent is `retry`'s to say.

use jiff::Timestamp;

use super::Rules;
use crate::{
    error::{EFFECT_UNKNOWN, Error, ErrorKind, RefusedBy, ServiceError},
    judge::Written,
    options::run::DEADLINE,
    progress::Span,
    retry::{Attempt, Repeat},
    run::Run,
    words,
    words::{Part, plural},
};

/// What came of the attempts so far, none of which was an answer to work with.
#[derive(Debug)]
pub(super) struct Trouble {
    why: String,
    refusal: Option<ServiceError>,
    attempt: Attempt,
    times: u32,
    at: Timestamp,
}

impl Trouble {
    /// The last of so many attempts.
    pub(super) fn new(
        (why, refusal): (String, Option<ServiceError>),
        (attempt, times): (Attempt, u32),
        run: &Run,
    ) -> Self {
        Self {
            why,
            refusal,
            attempt,
            times,
            at: run.now(),
        }
    }

    fn happened(&self, who: &str, what: &str) -> String {
        let times = times(self.times);
        match &self.refusal {
            Some(refusal) if refusal.code.starts_with("HTTP ") => {
                format!("{who} answered {} {times}{what}", refusal.status)
            }
            Some(refusal) => format!("{who} answered {} {} {times}{what}", refusal.status, refusal.code),
            None if matches!(self.attempt, Attempt::NeverSent { .. }) => {
                format!("{who} could not be reached in {}", plural(self.times, "attempt"))
            }
            None => format!("{who} gave no answer {times}{what}"),
        }
    }
}

/// The error of a run that ended while it waited for an answer. A cancel stays what it is.
pub(super) fn unanswered(ended: Error, trouble: Option<&Trouble>, rules: Rules<'_>, run: &Run) -> Error {
    if ended.kind() != ErrorKind::Deadline {
        return ended;
    }
    let who = who(rules.of);
    // Of signing in the sentence says already what was asked for.
    let what = match rules.of {
        RefusedBy::Service => format!(" to the request to {}", rules.doing),
        RefusedBy::TokenEndpoint | RefusedBy::Imds => String::new(),
    };
    let limit = Span(run.limit().as_secs());
    let happened = match trouble {
        Some(trouble) => format!("{} until the deadline of {limit} passed", trouble.happened(who, &what)),
        None => format!("{who} gave no answer{what} until the deadline of {limit} passed"),
    };
    let mut error = match trouble.and_then(|trouble| trouble.refusal.clone()) {
        Some(refusal) => Error::of_service(ErrorKind::Deadline, happened, refusal).as_first(),
        None => Error::plain(ErrorKind::Deadline, happened),
    };
    if let Some(trouble) = trouble {
        let time = trouble.at.strftime("%H:%M:%S UTC");
        error = error.with_fact(match &trouble.refusal {
            Some(_) => format!("the last answer came at {time}"),
            None => format!("the last attempt ended at {time}: {}", trouble.why),
        });
    }
    let may_have_acted = trouble.is_none() && rules.repeat == Repeat::OnlyWithoutEffect;
    error = match run.written() {
        _ if may_have_acted => error.with_fact(EFFECT_UNKNOWN),
        Written::Nothing => error.with_kept("nothing was changed"),
        Written::Something => error,
    };
    error.with_next(
        words![
            "run again later: the run looks first at what is there; for more time, with ",
            Part::set(DEADLINE, run.more_time())
        ],
        None,
    )
}

const fn who(of: RefusedBy) -> &'static str {
    match of {
        RefusedBy::Service => "Azure",
        RefusedBy::TokenEndpoint => "the sign-in service",
        RefusedBy::Imds => "the machine's identity service",
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
