//! Disk encryption sets, which say with which key disks are encrypted.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, resource::DiskEncryptionSetId},
    json,
    request::Request,
};

/// The right that reads one.
pub const READ: &str = "Microsoft.Compute/diskEncryptionSets/read";

/// The request that reads one.
#[must_use]
pub fn get(id: &DiskEncryptionSetId) -> Request {
    let doing = format!("read disk encryption set {}", id.name());
    Request::arm(Method::GET, id, Api::Disks, doing)
}

/// The region of one, from its body.
#[must_use]
pub fn location(body: &Value) -> Option<Location> {
    json::text(body, "/location")?.parse().ok()
}
