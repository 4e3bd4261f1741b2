//! The regions of a version and their replicas, and what is still to be done for them. Pure.
//!
//! The replica rule itself is in `replicas`.

use std::collections::BTreeMap;

use super::step::Step;
use crate::{
    batch::account::Account,
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    ids::Location,
    options::image,
    replicas::{self, PoolsByRegion, RegionNeed},
    replication::{Details, Layout, TakenOut},
    settings::{MAX_REPLICAS, PublishSettings, ReplicationMode, ShallowBy, TargetRegion},
    words,
    words::{Words, plural},
};

/// The phase of a region that no pool waits for, when none is said.
const LATER: u32 = 2;

/// What a version has of its regions.
#[derive(Clone, Debug)]
pub(super) enum Regions<'a> {
    /// Nothing: no version is there.
    None,
    /// What this version has.
    Of(&'a ImageVersion),
    /// What a version has that is still to be made: the request that makes it names them.
    Made(Vec<RegionNeed>),
}

impl<'a> Regions<'a> {
    /// Those of a version that may be there.
    pub(super) fn of(version: Option<&'a ImageVersion>) -> Self {
        version.map_or(Self::None, Self::Of)
    }

    /// The version that is there.
    pub(super) const fn version(&self) -> Option<&'a ImageVersion> {
        match self {
            Self::Of(version) => Some(version),
            Self::None | Self::Made(_) => None,
        }
    }

    /// The replicas in a region; 0 where it has none.
    fn replicas(&self, location: &Location) -> u32 {
        let all: Vec<(Location, u32)> = match self {
            Self::None => Vec::new(),
            Self::Of(version) => version
                .regions()
                .into_iter()
                .map(|it| (it.location, it.replicas))
                .collect(),
            Self::Made(needs) => needs.iter().map(|it| (it.location.clone(), it.replicas)).collect(),
        };
        let there = all.iter().filter(|(region, _)| region == location);
        there.map(|(_, replicas)| *replicas).max().unwrap_or(0)
    }
}

/// The regions of the first phase, the source's own first, and those of each later one, each region with its replicas.
/// Where nothing is said, the first phase is the regions that pools wait for.
///
/// # Errors
/// When a region cannot carry its pools, or the source's own is to be later than the first.
pub(super) fn regions(
    settings: &PublishSettings,
    own: &Location,
    accounts: &[(Account, u32)],
) -> Result<(Vec<RegionNeed>, Vec<Vec<RegionNeed>>)> {
    require_own_first(settings, own)?;
    let mut pools = PoolsByRegion::new();
    for (account, nodes) in accounts {
        pools.entry(account.location.clone()).or_default().push(*nodes);
    }
    let mut waited = vec![own.clone()];
    waited.extend(pools.keys().filter(|location| *location != own).cloned());
    if settings.version_settings.replication == ReplicationMode::Shallow {
        return shallow(settings, own, waited).map(|need| (vec![need], Vec::new()));
    }
    let asked = |location: &Location| {
        settings
            .target_regions
            .iter()
            .find(|region| region.location == *location)
    };
    let need = |location: &Location| {
        let pools = pools.get(location).map(Vec::as_slice).unwrap_or_default();
        let replicas = asked(location).and_then(|region| region.replicas);
        let need = need(settings, location, pools, replicas)?;
        Ok(at_least(asked(location).and_then(|region| region.at_least), need))
    };
    let others = settings
        .target_regions
        .iter()
        .map(|region| &region.location)
        .filter(|location| !waited.contains(location));
    let mut phases: BTreeMap<u32, Vec<RegionNeed>> = BTreeMap::new();
    for (location, usual) in waited.iter().map(|it| (it, 1)).chain(others.map(|it| (it, LATER))) {
        let phase = asked(location).and_then(|region| region.phase).unwrap_or(usual);
        phases.entry(phase).or_default().push(need(location)?);
    }
    let first = phases.remove(&1).unwrap_or_default();
    Ok((first, phases.into_values().collect()))
}

/// A version is made in the source's own region, so that is never later than another.
fn require_own_first(settings: &PublishSettings, own: &Location) -> Result<()> {
    let entry = settings.target_regions.iter().find(|region| region.location == *own);
    let Some(phase) = entry.and_then(|region| region.phase).filter(|phase| *phase > 1) else {
        return Ok(());
    };
    let opt = image::TARGET_REGION_PHASE;
    let text = words![
        opt,
        format!(" of {own} is {phase}, and the version is made in {own}, where its source is")
    ];
    Err(Error::new(ErrorKind::BadInput, text).with_hint(words!["leave ", opt, " out there, or write 1"]))
}

