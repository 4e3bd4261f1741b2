//! Making snapshots and images: all at once, then one look for all of them, however many there are.
//!
//! Which ones are made is decided in `next`; what they are made of is in `bodies`.

use std::collections::BTreeSet;

use crate::{
    client::Client,
    error::{Error, Result},
    ids::resource::ResourceGroupId,
    judge,
    operation::{self, PollBy, Status},
    progress::Event,
    request::{Request, Service},
    settings::KeptKind,
    temporaries::{self, Found, TemporaryId},
    wait::{Pace, Wait},
    write::{self, Sent},
};
use futures::future::join_all;

/// After how many looks that do not show a resource it is read by its id: lists may be late.
const LATE: u32 = 2;

/// A temporary to be made or waited for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Which.
    pub id: TemporaryId,
    /// The request that makes it; `None` when it is in the making already.
    pub create: Option<Request>,
}

/// What came of a number of jobs.
#[derive(Debug)]
pub(super) struct Made {
    /// What is there of this kind in the group now; `None` when nothing was begun, so it was not looked at.
    pub found: Option<Vec<Found>>,
    /// Why one of them is not made yet, although trying again may help.
    pub refusal: Option<Error>,
}

/// One job under way.
struct Going {
    id: TemporaryId,
    /// Where its operation is read.
    operation: Option<PollBy>,
    unseen: u32,
}

/// What a look at one job shows.
enum Look {
    Made,
    GoesOn,
    /// It is not there any more.
    Vanished,
}

impl Going {
    /// Looks for it among what a list shows; adds it where the list was late.
    async fn look(&mut self, client: &Client, found: &mut Vec<Found>) -> Result<Look> {
        if !found.iter().any(|it| it.id == self.id) {
            self.unseen += 1;
            if self.unseen < LATE {
                return Ok(Look::GoesOn);
            }
            match client.find(&self.id.get()).await? {
                Some(answer) => found.push(Found::new(self.id.clone(), answer.value())),
                None => return Ok(Look::Vanished),
            }
        }
        match found.iter().find(|it| it.id == self.id).map(Found::status) {
            Some(Status::Succeeded) => Ok(Look::Made),
            Some(Status::Failed(failure)) => Err(self.failed(client, failure).await),
            Some(Status::Running(_) | Status::Forgotten) | None => Ok(Look::GoesOn),
        }
    }

    /// The operation knows the reason that the resource itself does not show.
    async fn failed(&self, client: &Client, failure: crate::error::ServiceError) -> Error {
        let doing = match &self.id {
            TemporaryId::Snapshot(id) => format!("cannot create snapshot {}", id.name()),
            TemporaryId::Image(id) => format!("cannot create managed image {}", id.name()),
        };
        if let Some(by) = &self.operation
            && let PollBy::AsyncOperation(address) | PollBy::Location(address) = by
            && let Ok(answer) = client
                .send(&Request::follow(Service::Arm, address, "read why it failed"))
                .await
            && let Status::Failed(reason) = operation::read(by, &answer)
        {
            return judge::failed(doing, reason);
        }
        judge::failed(doing, failure)
    }
}

/// Makes them side by side and waits until all are made. When one fails the others are waited for all the same, so that
/// none is left in the middle of something.
///
/// # Errors
/// When Azure refuses one for good, one fails, or the run ends.
pub(super) async fn make(client: &Client, group: &ResourceGroupId, kind: KeptKind, jobs: Vec<Job>) -> Result<Made> {
    let total = jobs.len();
    let started = join_all(jobs.into_iter().map(|job| start(client, job))).await;
    let (mut going, mut refusal, mut failure) = (Vec::new(), None, None);
    for started in started {
        match started {
            Ok(one) => going.push(one),
            Err(error) if may_pass(kind, &error) => refusal = Some(error),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let mut made = BTreeSet::new();
    let wait = Wait::new(client, Pace::COPY, "the end of copies");
    let mut looked = None;
    while !going.is_empty() {
        wait.pause(None).await?;
        let mut found = temporaries::look_at(client, group, kind, &[]).await?;
        let before = made.len();
        let mut left = Vec::new();
        for mut one in going {
            match one.look(client, &mut found).await {
                Ok(Look::Made) => drop(made.insert(one.id.to_string())),
                Ok(Look::GoesOn) => left.push(one),
                Ok(Look::Vanished) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        going = left;
        looked = Some(found);
        if made.len() > before && kind == KeptKind::Snapshots {
            client.tell(Event::Copied {
                done: made.len(),
                total,
            });
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Made { found: looked, refusal }),
    }
}

/// What an image is made of may have been removed by another run just now: the next look shows.
fn may_pass(kind: KeptKind, error: &Error) -> bool {
    kind == KeptKind::ManagedImage && error.has_status(404)
}

async fn start(client: &Client, job: Job) -> Result<Going> {
    let going = |operation| Going {
        id: job.id.clone(),
        operation,
        unseen: 0,
    };
    let Some(create) = &job.create else {
        return Ok(going(None));
    };
    let get = job.id.get();
    let look = || async { Ok(client.find(&get).await?.map(drop)) };
    let sent = write::send(client, create, look).await?;
    client.tell(Event::Created { id: job.id.to_string() });
    Ok(going(match sent {
        Sent::Answered(answer) => match operation::begin(&create.method, &answer) {
            Status::Running(by) => Some(by),
            Status::Succeeded | Status::Failed(_) | Status::Forgotten => None,
        },
        Sent::Found(()) => None,
    }))
}
