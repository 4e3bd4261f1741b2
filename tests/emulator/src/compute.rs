//! The compute provider: VMs, disks, snapshots, images and galleries.
//!
//! This file finds who answers; each kind of resource keeps its rules in its own file. Bodies are edited as
//! JSON, so that fields unknown here are kept and shown again.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    arm::{self, Answer, ArmError, ArmPath},
    http::Response,
    json as edit,
    operation::{self, Form, Operations, Output, Plan},
    region, unsupported,
    world::{Call, World},
};

mod access;
mod boot;
mod definition;
mod disk;
mod gallery;
mod image;
mod marketplace;
mod name;
mod plan;
pub(crate) mod size;
mod snapshot;
mod soft_delete;
mod source;
mod table;
mod throttle;
pub mod usage;
mod version;
mod vm;

pub(crate) use definition::complete as complete_definition;
pub(crate) use disk::DiskFacts;
pub(crate) use gallery::unique_name as gallery_unique_name;
pub(crate) use source::SECTOR_SIZE;
pub(crate) use table::{Change, Doing, Facts, Item, Table};
pub use version::ImageMissing;
pub(crate) use version::{normalise_profile, seeded as seeded_version, seeded_storage};
pub(crate) use vm::{Power, VmFacts, add_extension, create as create_vm};

/// Everything the compute provider knows.
#[derive(Debug, Default)]
pub struct Compute {
    pub(crate) vms: Table<VmFacts>,
    pub(crate) disks: Table<DiskFacts>,
    snapshots: Table<snapshot::SnapshotFacts>,
    images: Table<image::ImageFacts>,
    pub(crate) galleries: Table<()>,
    pub(crate) definitions: Table<()>,
    pub(crate) versions: Table<version::VersionFacts>,
    soft_deleted: soft_delete::SoftDeleted,
    spent: throttle::Spent,
    /// Cores in use and allowed, by region and usage name; see `usage`.
    pub(crate) quotas: usage::Quotas,
}

/// The kinds of resource here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    VirtualMachine,
    Disk,
    Snapshot,
    Image,
    Gallery,
    Definition,
    Version,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::VirtualMachine,
        Self::Disk,
        Self::Snapshot,
        Self::Image,
        Self::Gallery,
        Self::Definition,
        Self::Version,
    ];

    /// The kind of a lower-case type path such as `galleries/images`.
    fn parse(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.path().eq_ignore_ascii_case(kind))
    }

    /// The type path in Azure's casing.
    fn path(self) -> &'static str {
        match self {
            Self::VirtualMachine => "virtualMachines",
            Self::Disk => "disks",
            Self::Snapshot => "snapshots",
            Self::Image => "images",
            Self::Gallery => "galleries",
            Self::Definition => "galleries/images",
            Self::Version => "galleries/images/versions",
        }
    }

    /// The resource type, e.g. `Microsoft.Compute/disks`.
    pub(crate) fn type_name(self) -> String {
        format!("Microsoft.Compute/{}", self.path())
    }
}

/// Answers a request under `Microsoft.Compute`.
pub(crate) fn respond(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    throttled(world, call, path, |world| route(world, call, path))
}

/// Answers a request, or a poll, unless the provider's budget for it is used up.
pub(crate) fn throttled(
    world: &mut World,
    call: &Call<'_>,
    path: &ArmPath,
    answer: impl FnOnce(&mut World) -> Answer,
) -> Answer {
    let limits = (&world.throttling, call.now);
    let Some(left) = world.compute.spent.count(&call.request.method, path, limits) else {
        return answer(world);
    };
    left.permit(&world.throttling, call.now)?;
    Ok(answer(world)?.with_header("x-ms-ratelimit-remaining-resource", &left.header))
}

fn route(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (kind, action) = (path.kind(), path.action());
    let collection = [kind.as_str(), action.as_str()].join("/");
    if call.request.method == Method::GET
        && !action.is_empty()
        && let Some(kind) = Kind::parse(collection.trim_start_matches('/'))
    {
        return list(world, call, path, kind);
    }
    match (Kind::parse(&kind), kind.as_str(), action.as_str()) {
        (Some(Kind::VirtualMachine), ..) => vm::respond(world, call, path),
        (Some(Kind::Disk), ..) => disk::respond(world, call, path),
        (Some(Kind::Snapshot), ..) => snapshot::respond(world, call, path),
        (Some(Kind::Image), _, "") => image::respond(world, call, path),
        (Some(Kind::Gallery), _, "") => gallery::respond(world, call, path),
        (Some(Kind::Definition), _, "") => definition::respond(world, call, path),
        (Some(Kind::Version), _, "") => version::respond(world, call, path),
        (None, "galleries/softdeletedartifacttypes/artifacts", _) => soft_delete::list(world, call, path),
        (None, "virtualmachines/extensions", "") => vm::extension(world, call, path),
        (None, "", "skus") => size::list(world, call, path),
        (None, "locations", "vmsizes") => size::list_names(call),
        (None, kind, _) if kind.starts_with("locations/publishers") || path.action() == "publishers" => {
            marketplace::respond(call, path)
        }
        (None, "locations", "usages") => usage::list(world, call, path),
        _ => Err(unsupported(call.request)),
    }
}

