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

    /// Whether a region says how the state of confidential machines is encrypted.
    #[must_use]
    pub fn is_confidential_in(&self, location: &Location) -> bool {
        let place = "/osDiskImage/securityProfile/confidentialVMEncryptionType";
        let encryption = self.regions.get(location).and_then(|region| region.get("encryption"));
        encryption.is_some_and(|it| it.pointer(place).is_some_and(Value::is_string))
    }
}
