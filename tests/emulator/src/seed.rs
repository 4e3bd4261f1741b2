//! Seeds: what an Azure contains when a test or a person starts with it, as JSON.
//!
//! A seed plants finished resources: nothing in it takes time. It cannot remove anything, but what has the
//! name of something that is there takes its place, with new ids, as a rebuilt VM would. A tenant alone is added to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    compute::Quota, directory::Subscription, entra::Tenant, guess::Guesses, region, rights::RoleAssignment,
    storage::Planted, throttling::Throttling, timing::Seconds, world::World,
};

mod gallery;
mod keys;
mod left;

pub use crate::compute::{DiskSeed, PowerSeed, ScaleSetSeed, VmSeed};
pub use gallery::{DefinitionSeed, GallerySeed, VersionSeed};
pub use keys::EncryptionSetSeed;
pub use left::{ImageSeed, SnapshotDisk, SnapshotSeed};

/// The world of the documentation, which most tests start from.
const EXAMPLE: &str = include_str!("../seeds/example.json");

/// Keys that differ from run to run though the runs did the same.
const VOLATILE: [&str; 21] = [
    "vmId",
    "uniqueId",
    "sourceUniqueId",
    "incrementalSnapshotFamilyId",
    "timeCreated",
    "publishedDate",
    "time",
    "etag",
    "eTag",
    "lastModified",
    "creationTime",
    "stateTransitionTime",
    "allocationStateTransitionTime",
    "provisioningStateTransitionTime",
    "LastOwnershipUpdateTime",
    "allocationTime",
    "lastBootTime",
    "startTime",
    "softDeletedTime",
    "consumptionEndTime",
    "hardDeletionTargetTime",
];

/// Everything a world starts with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seed {
    /// The tenant with its applications; a seed that only adds resources has none.
    #[serde(default)]
    pub tenant: Option<Tenant>,
    /// The subscriptions. Everything below that names none is in the first.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// What applications may do; one that none names may do everything.
    #[serde(default)]
    pub role_assignments: Vec<RoleAssignment>,
    /// Resource groups.
    #[serde(default)]
    pub resource_groups: Vec<GroupSeed>,
    /// VMs with their disks.
    #[serde(default)]
    pub vms: Vec<VmSeed>,
    /// Disk encryption sets.
    #[serde(default)]
    pub disk_encryption_sets: Vec<EncryptionSetSeed>,
    /// Snapshots.
    #[serde(default)]
    pub snapshots: Vec<SnapshotSeed>,
    /// Managed images.
    #[serde(default)]
    pub images: Vec<ImageSeed>,
    /// Scale sets with their instances.
    #[serde(default)]
    pub scale_sets: Vec<ScaleSetSeed>,
    /// Galleries.
    #[serde(default)]
    pub galleries: Vec<GallerySeed>,
    /// Gallery image definitions.
    #[serde(default)]
    pub definitions: Vec<DefinitionSeed>,
    /// Gallery image versions.
    #[serde(default)]
    pub versions: Vec<VersionSeed>,
    /// Compute quotas.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// Storage accounts with their blobs.
    #[serde(default)]
    pub storage_accounts: Vec<StorageAccountSeed>,
    /// User-assigned managed identities.
    #[serde(default)]
    pub managed_identities: Vec<IdentitySeed>,
    /// Batch accounts, read by the Batch part.
    #[serde(default)]
    pub batch_accounts: Value,
    /// How many seconds operations take.
    #[serde(default)]
    pub timing: Option<Seconds>,
    /// What is done where it is not known what Azure does.
    #[serde(default)]
    pub guesses: Option<Guesses>,
    /// How many requests callers may make.
    #[serde(default)]
    pub throttling: Option<Throttling>,
}

/// A resource group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSeed {
    /// The name.
    pub name: String,
    /// The region in any spelling.
    pub location: String,
    /// Its subscription, when it is not the first; what is seeded into the group is there, too.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Value,
}

/// A storage account.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageAccountSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// Properties besides the usual ones, as Azure writes them.
    #[serde(default)]
    pub properties: Value,
    /// What is in it.
    #[serde(default)]
    pub blobs: Vec<BlobSeed>,
}

