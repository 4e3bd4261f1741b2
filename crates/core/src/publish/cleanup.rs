//! Removing what a publish needed on the way: by name and tags, so that what an earlier run left goes too.
//!
//! The choice is pure. What belongs to another version or tool, what another run uses, what was asked to be kept, and
//! what a version in the making needs is never touched.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    observe::{self, Seen},
    plan::{Asking, Goal},
    removal, stopped,
};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind},
    ids::{VersionNumber, resource::ImageDefinitionId},
    names,
    operation::Status,
    options::image::ON_FAILURE,
    plan::Kept,
    progress::Event,
    settings::{KeptKind, OnFailure, PublishSettings},
    tags::{Fingerprint, Keeping, SourceKey, TemporaryTags},
    temporaries::{self, Found, TemporaryId},
};

/// How long cleaning up may take, also after a cancel: deletions take seconds to a few minutes.
pub(super) const LIMIT: Duration = Duration::from_secs(10 * 60);

/// What is to be done with a resource that was found in the group of temporaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It was made for this, now or by an earlier run, and no run needs it any more.
    Remove,
    /// The user asks to keep it.
    Mark,
    /// It is ours and stays, for this reason.
    Stays(String),
    /// We have no right to it, or were asked to keep it before.
    NotOurs,
}

/// How far cleaning up reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What was made of the source as it is today. The version is not made.
    Own,
    /// Also what earlier runs made of this source as it was before: the version is made.
    Former,
}

/// What cleaning up goes by.
#[derive(Clone, Debug)]
pub(super) struct Purpose<'a> {
    asking: Asking<'a>,
    definition: &'a ImageDefinitionId,
    source: &'a SourceKey,
    fingerprint: &'a Fingerprint,
    reach: Reach,
    /// The number of the version that is made: runs that use a temporary for the same one find it and need no more.
    made: Option<VersionNumber>,
    /// The versions that are in the making, with what they are made of.
    in_making: Vec<(String, Fingerprint)>,
    /// The versions that have failed, with what they were to be made of: a failed one is never made again, so the run that
    /// wanted it needs nothing more.
    failed: Vec<(VersionNumber, Fingerprint)>,
    keep: &'a BTreeSet<KeptKind>,
}

/// What becomes of temporaries after a failure.
enum AfterFailure {
    /// They go. Whether those of the kinds in `keep` stay.
    Removed(Keep),
    /// They stay, for this reason.
    Stay(String),
}

/// Whether `keep` counts: a failed run keeps nothing by it.
#[derive(Clone, Copy)]
enum Keep {
    AsAsked,
    Nothing,
}

static NO_KIND: BTreeSet<KeptKind> = BTreeSet::new();

impl<'a> Purpose<'a> {
    /// For what was planned.
    #[must_use]
    pub(super) fn new(asking: Asking<'a>, goal: &'a Goal, reach: Reach, versions: &[ImageVersion]) -> Self {
        let running = versions.iter().filter(|it| it.is_in_the_making());
        let failed = versions.iter().filter(|it| matches!(it.status(), Status::Failed(_)));
        Self {
            asking,
            definition: &asking.settings.definition,
            source: &goal.source,
            fingerprint: &goal.fingerprint,
            reach,
            made: (reach == Reach::Former).then(|| goal.number.number()),
            in_making: running
                .filter_map(|it| Some((it.id.name().to_owned(), Fingerprint::read(it.body())?)))
                .collect(),
            failed: failed
                .filter_map(|it| Some((it.id.number()?, Fingerprint::read(it.body())?)))
                .collect(),
            keep: &asking.settings.temporaries.keep,
        }
    }

    /// Whether what that lease was taken for is over: its version is the one that is made, or has failed.
    fn is_over(&self, number: VersionNumber, of: &Fingerprint) -> bool {
        let is_made = self.fingerprint == of && self.made == Some(number);
        is_made || self.failed.iter().any(|(it, its)| *it == number && its == of)
    }

