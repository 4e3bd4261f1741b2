//! What a publish is to reach, decided from what was seen: number, names, way, regions, tags. Pure.
//!
//! Which steps lead there is decided in `next`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    adopt, boot, definition,
    details::details,
    layout,
    machine::{Machine, SourceDisk, SourceShape},
    number::{self, Number, Taken},
    observe::{Seen, group},
    places,
    regions::regions,
    security::DefinitionSecurity,
    source::fingerprint,
    testing::{self, PlannedTest},
    way::{Policy, Way, choose as choose_way},
};
use crate::{
    compute::{snapshot::SnapshotKind, version::ImageVersion},
    error::Result,
    ids::{
        VersionNumber,
        resource::{ImageVersionId, SnapshotId},
    },
    names::{Part, TemporaryNames},
    replicas::RegionNeed,
    replication::{Details, Layout, Wanted},
    settings::{Lun, PublishSettings},
    tags::{Fingerprint, SourceKey},
    temporaries::TemporaryId,
};

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    /// What is wanted.
    pub settings: &'a PublishSettings,
    /// How this run is called in leases.
    pub holder: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// What is to be reached.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// The version.
    pub version: ImageVersionId,
    /// Its number, and whether it is there already.
    pub number: Number,
    /// What the source was.
    pub fingerprint: Fingerprint,
    /// Which source it is, whatever state it was in.
    pub source: SourceKey,
    /// What the version is made from.
    pub way: Way,
    /// The snapshots, OS disk first; none when the source is snapshots or an image.
    pub snapshots: Vec<PlannedSnapshot>,
    /// The regions of the first phase, the source's first: those that pools wait for, where nothing else is said.
    pub first: Vec<RegionNeed>,
    /// The regions of each later phase.
    pub later: Vec<Vec<RegionNeed>>,
    /// The test that it has to pass before it is spread.
    pub test: Option<PlannedTest>,
    /// What the version says of itself.
    pub details: Details,
    /// What its regions are like.
    pub layout: Layout,
    /// What is not as the user or the source says, and keeps nobody from going on.
    pub notes: Vec<String>,
}

/// What this run has found out about numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// The one whose version this run has begun to make.
    pub claimed: Option<VersionNumber>,
    /// Those that others have, although no version shows them.
    pub taken: BTreeSet<VersionNumber>,
}

/// A snapshot to be made.
#[derive(Clone, Debug)]
pub(super) struct PlannedSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The disk it copies.
    pub disk: String,
    /// Full, where the disk's type allows it.
    pub kind: SnapshotKind,
}

impl Goal {
    /// Everything that is made on the way.
    #[must_use]
    pub(super) fn temporaries(&self) -> Vec<TemporaryId> {
        let snapshots = self.snapshots.iter().map(|it| TemporaryId::Snapshot(it.id.clone()));
        let image = match &self.way {
            Way::ManagedImage { image } => Some(TemporaryId::Image(image.clone())),
            Way::Snapshots { .. } | Way::Vhds | Way::Source { .. } | Way::Adopted => None,
        };
        snapshots.chain(image).collect()
    }

    /// The regions that the version is made in: those that pools wait for, or with a test before it its own alone with one
    /// replica.
    #[must_use]
    pub(super) fn at_first(&self) -> Vec<RegionNeed> {
        match (&self.test, self.first.first()) {
            (Some(_), Some(own)) => vec![RegionNeed {
                replicas: 1,
                ..own.clone()
            }],
            _ => self.first.clone(),
        }
    }

    /// What the version has to become first: the regions that pools wait for, and what it says of itself.
    #[must_use]
    pub(super) fn wanted_first(&self) -> Wanted {
        Wanted {
            regions: self.first.clone(),
            layout: self.layout.clone(),
            details: self.details.clone(),
        }
    }

    /// What it has to become in a later phase. Its details were written, or warned about, with the first regions.
    #[must_use]
    pub(super) fn wanted_later(&self, phase: usize) -> Wanted {
        Wanted {
            regions: self.later.get(phase).cloned().unwrap_or_default(),
            layout: self.layout.clone(),
            details: Details::default(),
        }
    }

    /// The test that is still to be passed: the version is not to be spread yet.
    #[must_use]
    pub(super) fn test_due(&self, version: Option<&ImageVersion>) -> Option<&PlannedTest> {
        let is_passed = |test: &&PlannedTest| version.is_some_and(|version| test.is_passed_by(version));
        self.test.as_ref().filter(|test| !is_passed(test))
    }

    /// All its regions, those of the first phase first.
    pub(super) fn needs(&self) -> impl Iterator<Item = &RegionNeed> {
        self.first.iter().chain(self.later.iter().flatten())
    }

    /// The formula of each region.
    #[must_use]
    pub(super) fn formulas(&self) -> Vec<String> {
        self.needs().map(|need| need.formula.clone()).collect()
    }
}

