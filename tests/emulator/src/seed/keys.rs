//! Seeded disk encryption sets.
//!
//! The vault and the key behind one are not there.

use serde::Deserialize;
use serde_json::json;

use super::{Place, SeedError};
use crate::{region, world::World};

/// A disk encryption set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionSetSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
}

impl EncryptionSetSeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let what = format!("disk encryption set {:?}", self.name);
        let base = place.compute(world, &self.resource_group, &what)?;
        let body = json!({
            "location": region::normalise(&self.location),
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "activeKey": {"keyUrl": format!("https://{}.vault.azure.net/keys/key/1", self.name)},
                "encryptionType": "EncryptionAtRestWithCustomerKey",
                "previousKeys": [],
                "rotationToLatestKeyVersionEnabled": false,
            },
        });
        let id = format!("{base}/diskEncryptionSets/{}", self.name);
        world.compute.plant_encryption_set(id, body);
        Ok(())
    }
}
