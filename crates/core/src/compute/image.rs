//! Managed images: generalized, made from snapshots.

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    ids::{
        SubscriptionId,
        resource::{ImageId, ResourceGroupId},
    },
    json as read_json,
    request::Request,
};

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
