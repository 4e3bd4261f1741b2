//! What a write needs on other resources: those that something is made from.
//!
//! Of versions Azure's documentation says it: write on a VM, disk or snapshot, read on an image or version. What a copy
//! of a disk or snapshot needs is what tools ask of their users. A disk under a disk encryption set needs read on the set
//! (kubernetes-sigs/azuredisk-csi-driver#2609); that a version needs the same is a guess. What Batch asks of whoever names
//! an image or a subnet in a pool is in the live tests of Microsoft's .NET client and in CromwellOnAzure#450. Other links
//! are not checked.

use http::Method;
use serde_json::Value;

use super::Action;
use crate::{envelope::ArmPath, json as edit};

const VERSION_READ: &str = "Microsoft.Compute/galleries/images/versions/read";
const IMAGE_READ: &str = "Microsoft.Compute/images/read";
const SUBNET_JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";
/// What assigning a user-assigned identity needs on it.
const ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

/// The actions that a write needs elsewhere, each with the id of the resource.
pub(super) fn of(method: &Method, path: &ArmPath, body: &Value) -> Vec<(Action, String)> {
    if !matches!(*method, Method::PUT | Method::PATCH) {
        return Vec::new();
    }
    if path.is_in("Microsoft.Batch") && path.kind() == "batchaccounts/pools" {
        return identities(body).into_iter().chain(of_pool(body)).collect();
    }
    if !path.is_in("Microsoft.Compute") {
        return Vec::new();
    }
    let (ids, on_disks) = match path.kind().as_str() {
        "galleries/images/versions" => (
            [sources_of_version(body), named(body, "diskEncryptionSetId")].concat(),
            "write",
        ),
        "snapshots" | "disks" => (
            [source_of_copy(body), named(body, "diskEncryptionSetId")].concat(),
            "beginGetAccess/action",
        ),
        "virtualmachines" => (at(body, &["/properties/storageProfile/imageReference/id"]), "read"),
        _ => return Vec::new(),
    };
    ids.into_iter()
        .filter_map(|id| Some((needed(&id, on_disks)?, id)))
        .collect()
}

/// The actions that a body with a pool in it needs on the image and the subnet that it names, each with that resource's id.
pub(super) fn of_pool(body: &Value) -> Vec<(Action, String)> {
    let images = named(body, "virtualMachineImageId").into_iter().map(|id| {
        let is_of_gallery = id.to_lowercase().contains("/galleries/");
        (if is_of_gallery { VERSION_READ } else { IMAGE_READ }, id)
    });
    let subnets = named(body, "subnetId").into_iter().map(|id| (SUBNET_JOIN, id));
    let all = images.chain(subnets);
    all.map(|(action, id)| (Action::Control(action.to_owned()), id))
        .collect()
}

/// The texts under that name, however deep.
fn named(body: &Value, name: &str) -> Vec<String> {
    match body {
        Value::Object(fields) => {
            let own = fields.get(name).and_then(Value::as_str).map(str::to_owned);
            own.into_iter()
                .chain(fields.values().flat_map(|value| named(value, name)))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| named(item, name)).collect(),
        _ => Vec::new(),
    }
}

/// Whoever gives a resource a user-assigned identity needs the right to assign it, whatever the resource is.
fn identities(body: &Value) -> Vec<(Action, String)> {
    let assigned = body
        .pointer("/identity/userAssignedIdentities")
        .and_then(Value::as_object);
    let ids = assigned.into_iter().flatten().map(|(id, _)| id.clone());
    ids.map(|id| (Action::Control(ASSIGN.to_owned()), id)).collect()
}

fn sources_of_version(body: &Value) -> Vec<String> {
    let mut ids = at(
        body,
        &[
            "/properties/storageProfile/source/id",
            "/properties/storageProfile/source/virtualMachineId",
            "/properties/storageProfile/osDiskImage/source/id",
        ],
    );
    for disk in edit::list(body, "/properties/storageProfile/dataDiskImages") {
        ids.extend(edit::text(disk, "/source/id").map(str::to_owned));
    }
    ids
}

fn source_of_copy(body: &Value) -> Vec<String> {
    let pointers = [
        "/properties/creationData/sourceResourceId",
        "/properties/creationData/sourceUri",
    ];
    at(body, &pointers)
}

fn at(body: &Value, pointers: &[&str]) -> Vec<String> {
    let texts = pointers.iter().filter_map(|pointer| edit::text(body, pointer));
    texts.map(str::to_owned).collect()
}

/// What is needed on a source, by its kind; `None` for what is no resource of the compute provider.
fn needed(id: &str, on_disks: &str) -> Option<Action> {
    let path = ArmPath::parse(id).filter(|path| path.is_in("Microsoft.Compute"))?;
    let name = match path.kind().as_str() {
        "disks" => format!("disks/{on_disks}"),
        "snapshots" => format!("snapshots/{on_disks}"),
        "virtualmachines" => "virtualMachines/write".to_owned(),
        "images" => "images/read".to_owned(),
        "diskencryptionsets" => "diskEncryptionSets/read".to_owned(),
        "galleries/images" => "galleries/images/read".to_owned(),
        "galleries/images/versions" => "galleries/images/versions/read".to_owned(),
        _ => return None,
    };
    Some(Action::Control(format!("Microsoft.Compute/{name}")))
}
