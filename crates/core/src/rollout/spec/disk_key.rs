//! A key of the customer's own for the disks of nodes: nodes read it as one of the pool's identities.
//!
//! Pure. Whether the key is there, and whether that identity may use it, is not looked at.

use serde_json::Value;

use crate::{
    batch::resource,
    json as read_json,
    options::parts::POOL_IDENTITY,
    settings::{fault::Fault, shape},
    words,
};

/// Where the key is named, in Batch's form and in the resource manager's alike.
const KEY: &str = "/virtualMachineConfiguration/diskEncryptionConfiguration/customerManagedKey";

/// What a pool lacks that could not read its key.
pub(super) fn fault(body: &Value) -> Option<Fault> {
    let key = read_json::at(body, KEY);
    if key.is_null() {
        return None;
    }
    let path = format!("{}.identityReference", KEY.trim_start_matches('/').replace('/', "."));
    let Some(reader) = read_json::text(key, "/identityReference/resourceId") else {
        let text = words![
            "is missing: nodes read the key as an identity of the pool; give its resource id in resourceId here, and in ",
            POOL_IDENTITY
        ];
        return Some(shape::fault(path, text));
    };
    let is_assigned = resource::identities(body).contains(&reader.to_ascii_lowercase());
    (!is_assigned).then(|| {
        let text = words![
            format!("{reader} is not an identity of the pool: add it to "),
            POOL_IDENTITY
        ];
        shape::fault(path, text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::Door;

    #[test]
    fn a_key_needs_an_identity_of_the_pool() {
        let said = |key: Value, ids: Value| {
            let body = json!({"identity": {"userAssignedIdentities": ids},
                "virtualMachineConfiguration": {"diskEncryptionConfiguration": {"customerManagedKey": key}}});
            fault(&body).map(|fault| fault.spelled(Door::Flag))
        };
        let key = json!({"keyUrl": "https://v/keys/k", "identityReference": {"resourceId": "/MI/one"}});
        assert_eq!(said(Value::Null, json!([])), None);
        assert_eq!(said(key.clone(), json!([{"resourceId": "/mi/One"}])), None);
        let other = said(key, json!([{"resourceId": "/mi/two"}])).unwrap();
        assert!(
            other.ends_with("identityReference: /MI/one is not an identity of the pool: add it to --pool-identity"),
            "{other}"
        );
        let none = said(json!({"keyUrl": "https://v/keys/k"}), json!([])).unwrap();
        assert!(
            none.contains("identityReference: is missing") && none.ends_with("and in --pool-identity"),
            "{none}"
        );
    }
}