    /// Whether it was made by us for this definition, of this source: its name has to follow from its tags, since a copy
    /// carries tags along.
    fn is_ours(&self, id: &TemporaryId, tags: &TemporaryTags) -> bool {
        let prefix = &self.asking.settings.temporaries.name_prefix;
        tags.definition() == *self.definition
            && tags.source == *self.source
            && names::is_planned(id.name(), prefix, self.definition, &tags.fingerprint)
    }
}

/// Chooses.
#[must_use]
pub(super) fn choose(found: &Found, purpose: &Purpose<'_>) -> Choice {
    let Some(tags) = found.tags.as_ref().filter(|tags| purpose.is_ours(&found.id, tags)) else {
        return Choice::NotOurs;
    };
    let is_own = tags.fingerprint == *purpose.fingerprint;
    let is_asked = is_own && purpose.keep.contains(&found.id.kind());
    if tags.keeping != Keeping::Temporary || !(is_own || purpose.reach == Reach::Former) {
        return match is_asked {
            true => Choice::Stays("keep names it".to_owned()),
            false => Choice::NotOurs,
        };
    }
    if let Some((number, _)) = purpose.in_making.iter().find(|(_, of)| *of == tags.fingerprint) {
        return Choice::Stays(format!("version {number} is still being made of it"));
    }
    let Asking { holder, now, .. } = purpose.asking;
    let mut others = tags.other_users(holder, now);
    if let Some(lease) = others.find(|lease| !purpose.is_over(lease.number, &tags.fingerprint)) {
        let (run, until) = (&lease.run, shown(lease.until));
        return Choice::Stays(format!("run {run} uses it until {until}"));
    }
    if is_asked { Choice::Mark } else { Choice::Remove }
}

fn shown(time: Timestamp) -> String {
    time.round(jiff::Unit::Second).unwrap_or(time).to_string()
}

/// After the version is made: removes temporaries, this run's and those of runs that are dead, and marks what is kept.
/// What is left is returned with the reason, and never fails the run: the version is what counts.
pub(super) async fn after_success(client: &Client, asking: Asking<'_>, goal: &Goal) -> Vec<Kept> {
    match observe::versions(client, asking.settings).await {
        Ok(versions) => {
            let purpose = Purpose::new(asking, goal, Reach::Former, &versions);
            remove(client, goal, &purpose).await
        }
        Err(error) => unknown(client, asking.settings, &error),
    }
}

/// What is known to stay after a success, from what was seen last.
#[must_use]
pub(super) fn staying(asking: Asking<'_>, goal: &Goal, seen: &Seen) -> Vec<Kept> {
    let purpose = Purpose::new(asking, goal, Reach::Former, &seen.versions);
    let stays = |found: &Found| match choose(found, &purpose) {
        Choice::Stays(why) => Some(Kept {
            id: found.id.to_string(),
            why,
        }),
        Choice::Remove | Choice::Mark | Choice::NotOurs => None,
    };
    seen.temporaries.iter().filter_map(stays).collect()
}

/// After a failure: what is removed depends on how far the version came.
pub(super) async fn after_failure(client: &Client, asking: Asking<'_>, goal: &Goal, why: ErrorKind) -> Vec<Kept> {
    let looked = futures::try_join!(
        observe::versions(client, asking.settings),
        version::find(client, &goal.version)
    );
    let (mut versions, own) = match looked {
        Ok(looked) => looked,
        Err(error) => return unknown(client, asking.settings, &error),
    };
    // A list may be late.
    versions.extend(own.clone());
    let mut purpose = Purpose::new(asking, goal, Reach::Own, &versions);
    let kept = match what_becomes(asking.settings, goal, &versions, why) {
        AfterFailure::Removed(keep) => {
            if matches!(keep, Keep::Nothing) {
                purpose.keep = &NO_KIND;
            }
            remove(client, goal, &purpose).await
        }
        AfterFailure::Stay(why) => stay(client, goal, &purpose, &why).await,
    };
    if why == ErrorKind::Cancelled {
        client.note(stopped::line(goal, own.as_ref(), &kept));
    }
    kept
}

