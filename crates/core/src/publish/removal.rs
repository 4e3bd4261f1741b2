//! Deleting many snapshots and images: all at once, then one look a kind for all of them.
//!
//! What may be deleted is decided in `cleanup`.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::{
    pace::copy_pause,
    temporaries::{self, TemporaryId},
};
use crate::{
    client::Client,
    error::{ErrorKind, Result},
    ids::resource::ResourceGroupId,
    operation::{self, PollBy, Status},
    progress::Event,
    request::{Request, Service},
};

/// How often a deletion is sent while something still works on the resource. With the pauses between, that is about a
/// minute, longer than any update of a snapshot or image takes to end.
const MAX_TRIES: u32 = 8;

/// The pause between two such tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);

/// A deletion that goes on.
struct Deletion {
    id: TemporaryId,
    tries: u32,
    state: State,
}

enum State {
    /// It has to be sent, again after this was said.
    ToSend(String),
    /// It was accepted; its operation, where the answer named one.
    Accepted(Option<PollBy>),
    /// It is over.
    Gone,
    /// It is over and the resource stays.
    Stays(String),
}

/// Deletes all of these; what stays is returned with the reason.
pub(super) async fn remove_all(
    client: &Client,
    group: &ResourceGroupId,
    ids: Vec<TemporaryId>,
) -> Vec<(TemporaryId, String)> {
    let began = Instant::now();
    let start = |id| Deletion {
        id,
        tries: 0,
        state: State::ToSend(String::new()),
    };
    let mut deletions: Vec<Deletion> = ids.into_iter().map(start).collect();
    loop {
        join_all(deletions.iter_mut().map(|it| it.send(client))).await;
        let is_sending = deletions.iter().any(|it| matches!(it.state, State::ToSend(_)));
        let is_going_on = is_sending || deletions.iter().any(|it| matches!(it.state, State::Accepted(_)));
        if !is_going_on {
            break;
        }
        let pause = if is_sending {
            BETWEEN_TRIES
        } else {
            copy_pause(began.elapsed())
        };
        let looked = match client.run().pause(pause, "the end of deletions").await {
            Ok(()) => look(client, group, &mut deletions).await,
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            let why = error.report();
            deletions.iter_mut().for_each(|it| it.give_up(&why));
            break;
        }
    }
    deletions
        .into_iter()
        .filter_map(|it| match it.state {
            State::Stays(why) => Some((it.id, why)),
            State::Gone | State::ToSend(_) | State::Accepted(_) => None,
        })
        .collect()
}

impl Deletion {
    async fn send(&mut self, client: &Client) {
        let State::ToSend(said) = &self.state else { return };
        if self.tries == MAX_TRIES {
            self.state = State::Stays(format!("it could not be removed: {said}"));
            return;
        }
        self.tries += 1;
        self.state = match client.send(&self.id.delete()).await {
            Ok(answer) => match operation::begin(&http::Method::DELETE, &answer) {
                Status::Running(by) => State::Accepted(Some(by)),
                Status::Succeeded | Status::Failed(_) | Status::Forgotten => {
                    self.report_gone(client);
                    State::Gone
                }
            },
            Err(error) if error.has_status(404) => {
                self.report_gone(client);
                State::Gone
            }
            // Its own creation may still be under way after a cancel; the next look shows what a lost answer did.
            Err(error) if error.has_status(409) => State::ToSend(error.report()),
            Err(error) if error.kind() == ErrorKind::UnknownEffect => State::Accepted(None),
            Err(error) => State::Stays(format!("it could not be removed: {}", error.report())),
        };
    }

    fn report_gone(&self, client: &Client) {
        client.run().progress.tell(Event::Removed {
            id: self.id.to_string(),
        });
    }

    fn give_up(&mut self, why: &str) {
        if !matches!(self.state, State::Gone | State::Stays(_)) {
            self.state = State::Stays(format!("it is not known to be removed: {why}"));
        }
    }

    /// It is still shown and does not say that it is going: only its operation knows.
    async fn ask(&mut self, client: &Client) -> Result<()> {
        let by = match &self.state {
            State::Accepted(Some(by)) => by.clone(),
            State::Accepted(None) => {
                self.state = State::ToSend("it is still there".to_owned());
                return Ok(());
            }
            State::ToSend(_) | State::Gone | State::Stays(_) => return Ok(()),
        };
        let (PollBy::AsyncOperation(address) | PollBy::Location(address)) = &by else {
            return Ok(());
        };
        let poll = Request::follow(Service::Arm, address, format!("poll: {}", self.id.delete().doing));
        let answer = client.answer_or_missing(&poll).await?;
        match operation::read(&by, &answer) {
            Status::Failed(failure) => self.state = State::ToSend(failure.to_string()),
            Status::Succeeded | Status::Forgotten => {
                self.report_gone(client);
                self.state = State::Gone;
            }
            Status::Running(_) => {}
        }
        Ok(())
    }
}

/// One look for all deletions of a kind.
async fn look(client: &Client, group: &ResourceGroupId, deletions: &mut [Deletion]) -> Result<()> {
    for kind in temporaries::KINDS {
        let is_one = |it: &Deletion| it.id.kind() == kind && matches!(it.state, State::Accepted(_));
        if !deletions.iter().any(is_one) {
            continue;
        }
        let found = temporaries::look_at(client, group, kind, &[]).await?;
        for deletion in deletions.iter_mut().filter(|it| is_one(it)) {
            match found.iter().find(|it| it.id == deletion.id) {
                None => {
                    deletion.report_gone(client);
                    deletion.state = State::Gone;
                }
                Some(it) if it.is_going() => {}
                Some(_) => deletion.ask(client).await?,
            }
        }
    }
    Ok(())
}
