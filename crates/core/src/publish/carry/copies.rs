//! Carries out the steps that make snapshots and the managed image, and the leases on them.
//!
//! How many are made at once and waited for is in `making`.

use futures::future::try_join_all;

use super::{
    LIFE, Reached, Work,
    deeds::{Deeds, Making},
    destination, has_ended,
};
use crate::{
    client::Client,
    compute::{image, snapshot},
    error::{Error, ErrorKind, Result},
    publish::{
        bodies,
        making::{self, Job},
        observe::{self, Seen},
        plan::Goal,
        removal,
    },
    request::Request,
    settings::KeptKind,
    temporaries::{self, Found, TemporaryId},
};

/// Copies the disks; a missing definition is made meanwhile.
pub(super) async fn snapshots(work: Work<'_>, seen: &mut Seen, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    let mut other = seen.clone();
    let (made, destination) = futures::join!(
        temporaries(work, seen, goal, deeds),
        destination::have(work, &mut other, deeds)
    );
    (seen.gallery, seen.definition) = (other.gallery, other.definition);
    match (made?, destination?) {
        (Reached::Something, Reached::Something) => Ok(Reached::Something),
        (nothing @ Reached::Nothing(_), _) | (_, nothing) => Ok(nothing),
    }
}

/// Makes the image. Its sources may go meanwhile.
pub(super) async fn image(work: Work<'_>, seen: &mut Seen, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    let snapshots: Vec<TemporaryId> = goal
        .temporaries()
        .into_iter()
        .filter(|id| id.kind() == KeptKind::Snapshots)
        .collect();
    match temporaries(work, seen, goal, deeds).await {
        Err(error) if !has_ended(&error) && have_gone(work, seen, &snapshots).await? => {
            work.client
                .warn("another run removed what the image is made of: it is made again");
            Ok(Reached::Nothing(Some(error)))
        }
        made => made,
    }
}

/// Makes, waits for and leases snapshots, or the image.
async fn temporaries(work: Work<'_>, seen: &mut Seen, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    let (client, group) = (work.client, observe::group(work.settings));
    if let Some((id, why)) = removal::remove_all(client, group, removed(seen, deeds))
        .await
        .into_iter()
        .next()
    {
        let text = format!("{id} failed when it was made, and has to go before it is made again: {why}");
        return Ok(Reached::Nothing(Some(Error::new(ErrorKind::Azure, text))));
    }
    let renewed = leased(work, seen, goal, deeds);
    let refusal = try_join_all(renewed.iter().map(|request| lease(client, request))).await?;
    let mut refusal = refusal.into_iter().flatten().next();
    for kind in temporaries::KINDS {
        let jobs: Vec<Job> = jobs(work, seen, goal, deeds)
            .into_iter()
            .filter(|job| job.id.kind() == kind)
            .collect();
        let found = if jobs.is_empty() {
            None
        } else {
            let made = making::make(client, group, kind, jobs).await?;
            refusal = refusal.or(made.refusal);
            made.found
        };
        if let Some(found) = found {
            seen.temporaries.retain(|it| it.id.kind() != kind);
            seen.temporaries.extend(found);
        }
    }
    if refusal.is_some() || !renewed.is_empty() {
        seen.temporaries = temporaries::look(client, group, &goal.temporaries()).await?;
    }
    Ok(match refusal {
        Some(_) => Reached::Nothing(refusal),
        None => Reached::Something,
    })
}

fn removed(seen: &Seen, deeds: &Deeds<'_>) -> Vec<Found> {
    let is_one = |found: &&Found| deeds.removed.contains(&found.id.to_string().as_str());
    seen.temporaries.iter().filter(is_one).cloned().collect()
}

/// The requests that write this run's lease on what it uses.
fn leased(work: Work<'_>, seen: &Seen, goal: &Goal, deeds: &Deeds<'_>) -> Vec<Request> {
    let is_one = |found: &&Found| {
        let id = found.id.to_string();
        deeds.temporaries.contains(&Making::Lease(&id))
    };
    let found = seen.temporaries.iter().filter(is_one);
    found
        .filter_map(|found| {
            let tags = found.tags.as_ref()?;
            let expires = work.after(LIFE)?;
            Some(found.tag(&tags.leased(work.lease(goal), expires, work.client.run().now())))
        })
        .collect()
}

/// Writes a lease; a refusal that means that the resource is busy or gone is returned.
async fn lease(client: &Client, request: &Request) -> Result<Option<Error>> {
    match client.send(request).await {
        Ok(_) => Ok(None),
        Err(error) if error.has_status(409) || error.has_status(404) || error.kind() == ErrorKind::UnknownEffect => {
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}

fn jobs(work: Work<'_>, seen: &Seen, goal: &Goal, deeds: &Deeds<'_>) -> Vec<Job> {
    let tags = || work.written(&work.temporary_tags(goal));
    let job = |making: &Making<'_>| match *making {
        Making::Lease(_) => None,
        Making::Copy(id, disk) => {
            let planned = goal.snapshots.iter().find(|it| it.id == *id)?;
            let create = snapshot::create(id, disk, &seen.machine.location, planned.kind, &tags());
            Some(Job {
                id: TemporaryId::Snapshot(id.clone()),
                create: Some(create),
            })
        }
        Making::Image(id) => {
            let sources = bodies::sources(&seen.machine, &goal.snapshots);
            let body = bodies::managed_image(&seen.machine, &goal.layout, (&tags(), &sources));
            Some(Job {
                id: TemporaryId::Image(id.clone()),
                create: Some(image::create(id, body)),
            })
        }
        Making::Await(id) => {
            let found = seen.temporaries.iter().find(|found| found.id.to_string() == id)?;
            Some(Job {
                id: found.id.clone(),
                create: None,
            })
        }
    };
    deeds.temporaries.iter().filter_map(job).collect()
}

/// Looks whether some of these are gone, or going.
pub(super) async fn have_gone(work: Work<'_>, seen: &mut Seen, needed: &[TemporaryId]) -> Result<bool> {
    if needed.is_empty() {
        return Ok(false);
    }
    seen.temporaries = temporaries::look(work.client, observe::group(work.settings), needed).await?;
    let is_there = |id: &TemporaryId| {
        seen.temporaries
            .iter()
            .any(|found| found.id == *id && !found.is_going())
    };
    Ok(!needed.iter().all(is_there))
}
