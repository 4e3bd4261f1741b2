//! One request to its final answer: send, judge, wait, send again, within the run's budget and time.
//!
//! It serves ARM, Batch, token endpoints and metadata hosts alike, so that all share one rule. For which run it sends is
//! said at every call: cleaning up has a budget and a deadline of its own.

mod trouble;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    answer::Answer,
    error::{Error, ErrorKind, RefusedBy, Result, ServiceError},
    judge::{self, UNCHANGED, Verdict, Written},
    progress::{Answered, Event},
    retry::{Attempt, Next, Repeat, decide},
    run::Run,
    transport::{ConnectFault, SendError, Transport},
};
use trouble::Trouble;

/// A transport under the retry rules.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    transport: Arc<dyn Transport>,
}

/// What is known of a request before it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// What it does, for people.
    pub(crate) doing: &'a str,
    /// Whether repeating it can do harm.
    pub(crate) repeat: Repeat,
    /// Who is asked.
    pub(crate) of: RefusedBy,
    /// What a success has to look like.
    pub(crate) expects: Expects,
    /// Our id of it, if it carries one.
    pub(crate) id: Option<&'a str>,
}

/// What the body of a success has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Anything, nothing included.
    Anything,
    /// A JSON object that says something: a proxy's page or an empty body is trouble that passes, never what is there.
    Object,
    /// A JSON list, which may be empty.
    List,
}

/// What came of one attempt, with what it means.
struct Tried {
    sent: Result<Answer, SendError>,
    attempt: Attempt,
    asked: Option<Duration>,
}

impl Sender {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Sends once, by no rule: what comes of it is for the caller to judge.
    pub(crate) async fn once(&self, request: http::Request<Bytes>) -> Result<Answer, SendError> {
        self.transport.send(request).await.map(Answer::from)
    }

    /// Sends what `request` makes, made again for every attempt, until there is an answer to work with. An answer that only
    /// asks for patience is an error once patience has ended.
    pub(crate) async fn exchange(
        &self,
        run: &Run,
        rules: Rules<'_>,
        request: impl Fn() -> Result<http::Request<Bytes>>,
    ) -> Result<Answer> {
        let mut repeats = 0;
        let mut trouble: Option<Box<Trouble>> = None;
        loop {
            if trouble.is_none() {
                run.check(rules.doing)?;
            }
            let sending = self.transport.send(request()?);
            let sent_at = run.machine_time();
            let sent = run.within(rules.repeat, rules.doing, sending).await;
            let sent = sent.map_err(|ended| trouble::unanswered(ended, trouble.as_deref(), rules, run))?;
            let sent = sent.map(|response| rules.answer(response));
            if let (Ok(answer), RefusedBy::Service) = (&sent, rules.of)
                && let Some(date) = answer.date()
            {
                run.learn_time(date, sent_at);
            }
            let tried = Tried::new(sent, rules, run);
            match decide(tried.attempt, rules.repeat, repeats, tried.asked, fastrand::f64()) {
                Next::Done => {
                    run.earn_repeat();
                    return tried.sent.map_err(broken);
                }
                Next::GiveUp => return Err(tried.into_error(rules, run)),
                Next::LookFirst => return Err(tried.into_unknown_effect(rules, run)),
                Next::Again(wait) => {
                    if !run.take_repeat() {
                        return Err(tried.into_error(rules, run).with_hint(USED_UP));
                    }
                    repeats += 1;
                    trouble = Some(tried.announced(repeats, wait, rules, run));
                    let paused = run.pause(wait, rules.doing).await;
                    paused.map_err(|ended| trouble::unanswered(ended, trouble.as_deref(), rules, run))?;
                }
            }
        }
    }
}

impl Rules<'_> {
    fn answer(&self, response: http::Response<Bytes>) -> Answer {
        let answer = Answer::from(response);
        match self.id {
            Some(id) => answer.of_request(id),
            None => answer,
        }
    }
}

impl Tried {
    fn new(sent: Result<Answer, SendError>, rules: Rules<'_>, run: &Run) -> Self {
        let (attempt, asked) = match &sent {
            Ok(answer) => (
                Attempt::Answered(verdict(answer, rules, run)),
                answer.retry_after(run.now()),
            ),
            Err(SendError::NeverSent { fault, .. }) => {
                let can_pass = *fault == ConnectFault::Transient;
                (Attempt::NeverSent { can_pass }, None)
            }
            // It would be as long again.
            Err(SendError::TooLong { .. }) if rules.repeat == Repeat::Freely => {
                (Attempt::NeverSent { can_pass: false }, None)
            }
            Err(SendError::TooLong { .. } | SendError::UnknownEffect { .. } | SendError::TimedOut { .. }) => {
                (Attempt::UnknownEffect, None)
            }
        };
        Self { sent, attempt, asked }
    }

