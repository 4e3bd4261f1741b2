//! Reads what may be created on the way, where it goes, and when it is removed; the user's tags too.

use std::collections::{BTreeMap, BTreeSet};

use super::{KeptKind, OnFailure, Source, Temporaries, reader::Reader, source::NO_SUBSCRIPTION};
use crate::{
    ids::resource::{ImageDefinitionId, ResourceGroupId},
    options::image,
};

/// How many tags of the user fit: Azure allows 50 on a resource, and one resource carries at most eight of ours.
pub const MOST_TAGS: usize = 42;

/// The longest name of a tag, in characters (Azure's limits of resource tags).
const LONGEST_TAG_NAME: usize = 512;

/// The longest value of a tag, in characters (Azure's limits of resource tags).
const LONGEST_TAG_VALUE: usize = 256;

/// What the names of our own tags begin with, in any case of letters: Azure's tag names have none.
const OUR_TAGS: &str = "azure-batch-";

/// The longest first part of a temporary's name with which every name fits in the 80 letters that Azure allows.
pub const LONGEST_PREFIX: usize = 57;

/// What says the subscription of a group that is given by name: the source, or of one that is in none, the definition.
type Surroundings<'a> = (Option<&'a Source>, Option<&'a ImageDefinitionId>);

/// Reads what is made on the way.
pub(super) fn temporaries(reader: &mut Reader<'_, '_>, (source, definition): Surroundings<'_>) -> Option<Temporaries> {
    let group = group(reader, (source, definition));
    let tags = tags(reader);
    let keep = keep(reader);
    let name_prefix = prefix(reader);
    let on_failure = on_failure(reader);
    Some(Temporaries {
        group: group?,
        name_prefix: name_prefix?,
        tags,
        keep,
        on_failure: on_failure?,
    })
}

/// The group, when it is given; nothing after a fault.
fn group(reader: &mut Reader<'_, '_>, (source, definition): Surroundings<'_>) -> Option<Option<ResourceGroupId>> {
    let opt = image::TEMP_RESOURCE_GROUP_NAME;
    let Some(name) = reader.text(opt) else {
        return (!reader.is_unknown(opt)).then_some(None);
    };
    let subscription = source.and_then(Source::group).map(ResourceGroupId::subscription);
    let subscription = subscription
        .or_else(|| definition.map(|it| it.group().subscription()))
        .unwrap_or(NO_SUBSCRIPTION);
    let group = ResourceGroupId::new(subscription, name).ok();
    if group.is_none() {
        reader.refuse(opt, format!("{name:?} is not the name of a resource group"));
    }
    group.map(Some)
}

fn prefix(reader: &mut Reader<'_, '_>) -> Option<String> {
    let opt = image::TEMP_NAME_PREFIX;
    let Some(text) = reader.text(opt) else {
        return (!reader.is_unknown(opt)).then(|| Temporaries::default().name_prefix);
    };
    let is_good = text.len() <= LONGEST_PREFIX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_good {
        let rule = format!("1-{LONGEST_PREFIX} letters, digits, \"-\", \"_\" or \".\", the first a letter or digit");
        reader.refuse(
            opt,
            format!("{text:?} cannot begin the name of a resource: write {rule}"),
        );
    }
    Some(text.to_owned())
}

fn tags(reader: &mut Reader<'_, '_>) -> BTreeMap<String, String> {
    let opt = image::AZURE_TAGS;
    let tags = reader.map(opt);
    if tags.len() > MOST_TAGS {
        let text = format!(
            "there are {}: at most {MOST_TAGS} fit together with our own",
            tags.len()
        );
        reader.refuse(opt, text);
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &tags {
        if let Some(same) = seen.iter().find(|other| other.eq_ignore_ascii_case(name)) {
            let text = format!("is the same tag as {same}: upper and lower case are the same in names of tags");
            reader.refuse_key(opt, name, text);
        }
        seen.push(name);
        if name.to_ascii_lowercase().starts_with(OUR_TAGS) {
            let text = format!("names that begin with {OUR_TAGS} are for our own tags: choose another name");
            reader.refuse_key(opt, name, text);
        }
        let letters = name.chars().count();
        if !(1..=LONGEST_TAG_NAME).contains(&letters) || name.contains(['<', '>', '%', '&', '\\', '?', '/']) {
            let text = format!("is not a tag name: write 1-{LONGEST_TAG_NAME} characters without < > % & \\ ? /");
            reader.refuse_key(opt, name, text);
        }
        let letters = value.chars().count();
        if letters > LONGEST_TAG_VALUE {
            let text = format!("has {letters} characters: at most {LONGEST_TAG_VALUE} fit");
            reader.refuse_key(opt, name, text);
        }
    }
    tags
}

fn keep(reader: &mut Reader<'_, '_>) -> BTreeSet<KeptKind> {
    let opt = image::KEEP;
    let mut kept = BTreeSet::new();
    for (index, kind) in reader.texts(opt).iter().enumerate() {
        match kind.as_str() {
            "snapshots" => _ = kept.insert(KeptKind::Snapshots),
            "managed_image" => _ = kept.insert(KeptKind::ManagedImage),
            _ => reader.refuse_item(
                opt,
                index,
                format!("{kind:?} cannot be kept: write snapshots or managed_image"),
            ),
        }
    }
    kept
}

fn on_failure(reader: &mut Reader<'_, '_>) -> Option<OnFailure> {
    let opt = image::ON_FAILURE;
    match reader.text(opt) {
        None => (!reader.is_unknown(opt)).then_some(OnFailure::Delete),
        Some("delete") => Some(OnFailure::Delete),
        Some("keep") => Some(OnFailure::Keep),
        Some(other) => {
            reader.refuse(opt, format!("is {other:?}; write delete or keep"));
            None
        }
    }
}