/// A user-assigned managed identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentitySeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
}

/// A blob.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobSeed {
    /// Its container, which is made with it.
    pub container: String,
    /// Its name.
    pub name: String,
    /// Of a disk, its size in GiB: such a blob is a VHD. Any other is a block blob.
    #[serde(default, rename = "diskGB")]
    pub disk_gb: Option<u32>,
}

/// Why a seed was refused.
#[derive(Debug, Error)]
pub enum SeedError {
    /// It is not JSON, or not a seed.
    #[error("the seed is not valid")]
    Syntax(#[from] serde_json::Error),
    /// There is no subscription to put resources into.
    #[error("the seed has resources but there is no subscription to put them into")]
    NoSubscription,
    /// A resource group is named that does not exist.
    #[error("{what} is in resource group {group:?}, which does not exist")]
    UnknownGroup {
        /// The resource.
        what: String,
        /// The group.
        group: String,
    },
    /// A definition's gallery, or a version's definition, does not exist.
    #[error("{what} is in {parent:?}, which does not exist")]
    UnknownParent {
        /// The resource.
        what: String,
        /// The gallery or definition.
        parent: String,
    },
    /// A resource that Azure would refuse.
    #[error("{what} is not valid: {reason}")]
    Invalid {
        /// The resource.
        what: String,
        /// Azure's message.
        reason: String,
    },
    /// The Batch part refused its accounts.
    #[error("the Batch accounts are not valid: {0}")]
    Batch(String),
}

/// Where seeded resources go.
#[derive(Debug)]
struct Place {
    subscription: String,
    /// The subscriptions of groups that are in another, by their names in small letters.
    elsewhere: BTreeMap<String, String>,
    now: Timestamp,
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    ///
    /// Returns an error when the text is not JSON, or has a field that no seed has.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The text of the example, which is also its documentation.
    #[must_use]
    pub fn example_text() -> &'static str {
        EXAMPLE
    }

    /// A small world: one tenant, one application, one VM ready to be captured, an empty gallery, two Batch
    /// accounts in two regions.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a constant and a test parses it")]
    pub fn example() -> Self {
        Self::parse(EXAMPLE).expect("the example is a seed")
    }

    pub(crate) fn plant(&self, world: &mut World, now: Timestamp) -> Result<(), SeedError> {
        if let Some(seconds) = &self.timing {
            world.engine.timing.seconds = seconds.clone();
        }
        if let Some(guesses) = self.guesses {
            world.engine.guesses = guesses;
        }
        if let Some(limits) = &self.throttling {
            world.engine.throttling = limits.clone();
        }
        if let Some(tenant) = &self.tenant {
            world.entra.add_tenant(tenant.clone());
        }
        for subscription in &self.subscriptions {
            let mut subscription = subscription.clone();
            if subscription.tenant.is_empty() {
                let own = self.tenant.as_ref().map(|tenant| tenant.id.as_str());
                let tenant = own.or_else(|| world.directory.tenant_of(&subscription.id));
                subscription.tenant = tenant.unwrap_or_default().to_owned();
            }
            world.directory.add_subscription(subscription);
        }
        for assignment in &self.role_assignments {
            world.rights.assign(assignment.clone());
        }
        let subscription = self.subscriptions.first().map(|first| first.id.clone());
        let subscription = subscription.or_else(|| world.directory.first_subscription().map(str::to_owned));
        let has_resources = !(self.resource_groups.is_empty()
            && self.vms.is_empty()
            && self.scale_sets.is_empty()
            && self.disk_encryption_sets.is_empty()
            && self.snapshots.is_empty()
            && self.images.is_empty()
            && self.galleries.is_empty()
            && self.storage_accounts.is_empty()
            && self.managed_identities.is_empty());
        let first = subscription.clone().unwrap_or_default();
        match subscription {
            Some(subscription) => {
                let place = Place {
                    subscription,
                    elsewhere: self.elsewhere(),
                    now,
                };
                self.plant_resources(world, &place)
            }
            None if has_resources => Err(SeedError::NoSubscription),
            None => Ok(()),
        }?;
        world.compute.quotas.extend(self.quotas.iter().cloned());
        if self.batch_accounts.is_null() {
            return Ok(());
        }
        world
            .batch
            .seed(&self.batch_accounts, &first, now)
            .map_err(SeedError::Batch)
    }

