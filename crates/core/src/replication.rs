//! Replication of an image version: it is brought to the regions, replicas and details that are wanted.
//!
//! Publishing and rolling out share it. How many replicas a region needs is decided in `replicas`; what a version looks
//! like on the wire is in `compute::version`.

mod details;
mod ensure;
mod kept;
mod keys;
mod layout;
mod regions;
mod removal;
mod repair;
mod settled;
mod taken_out;

use serde_json::{Value, json};

pub use self::{
    details::{DetailChange, Details},
    ensure::{Wanted, begin, ensure},
    kept::kept,
    keys::require_keys,
    layout::{Added, Layout, RegionLayout, StorageChoice},
    regions::merged as merged_regions,
    removal::{is_under_way, remove},
    repair::{failed_region, repairable_region},
    settled::{Settled, settled},
    taken_out::{RegionOut, TakenOut},
};

/// Edits a member of the object at a place in a body. What is there and is not an object becomes one.
fn set(body: &mut Value, place: &str, name: &str, edit: impl FnOnce(&mut Value)) {
    if let Some(object) = body.pointer_mut(place) {
        if !object.is_object() {
            *object = json!({});
        }
        if let Some(members) = object.as_object_mut() {
            edit(members.entry(name).or_insert(Value::Null));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::compute::version::ImageVersion;

    /// A version with a complete region, which is encrypted, and one that is under way.
    pub(super) fn version() -> ImageVersion {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let body = json!({"location": "eastus2", "properties": {"provisioningState": "Succeeded",
            "publishingProfile": {"targetRegions": [
                {"name": "East US 2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS", "encryption": {"x": 1}},
                {"name": "West US 2", "regionalReplicaCount": 1}]},
            "replicationStatus": {"summary": [{"region": "East US 2", "state": "Completed", "progress": 100},
                {"region": "westus2", "state": "Replicating", "progress": 40, "details": ""}]}}});
        ImageVersion::new(id.parse().unwrap(), body)
    }
}
