//! What a publish will do, decided before it does anything: number, names, way, regions. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    legality::{DefinitionSecurity, Way, choose as choose_way, natural_definition},
    machine::{Fingerprint, Machine, SourceShape},
    number::{self, FINGERPRINT_TAG, Number},
};
use crate::{
    batch::account::Account,
    compute::{gallery::ImageDefinition, snapshot::SnapshotKind, version::ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::{
        Location,
        resource::{ImageId, ImageVersionId, SnapshotId},
    },
    replicas::{self, PoolsByRegion, RegionNeed},
    replication::{Details, TakenOut, Wanted},
    settings::{Lun, MAX_REPLICAS, PublishSettings, ReplicaStorage, Source},
};

/// The tag on everything a run creates, and on a version it adopts: which program did.
pub(super) const TOOL_TAG: &str = "azure-batch-tool";
/// The tag that names the run.
pub(super) const RUN_TAG: &str = "azure-batch-run";
/// The tag of a temporary: the version it is for, as `gallery/definition/number` and a hash of its whole id, since two
/// galleries may share a name.
pub(super) const FEEDS_TAG: &str = "azure-batch-version";
/// The tag of a temporary: a hash of the source's id, which stays while the fingerprint changes with the disks.
pub(super) const SOURCE_TAG: &str = "azure-batch-source";
/// The tag of a temporary: after when nobody needs it.
pub(super) const EXPIRES_TAG: &str = "azure-batch-expires";
/// The value of [`TOOL_TAG`].
pub(super) const TOOL: &str = concat!("azure-batch-core/", env!("CARGO_PKG_VERSION"));

/// How long a temporary lives at most: four times the longest replication that was seen (6 h).
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What was seen before deciding.
#[derive(Debug)]
pub(super) struct Seen {
    /// The machine.
    pub machine: Machine,
    /// The gallery's region; `None` when there is no gallery yet.
    pub gallery: Option<Location>,
    /// The definition, if it is there.
    pub definition: Option<ImageDefinition>,
    /// Its versions.
    pub versions: Vec<ImageVersion>,
    /// The accounts with their pools' sizes.
    pub accounts: Vec<(Account, u32)>,
}

/// What will be done.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The version.
    pub version: ImageVersionId,
    /// Whether it is there already.
    pub number: Number,
    /// What the source was.
    pub fingerprint: Fingerprint,
    /// Which source it is, whatever state it was in.
    pub source: String,
    /// What the version is made from.
    pub way: Way,
    /// The snapshots, OS disk first; none when the source is snapshots or an image.
    pub snapshots: Vec<PlannedSnapshot>,
    /// The managed image's id, should one be made.
    pub image: ImageId,
    /// The regions that pools wait for, the source's first.
    pub first: Vec<RegionNeed>,
    /// The other regions.
    pub rest: Vec<RegionNeed>,
    /// What the version says of itself.
    pub details: Details,
    /// Tags of the version.
    pub tags: Map<String, Value>,
    /// Tags of temporaries.
    pub temporary_tags: Map<String, Value>,
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

/// Decides.
///
/// # Errors
/// When the number is taken, no way is legal, or the regions cannot carry the pools.
pub(super) fn make(settings: &PublishSettings, seen: &Seen, now: Timestamp) -> Result<Plan> {
    let fingerprint = seen.machine.fingerprint();
    let number = number::choose(settings.version, settings.reuse, &seen.versions, &fingerprint)?;
    let version = settings.definition.version(number.number());
    let security = seen
        .definition
        .as_ref()
        .map_or(natural_definition(seen.machine.security), |it| {
            DefinitionSecurity::parse(it.security_type())
        });
    let way = choose_way(settings.managed_image, &seen.machine, security)?;
    let (first, rest) = regions(settings, &seen.machine.location, &seen.accounts)?;
    let details = details(settings, &fingerprint);
    let tags = tags(&details);
    let mut temporary_tags = tags.clone();
    let source = source_hash(&settings.source);
    temporary_tags.insert(FEEDS_TAG.to_owned(), json!(feeds(&version)));
    temporary_tags.insert(SOURCE_TAG.to_owned(), json!(source));
    temporary_tags.insert(
        EXPIRES_TAG.to_owned(),
        json!(
            now.saturating_add(LIFE)
                .unwrap_or(now)
                .round(jiff::Unit::Second)
                .unwrap_or(now)
                .to_string()
        ),
    );
    let names = Names::new(settings, &version, &fingerprint);
    let snapshots = match seen.machine.shape {
        SourceShape::Disks => names.snapshots(settings, &seen.machine),
        SourceShape::Snapshots | SourceShape::Image(_) => Vec::new(),
    };
    let image = names.group(settings).image(&names.image());
    Ok(Plan {
        version,
        number,
        fingerprint,
        source,
        way,
        snapshots,
        image,
        first,
        rest,
        details,
        tags,
        temporary_tags,
    })
}

/// What a version says of itself, however it comes to be the result.
#[must_use]
pub(super) fn details(settings: &PublishSettings, fingerprint: &Fingerprint) -> Details {
    let ours = [
        (TOOL_TAG, TOOL),
        (RUN_TAG, &settings.run_id),
        (FINGERPRINT_TAG, fingerprint.as_str()),
    ];
    Details {
        tags: settings.temporaries.tags.clone(),
        own_tags: ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        end_of_life: settings.version_settings.end_of_life,
        latest: settings.version_settings.latest,
    }
}

fn tags(details: &Details) -> Map<String, Value> {
    let all = details.tags.iter().chain(&details.own_tags);
    all.map(|(name, value)| (name.clone(), json!(value))).collect()
}

/// The value of [`FEEDS_TAG`] for a version.
#[must_use]
pub(super) fn feeds(version: &ImageVersionId) -> String {
    let definition = version.definition();
    let name = format!(
        "{}/{}/{}",
        definition.gallery().name(),
        definition.name(),
        version.name()
    );
    format!("{} {}", name.to_ascii_lowercase(), short_hash(&[&version.to_string()]))
}

/// The value of [`SOURCE_TAG`].
fn source_hash(source: &Source) -> String {
    short_hash(&[&match source {
        Source::Vm(vm) => vm.to_string(),
        Source::Disks { os, .. } => os.to_string(),
        Source::Snapshots { os, .. } | Source::Captured { os, .. } => os.to_string(),
        Source::ManagedImage(image) => image.to_string(),
        Source::ImageVersion(version) => version.to_string(),
    }])
}

/// 64 bits of a hash of ids, which compare without case, in hexadecimal.
fn short_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.to_ascii_lowercase());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Names of temporaries: they follow from version and fingerprint, so that a repeated run finds its own things.
struct Names<'a> {
    prefix: &'a str,
    version: &'a ImageVersionId,
    hash: String,
}

