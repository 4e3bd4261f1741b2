//! The compute provider: VMs, disks, snapshots, images and galleries.
//!
//! This file finds who answers; each kind of resource keeps its rules in its own file. Bodies are edited as
//! JSON, so that fields unknown here are kept and shown again.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{self, Answer, ArmPath, unsupported},
    json as edit,
    operation::Operations,
    resource::Item,
};

mod access;
mod boot;
mod definition;
mod disk;
mod encryption_set;
mod feature;
mod gallery;
mod grant;
mod image;
mod kind;
mod marketplace;
mod name;
mod plan;
mod quota;
mod scale_set;
mod shared;
pub(crate) mod size;
mod snapshot;
mod soft_delete;
mod soft_deleted;
mod source;
mod state;
mod throttle;
pub mod usage;
mod version;
mod vhd;
mod vm;

pub(crate) use definition::complete as complete_definition;
pub(crate) use gallery::unique_name as gallery_unique_name;
pub(crate) use kind::Kind;
pub use quota::Quota;
pub use scale_set::ScaleSetSeed;
pub use state::Compute;
pub(crate) use state::Parts;
use state::require_parent;
pub use version::ImageMissing;
pub(crate) use version::{fail_copies_of, normalise_profile, seeded as seeded_version, seeded_storage};
pub(crate) use vm::facts::VmFacts;
pub use vm::{DiskSeed, PowerSeed, VmSeed};
pub(crate) use vm::{add_extension, create as create_vm};

impl Compute {
    /// Puts a managed image there that was complete before the emulator started.
    pub(crate) fn plant_image(&mut self, id: String, body: Value) {
        let facts = image::facts::ImageFacts::default();
        self.images.insert(Item::new(id, body, facts));
    }

    /// Puts a disk encryption set there.
    pub(crate) fn plant_encryption_set(&mut self, id: String, body: Value) {
        self.encryption_sets.insert(Item::new(id, body, ()));
    }

    /// Puts a snapshot there that was complete before the emulator started, with an access until that time.
    pub(crate) fn plant_snapshot(&mut self, id: String, body: Value, (taken, access): (Timestamp, Option<Timestamp>)) {
        let facts = snapshot::facts::SnapshotFacts {
            grant: grant::Grant::until(access),
            taken,
            ..snapshot::facts::SnapshotFacts::default()
        };
        self.snapshots.insert(Item::new(id, body, facts));
    }

    /// Takes up every change that is over at `now`.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) {
        self.vms.settle(operations, now);
        self.disks.settle(operations, now);
        self.snapshots.settle(operations, now);
        self.images.settle(operations, now);
        self.galleries.settle(operations, now);
        self.definitions.settle(operations, now);
        for gone in self.versions.settle_and_take(operations, now) {
            self.soft_deleted.keep(gone);
        }
        self.soft_deleted.settle(now);
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        let prefix = format!("{group}/");
        self.vms.remove_below(&prefix);
        self.scale_sets.remove_below(&prefix);
        self.disks.remove_below(&prefix);
        self.encryption_sets.remove_below(&prefix);
        self.snapshots.remove_below(&prefix);
        self.images.remove_below(&prefix);
        self.galleries.remove_below(&prefix);
        self.definitions.remove_below(&prefix);
        self.versions.remove_below(&prefix);
        self.soft_deleted.remove_below(&prefix);
    }

    /// All resources of a kind as lists show them, sorted by id.
    pub(crate) fn views(&self, kind: Kind, now: Timestamp) -> Vec<Value> {
        match kind {
            Kind::VirtualMachine => self.vms.iter().map(|item| vm::view(item, vm::Shown::plain())).collect(),
            Kind::ScaleSet => self.scale_sets.iter().map(scale_set::view).collect(),
            Kind::Disk => self.disks.iter().map(|item| disk::view(self, item)).collect(),
            Kind::DiskEncryptionSet => self
                .encryption_sets
                .iter()
                .map(|item| item.view(&kind.type_name()))
                .collect(),
            Kind::Snapshot => self.snapshots.iter().map(|item| snapshot::view(item, now)).collect(),
            Kind::Image => self.images.iter().map(|item| item.view(&kind.type_name())).collect(),
            Kind::Gallery => self.galleries.iter().map(|item| item.view(&kind.type_name())).collect(),
            Kind::Definition => self
                .definitions
                .iter()
                .map(|item| item.view(&kind.type_name()))
                .collect(),
            Kind::Version => self.versions.iter().map(|item| item.view(&kind.type_name())).collect(),
        }
    }

    /// The ids of VMs, by the lower-case id of an interface that they have.
    pub(crate) fn machines_of_interfaces(&self) -> BTreeMap<String, String> {
        let interfaces = |vm: &Item<VmFacts>| {
            let entries = edit::list(&vm.body, "/properties/networkProfile/networkInterfaces");
            let ids = entries.iter().filter_map(|entry| edit::text(entry, "/id"));
            ids.map(|id| (id.to_lowercase(), vm.id.clone())).collect::<Vec<_>>()
        };
        self.vms.iter().flat_map(interfaces).collect()
    }

    /// The bytes of the disk or snapshot that an address lets its holder read now.
    pub(crate) fn granted(&self, address: &str) -> Option<u64> {
        let disks = self.disks.iter().map(|item| (&item.facts.grant, &item.body));
        let snapshots = self.snapshots.iter().map(|item| (&item.facts.grant, &item.body));
        let (_, body) = disks.chain(snapshots).find(|(grant, _)| grant.opens(address))?;
        body.pointer("/properties/diskSizeBytes").and_then(Value::as_u64)
    }

    /// One resource by its lower-case id, as a plain GET shows it.
    pub(crate) fn resource(&self, key: &str, now: Timestamp) -> Option<Value> {
        let kind = Kind::parse(&ArmPath::parse(key)?.kind())?;
        self.views(kind, now)
            .into_iter()
            .find(|view| edit::text(view, "/id").is_some_and(|id| id.eq_ignore_ascii_case(key)))
    }

    /// Every resource as lists show it.
    pub(crate) fn all(&self, now: Timestamp) -> Vec<Value> {
        Kind::ALL.into_iter().flat_map(|kind| self.views(kind, now)).collect()
    }

    /// Every image version with how far each region is, as `$expand=ReplicationStatus` shows it.
    pub(crate) fn expanded_versions(&self, now: Timestamp) -> Vec<Value> {
        let versions = self.versions.iter();
        versions.map(|item| version::expanded_view(item, now)).collect()
    }

    /// Every resource by kind, with what only special reads show: power states and replication.
    pub(crate) fn resources(&self, now: Timestamp) -> Value {
        let mut all = json!({});
        for kind in Kind::ALL {
            let views = match kind {
                Kind::VirtualMachine => self
                    .vms
                    .iter()
                    .map(|item| vm::view(item, vm::Shown::with_instance_view()))
                    .collect(),
                Kind::Version => self.expanded_versions(now),
                other => self.views(other, now),
            };
            edit::set(&mut all, &[kind.path()], Value::Array(views));
        }
        edit::set(&mut all, &["softDeleted"], Value::Array(self.soft_deleted.views()));
        all
    }
}