fn what_becomes(settings: &PublishSettings, goal: &Goal, versions: &[ImageVersion], why: ErrorKind) -> AfterFailure {
    let ours = |version: &&ImageVersion| version.id == goal.version && super::number::is_of(version, &goal.fingerprint);
    match versions.iter().rfind(ours).map(ImageVersion::status) {
        Some(Status::Succeeded) => return AfterFailure::Removed(Keep::AsAsked),
        Some(Status::Failed(_)) => return AfterFailure::Removed(Keep::Nothing),
        Some(Status::Running(_) | Status::Forgotten) => {
            return AfterFailure::Stay("the version is still being made of it; run again to finish".to_owned());
        }
        None => {}
    }
    if settings.temporaries.on_failure == OnFailure::Keep {
        return AfterFailure::Stay(format!("{ON_FAILURE} = keep; run again to go on with it"));
    }
    if why == ErrorKind::Deadline {
        return AfterFailure::Stay("the deadline passed; run again to go on with it".to_owned());
    }
    AfterFailure::Removed(Keep::Nothing)
}

async fn remove(client: &Client, goal: &Goal, purpose: &Purpose<'_>) -> Vec<Kept> {
    let settings = purpose.asking.settings;
    let found = match temporaries::look(client, observe::group(settings), &goal.temporaries()).await {
        Ok(found) => found,
        Err(error) => return unknown(client, settings, &error),
    };
    let mut kept = Vec::new();
    let mut gone = Vec::new();
    for it in found {
        match choose(&it, purpose) {
            Choice::NotOurs => {}
            Choice::Stays(why) => kept.push(keep(client, it.id.to_string(), why)),
            Choice::Mark => kept.push(mark(client, &it, purpose.asking).await),
            Choice::Remove => gone.push(it),
        }
    }
    let left = removal::remove_all(client, observe::group(settings), gone).await;
    kept.extend(left.into_iter().map(|(id, why)| keep(client, id.to_string(), why)));
    kept
}

/// Writes on a temporary that it is kept, so that no later run removes it.
async fn mark(client: &Client, found: &Found, asking: Asking<'_>) -> Kept {
    let Some(tags) = &found.tags else {
        return keep(client, found.id.to_string(), "keep names it".to_owned());
    };
    let tags = TemporaryTags {
        keeping: Keeping::By(asking.settings.run_id.clone()),
        ..tags.clone()
    };
    let why = match client.send(&found.tag(&tags)).await {
        Ok(_) => "keep names it".to_owned(),
        Err(error) => format!(
            "keep names it; a later run may remove it, since that could not be written on it: {}",
            error.report()
        ),
    };
    keep(client, found.id.to_string(), why)
}

/// Reports what stays, and until when.
async fn stay(client: &Client, goal: &Goal, purpose: &Purpose<'_>, why: &str) -> Vec<Kept> {
    let settings = purpose.asking.settings;
    let found = match temporaries::look(client, observe::group(settings), &goal.temporaries()).await {
        Ok(found) => found,
        Err(error) => return unknown(client, settings, &error),
    };
    let ours = found.into_iter().filter(|it| choose(it, purpose) != Choice::NotOurs);
    ours.map(|it| {
        let expires = it.tags.as_ref().and_then(|tags| tags.expires);
        let until = expires
            .map(|time| format!(" (it expires at {})", shown(time)))
            .unwrap_or_default();
        keep(client, it.id.to_string(), format!("{why}{until}"))
    })
    .collect()
}

fn unknown(client: &Client, settings: &PublishSettings, error: &Error) -> Vec<Kept> {
    let group = observe::group(settings);
    let why = format!("it is not known what is left there: {}", error.report());
    client.warn(format!("{group}: {why}"));
    vec![Kept {
        id: group.to_string(),
        why,
    }]
}

/// Reports that something of ours is left, and returns the note of it.
fn keep(client: &Client, id: String, why: String) -> Kept {
    client.tell(Event::Kept {
        id: id.clone(),
        why: why.clone(),
    });
    Kept { id, why }
}

#[cfg(test)]
mod tests;