impl<'a> Names<'a> {
    fn new(settings: &'a PublishSettings, version: &'a ImageVersionId, fingerprint: &Fingerprint) -> Self {
        Self {
            prefix: &settings.temporaries.name_prefix,
            version,
            hash: short_hash(&[&version.to_string(), fingerprint.as_str()]),
        }
    }

    #[expect(clippy::unused_self, reason = "the group belongs to the names")]
    fn group<'s>(&self, settings: &'s PublishSettings) -> &'s crate::ids::resource::ResourceGroupId {
        settings
            .temporaries
            .group
            .as_ref()
            .unwrap_or_else(|| settings.source.group())
    }

    fn of(&self, end: &str) -> String {
        format!("{}-{}-{}-{end}", self.prefix, self.version.name(), self.hash)
    }

    fn image(&self) -> String {
        self.of("image")
    }

    fn snapshots(&self, settings: &PublishSettings, machine: &Machine) -> Vec<PlannedSnapshot> {
        let planned = |disk: &super::machine::SourceDisk, lun: Option<Lun>| PlannedSnapshot {
            id: self
                .group(settings)
                .snapshot(&self.of(&lun.map_or_else(|| "os".to_owned(), |lun| format!("d{lun}")))),
            disk: disk.id.clone(),
            kind: SnapshotKind::for_disk(disk.body.sku()),
        };
        let data = machine.data.iter().map(|(lun, disk)| planned(disk, Some(*lun)));
        std::iter::once(planned(&machine.os, None)).chain(data).collect()
    }
}

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
        let text = format!(
            "target_region {location} asks for {replicas} replicas; {} to {MAX_REPLICAS} are possible, {minimum} are what the pools there need",
            minimum.max(1)
        );
        return Err(Error::new(ErrorKind::BadInput, text).with_hint("leave replicas out to have them computed"));
    }
    Ok(RegionNeed {
        location: location.clone(),
        replicas,
        formula: format!("{location}: {replicas} replicas, as asked for"),
    })
}

