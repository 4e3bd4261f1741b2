//! Snapshots: full copies of disks at one moment.

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    ids::{
        Location, SubscriptionId,
        resource::{ResourceGroupId, SnapshotId},
    },
    json as read_json,
    request::Request,
};

/// Full or incremental.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotKind {
    /// A whole copy: what images are made from.
    Full,
    /// The differences to the one before; the only kind that `PremiumV2` and Ultra disks have.
    Incremental,
}

impl SnapshotKind {
    /// The kind for a disk's storage type.
    #[must_use]
    pub fn for_disk(sku: &str) -> Self {
        if ["PremiumV2_LRS", "UltraSSD_LRS"]
            .iter()
            .any(|only| only.eq_ignore_ascii_case(sku))
        {
            Self::Incremental
        } else {
            Self::Full
        }
    }
}

/// The request that reads a snapshot.
#[must_use]
pub fn get(id: &SnapshotId) -> Request {
    Request::arm(Method::GET, id, Api::Disks, format!("read snapshot {}", id.name()))
}

/// The request that copies a disk into a full snapshot. `Incremental` only where the disk's type allows nothing else.
#[must_use]
pub fn create(
    id: &SnapshotId,
    disk: &str,
    location: &Location,
    kind: SnapshotKind,
    tags: &Map<String, Value>,
) -> Request {
    let body = json!({
        "location": location,
        "tags": tags,
        // It is never downloaded: it lives for the minutes until the version is made.
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk}, "incremental": kind == SnapshotKind::Incremental,
            "networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled"},
    });
    Request::arm(Method::PUT, id, Api::Disks, format!("create snapshot {}", id.name())).with_body(body)
}

/// The request that replaces the tags of a snapshot.
#[must_use]
pub fn tag(id: &SnapshotId, tags: Map<String, Value>) -> Request {
    Request::arm(Method::PATCH, id, Api::Disks, format!("tag snapshot {}", id.name())).with_body(json!({"tags": tags}))
}

/// The request that deletes a snapshot.
#[must_use]
pub fn delete(id: &SnapshotId) -> Request {
    Request::arm(Method::DELETE, id, Api::Disks, format!("delete snapshot {}", id.name()))
}

/// The request that ends every access that was given to a snapshot: until then Azure does not delete it.
#[must_use]
pub fn end_access(id: &SnapshotId) -> Request {
    let doing = format!("end the access to snapshot {}", id.name());
    Request::arm(Method::POST, format!("{id}/endGetAccess"), Api::Disks, doing)
}

/// Whether somebody holds an address at which a snapshot can be read, by its body.
#[must_use]
pub fn has_access(body: &Value) -> bool {
    let state = read_json::text(body, "/properties/diskState").unwrap_or_default();
    state.to_ascii_lowercase().starts_with("activesas")
}

/// The request that lists a subscription's snapshots.
#[must_use]
pub fn list_of_subscription(subscription: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/snapshots"),
        Api::Disks,
        format!("list the snapshots in subscription {subscription}"),
    )
}

/// The request that lists a group's snapshots.
#[must_use]
pub fn list(group: &ResourceGroupId) -> Request {
    let path = format!("{group}/providers/Microsoft.Compute/snapshots");
    Request::arm(
        Method::GET,
        path,
        Api::Disks,
        format!("list the snapshots in {}", group.name()),
    )
}
