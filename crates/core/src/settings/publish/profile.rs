//! What a version's publishing profile says in addition to the options, in Azure's own JSON.
//!
//! How it is read and checked is in `settings/profile.rs`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::ids::Location;

/// Members of a publishing profile that no option says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileJson {
    /// Of the whole version.
    pub whole: Map<String, Value>,
    /// Of its regions, without their names.
    pub regions: BTreeMap<Location, Map<String, Value>>,
}

impl ProfileJson {
    /// Whether Azure chooses the storage of each region by a strategy.
    #[must_use]
    pub fn has_strategy(&self) -> bool {
        self.whole.contains_key("storageAccountStrategy")
    }

    /// How the state of confidential machines is encrypted in a region, in Azure's word; nothing when it is not said.
    #[must_use]
    pub fn state_in(&self, location: &Location) -> Option<&str> {
        let place = "/osDiskImage/securityProfile/confidentialVMEncryptionType";
        self.regions.get(location)?.get("encryption")?.pointer(place)?.as_str()
    }
}
