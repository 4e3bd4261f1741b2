//! One request to its final answer: send, judge, wait, send again, within the run's budget.
//!
//! It serves ARM, Batch and the token endpoint alike, so that all share one budget and one rule.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    answer::Answer,
    error::{Error, ErrorKind, Result},
    progress::Event,
    retry::{Attempt, Next, Repeat, decide},
    run::Run,
    transport::{ConnectFault, SendError, Transport},
};

/// A transport under the retry rules of a run.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    transport: Arc<dyn Transport>,
    run: Run,
}

impl Sender {
    pub(crate) fn new(transport: Arc<dyn Transport>, run: Run) -> Self {
        Self { transport, run }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    pub(crate) fn with_run(&self, run: Run) -> Self {
        Self { run, ..self.clone() }
    }

    /// Sends what `request` makes, anew for every attempt, until there is an answer to work with.
    pub(crate) async fn exchange<F>(&self, doing: &str, repeat: Repeat, request: impl Fn() -> F) -> Result<Answer>
    where
        F: Future<Output = Result<http::Request<Bytes>>>,
    {
        let mut repeats = 0;
        loop {
            self.run.check()?;
            let sent = self.transport.send(request().await?).await;
            let (attempt, asked) = self.judge(&sent);
            match decide(attempt, repeat, repeats, asked, fastrand::f64()) {
                Next::Done | Next::GiveUp => return finish(sent),
                Next::LookFirst => return Err(unknown_effect(sent)),
                Next::Again(wait) => {
                    if !self.run.take_repeat() {
                        return finish(sent)
                            .map_err(|error| error.with_hint("this run has used up its retries; run it again later"));
                    }
                    self.announce(doing, wait, &sent);
                    self.run.pause(wait, doing).await?;
                    repeats += 1;
                }
            }
        }
    }

    fn judge(&self, sent: &Result<http::Response<Bytes>, SendError>) -> (Attempt, Option<Duration>) {
        match sent {
            Ok(response) => {
                let answer = Answer {
                    status: response.status(),
                    headers: response.headers().clone(),
                    body: Bytes::new(),
                };
                (
                    Attempt::Answered(response.status().as_u16()),
                    answer.retry_after(self.run.now()),
                )
            }
            Err(SendError::NeverSent { fault, .. }) => (
                Attempt::NeverSent {
                    can_pass: *fault == ConnectFault::Transient,
                },
                None,
            ),
            Err(SendError::UnknownEffect { .. }) => (Attempt::UnknownEffect, None),
        }
    }

    fn announce(&self, doing: &str, wait: Duration, sent: &Result<http::Response<Bytes>, SendError>) {
        let why = match sent {
            Ok(response) => format!("the service answered {}", response.status()),
            Err(error) => error.to_string(),
        };
        self.run.progress.tell(Event::Retrying {
            doing: doing.to_owned(),
            why,
            seconds: wait.as_secs().max(1),
        });
    }
}

fn finish(sent: Result<http::Response<Bytes>, SendError>) -> Result<Answer> {
    match sent {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        }
        Err(error) => Err(broken(error)),
    }
}

/// A write that may have happened: a broken connection, or an answer such as 500 that tells nothing of the effect.
fn unknown_effect(sent: Result<http::Response<Bytes>, SendError>) -> Error {
    match sent {
        Ok(response) => {
            let answer = Answer {
                status: response.status(),
                headers: response.headers().clone(),
                body: response.into_body(),
            };
            let text = format!("the service answered {}; whether it acted is unknown", answer.status);
            Error::new(ErrorKind::UnknownEffect, text).because(answer.refusal())
        }
        Err(error) => broken(error),
    }
}

fn broken(error: SendError) -> Error {
    let kind = match &error {
        SendError::NeverSent { .. } => ErrorKind::NeverSent,
        SendError::UnknownEffect { .. } => ErrorKind::UnknownEffect,
    };
    let hint = error.hint();
    let error = Error::new(kind, error.to_string()).because(error);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