    fn why(&self) -> String {
        match &self.sent {
            Ok(answer) if judge::is_done(answer.status.as_u16()) => {
                "the answer is not the JSON it should be".to_owned()
            }
            Ok(answer) => format!("the service answered {}", answer.status),
            Err(error) => error.to_string(),
        }
    }

    /// What the service refused with, if it answered.
    fn refusal(&self, rules: Rules<'_>, run: &Run) -> Option<ServiceError> {
        let answer = self.sent.as_ref().ok()?;
        (!judge::is_done(answer.status.as_u16())).then(|| answer.refusal(rules.of, run.now()))
    }

    /// Says that it is sent again, and keeps why. On the heap, since it is held while the run waits.
    fn announced(self, times: u32, wait: Duration, rules: Rules<'_>, run: &Run) -> Box<Trouble> {
        let (why, refusal) = (self.why(), self.refusal(rules, run));
        announce(run, rules.doing, wait, (why.clone(), refusal.as_ref()));
        Box::new(Trouble::new((why, refusal), (self.attempt, times), run))
    }

    /// The error of trouble that has lasted too long.
    fn into_error(self, rules: Rules<'_>, run: &Run) -> Error {
        let why = self.why();
        match self.sent {
            Ok(answer) if judge::is_done(answer.status.as_u16()) => Error::new(ErrorKind::Azure, why),
            Ok(answer) => judge::refused(why, answer.refusal(rules.of, run.now()), run.written()),
            Err(error) if run.written() == Written::Nothing => broken(error).with_kept(UNCHANGED),
            Err(error) => broken(error),
        }
    }

    /// A write that may have happened: a broken connection, or an answer such as 500 that says nothing of the effect.
    fn into_unknown_effect(self, rules: Rules<'_>, run: &Run) -> Error {
        let why = format!("{}; it is not known whether the service acted", self.why());
        match self.sent {
            Ok(answer) => Error::of_service(ErrorKind::UnknownEffect, why, answer.refusal(rules.of, run.now())),
            Err(error) => broken(error),
        }
    }
}

/// The hint of a run that may repeat nothing more.
pub(crate) const USED_UP: &str = "this run has used up its retries; run it again later";

/// Says that something is sent again, and why: in words, and what the service answered, if it did.
pub(crate) fn announce(run: &Run, doing: &str, wait: Duration, (why, refusal): (String, Option<&ServiceError>)) {
    run.progress.tell(Event::Retrying {
        doing: doing.to_owned(),
        why,
        answer: refusal.map(Answered::from),
        seconds: wait.as_secs().max(1),
    });
}

fn verdict(answer: &Answer, rules: Rules<'_>, run: &Run) -> Verdict {
    if !judge::is_done(answer.status.as_u16()) {
        return judge::verdict(&answer.refusal(rules.of, run.now()));
    }
    match rules.expects {
        Expects::Object if answer.status.is_success() && !says_something(answer) => Verdict::Again,
        Expects::List if answer.status.is_success() && !answer.value().is_array() => Verdict::Again,
        Expects::Object | Expects::List | Expects::Anything => Verdict::Done,
    }
}

fn says_something(answer: &Answer) -> bool {
    answer.value().as_object().is_some_and(|body| !body.is_empty())
}

fn broken(error: SendError) -> Error {
    let kind = match &error {
        SendError::NeverSent { .. } => ErrorKind::NeverSent,
        SendError::UnknownEffect { .. } | SendError::TimedOut { .. } => ErrorKind::UnknownEffect,
        SendError::TooLong { .. } => ErrorKind::Azure,
    };
    let (hint, command) = (error.hint(), error.command());
    let error = Error::new(kind, error.to_string()).because(error);
    match (hint, command) {
        (Some(hint), Some(command)) => error
            .with_next(
                "to see which certificates the server sends, and who signed them",
                command,
            )
            .with_next(hint, None),
        (Some(hint), None) => error.with_hint(hint),
        (None, _) => error,
    }
}