/// The only region of a shallow version, with its only replica.
fn shallow(settings: &PublishSettings, own: &Location, mut waited: Vec<Location>) -> Result<RegionNeed> {
    waited.extend(settings.target_regions.iter().map(|region| region.location.clone()));
    let mut others: Vec<&str> = waited.iter().filter(|it| *it != own).map(Location::as_str).collect();
    others.sort_unstable();
    others.dedup();
    let asked = |region: &TargetRegion| region.replicas.max(region.at_least);
    let asks_for_more = |region: &&TargetRegion| region.location == *own && asked(region).is_some_and(|it| it > 1);
    let why = if !others.is_empty() {
        format!("not in {}", others.join(", "))
    } else if settings.target_regions.iter().any(|region| asks_for_more(&region)) {
        "not with more replicas".to_owned()
    } else {
        return Ok(RegionNeed {
            location: own.clone(),
            replicas: 1,
            formula: format!("{own}: 1 replica, which is all that a shallow version has"),
        });
    };
    let by = settings.version_settings.shallow_by;
    let text = format!(": such a version is in {own} only, with one replica, {why}");
    Err(Error::new(ErrorKind::BadInput, by.clause().followed_by(text.into())).with_hint(full(by)))
}

/// What to do about a version that cannot be shallow, in the words in which it was asked for.
fn full(by: ShallowBy) -> Words {
    match by {
        ShallowBy::ReplicationMode => words![
            "take that out of ",
            image::USED_BY,
            " and ",
            image::DESTINATION_TARGET_REGION,
            ", or set ",
            by.option(),
            " to Full"
        ],
        ShallowBy::UseShallowReplication => words![
            "take that out of ",
            image::USED_BY,
            ", ",
            image::DESTINATION_REPLICATION_REGIONS,
            " and ",
            image::SHARED_IMAGE_GALLERY_REPLICA_COUNT,
            ", or leave out ",
            by.option()
        ],
    }
}

fn need(settings: &PublishSettings, location: &Location, pools: &[u32], asked: Option<u32>) -> Result<RegionNeed> {
    let Some(replicas) = asked else {
        return replicas::need(settings.replica_rule, location, pools);
    };
    let minimum = replicas::minimum(settings.replica_rule, pools);
    if replicas < minimum.max(1) || replicas > MAX_REPLICAS {
        let range = format!(
            " {location} asks for {}; {} to {MAX_REPLICAS} are possible, {minimum} are what the pools there need",
            plural(replicas, "replica"),
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
        formula: format!("{location}: {}, as asked for", plural(replicas, "replica")),
    })
}

/// The need, or as many replicas as are asked for at least.
fn at_least(floor: Option<u32>, need: RegionNeed) -> RegionNeed {
    match floor {
        Some(floor) if floor > need.replicas => RegionNeed {
            replicas: floor,
            formula: format!("{}: {}, as asked for", need.location, plural(floor, "replica")),
            ..need
        },
        Some(_) | None => need,
    }
}

/// One step for each region that is put back, or gets more replicas than the version has there.
#[must_use]
pub(super) fn changes(regions: &Regions<'_>, needs: &[RegionNeed], layout: &Layout) -> Vec<Step> {
    let existing = regions.version();
    let has = |location: &Location| regions.replicas(location);
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
            .iter()
            .filter(|need| has(&need.location) < need.replicas)
            .map(|need| Step::Replicate {
                region: need.location.clone(),
                replicas: need.replicas,
            }),
    );
    let exclusions = existing.map(|version| layout.exclusions(version)).unwrap_or_default();
    let of_these = exclusions
        .iter()
        .filter(|(location, _)| needs.iter().any(|need| need.location == *location));
    steps.extend(of_these.map(|(location, exclude)| Step::Describe {
        what: if *exclude {
            format!("exclude it from latest in {location}")
        } else {
            format!("admit it to latest in {location}")
        },
    }));
    let passed_over = existing.map(|version| passed_over(version, needs, layout));
    steps.extend(passed_over.unwrap_or_default().into_iter().map(|(location, others)| {
        let others: Vec<&str> = others.iter().map(Location::as_str).collect();
        Step::Describe {
            what: format!("exclude it from latest in {location}, as in {}", others.join(", ")),
        }
    }));
    steps
}

/// The regions that a version is added to and in which `latest` passes it over, each with those for whose sake.
#[must_use]
pub(super) fn passed_over(
    version: &ImageVersion,
    needs: &[RegionNeed],
    layout: &Layout,
) -> Vec<(Location, Vec<Location>)> {
    let has: Vec<Location> = version.regions().into_iter().map(|it| it.location).collect();
    let added = needs.iter().map(|need| &need.location).filter(|it| !has.contains(it));
    added
        .map(|location| (location.clone(), layout.excluded_as_in(version, location)))
        .filter(|(_, others)| !others.is_empty())
        .collect()
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
