//! Carries a long-running operation to its end: start, poll, look at the resource when the effect is unknown.
//!
//! The only poll loop for ARM operations; what an answer means is decided in `operation`.

use http::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::{PollBy, Status, begin, poll_pause, read, read_resource};
use crate::{
    answer::Answer,
    client::Client,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// How often a write whose effect is unknown is looked after and sent again before we give up on it.
const MAX_LOOKS: u32 = 4;

/// Creates or updates a resource and waits until it is there: `put` writes it, `get` reads it.
///
/// After a lost answer the resource is looked at before the write is repeated, so nothing is written twice.
///
/// # Errors
/// When the service refuses, the operation fails, or the run ends.
pub async fn put(client: &Client, put: &Request, get: &Request) -> Result<Value> {
    for _ in 0..MAX_LOOKS {
        match client.send(put).await {
            Ok(answer) => {
                finish(client, put, get, &answer).await?;
                return Ok(client.send(get).await?.value());
            }
            Err(error) if error.kind() == ErrorKind::UnknownEffect => {
                if let Some(found) = client.find(get).await? {
                    return settle(client, put, get, found.value()).await;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::Azure,
        format!(
            "cannot {}: the answer was lost {MAX_LOOKS} times and the resource is not there",
            put.doing
        ),
    ))
}

/// Deletes a resource and waits until it is gone; one that is not there is gone.
///
/// # Errors
/// When the service refuses, the operation fails, or the run ends.
pub async fn delete(client: &Client, delete: &Request, get: &Request) -> Result<()> {
    for _ in 0..MAX_LOOKS {
        match client.send(delete).await {
            Ok(answer) => return finish(client, delete, get, &answer).await,
            Err(error) if error.has_status(404) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::UnknownEffect => {
                if client.find(get).await?.is_none() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::Azure,
        format!(
            "cannot {}: the answer was lost {MAX_LOOKS} times and the resource is still there",
            delete.doing
        ),
    ))
}

/// Sends an action (POST) and waits for its end. A lost answer is the caller's to judge, who knows what to look at.
///
/// # Errors
/// When the service refuses, the operation fails, the effect is unknown, or the run ends.
pub async fn act(client: &Client, action: &Request) -> Result<()> {
    let answer = client.send(action).await?;
    finish(client, action, action, &answer).await
}

/// Polls what `answer` started until it ends.
async fn finish(client: &Client, start: &Request, get: &Request, answer: &Answer) -> Result<()> {
    let began = Instant::now();
    let mut status = begin(&start.method, answer);
    let mut asked = answer.retry_after(client.run().now());
    loop {
        let by = match status {
            Status::Running(by) => by,
            Status::Succeeded => return Ok(()),
            Status::Failed(failure) => {
                return Err(Error::refused_by_service(format!("cannot {}", start.doing), failure));
            }
            // The operation ended long enough ago to be forgotten; a deletion's record goes with its resource.
            Status::Forgotten if start.method == Method::DELETE => return Ok(()),
            Status::Forgotten => PollBy::Resource,
        };
        client
            .run()
            .pause(
                poll_pause(began.elapsed(), asked),
                &format!("the end of: {}", start.doing),
            )
            .await?;
        let poll = match &by {
            PollBy::AsyncOperation(address) | PollBy::Location(address) => {
                Request::follow(start.service.clone(), address, format!("poll: {}", start.doing))
            }
            PollBy::Resource => get.clone(),
        };
        let answer = client.answer_or_missing(&poll).await?;
        if answer.status == http::StatusCode::NOT_FOUND && by == PollBy::Resource {
            return Err(Error::new(
                ErrorKind::Azure,
                format!("cannot {}: the resource vanished meanwhile", start.doing),
            ));
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
    let began = Instant::now();
    loop {
        match read_resource(&found) {
            Status::Succeeded => return Ok(found),
            Status::Failed(failure) => return Err(Error::refused_by_service(format!("cannot {}", put.doing), failure)),
            Status::Running(_) | Status::Forgotten => {}
        }
        client
            .run()
            .pause(poll_pause(began.elapsed(), None), &format!("the end of: {}", put.doing))
            .await?;
        found = client.send(get).await?.value();
    }
}