    fn elsewhere(&self) -> BTreeMap<String, String> {
        let groups = self.resource_groups.iter();
        groups
            .filter_map(|group| Some((group.name.to_lowercase(), group.subscription.clone()?)))
            .collect()
    }

    fn plant_resources(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        for group in &self.resource_groups {
            let body = serde_json::json!({"tags": group.tags});
            world
                .directory
                .plant_group(place.subscription_of(&group.name), &group.name, &group.location, &body);
        }
        for vm in &self.vms {
            plant_vm(world, place, vm)?;
        }
        for set in &self.disk_encryption_sets {
            set.plant(world, place)?;
        }
        for snapshot in &self.snapshots {
            snapshot.plant(world, place)?;
        }
        for image in &self.images {
            image.plant(world, place)?;
        }
        for scale_set in &self.scale_sets {
            let what = format!("scale set {:?}", scale_set.name);
            let base = place.compute(world, &scale_set.resource_group, &what)?;
            scale_set.plant(&mut world.compute, &mut world.engine.ids, &base);
        }
        for gallery in &self.galleries {
            gallery.plant(world, place)?;
        }
        for definition in &self.definitions {
            definition.plant(world, place)?;
        }
        for version in &self.versions {
            version.plant(world, place)?;
        }
        for identity in &self.managed_identities {
            let what = format!("managed identity {:?}", identity.name);
            let group = place.group(world, &identity.resource_group, &what)?;
            let location = region::normalise(&identity.location);
            let subscription = place.subscription_of(&identity.resource_group);
            world
                .identity_parts(subscription)
                .plant(&group, &identity.name, &location);
        }
        for account in &self.storage_accounts {
            let what = format!("storage account {:?}", account.name);
            let group = place.group(world, &account.resource_group, &what)?;
            let location = region::normalise(&account.location);
            world
                .storage
                .plant(&group, &account.name, &location, &account.properties);
            let id = format!("{group}/providers/Microsoft.Storage/storageAccounts/{}", account.name);
            for blob in &account.blobs {
                let planted = Planted {
                    container: &blob.container,
                    name: &blob.name,
                    disk_gib: blob.disk_gb,
                };
                world.storage.plant_blob(&id, planted, place.now);
            }
        }
        Ok(())
    }
}

impl Place {
    /// The id prefix of a group's compute resources.
    fn compute(&self, world: &World, group: &str, what: &str) -> Result<String, SeedError> {
        Ok(format!(
            "{}/providers/Microsoft.Compute",
            self.group(world, group, what)?
        ))
    }

    /// The subscription that a group is in.
    fn subscription_of(&self, group: &str) -> &str {
        self.elsewhere.get(&group.to_lowercase()).unwrap_or(&self.subscription)
    }

    /// The id of a group, which must be there.
    fn group(&self, world: &World, group: &str, what: &str) -> Result<String, SeedError> {
        let subscription = self.subscription_of(group);
        if world.directory.group_location(subscription, group).is_none() {
            return Err(SeedError::UnknownGroup {
                what: what.to_owned(),
                group: group.to_owned(),
            });
        }
        Ok(format!("/subscriptions/{subscription}/resourceGroups/{group}"))
    }
}

/// Puts a VM there with its disks; the group must be there.
fn plant_vm(world: &mut World, place: &Place, vm: &VmSeed) -> Result<(), SeedError> {
    let what = format!("VM {:?}", vm.name);
    let base = place.compute(world, &vm.resource_group, &what)?;
    vm.plant(&mut world.compute, &mut world.engine.ids, (&base, place.now))
        .map_err(|reason| SeedError::Invalid { what, reason })
}

/// Removes what differs from run to run though the runs did the same.
pub(crate) fn strip_volatile(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            fields.values_mut().for_each(strip_volatile);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_volatile),
        _ => {}
    }
}
