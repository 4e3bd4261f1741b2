//! Writing a version, and whose it is then.
//!
//! What an answer to the write says decides nothing: a body may be empty, or not be the service's. The version is read.

use super::{number::is_of, plan::Goal};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind, Result, ServiceError},
    judge,
    operation::{self, PollBy, Status},
    progress::Event,
    replication,
    request::{Request, Service},
    write::Tries,
};

/// What became of a write.
#[derive(Debug)]
pub(super) enum Claim {
    /// The version is there and of our source; the address of its operation, where we began it.
    Ours(ImageVersion, Option<String>),
    /// It is there and of another source.
    Theirs(ImageVersion),
    /// No version shows the number, and Azure refuses it: one that was deleted softly has it.
    Hidden(Error),
    /// It is not there. The next look shows what to do; this is why, where Azure said it.
    NotYet(Option<Error>),
}

/// Writes the version, unless it is there: a write to a version that another run has made of the same source meanwhile
/// would take the regions away that it has got since. Its fingerprint, read back, decides whose it is.
///
/// # Errors
/// When Azure refuses for good or the run ends.
pub(super) async fn claim(client: &Client, goal: &Goal, put: &Request) -> Result<Claim> {
    let mut tries = Tries::new(client, &put.doing);
    loop {
        if let Some(found) = find(client, goal).await? {
            return Ok(of(found, goal, None));
        }
        let (operation, refusal) = match client.send(put).await {
            Ok(answer) => {
                client.tell(Event::Created {
                    id: goal.version.to_string(),
                });
                (answer.header("azure-asyncoperation").map(str::to_owned), None)
            }
            Err(error) if is_hidden(&error) || error.has_status(404) => (None, Some(error)),
            // A run of the same machine may be writing the version.
            Err(error) => {
                tries.after(error).await?;
                continue;
            }
        };
        return Ok(match (find(client, goal).await?, refusal) {
            (Some(found), _) => of(found, goal, operation),
            (None, Some(error)) if is_hidden(&error) => Claim::Hidden(error),
            (None, refusal) => Claim::NotYet(refusal),
        });
    }
}

/// The version as it is shown. An answer that does not describe it is not one: it would look like another run's.
async fn find(client: &Client, goal: &Goal) -> Result<Option<ImageVersion>> {
    let found = version::find(client, &goal.version).await?;
    match found {
        Some(version) if version.body().get("properties").is_none() => {
            let text = format!("the answer does not describe image version {}", goal.version.name());
            Err(Error::new(ErrorKind::Azure, text).with_hint("run it again"))
        }
        found => Ok(found),
    }
}

fn of(found: ImageVersion, goal: &Goal, operation: Option<String>) -> Claim {
    if is_of(&found, &goal.fingerprint) {
        Claim::Ours(found, operation)
    } else {
        Claim::Theirs(found)
    }
}

/// Whether Azure says that a version which was deleted softly has the number.
fn is_hidden(error: &Error) -> bool {
    let says = |refusal: &ServiceError| {
        let message = refusal.message.to_ascii_lowercase();
        message.contains("soft-deleted") || message.contains("soft deleted") || message.contains("softdeleted")
    };
    error
        .service()
        .is_some_and(|refusal| refusal.status == 409 && says(refusal))
}

/// Waits until a version is made, and says why when it is not.
///
/// # Errors
/// When it fails or the run ends.
pub(super) async fn made(client: &Client, goal: &Goal, operation: Option<String>) -> Result<ImageVersion> {
    match replication::settled(client, &goal.version, &[]).await {
        Ok(settled) => Ok(settled.into_version()),
        Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => Err(error),
        Err(error) => Err(explained(client, error, operation).await),
    }
}

/// The operation knows the reason that the version itself does not show.
async fn explained(client: &Client, error: Error, operation: Option<String>) -> Error {
    let Some(address) = operation else { return error };
    let poll = Request::follow(Service::Arm, &address, "read why the version failed");
    match client.send(&poll).await {
        Ok(answer) => match operation::read(&PollBy::AsyncOperation(address), &answer) {
            Status::Failed(failure) => {
                let reason = judge::failed(error.to_string(), failure);
                match error.hint_words() {
                    Some(hint) => reason.with_hint(hint.clone()),
                    None => reason,
                }
            }
            Status::Running(_) | Status::Succeeded | Status::Forgotten => error,
        },
        Err(_) => error,
    }
}
