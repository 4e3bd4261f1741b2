//! Removes what dead runs left: snapshots and managed images with our name and our tags that no run, version, pool or
//! machine needs.
//!
//! It shows its plan, and with consent looks again and removes what may still go. What was made by others, and what
//! `keep` kept, is never touched. What may go is decided in `choose`; it is read in `look`.

mod choose;
mod look;
mod step;

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use self::{choose::Chosen, look::looked};
pub use self::{
    choose::{Leftover, Verdict},
    step::GcStep,
};
use crate::{
    client::Client,
    compute::snapshot,
    error::{Error, ErrorKind, Result},
    operation::drive,
    plan::{Kept, Plan},
    progress::Event,
    settings::CollectionSettings,
    temporaries::{Found, TemporaryId},
};

/// How many are removed at one time.
const AT_ONCE: usize = 8;

/// What was found, and what is or was done about it.
#[derive(Debug, Serialize)]
pub struct Collection {
    /// Everything that a run of ours made and that is there, by its id.
    pub leftovers: Vec<Leftover>,
    /// What is to be done: nothing when nothing may go.
    pub plan: Plan<GcStep>,
    /// What was done; absent when nothing was to be written.
    pub done: Option<Collected>,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// The ids of what is gone.
    pub removed: Vec<String>,
    /// What could go when it was planned and could not any more.
    pub spared: Vec<Kept>,
}

/// Looks at what is there, and says what may go. It writes nothing.
///
/// # Errors
/// When a place cannot be read, or the run ends.
pub async fn plan(client: &Client, settings: &CollectionSettings) -> Result<Collection> {
    let what = "Looking at snapshots and managed images, and at who needs them";
    let chosen = client.run().step("leftovers", what, looked(client, settings)).await?;
    let steps = chosen.iter().filter(|it| it.leftover.goes()).flat_map(steps);
    Ok(Collection {
        plan: Plan::new(steps.collect()),
        leftovers: chosen.into_iter().map(|it| it.leftover).collect(),
        done: None,
    })
}

/// Looks again, and removes what the plan names and what may still go.
///
/// # Errors
/// `PartlyReached` when some could not be removed; when a place cannot be read, or the run ends.
pub async fn carry_out(client: &Client, settings: &CollectionSettings, collection: &mut Collection) -> Result<()> {
    let what = "Removing what no run needs";
    let work = remove(client, settings, collection);
    collection.done = Some(client.run().step("remove", what, work).await?);
    Ok(())
}

async fn remove(client: &Client, settings: &CollectionSettings, collection: &Collection) -> Result<Collected> {
    let going = collection.leftovers.iter().filter(|it| it.goes());
    let planned: BTreeSet<String> = going.map(|it| it.id.to_ascii_lowercase()).collect();
    if planned.is_empty() {
        return Ok(Collected::default());
    }
    let now = looked(client, settings).await?;
    let of_plan = |it: &Chosen| planned.contains(&it.leftover.id.to_ascii_lowercase());
    let (go, stay): (Vec<Chosen>, Vec<Chosen>) = now.into_iter().filter(of_plan).partition(|it| it.leftover.goes());
    let mut done = Collected {
        spared: stay.iter().map(|it| spared(client, &it.leftover)).collect(),
        ..Collected::default()
    };
    let mut failed = Vec::new();
    let mut removals = stream::iter(go)
        .map(|it| async move { (remove_one(client, &it.found).await, it.leftover.id) })
        .buffer_unordered(AT_ONCE);
    while let Some((result, id)) = removals.next().await {
        match result {
            Ok(()) => done.removed.push(id),
            Err(error) => failed.push((id, error)),
        }
    }
    done.removed.sort();
    match failed.is_empty() {
        true => Ok(done),
        false => Err(partly(&done, failed)),
    }
}

fn spared(client: &Client, leftover: &Leftover) -> Kept {
    let kept = Kept {
        id: leftover.id.clone(),
        why: leftover.verdict.why().join("; "),
    };
    client.tell(Event::Kept {
        id: kept.id.clone(),
        why: kept.why.clone(),
    });
    kept
}

async fn remove_one(client: &Client, found: &Found) -> Result<()> {
    let id = &found.id;
    if let TemporaryId::Snapshot(snapshot) = id
        && snapshot::has_access(found.body())
    {
        let is_done = || async {
            let now = client.find(&id.get()).await?;
            Ok(now.is_none_or(|answer| !snapshot::has_access(&answer.value())))
        };
        drive::act(client, &snapshot::end_access(snapshot), is_done).await?;
    }
    drive::delete(client, &id.delete(), &id.get()).await?;
    client.tell(Event::Removed { id: id.to_string() });
    Ok(())
}

/// The error of a run that could not remove everything: of the kind of the first failure when that ended the run.
fn partly(done: &Collected, failed: Vec<(String, Error)>) -> Error {
    let lines: Vec<String> = failed
        .iter()
        .map(|(id, error)| format!("\n    {id}: {error}"))
        .collect();
    let text = format!(
        "{} of {} leftovers could not be removed:{}",
        failed.len(),
        failed.len() + done.removed.len(),
        lines.concat()
    );
    let is_end = |kind| matches!(kind, ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn);
    let end = failed.iter().map(|(_, error)| error.kind()).find(|kind| is_end(*kind));
    let error = Error::new(end.unwrap_or(ErrorKind::PartlyReached), text);
    match failed.into_iter().next() {
        Some((_, first)) => error.because(first),
        None => error,
    }
}

fn steps(chosen: &Chosen) -> Vec<GcStep> {
    let name = chosen.found.id.name().to_owned();
    match &chosen.found.id {
        TemporaryId::Image(_) => vec![GcStep::RemoveImage { image: name }],
        TemporaryId::Snapshot(_) => {
            let access =
                snapshot::has_access(chosen.found.body()).then(|| GcStep::EndAccess { snapshot: name.clone() });
            access
                .into_iter()
                .chain([GcStep::RemoveSnapshot { snapshot: name }])
                .collect()
        }
    }
}
