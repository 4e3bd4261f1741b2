//! Removing what a publish needed on the way: by tag, so that a dead run's leftovers go too.
//!
//! The choice is pure. What belongs to another version or another tool is never touched.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use super::{
    Kept,
    number::FINGERPRINT_TAG,
    plan::{FEEDS_TAG, Plan, SOURCE_TAG, TOOL_TAG, feeds},
};
use crate::{
    client::Client,
    compute::{image, snapshot},
    error::Result,
    ids::resource::ResourceGroupId,
    json,
    operation::drive,
    progress::Event,
    request::Request,
    settings::KeptKind,
};

/// How long cleaning up may take, also after a cancel: deletions take seconds to a few minutes.
pub(super) const LIMIT: Duration = Duration::from_secs(10 * 60);

/// What is to be done with a resource that was found in the group of temporaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It was made for this version by us, now or by a run before.
    Remove,
    /// The user asked to keep it.
    Keep,
    /// It is none of our business.
    NotOurs,
}

/// How far cleaning up reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What was made of the source as it is today. The version is not ours: it may be in the making, of temporaries
    /// that another run made of another source for the same number.
    Own,
    /// Also what dead runs made of this source as it was before: the version is made, so nobody needs it any more.
    Former,
}

/// Chooses by tags: made by this tool, for this version, of this source.
#[must_use]
pub(super) fn choose(body: &Value, plan: &Plan, reach: Reach, is_kept_kind: bool) -> Choice {
    let is_for_this = tag(body, FEEDS_TAG) == Some(&feeds(&plan.version)) && tag(body, TOOL_TAG).is_some();
    let is_own = tag(body, FINGERPRINT_TAG) == Some(plan.fingerprint.as_str());
    let is_former = reach == Reach::Former && tag(body, SOURCE_TAG) == Some(&plan.source);
    match (is_for_this, is_own, is_former) {
        (true, true, _) if is_kept_kind => Choice::Keep,
        (true, true, _) | (true, false, true) => Choice::Remove,
        (false, _, _) | (true, false, false) => Choice::NotOurs,
    }
}

fn tag<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get("tags")?
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))?
        .1
        .as_str()
}

/// Removes the temporaries of a version, managed image first since it is the younger one. What cannot be removed is
/// returned with the reason, and never fails the run: the version is what counts.
pub(super) async fn remove(
    client: &Client,
    group: &ResourceGroupId,
    plan: &Plan,
    reach: Reach,
    keep: &[KeptKind],
) -> Vec<Kept> {
    let mut kept = Vec::new();
    for kind in [KeptKind::ManagedImage, KeptKind::Snapshots] {
        let found = find(client, group, kind).await;
        match found {
            Ok(found) => {
                let chosen = found
                    .into_iter()
                    .map(|it| (choose(&it.body, plan, reach, keep.contains(&kind)), it));
                kept.extend(remove_kind(client, chosen.collect()).await);
            }
            Err(error) => {
                let why = format!("what is left there is not known: {}", error.report());
                client.run().progress.warn(format!("{group}: {why}"));
                kept.push(Kept {
                    id: group.to_string(),
                    why,
                });
            }
        }
    }
    kept
}

/// The temporaries of a version that are there, for telling what is left.
///
/// # Errors
/// When the group cannot be listed.
pub(super) async fn left(client: &Client, group: &ResourceGroupId, plan: &Plan) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for kind in [KeptKind::ManagedImage, KeptKind::Snapshots] {
        let found = find(client, group, kind).await?;
        ids.extend(
            found
                .into_iter()
                .filter(|it| choose(&it.body, plan, Reach::Own, false) == Choice::Remove)
                .map(|it| it.id),
        );
    }
    Ok(ids)
}

struct Found {
    id: String,
    body: Value,
    get: Request,
    delete: Request,
}

async fn find(client: &Client, group: &ResourceGroupId, kind: KeptKind) -> Result<Vec<Found>> {
    let list = match kind {
        KeptKind::ManagedImage => image::list(group),
        KeptKind::Snapshots => snapshot::list(group),
    };
    let bodies = client.list(&list).await?;
    Ok(bodies
        .into_iter()
        .filter_map(|body| Found::new(group, kind, body))
        .collect())
}

impl Found {
    fn new(group: &ResourceGroupId, kind: KeptKind, body: Value) -> Option<Self> {
        let name = json::text(&body, "/name")?;
        let (id, get, delete) = match kind {
            KeptKind::ManagedImage => {
                let id = group.image(name);
                (id.to_string(), image::get(&id), image::delete(&id))
            }
            KeptKind::Snapshots => {
                let id = group.snapshot(name);
                (id.to_string(), snapshot::get(&id), snapshot::delete(&id))
            }
        };
        Some(Self { id, body, get, delete })
    }
}

async fn remove_kind(client: &Client, chosen: Vec<(Choice, Found)>) -> Vec<Kept> {
    let mut kept = Vec::new();
    let mut removed = Vec::new();
    for (choice, it) in chosen {
        match choice {
            Choice::NotOurs => {}
            Choice::Keep => kept.push(keep(client, it.id, "keep names it")),
            Choice::Remove => removed.push(it),
        }
    }
    let removals = join_all(removed.into_iter().map(|it| remove_one(client, it))).await;
    kept.extend(removals.into_iter().flatten());
    kept
}

/// Tells that something of ours is left, and returns the note of it.
pub(super) fn keep(client: &Client, id: String, why: &str) -> Kept {
    client.run().progress.tell(Event::Kept {
        id: id.clone(),
        why: why.to_owned(),
    });
    Kept {
        id,
        why: why.to_owned(),
    }
}

async fn remove_one(client: &Client, it: Found) -> Option<Kept> {
    match drive::delete(client, &it.delete, &it.get).await {
        Ok(()) => {
            client.tell(Event::Removed { id: it.id });
            None
        }
        Err(error) => {
            let why = format!("it could not be removed: {}", error.report());
            Some(keep(client, it.id, &why))
        }
    }
}
