//! Managed images: generalized, made from snapshots.

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    ids::{
        SubscriptionId,
        resource::{ImageId, ResourceGroupId, SnapshotId},
    },
    json as read_json,
    request::Request,
};

/// What the OS disk of a managed image was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MadeOf {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A virtual machine, from which the image was captured.
    Machine,
    /// A managed disk.
    Disk,
    /// A VHD.
    Vhd,
    /// The service does not say.
    Unknown,
}

impl MadeOf {
    /// Reads it from the image's body. The machine comes first: such an image shows the machine's disk, too.
    #[must_use]
    pub fn read(body: &Value) -> Self {
        let text = |pointer: &str| read_json::text(body, pointer).filter(|text| !text.is_empty());
        let snapshot = || text("/properties/storageProfile/osDisk/snapshot/id")?.parse().ok();
        if text("/properties/sourceVirtualMachine/id").is_some() {
            Self::Machine
        } else if let Some(id) = snapshot() {
            Self::Snapshot(id)
        } else if text("/properties/storageProfile/osDisk/managedDisk/id").is_some() {
            Self::Disk
        } else if text("/properties/storageProfile/osDisk/blobUri").is_some() {
            Self::Vhd
        } else {
            Self::Unknown
        }
    }

    /// What it is, in words, when it is known and no snapshot.
    #[must_use]
    pub const fn other_than_snapshot(&self) -> Option<&'static str> {
        match self {
            Self::Machine => Some("a virtual machine"),
            Self::Disk => Some("a disk"),
            Self::Vhd => Some("a VHD"),
            Self::Snapshot(_) | Self::Unknown => None,
        }
    }
}

/// The request that reads a managed image.
#[must_use]
pub fn get(id: &ImageId) -> Request {
    Request::arm(
        Method::GET,
        id,
        Api::Machines,
        format!("read managed image {}", id.name()),
    )
}

/// The request that creates a managed image.
#[must_use]
pub fn create(id: &ImageId, body: Value) -> Request {
    Request::arm(
        Method::PUT,
        id,
        Api::Machines,
        format!("create managed image {}", id.name()),
    )
    .with_body(body)
}

/// The request that replaces the tags of a managed image.
#[must_use]
pub fn tag(id: &ImageId, tags: Map<String, Value>) -> Request {
    Request::arm(
        Method::PATCH,
        id,
        Api::Machines,
        format!("tag managed image {}", id.name()),
    )
    .with_body(json!({"tags": tags}))
}

/// The request that deletes a managed image.
#[must_use]
pub fn delete(id: &ImageId) -> Request {
    Request::arm(
        Method::DELETE,
        id,
        Api::Machines,
        format!("delete managed image {}", id.name()),
    )
}

/// The request that lists a subscription's managed images.
#[must_use]
pub fn list_of_subscription(subscription: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/images"),
        Api::Machines,
        format!("list the managed images in subscription {subscription}"),
    )
}

/// The ids of the snapshots that a managed image was made of, by its body.
pub fn snapshots(body: &Value) -> impl Iterator<Item = &str> {
    let os = read_json::text(body, "/properties/storageProfile/osDisk/snapshot/id");
    let data = read_json::items(body, "/properties/storageProfile/dataDisks");
    os.into_iter()
        .chain(data.filter_map(|disk| read_json::text(disk, "/snapshot/id")))
}

/// The request that lists a group's managed images.
#[must_use]
pub fn list(group: &ResourceGroupId) -> Request {
    let path = format!("{group}/providers/Microsoft.Compute/images");
    Request::arm(
        Method::GET,
        path,
        Api::Machines,
        format!("list the managed images in {}", group.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_its_os_disk_was_made_of() {
        let group = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";
        let of_disk = |disk: Value| json!({"properties": {"storageProfile": {"osDisk": disk}}});
        let snapshot = format!("{group}/snapshots/s1");
        let disk = json!({"managedDisk": {"id": format!("{group}/disks/d1")}});
        let mut captured = of_disk(disk.clone());
        captured["properties"]["sourceVirtualMachine"] = json!({"id": format!("{group}/virtualMachines/vm1")});
        for (body, expected) in [
            (
                of_disk(json!({"snapshot": {"id": snapshot}})),
                MadeOf::Snapshot(snapshot.parse().unwrap()),
            ),
            (captured, MadeOf::Machine),
            (of_disk(disk), MadeOf::Disk),
            (
                of_disk(json!({"blobUri": "https://a.blob.core.windows.net/c/os.vhd"})),
                MadeOf::Vhd,
            ),
            (of_disk(json!({})), MadeOf::Unknown),
        ] {
            assert_eq!(MadeOf::read(&body), expected, "{body}");
        }
    }
}
