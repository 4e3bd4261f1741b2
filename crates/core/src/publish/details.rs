//! What the version should say of itself: what the user wants now, brought together with what a version says that is
//! there already, whether it is made, found or adopted. Pure.
//!
//! How that is compared with a body and written into it is in `replication`.

use super::regions;
use crate::{
    batch::image::MarketplaceImage,
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    json,
    replicas::RegionNeed,
    replication::{self, Details, Layout},
    settings::PublishSettings,
    tags::{Fingerprint, TOOL, Tag},
};

/// What the version should say of itself. `needs` are the regions it is to be in, and `layout` what they are like.
///
/// # Errors
/// `Refused` when the version is there and cannot be given what is asked for: its regions are encrypted with the user's
/// own keys, or it is shallow.
pub(super) fn details(
    settings: &PublishSettings,
    source: (&Fingerprint, Option<&MarketplaceImage>),
    existing: Option<&ImageVersion>,
    (needs, layout): (&[RegionNeed], &Layout),
) -> Result<Details> {
    let wanted = wanted(settings, source);
    let Some(version) = existing else {
        return Ok(wanted);
    };
    replication::require_keys(version, needs, layout)?;
    if is_shallow(version) {
        refuse_shallow(version, (needs, layout), &wanted)?;
        return Ok(Details::default());
    }
    Ok(wanted)
}

/// What the user wants, and our own tags. Names of our tags are ours in any case of letters.
fn wanted(settings: &PublishSettings, (fingerprint, base): (&Fingerprint, Option<&MarketplaceImage>)) -> Details {
    let ours = [
        (Tag::Tool, TOOL),
        (Tag::Run, &settings.run_id),
        (Tag::Fingerprint, fingerprint.as_str()),
    ];
    let base = base.map(|image| (Tag::BaseImage.name().to_owned(), image.to_string()));
    let mut tags = settings.temporaries.tags.clone();
    tags.retain(|name, _| Tag::of_name(name).is_none());
    Details {
        tags,
        own_tags: ours
            .map(|(tag, value)| (tag.name().to_owned(), value.to_owned()))
            .into_iter()
            .chain(base)
            .collect(),
        end_of_life: settings.version_settings.end_of_life,
        latest: settings.version_settings.latest,
        early_deletion: settings.version_settings.early_deletion,
    }
}

fn is_shallow(version: &ImageVersion) -> bool {
    let mode = json::text(version.body(), "/properties/publishingProfile/replicationMode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"))
}

/// A shallow version is for tests: Azure takes no later change of it, so it must have all that is asked for. The user
/// did not ask for our own tags.
fn refuse_shallow(version: &ImageVersion, (needs, layout): (&[RegionNeed], &Layout), wanted: &Details) -> Result<()> {
    let changes = wanted.changes(version.body());
    let mut missing: Vec<String> = changes.iter().map(ToString::to_string).collect();
    if replication::merged_regions(version, needs, layout, &[]).is_some() {
        missing.push(format!("bring it to {}", regions::names(needs)));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!(
        "version {} was published with replication mode Shallow, which takes no later change, and is asked to: {}",
        version.id.name(),
        missing.join("; ")
    );
    let hint = "build it again with replication mode Full, or ask for no more than it has";
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}
