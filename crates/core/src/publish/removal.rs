//! Deleting many snapshots and images: all at once, then one look a kind for all of them.
//!
//! What may be deleted is decided in `cleanup`.

use futures::future::join_all;
use http::Method;

use crate::{
    client::Client,
    error::Result,
    ids::resource::ResourceGroupId,
    operation::{self, PollBy, Status},
    progress::Event,
    request::{Request, Service},
    temporaries::{self, Found, TemporaryId},
    wait::{Pace, Wait},
    write::{self, Sent},
};

/// A deletion.
struct Deletion {
    id: TemporaryId,
    state: State,
}

enum State {
    /// It goes on; where its operation is read.
    GoesOn(PollBy),
    /// It is over.
    Gone,
    /// It is over and the resource stays, for this reason.
    Stays(String),
}

impl Deletion {
    const fn goes_on(&self) -> bool {
        matches!(self.state, State::GoesOn(_))
    }

    /// It is still shown and does not say that it is going: only its operation knows.
    async fn ask(&mut self, client: &Client) -> Result<()> {
        let State::GoesOn(by) = &self.state else {
            return Ok(());
        };
        let (PollBy::AsyncOperation(address) | PollBy::Location(address)) = by else {
            return Ok(());
        };
        let poll = Request::follow(Service::Arm, address, format!("poll: {}", self.id.delete().doing));
        let answer = client.answer_or_missing(&poll).await?;
        match operation::read(by, &answer) {
            Status::Failed(failure) => self.state = State::Stays(refused(&failure)),
            Status::Succeeded | Status::Forgotten => self.state = State::Gone,
            Status::Running(_) => {}
        }
        Ok(())
    }
}

/// Deletes all of these; what stays is returned with the reason.
pub(super) async fn remove_all(
    client: &Client,
    group: &ResourceGroupId,
    going: Vec<Found>,
) -> Vec<(TemporaryId, String)> {
    let wait = Wait::new(client, Pace::COPY, "the end of deletions");
    let mut deletions = join_all(going.into_iter().map(|it| start(client, it))).await;
    while deletions.iter().any(Deletion::goes_on) {
        let looked = match wait.pause(None).await {
            Ok(()) => look(client, group, &mut deletions).await,
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            let why = format!("whether it was removed is not known: {}", error.report());
            let unknown = deletions.iter_mut().filter(|it| it.goes_on());
            unknown.for_each(|it| it.state = State::Stays(why.clone()));
        }
    }
    let mut left = Vec::new();
    for Deletion { id, state } in deletions {
        match state {
            State::Stays(why) => left.push((id, why)),
            State::GoesOn(_) | State::Gone => client.tell(Event::Removed { id: id.to_string() }),
        }
    }
    left
}

async fn start(client: &Client, found: Found) -> Deletion {
    if let Err(error) = temporaries::end_access(client, &found).await {
        let why = format!("an access to it (SAS) could not be ended: {}", error.report());
        return Deletion {
            id: found.id,
            state: State::Stays(why),
        };
    }
    let id = found.id;
    let get = id.get();
    let look = || async { Ok(client.find(&get).await?.is_none().then_some(())) };
    let state = match write::send(client, &id.delete(), look).await {
        Ok(Sent::Found(())) => State::Gone,
        Ok(Sent::Answered(answer)) => match operation::begin(&Method::DELETE, &answer) {
            Status::Running(by) => State::GoesOn(by),
            Status::Succeeded | Status::Forgotten => State::Gone,
            Status::Failed(failure) => State::Stays(refused(&failure)),
        },
        Err(error) if error.has_status(404) => State::Gone,
        Err(error) => State::Stays(refused(&error.report())),
    };
    Deletion { id, state }
}

fn refused(why: &impl std::fmt::Display) -> String {
    format!("it could not be removed: {why}")
}

/// One look for all deletions of a kind.
async fn look(client: &Client, group: &ResourceGroupId, deletions: &mut [Deletion]) -> Result<()> {
    for kind in temporaries::KINDS {
        let is_one = |it: &Deletion| it.id.kind() == kind && it.goes_on();
        if !deletions.iter().any(is_one) {
            continue;
        }
        let found = temporaries::look_at(client, group, kind, &[]).await?;
        for deletion in deletions.iter_mut().filter(|it| is_one(it)) {
            match found.iter().find(|it| it.id == deletion.id) {
                None => deletion.state = State::Gone,
                Some(it) if it.is_going() => {}
                Some(_) => deletion.ask(client).await?,
            }
        }
    }
    Ok(())
}
