//! What the compute provider knows, and what it is handed to answer.
//!
//! It answers nothing.

use super::{
    disk::facts::DiskFacts, image::facts::ImageFacts, kind::Kind, quota::Quotas, scale_set::facts::ScaleSetFacts,
    snapshot::facts::SnapshotFacts, soft_deleted::SoftDeleted, throttle::Spent, version::replication::VersionFacts,
    vm::facts::VmFacts,
};
use crate::{
    engine::Engine,
    envelope::{ArmError, ArmPath},
    network::Network,
    resource::Table,
    storage::Storage,
};

/// Everything the compute provider knows.
#[derive(Debug, Default)]
pub struct Compute {
    pub(crate) vms: Table<VmFacts>,
    pub(super) scale_sets: Table<ScaleSetFacts>,
    pub(crate) disks: Table<DiskFacts>,
    pub(super) encryption_sets: Table<()>,
    pub(super) snapshots: Table<SnapshotFacts>,
    pub(super) images: Table<ImageFacts>,
    pub(crate) galleries: Table<()>,
    pub(crate) definitions: Table<()>,
    pub(crate) versions: Table<VersionFacts>,
    pub(super) soft_deleted: SoftDeleted,
    pub(super) spent: Spent,
    /// Cores in use and allowed, by region and usage name; see `usage`.
    pub(crate) quotas: Quotas,
}

/// What the provider answers with: its own resources, the mechanics, the interfaces that VMs name, and the blobs that
/// disks are made from.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) compute: &'a mut Compute,
    pub(crate) engine: &'a mut Engine,
    pub(crate) network: &'a Network,
    pub(crate) storage: &'a mut Storage,
}

/// Refuses when the gallery or definition that a path goes through is not there.
pub(super) fn require_parent(parts: &Parts<'_>, path: &ArmPath) -> Result<(), ArmError> {
    let compute = &parts.compute;
    for depth in 1..=path.parts.len() {
        let parts = path.parts.iter().take(depth).cloned().collect();
        let outer = ArmPath {
            parts,
            tail: None,
            ..path.clone()
        };
        let there = match Kind::parse(&outer.kind()) {
            Some(Kind::Gallery) => compute.galleries.find(&outer.key()).is_some(),
            Some(Kind::Definition) => compute.definitions.find(&outer.key()).is_some(),
            Some(Kind::VirtualMachine) => compute.vms.find(&outer.key()).is_some(),
            _ => true,
        };
        if !there {
            let names: Vec<&str> = outer.parts.iter().map(|(_, name)| name.as_str()).collect();
            return Err(ArmError::parent_not_found(&names.join("/")));
        }
    }
    Ok(())
}

/// The error for a resource that is not there.
pub(super) fn missing(path: &ArmPath) -> ArmError {
    ArmError::resource_not_found(&path.kind_and_name(), path.group())
}

/// The id that a new resource gets: types in Azure's casing, names as sent.
pub(super) fn canonical_id(path: &ArmPath) -> String {
    let mut id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute",
        path.subscription,
        path.group()
    );
    let kind = Kind::parse(&path.kind()).map_or("", Kind::path);
    for (kind, (_, name)) in kind.split('/').zip(&path.parts) {
        id.push_str(&format!("/{kind}/{name}"));
    }
    id
}