/// Answers a request under `Microsoft.Compute`.
pub(crate) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    throttled(parts, call, path, |parts| route(parts, call, path))
}

/// Answers a request, or a poll, unless the provider's budget for it is used up.
pub(crate) fn throttled(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    answer: impl FnOnce(&mut Parts<'_>) -> Answer,
) -> Answer {
    let limits = (&parts.engine.throttling, call.now);
    let Some(left) = parts.compute.spent.count(&call.request.method, path, limits) else {
        return answer(parts);
    };
    left.permit(&parts.engine.throttling, call.now)?;
    Ok(answer(parts)?.with_header("x-ms-ratelimit-remaining-resource", &left.header))
}

fn route(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (kind, action) = (path.kind(), path.action());
    if shared::is_asked_for(&kind) {
        return shared::respond(parts, call, path);
    }
    let collection = [kind.as_str(), action.as_str()].join("/");
    if call.request.method == Method::GET
        && !action.is_empty()
        && let Some(kind) = Kind::parse(collection.trim_start_matches('/'))
    {
        return list(parts, call, path, kind);
    }
    match (Kind::parse(&kind), kind.as_str(), action.as_str()) {
        (Some(Kind::VirtualMachine), ..) => vm::respond(parts, call, path),
        (Some(Kind::ScaleSet), ..) => scale_set::respond(parts, call, path),
        (Some(Kind::Disk), ..) => disk::respond(parts, call, path),
        (Some(Kind::DiskEncryptionSet), _, "") => encryption_set::respond(parts, call, path),
        (Some(Kind::Snapshot), ..) => snapshot::respond(parts, call, path),
        (Some(Kind::Image), _, "") => image::respond(parts, call, path),
        (Some(Kind::Gallery), _, "") => gallery::respond(parts, call, path),
        (Some(Kind::Definition), _, "") => definition::respond(parts, call, path),
        (Some(Kind::Version), _, "") => version::respond(parts, call, path),
        (None, "galleries/softdeletedartifacttypes/artifacts", _) => soft_delete::list(parts, call, path),
        (None, "virtualmachines/extensions", "") => vm::extension(parts, call, path),
        (None, "", "skus") => size::list(parts, call, path),
        (None, "locations", "vmsizes") => size::list_names(call),
        (None, kind, _) if kind.starts_with("locations/publishers") || path.action() == "publishers" => {
            marketplace::respond(call, path)
        }
        (None, "locations", "usages") => usage::list(parts, call, path),
        _ => Err(unsupported(call.request)),
    }
}

fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath, kind: Kind) -> Answer {
    if !path.parts.is_empty() {
        require_parent(parts, path)?;
    }
    let prefix = match &path.group {
        Some(_) => format!("{}/{}/", path.key(), path.action()),
        None => format!("/subscriptions/{}/", path.subscription.to_lowercase()),
    };
    envelope::Filter::refuse(call.request)?;
    let views = if kind == Kind::VirtualMachine {
        vm::list_views(&parts.compute.vms, call.request)
    } else {
        parts.compute.views(kind, call.now)
    };
    let values: Vec<Value> = views
        .into_iter()
        .filter(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)))
        .collect();
    Ok(envelope::page(call.request, &values, parts.engine.page_size))
}
