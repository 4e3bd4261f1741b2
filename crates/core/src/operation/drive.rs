//! Carries a long-running operation to its end: start, poll, look at the resource itself.
//!
//! What an answer means is decided in `operation`, whether a write is repeated in `write`, how often is looked in `wait`.
//! A success that a write was answered with decides nothing: what the resource shows does.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use super::{PollBy, Status, begin, read, read_resource};
use crate::{
    answer::Answer,
    client::Client,
    error::{Error, ErrorKind, Result},
    judge,
    request::Request,
    wait::{Pace, Wait},
    write::{self, Sent},
};

/// How long the effect of an action that has ended may take to be seen; reads lag behind writes by seconds.
const SHOWN_WITHIN: Duration = Duration::from_secs(120);

/// Creates a resource and waits until it is there: `put` writes it, `get` reads it. Returned is what `get` shows at the
/// end, which another writer may have made: whose it is, the caller sees.
///
/// # Errors
/// When the service refuses, the operation fails, or the run ends.
pub async fn put(client: &Client, put: &Request, get: &Request) -> Result<Value> {
    put_at(client, put, get, Pace::OPERATION).await
}

/// The same, looking at a pace.
///
/// # Errors
/// As [`put`].
pub async fn put_at(client: &Client, put: &Request, get: &Request, pace: Pace) -> Result<Value> {
    write_until(client, (put, get), pace, |_| true).await
}

/// Changes a resource that is there and waits until it has changed. A look after a lost answer believes only what `shows`
/// accepts, since the resource was there before.
///
/// # Errors
/// As [`put`].
pub async fn change(client: &Client, write: &Request, get: &Request, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    write_until(client, (write, get), Pace::OPERATION, shows).await
}

async fn write_until(
    client: &Client,
    (write, get): (&Request, &Request),
    pace: Pace,
    shows: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let shows = &shows;
    let look = || async move {
        let found = client.find(get).await?.map(|answer| answer.value());
        Ok(found.filter(|body| shows(body)))
    };
    let found = match write::send(client, write, look).await? {
        Sent::Answered(answer) => {
            finish(client, write, Some(get), &answer, pace).await?;
            client.send(get).await?.value()
        }
        Sent::Found(found) => found,
    };
    settle(client, write, get, found).await
}

/// Deletes a resource and waits until it is gone; one that is not there is gone.
///
/// # Errors
/// When the service refuses, the operation fails, or the run ends.
pub async fn delete(client: &Client, delete: &Request, get: &Request) -> Result<()> {
    let look = || async { Ok(client.find(get).await?.is_none().then_some(())) };
    match write::send(client, delete, look).await {
        Ok(Sent::Answered(answer)) => finish(client, delete, Some(get), &answer, Pace::OPERATION).await,
        Ok(Sent::Found(())) => Ok(()),
        Err(error) if error.has_status(404) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sends an action (POST) and waits until `is_done` sees its effect. An action that was accepted is never sent again.
///
/// # Errors
/// When the service refuses, the operation fails, its effect does not show, or the run ends.
pub async fn act<F>(client: &Client, action: &Request, is_done: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let look = || {
        let is_done = is_done();
        async { Ok(is_done.await?.then_some(())) }
    };
    let Sent::Answered(answer) = write::send(client, action, look).await? else {
        return Ok(());
    };
    finish(client, action, None, &answer, Pace::OPERATION).await?;
    let wait = Wait::new(client, Pace::OPERATION, &action.doing);
    while !is_done().await? {
        if wait.elapsed() >= SHOWN_WITHIN {
            let text = format!(
                "cannot {}: Azure accepted it, but the resource does not show it",
                action.doing
            );
            return Err(Error::new(ErrorKind::Azure, text));
        }
        wait.pause(None).await?;
    }
    Ok(())
}

/// Polls what `answer` started until it ends. Without `get` an operation whose record is gone is left to the caller,
/// who looks at its effect.
async fn finish(client: &Client, start: &Request, get: Option<&Request>, answer: &Answer, pace: Pace) -> Result<()> {
    let waiting_for = format!("the end of: {}", start.doing);
    let wait = Wait::new(client, pace, &waiting_for);
    let mut status = begin(&start.method, answer);
    let mut asked = answer.retry_after(client.run().now());
    loop {
        let (by, poll) = match (status, get) {
            (Status::Succeeded, _) => return Ok(()),
            (Status::Failed(failure), _) => return Err(judge::failed(format!("cannot {}", start.doing), failure)),
            // The operation ended long enough ago to be forgotten; a deletion's record goes with its resource.
            (Status::Forgotten, _) if start.method == Method::DELETE => return Ok(()),
            (Status::Running(PollBy::Resource) | Status::Forgotten, None) => return Ok(()),
            (Status::Running(PollBy::Resource) | Status::Forgotten, Some(get)) => (PollBy::Resource, get.clone()),
            (Status::Running(by), _) => {
                let (PollBy::AsyncOperation(address) | PollBy::Location(address)) = &by else {
                    return Ok(());
                };
                let poll = Request::follow(start.service.clone(), address, format!("poll: {}", start.doing));
                (by, poll)
            }
        };
        wait.pause(asked).await?;
        let answer = client.answer_or_missing(&poll).await?;
        if answer.status == StatusCode::NOT_FOUND && by == PollBy::Resource {
            let text = format!("cannot {}: the resource vanished meanwhile", start.doing);
            return Err(Error::new(ErrorKind::Azure, text));
        }
        asked = answer.retry_after(client.run().now());
        status = read(&by, &answer);
    }
}

/// Waits until a resource that was found in the middle of something has settled; `put` only names it.
///
/// # Errors
/// When it ends badly, vanishes, or the run ends.
pub async fn settle(client: &Client, put: &Request, get: &Request, mut found: Value) -> Result<Value> {
    let waiting_for = format!("the end of: {}", put.doing);
    let wait = Wait::new(client, Pace::OPERATION, &waiting_for);
    loop {
        match read_resource(&found) {
            Status::Succeeded => return Ok(found),
            Status::Failed(failure) => return Err(judge::failed(format!("cannot {}", put.doing), failure)),
            Status::Running(_) | Status::Forgotten => wait.pause(None).await?,
        }
        found = client.send(get).await?.value();
    }
}
