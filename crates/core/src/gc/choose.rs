//! Which leftovers may go. Pure.
//!
//! Both the name and the tags have to be ours: Azure copies tags along with snapshots, so tags alone prove nothing.

use std::collections::BTreeMap;

use jiff::{Timestamp, Unit};
use serde::Serialize;

use crate::{
    compute::{image, version::ImageVersion},
    ids::resource::ImageDefinitionId,
    names,
    rights::Part,
    tags::{Keeping, TemporaryTags},
    temporaries::{Found, TemporaryId},
    usage::{Blind, Usage},
};

/// Something that a run made and that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// Its id.
    pub id: String,
    /// The run that made it.
    pub run: String,
    /// The version that it was made for, by its id.
    pub version: String,
    /// After when no run needs it; absent when it does not say.
    pub expires: Option<Timestamp>,
    /// Whether it may go, and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Whether something may go, with all reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "lowercase")]
pub enum Verdict {
    /// No run, version, pool or machine needs it.
    Goes(Vec<String>),
    /// It stays.
    Stays(Vec<String>),
}

/// A leftover with what was read of it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) found: Found,
    pub(super) leftover: Leftover,
}

/// The versions of each definition that leftovers were made for, or why they cannot be read.
pub(super) type Versions = BTreeMap<String, Result<Vec<ImageVersion>, String>>;

/// What the choice goes by.
pub(super) struct Surroundings<'a> {
    pub(super) versions: &'a Versions,
    pub(super) usage: &'a Usage,
    /// All managed images that were found, ours or not.
    pub(super) images: &'a [Found],
    /// Where images may be out of sight.
    pub(super) without_images: &'a [Part],
}

impl Leftover {
    /// Whether it may go.
    #[must_use]
    pub const fn goes(&self) -> bool {
        matches!(self.verdict, Verdict::Goes(_))
    }
}

impl Verdict {
    /// The reasons.
    #[must_use]
    pub fn why(&self) -> &[String] {
        match self {
            Self::Goes(why) | Self::Stays(why) => why,
        }
    }
}

/// What a thing says of itself is enough to keep it, or it may go as far as that. Nothing for what no run made.
pub(super) fn by_itself(found: Found, prefix: &str, now: Timestamp) -> Option<Chosen> {
    let tags = found.tags.as_ref()?;
    let reasons = own_reasons(&found, tags, (prefix, now));
    let verdict = match reasons.is_empty() {
        true => Verdict::Goes(vec![expired(tags, now)]),
        false => Verdict::Stays(reasons),
    };
    let leftover = Leftover {
        id: found.id.to_string(),
        run: tags.run.clone(),
        version: tags.version.to_string(),
        expires: tags.expires,
        verdict,
    };
    Some(Chosen { found, leftover })
}

fn own_reasons(found: &Found, tags: &TemporaryTags, (prefix, now): (&str, Timestamp)) -> Vec<String> {
    let mut why = Vec::new();
    let (name, definition) = (found.id.name(), tags.definition());
    if !names::is_planned(name, prefix, &definition, &tags.fingerprint) {
        why.push(match names::prefix_of(name, &definition, &tags.fingerprint) {
            Some(other) => format!("its name begins with {other:?}: give that as the prefix of temporary names"),
            None => "its name does not follow from its tags, so it may be a copy that others made".to_owned(),
        });
    }
    if let Keeping::By(run) = &tags.keeping {
        why.push(format!("run {run} was asked to keep it"));
    }
    for lease in tags.leases.iter().filter(|lease| lease.is_live(now)) {
        why.push(format!("run {} uses it until {}", lease.run, shown(lease.until)));
    }
    match tags.expires {
        None if tags.keeping == Keeping::Temporary => why.push("it does not say when it expires".to_owned()),
        Some(time) if time > now => why.push(format!("it expires at {}", shown(time))),
        _ => {}
    }
    why
}

fn expired(tags: &TemporaryTags, now: Timestamp) -> String {
    let since = tags.expires.map_or(0, |time| now.duration_since(time).as_hours());
    let since = if since < 48 {
        format!("{since} h")
    } else {
        format!("{} days", since / 24)
    };
    format!("it expired {since} ago, and nothing needs it")
}

/// The key of a definition among [`Versions`].
pub(super) fn key(definition: &ImageDefinitionId) -> String {
    definition.to_string().to_ascii_lowercase()
}

/// What else is there is looked at, too: a version in the making, and who uses a managed image.
pub(super) fn with(chosen: Chosen, around: &Surroundings<'_>) -> Chosen {
    let Some(tags) = chosen.found.tags.as_ref().filter(|_| chosen.leftover.goes()) else {
        return chosen;
    };
    let mut why = of_versions(&chosen.found, tags, around.versions);
    why.extend(of_users(&chosen.found.id, around));
    why.extend(of_hidden_images(&chosen.found.id, around.without_images));
    if why.is_empty() {
        return chosen;
    }
    let leftover = Leftover {
        verdict: Verdict::Stays(why),
        ..chosen.leftover
    };
    Chosen { leftover, ..chosen }
}

fn of_versions(found: &Found, tags: &TemporaryTags, versions: &Versions) -> Vec<String> {
    let versions = match versions.get(&key(&tags.definition())) {
        Some(Ok(versions)) => versions,
        Some(Err(why)) => return vec![format!("whether a version is being made of it is not known: {why}")],
        None => return vec!["whether a version is being made of it is not known".to_owned()],
    };
    let id = found.id.to_string();
    let needs = |version: &&ImageVersion| {
        let fingerprint = crate::tags::Fingerprint::read(version.body());
        let is_source = version.sources().any(|source| source.eq_ignore_ascii_case(&id));
        version.is_in_the_making() && (is_source || fingerprint.as_ref() == Some(&tags.fingerprint))
    };
    let needing = versions.iter().filter(needs);
    needing
        .map(|version| format!("version {} is being made of it", version.id.name()))
        .collect()
}

/// Who uses a managed image; of a snapshot, who uses an image that was made of it.
fn of_users(id: &TemporaryId, around: &Surroundings<'_>) -> Vec<String> {
    let named = id.to_string();
    let images: Vec<String> = match id {
        TemporaryId::Image(_) => vec![named],
        TemporaryId::Snapshot(_) => {
            let of_it = |image: &&Found| image::snapshots(image.body()).any(|it| it.eq_ignore_ascii_case(&named));
            around
                .images
                .iter()
                .filter(of_it)
                .map(|image| image.id.to_string())
                .collect()
        }
    };
    let Some(first) = images.first() else {
        return Vec::new();
    };
    let users = images.iter().flat_map(|image| around.usage.of_image(image));
    let unseen = around.usage.blind.iter();
    users
        .chain(unseen.map(|blind| format!("who uses {} is not known: {blind}", last(first))))
        .collect()
}

/// Of a snapshot: that an image which does not show may have been made of it, with a pool on that image.
fn of_hidden_images(id: &TemporaryId, parts: &[Part]) -> Vec<String> {
    let TemporaryId::Snapshot(id) = id else {
        return Vec::new();
    };
    let id = id.to_string().to_ascii_lowercase();
    let is_in = |part: &&Part| id.starts_with(&format!("{}/", part.scope.to_ascii_lowercase()));
    let sentence = |part: &Part| {
        let blind = Blind::of_part(part);
        format!("which images were made of it, and who uses them, is not known: {blind}")
    };
    parts.iter().filter(is_in).map(sentence).collect()
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn shown(time: Timestamp) -> String {
    time.round(Unit::Second).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests;
