//! The regions of a version and their replicas, and what is still to be done for them. Pure.
//!
//! The replica rule itself is in `replicas`.

use super::step::Step;
use crate::{
    batch::account::Account,
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    ids::Location,
    options::image,
    replicas::{self, PoolsByRegion, RegionNeed},
    replication::{Details, TakenOut},
    settings::{MAX_REPLICAS, PublishSettings},
    words,
};

/// The regions that pools wait for, the source's own first, and the rest, each with its replicas.
///
/// # Errors
/// When a region cannot carry its pools.
pub(super) fn regions(
    settings: &PublishSettings,
    own: &Location,
    accounts: &[(Account, u32)],
) -> Result<(Vec<RegionNeed>, Vec<RegionNeed>)> {
    let mut pools = PoolsByRegion::new();
    for (account, nodes) in accounts {
        pools.entry(account.location.clone()).or_default().push(*nodes);
    }
    let mut waited = vec![own.clone()];
    waited.extend(pools.keys().filter(|location| *location != own).cloned());
    let asked = |location: &Location| {
        settings
            .target_regions
            .iter()
            .find(|region| region.location == *location)
            .and_then(|region| region.replicas)
    };
    let need = |location: &Location| {
        let pools = pools.get(location).map(Vec::as_slice).unwrap_or_default();
        need(settings, location, pools, asked(location))
    };
    let first = waited.iter().map(need).collect::<Result<Vec<_>>>()?;
    let others = settings
        .target_regions
        .iter()
        .map(|region| &region.location)
        .filter(|location| !waited.contains(location));
    Ok((first, others.map(need).collect::<Result<Vec<_>>>()?))
}

fn need(settings: &PublishSettings, location: &Location, pools: &[u32], asked: Option<u32>) -> Result<RegionNeed> {
    let Some(replicas) = asked else {
        return replicas::need(settings.replica_rule, location, pools);
    };
    let minimum = replicas::minimum(settings.replica_rule, pools);
    if replicas < minimum.max(1) || replicas > MAX_REPLICAS {
        let range = format!(
            " {location} asks for {replicas} replicas; {} to {MAX_REPLICAS} are possible, {minimum} are what the pools there need",
            minimum.max(1)
        );
        let text = words![image::DESTINATION_TARGET_REGION, range];
        return Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
            "leave ",
            image::TARGET_REGION_REPLICAS,
            " out to have them computed"
        ]));
    }
    Ok(RegionNeed {
        location: location.clone(),
        replicas,
        formula: format!("{location}: {replicas} replicas, as asked for"),
    })
}

/// One step for each region that is put back, or gets more replicas than the version has there.
#[must_use]
pub(super) fn changes<'a>(existing: Option<&ImageVersion>, needs: impl Iterator<Item = &'a RegionNeed>) -> Vec<Step> {
    let regions = existing.map(ImageVersion::regions).unwrap_or_default();
    let has = |location: &Location| {
        let there = regions.iter().filter(|it| it.location == *location);
        there.map(|it| it.replicas).max().unwrap_or(0)
    };
    let taken_out = existing.map(TakenOut::of).unwrap_or_default();
    let back = taken_out.regions.into_iter().filter(|out| has(&out.location) == 0);
    let mut steps: Vec<Step> = back
        .map(|out| Step::PutBack {
            region: out.location,
            replicas: out.replicas,
        })
        .collect();
    steps.extend(
        needs
            .filter(|need| has(&need.location) < need.replicas)
            .map(|need| Step::Replicate {
                region: need.location.clone(),
                replicas: need.replicas,
            }),
    );
    steps
}

/// One step for each thing that a version is to say of itself and does not.
#[must_use]
pub(super) fn descriptions(existing: Option<&ImageVersion>, details: &Details) -> Vec<Step> {
    let changes = existing
        .map(|version| details.changes(version.body()))
        .unwrap_or_default();
    let step = |what: String| Step::Describe { what };
    changes.iter().map(ToString::to_string).map(step).collect()
}

/// The names of regions, for a sentence.
#[must_use]
pub(super) fn names(needs: &[RegionNeed]) -> String {
    let names: Vec<&str> = needs.iter().map(|need| need.location.as_str()).collect();
    names.join(", ")
}