impl Plan {
    /// Whether no temporary is ever made for it: the version is made of the source itself.
    #[must_use]
    pub(super) const fn needs_nothing_on_the_way(&self) -> bool {
        matches!(self.way, Way::Source { .. })
    }

    /// One line for each thing that will be created, in order.
    #[must_use]
    pub(super) fn changes(&self, seen: &Seen) -> Vec<String> {
        let mut lines = Vec::new();
        let definition = self.version.definition();
        if seen.gallery.is_none() {
            lines.push(format!("create gallery {}", definition.gallery().name()));
        }
        if seen.definition.is_none() {
            lines.push(format!("create image definition {}", definition.name()));
        }
        if let Number::New(number) = self.number {
            lines.extend(
                self.snapshots
                    .iter()
                    .map(|snapshot| format!("create snapshot {}", snapshot.id.name())),
            );
            if self.way == Way::ManagedImage {
                lines.push(format!("create managed image {}", self.image.name()));
            }
            lines.push(format!("create image version {number} of {}", definition.name()));
        }
        let existing = seen.versions.iter().find(|version| version.id == self.version);
        lines.extend(region_changes(existing, self.first.iter().chain(&self.rest)));
        let details = existing.map(|version| self.details.changes(version.body()));
        lines.extend(details.unwrap_or_default().iter().map(ToString::to_string));
        lines
    }

    /// What the version has to become in the regions that pools wait for, and what it says of itself.
    #[must_use]
    pub(super) fn wanted_first(&self, storage: ReplicaStorage) -> Wanted {
        Wanted {
            regions: self.first.clone(),
            storage,
            details: self.details.clone(),
        }
    }

    /// What it has to become in the other regions.
    #[must_use]
    pub(super) fn wanted_rest(&self, storage: ReplicaStorage) -> Wanted {
        Wanted {
            regions: self.rest.clone(),
            storage,
            details: Details::default(),
        }
    }

    /// The formula of each region.
    #[must_use]
    pub(super) fn formulas(&self) -> Vec<String> {
        self.first
            .iter()
            .chain(&self.rest)
            .map(|need| need.formula.clone())
            .collect()
    }
}

/// One line for each region that is put back, or gets more replicas than the version has there.
pub(super) fn region_changes<'a>(
    existing: Option<&ImageVersion>,
    needs: impl Iterator<Item = &'a RegionNeed>,
) -> Vec<String> {
    let regions = existing.map(ImageVersion::regions).unwrap_or_default();
    let has = |location: &Location| {
        let there = regions.iter().filter(|it| it.location == *location);
        there.map(|it| it.replicas).max().unwrap_or(0)
    };
    let taken_out = existing.map(TakenOut::of).unwrap_or_default();
    let mut changes: Vec<String> = taken_out
        .regions
        .iter()
        .filter(|out| has(&out.location) == 0)
        .map(|out| format!("put {} back with {} replicas", out.location, out.replicas))
        .collect();
    changes.extend(
        needs
            .filter(|need| has(&need.location) < need.replicas)
            .map(|need| format!("replicate to {} with {} replicas", need.location, need.replicas)),
    );
    changes
}

#[cfg(test)]
pub(super) mod tests;