#[cfg(test)]
pub(super) mod tests;

/// Decides.
///
/// # Errors
/// When the machine does not fit the definition, the number is taken, no way is legal, the regions cannot carry the
/// pools, names get too long, or a version that is there cannot be given what is wanted, or failed its test.
pub(super) fn decide(settings: &PublishSettings, seen: &Seen, numbers: &Numbers) -> Result<Goal> {
    let machine = &seen.machine;
    places::require_known(&settings.target_regions, seen.locations.as_deref())?;
    let fingerprint = fingerprint::of(machine, &settings.run_id);
    let (way, snapshots) = made_of(settings, seen, &fingerprint)?;
    let number = number(settings, seen, numbers, &fingerprint)?;
    let version = settings.definition.version(number.number());
    let (first, later) = regions(settings, &machine.location, &seen.accounts)?;
    let needs: Vec<RegionNeed> = first.iter().chain(later.iter().flatten()).cloned().collect();
    let layout = layout::layout(settings, machine, &needs)?;
    let details = details(
        settings,
        (&fingerprint, seen.base.as_ref()),
        seen.version(&version),
        (&needs, &layout),
    )?;
    let test = testing::plan(settings, seen, (&version, &layout))?;
    testing::require_passed(settings, seen.version(&version), (&needs, &layout, &details))?;
    if settings.adopted().is_none() {
        testing::require_source_passed(settings, &machine.shape)?;
    }
    Ok(Goal {
        version,
        number,
        source: SourceKey::of(&settings.source),
        way,
        snapshots,
        first,
        later,
        details,
        layout,
        test,
        notes: notes(settings, seen)?,
        fingerprint,
    })
}

fn number(settings: &PublishSettings, seen: &Seen, numbers: &Numbers, fingerprint: &Fingerprint) -> Result<Number> {
    match (settings.adopted(), numbers.claimed) {
        (Some(version), _) => adopt::number(version).map(Number::Adopted),
        (None, Some(number)) => Ok(Number::Found(number)),
        (None, None) => {
            let taken = Taken {
                kept: numbers.taken.union(&seen.soft_deleted).copied().collect(),
                given_out: number::given_out(seen.definition.as_ref()),
            };
            number::choose((settings.version, settings.reuse), &seen.versions, &taken, fingerprint)
        }
    }
}

/// What the version is made from, and the snapshots on the way. A version that is adopted belongs to its definition
/// already, so there is nothing to compare.
fn made_of(settings: &PublishSettings, seen: &Seen, fingerprint: &Fingerprint) -> Result<(Way, Vec<PlannedSnapshot>)> {
    if settings.adopted().is_some() {
        return Ok((Way::Adopted, Vec::new()));
    }
    let machine = &seen.machine;
    let definition = definition::existing_or_planned(settings, seen);
    definition::require_fit(&settings.traits, machine, &definition)?;
    let security = DefinitionSecurity::parse(definition.security_type());
    let names = TemporaryNames::new(&settings.temporaries.name_prefix, &settings.definition, fingerprint)?;
    let image = group(settings).image(&names.of(Part::Image));
    let way = choose_way(Policy::of(settings, &machine.location), machine, security, image)?;
    let snapshots = match machine.shape {
        SourceShape::Disks => snapshots(settings, machine, &names),
        SourceShape::Snapshots | SourceShape::Image(_) | SourceShape::Vhds(_) => Vec::new(),
    };
    Ok((way, snapshots))
}

/// What is worth a line of the sizes and of the definition.
///
/// # Errors
/// When a pool's size does not boot the definition's images.
fn notes(settings: &PublishSettings, seen: &Seen) -> Result<Vec<String>> {
    let mut notes = boot::require(&seen.sizes, &definition::existing_or_planned(settings, seen))?;
    if let (Some(definition), None) = (&seen.definition, settings.adopted()) {
        notes.extend(definition::notes(settings, &seen.machine, definition));
    }
    Ok(notes)
}

fn snapshots(settings: &PublishSettings, machine: &Machine, names: &TemporaryNames) -> Vec<PlannedSnapshot> {
    let planned = |disk: &SourceDisk, lun: Option<Lun>| PlannedSnapshot {
        id: group(settings).snapshot(&names.of(lun.map_or(Part::OsDisk, Part::DataDisk))),
        disk: disk.id.clone(),
        kind: SnapshotKind::for_disk(disk.body.sku()),
    };
    let data = machine.data.iter().map(|(lun, disk)| planned(disk, Some(*lun)));
    std::iter::once(planned(&machine.os, None)).chain(data).collect()
}

/// The user's own tags.
#[must_use]
pub(super) fn user_tags(settings: &PublishSettings) -> Map<String, Value> {
    let tags = settings.temporaries.tags.iter();
    tags.map(|(name, value)| (name.clone(), json!(value))).collect()
}
