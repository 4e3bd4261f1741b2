//! A write whose answer may be lost, or that meets another writer: wait, look, send again.
//!
//! The only place that repeats writes. It repeats nothing before the state was read, rides out trouble for as long as a
//! read does, and keeps the service's last words as the cause when it gives up.

use crate::{
    answer::Answer,
    client::Client,
    error::{Error, ErrorKind, Result},
    judge::{self, Verdict},
    options::run::DEADLINE,
    progress::Span,
    request::Request,
    retry,
    sender::{USED_UP, announce},
    words,
    words::Part,
};

/// What became of a write.
#[derive(Debug)]
pub enum Sent<T> {
    /// The service answered with a success; what that means the resource itself has to show.
    Answered(Answer),
    /// A look found what was wanted, by a try whose answer was lost or by another writer.
    Found(T),
}

/// The tries of one write.
#[derive(Debug)]
pub struct Tries<'a> {
    client: &'a Client,
    doing: &'a str,
    repeats: u32,
}

impl<'a> Tries<'a> {
    /// No try yet; `doing` names the write, as in `cannot {doing}`.
    #[must_use]
    pub const fn new(client: &'a Client, doing: &'a str) -> Self {
        Self {
            client,
            doing,
            repeats: 0,
        }
    }

    /// Waits after a try that failed with `error` and hands it back: now look, and try again if the look does not show
    /// what is wanted.
    ///
    /// # Errors
    /// The error itself when another try cannot help; that of the last try when there were enough; or the run ends.
    pub async fn after(&mut self, error: Error) -> Result<Error> {
        match judge::of_error(&error) {
            Verdict::LookFirst | Verdict::Busy => {}
            Verdict::Done | Verdict::Again | Verdict::NewToken | Verdict::Final(_) => return Err(error),
        }
        if self.repeats >= retry::MAX_REPEATS {
            return Err(self.given_up(error));
        }
        let run = self.client.run();
        if !run.take_repeat() {
            return Err(self.given_up(error).with_hint(USED_UP));
        }
        let asked = error.service().and_then(|refusal| refusal.retry_after);
        let wait = retry::wait(self.repeats, asked, fastrand::f64());
        self.repeats += 1;
        let why = (reason(&error), error.service());
        announce(run, &format!("look, and {}", self.doing), wait, why);
        match run.pause(wait, self.doing).await {
            Err(ended) if ended.kind() == ErrorKind::Deadline => Err(self.out_of_time(error)),
            Err(ended) => Err(ended),
            Ok(()) => Ok(error),
        }
    }

    /// The run's time is over; why the last try failed is the reason.
    fn out_of_time(&self, error: Error) -> Error {
        let limit = Span(self.client.run().limit().as_secs());
        let tries = match self.repeats {
            0 | 1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        Error::new(
            ErrorKind::Deadline,
            format!(
                "cannot {}: tried {tries}, then the deadline of {limit} passed",
                self.doing
            ),
        )
        .with_next(
            words![
                "run again later: the run looks first at what is there; for more time, with ",
                Part::set(DEADLINE, self.client.run().more_time())
            ],
            None,
        )
        .because(error)
    }

    fn given_up(&self, error: Error) -> Error {
        let kind = match error.kind() {
            // The looks have shown that it had no effect; what the service said is known.
            ErrorKind::UnknownEffect if error.service().is_some() => ErrorKind::Azure,
            kind => kind,
        };
        let tries = self.repeats + 1;
        Error::new(
            kind,
            format!("cannot {}: tried {tries} times without an effect", self.doing),
        )
        .because(error)
    }
}

/// Sends until the service accepts, or a look shows that it need not.
///
/// # Errors
/// When the service refuses for good, the trouble lasts, a look fails, or the run ends.
pub async fn send<T, F>(client: &Client, request: &Request, look: impl Fn() -> F) -> Result<Sent<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    let mut tries = Tries::new(client, &request.doing);
    loop {
        match client.send(request).await {
            Ok(answer) => return Ok(Sent::Answered(answer)),
            Err(error) => tries.after(error).await?,
        };
        if let Some(found) = look().await? {
            return Ok(Sent::Found(found));
        }
    }
}

/// The innermost sentence of ours or the service's.
fn reason(error: &Error) -> String {
    match error.service() {
        Some(refusal) => refusal.to_string(),
        None => {
            let mut innermost: &dyn std::error::Error = error;
            while let Some(cause) = innermost.source() {
                innermost = cause;
            }
            innermost.to_string()
        }
    }
}