impl Compute {
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
        self.disks.remove_below(&prefix);
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
            Kind::Disk => self.disks.iter().map(|item| disk::view(self, item)).collect(),
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
                Kind::Version => self
                    .versions
                    .iter()
                    .map(|item| version::expanded_view(item, now))
                    .collect(),
                other => self.views(other, now),
            };
            edit::set(&mut all, &[kind.path()], Value::Array(views));
        }
        edit::set(&mut all, &["softDeleted"], Value::Array(self.soft_deleted.views()));
        all
    }
}

fn list(world: &World, call: &Call<'_>, path: &ArmPath, kind: Kind) -> Answer {
    if !path.parts.is_empty() {
        require_parent(world, path)?;
    }
    let prefix = match &path.group {
        Some(_) => format!("{}/{}/", path.key(), path.action()),
        None => format!("/subscriptions/{}/", path.subscription.to_lowercase()),
    };
    arm::Filter::refuse(call.request)?;
    let views = if kind == Kind::VirtualMachine {
        vm::list_views(&world.compute.vms, call.request)
    } else {
        world.compute.views(kind, call.now)
    };
    let values: Vec<Value> = views
        .into_iter()
        .filter(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)))
        .collect();
    Ok(arm::page(call.request, &values, world.page_size))
}

/// Refuses when the gallery or definition that a path goes through is not there.
fn require_parent(world: &World, path: &ArmPath) -> Result<(), ArmError> {
    let compute = &world.compute;
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
fn missing(path: &ArmPath) -> ArmError {
    ArmError::resource_not_found(&path.kind_and_name(), path.group())
}

/// The id that a new resource gets: types in Azure's casing, names as sent.
fn canonical_id(path: &ArmPath) -> String {
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

/// The body of a write, which must be a JSON object.
pub(crate) fn write_body(call: &Call<'_>) -> Result<Value, ArmError> {
    call.request.json().filter(Value::is_object).ok_or_else(|| {
        ArmError::bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized.",
        )
    })
}

/// The region of a new resource, normalised.
pub(crate) fn required_location(body: &Value) -> Result<String, ArmError> {
    let location = edit::text(body, "/location").ok_or_else(|| {
        ArmError::bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
    })?;
    if region::display_name(location).is_none() {
        let message = format!("The provided location '{location}' is not available for this resource type.");
        return Err(ArmError::bad_request("LocationNotAvailableForResourceType", message));
    }
    Ok(region::normalise(location))
}

/// Refuses a PUT that names another region than the resource has.
pub(crate) fn require_same_location<F>(item: &Item<F>, path: &ArmPath, location: &str) -> Result<(), ArmError> {
    if item.location() == location {
        return Ok(());
    }
    let message = format!(
        "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name \
         cannot be created in location '{location}'. Please select a new resource name.",
        item.name(),
        item.location(),
        path.group()
    );
    Err(ArmError::conflict("InvalidResourceLocation", message))
}

/// Refuses a write while another one is running.
pub(crate) fn require_idle<F>(item: &Item<F>) -> Result<(), ArmError> {
    if !item.is_busy() {
        return Ok(());
    }
    let message = format!(
        "The resource '{}' is in provisioning state '{}'. Another operation is in progress; retry when it is over.",
        item.id,
        item.provisioning_state()
    );
    Err(ArmError::conflict("Conflict", message))
}

/// Starts the deletion of what is there; 204 when nothing is.
fn delete<F>(
    world: &mut World,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
    (form, seconds): (Form, u32),
) -> Response {
    let key = path.key();
    let Some(item) = table(&mut world.compute).find(&key) else {
        return Response::empty(StatusCode::NO_CONTENT);
    };
    let plan = Plan {
        form,
        subscription: path.subscription.clone(),
        location: item.location(),
        lasts: world.timing.lasts(seconds),
        output: Output::Nothing,
    };
    let started = operation::begin(world, call, plan);
    if let Some(item) = table(&mut world.compute).find_mut(&key) {
        item.change = Some(Change::new(Doing::Deleting, &started));
    }
    started.announce_with_location(Response::empty(StatusCode::ACCEPTED))
}
