//! Who needs a version's replicas, in everything in sight: whatever uses the version by any of its names, pools that jobs
//! and schedules make, and pools that may return to it.
//!
//! Followers of the definition count: their next nodes may get the version. What is read, and what could not be, is
//! `usage`'s, as for retention.

use crate::{
    client::Client,
    compute::gallery::{self, Gallery},
    error::Result,
    ids::{Location, SubscriptionId, VersionNumber, resource::ImageVersionId},
    settings::ScaleSettings,
    usage::{self, Aliases, Blind, Claim, Claimed, GALLERIES, How, Size},
};

/// What has to be carried, and what of it could not be seen.
pub(super) struct Load {
    pub(super) pools: Vec<Carried>,
    pub(super) blind: Vec<Blind>,
}

/// Who needs the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Where; absent when nothing shows it, so it may be anywhere.
    pub(super) region: Option<Location>,
    /// How many nodes it has, or is to have, whichever is more.
    pub(super) nodes: u32,
    /// Its name, for people.
    pub(super) name: String,
    /// What it needs the version for, as sentences.
    pub(super) why: Vec<String>,
    /// Whether a formula decides its size: what that will say is not known.
    pub(super) is_by_formula: bool,
}

/// Reads who needs it.
///
/// # Errors
/// When not even the subscriptions can be listed, or the run ends.
pub(super) async fn read(client: &Client, settings: &ScaleSettings) -> Result<Load> {
    let version = &settings.version;
    let own: Option<SubscriptionId> = version.definition().gallery().group().subscription().parse().ok();
    let (gallery, mut usage) = futures::try_join!(
        read_gallery(client, version),
        usage::read(client, &settings.sight, own.as_slice())
    )?;
    let mut blind = std::mem::take(&mut usage.blind);
    let gallery = gallery.map_err(|gap| blind.push(gap)).ok();
    let public = gallery.iter().flat_map(Gallery::public_names);
    let names = Aliases::new(&version.definition(), public);
    let id = version.definition().gallery();
    blind.extend(gallery.as_ref().and_then(|gallery| Blind::of_sharing(&id, gallery)));
    Ok(Load {
        pools: carried(usage.of_definition(&names), version.number()),
        blind,
    })
}

/// The gallery: its public names are names of the version too.
async fn read_gallery(client: &Client, version: &ImageVersionId) -> Result<Result<Gallery, Blind>> {
    let id = version.definition().gallery();
    let answer = client.send(&gallery::get(&id)).await;
    let read = answer.map(|answer| Gallery::new(answer.value()));
    usage::or_blind(read, (format!("gallery {}", id.name()), GALLERIES))
}

/// Everybody who needs the version or may, once. Pure.
fn carried(claims: Vec<Claim>, number: Option<VersionNumber>) -> Vec<Carried> {
    let mut all: Vec<Carried> = Vec::new();
    let is_of = |claim: &Claim| match claim.of {
        // A machine that was made has a disk of its own, and needs no replica.
        _ if claim.how == Some(How::Machine) => false,
        Claimed::Version(own) => Some(own) == number,
        Claimed::Latest(_) | Claimed::Some => true,
    };
    for claim in claims.into_iter().filter(is_of) {
        let user = claim.user;
        match all
            .iter_mut()
            .find(|it| it.name == user.name && it.region == user.region)
        {
            Some(known) if known.why.contains(&claim.why) => {}
            Some(known) => known.why.push(claim.why),
            None => all.push(Carried {
                region: user.region,
                nodes: user.size.nodes(),
                name: user.name,
                why: vec![claim.why],
                is_by_formula: matches!(user.size, Size::ByFormula(_)),
            }),
        }
    }
    all
}
