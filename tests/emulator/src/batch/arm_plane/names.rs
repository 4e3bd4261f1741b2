//! The names that differ between the planes, both ways.
//!
//! It moves and renames; what a value may be is `pool/body`'s business.

use serde_json::{Map, Value, json};

/// Keys that are spelt differently, at any depth: ARM's, the data plane's.
const KEYS: [(&str, &str); 4] = [
    ("nodeAgentSkuId", "nodeAgentSKUId"),
    ("dynamicVnetAssignmentScope", "dynamicVNetAssignmentScope"),
    ("inboundNatPools", "inboundNATPools"),
    ("userName", "username"),
];

/// Enums that ARM capitalises and the data plane writes small, by key.
const WORDS: [(&str, &[&str]); 8] = [
    ("caching", &["None", "ReadOnly", "ReadWrite"]),
    ("elevationLevel", &["NonAdmin", "Admin"]),
    ("scope", &["Task", "Pool"]),
    (
        "storageAccountType",
        &["Standard_LRS", "Premium_LRS", "StandardSSD_LRS"],
    ),
    ("policy", &["Regional", "Zonal"]),
    ("provision", &["BatchManaged", "UserManaged", "NoPublicIPAddresses"]),
    ("placement", &["CacheDisk"]),
    ("targets", &["OsDisk", "TemporaryDisk"]),
];

/// Which way a body is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToArm,
    ToDataPlane,
}

/// ARM's `properties` of a pool as a data-plane body.
pub(crate) fn to_data_plane(properties: &Value) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, value) in properties.as_object().into_iter().flatten() {
        match name.as_str() {
            "deploymentConfiguration" => {
                if let Some(configuration) = value.get("virtualMachineConfiguration") {
                    let configuration = image_id(translate(configuration, Way::ToDataPlane), Way::ToDataPlane);
                    body.insert("virtualMachineConfiguration".to_owned(), configuration);
                }
            }
            "scaleSettings" => body.extend(scale(value)),
            "interNodeCommunication" => {
                let enabled = value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("Enabled"));
                body.insert("enableInterNodeCommunication".to_owned(), json!(enabled));
            }
            "applicationPackages" => {
                body.insert(
                    "applicationPackageReferences".to_owned(),
                    packages(value, "id", "applicationId"),
                );
            }
            read_only if READ_ONLY.contains(&read_only) => {}
            _ => {
                body.insert(name.clone(), translate(value, Way::ToDataPlane));
            }
        }
    }
    body
}

/// What answers have and requests may carry back.
const READ_ONLY: &[&str] = &[
    "provisioningState",
    "provisioningStateTransitionTime",
    "allocationState",
    "allocationStateTransitionTime",
    "currentDedicatedNodes",
    "currentLowPriorityNodes",
    "lastModified",
    "creationTime",
    "autoScaleRun",
    "resizeOperationStatus",
];

fn scale(value: &Value) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(fixed) = value.get("fixedScale").and_then(Value::as_object) {
        let kept = fixed
            .iter()
            .filter(|(name, _)| name.as_str() != "nodeDeallocationOption");
        body.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    }
    if let Some(auto) = value.get("autoScale") {
        body.insert("enableAutoScale".to_owned(), json!(true));
        for (arm, data) in [
            ("formula", "autoScaleFormula"),
            ("evaluationInterval", "autoScaleEvaluationInterval"),
        ] {
            if let Some(value) = auto.get(arm) {
                body.insert(data.to_owned(), value.clone());
            }
        }
    }
    body
}

/// A setting of the data plane under ARM's name and in ARM's words.
pub(crate) fn to_arm(name: &str, value: &Value) -> (String, Value) {
    match name {
        "virtualMachineConfiguration" => {
            let configuration = image_id(translate(value, Way::ToArm), Way::ToArm);
            (
                "deploymentConfiguration".to_owned(),
                json!({"virtualMachineConfiguration": configuration}),
            )
        }
        "enableInterNodeCommunication" => {
            let word = if value == &json!(true) { "Enabled" } else { "Disabled" };
            ("interNodeCommunication".to_owned(), json!(word))
        }
        "applicationPackageReferences" => ("applicationPackages".to_owned(), packages(value, "applicationId", "id")),
        _ => (name.to_owned(), translate(value, Way::ToArm)),
    }
}

fn packages(value: &Value, from: &str, to: &str) -> Value {
    let rename = |package: &Value| {
        let fields = package.as_object().into_iter().flatten();
        let fields = fields.map(|(name, value)| {
            if name != from {
                return (name.clone(), value.clone());
            }
            // ARM names a package by its whole id.
            let last = value.as_str().and_then(|id| id.rsplit('/').next());
            (to.to_owned(), last.map_or_else(|| value.clone(), |name| json!(name)))
        });
        Value::Object(fields.collect())
    };
    value
        .as_array()
        .map_or_else(|| value.clone(), |items| items.iter().map(rename).collect())
}

/// `imageReference.id` is `virtualMachineImageId` on the data plane.
fn image_id(mut configuration: Value, way: Way) -> Value {
    let (from, to) = match way {
        Way::ToArm => ("virtualMachineImageId", "id"),
        Way::ToDataPlane => ("id", "virtualMachineImageId"),
    };
    if let Some(reference) = configuration.get_mut("imageReference").and_then(Value::as_object_mut)
        && let Some(id) = reference.shift_remove(from)
    {
        reference.insert(to.to_owned(), id);
    }
    configuration
}

fn translate(value: &Value, way: Way) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.iter().map(|(name, value)| field(name, value, way)).collect()),
        Value::Array(items) => items.iter().map(|item| translate(item, way)).collect(),
        other => other.clone(),
    }
}

fn field(name: &str, value: &Value, way: Way) -> (String, Value) {
    let renamed = KEYS.iter().find_map(|(arm, data)| match way {
        Way::ToArm => (*data == name).then_some(*arm),
        Way::ToDataPlane => (*arm == name).then_some(*data),
    });
    let value = match WORDS.iter().find(|(key, _)| *key == name) {
        Some((_, words)) => worded(value, words, way),
        None => translate(value, way),
    };
    (renamed.unwrap_or(name).to_owned(), value)
}

fn worded(value: &Value, words: &[&str], way: Way) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| worded(item, words, way)).collect(),
        Value::String(text) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            match (known, way) {
                (Some(word), Way::ToArm) => json!(word),
                (Some(word), Way::ToDataPlane) => json!(word.to_ascii_lowercase()),
                (None, _) => value.clone(),
            }
        }
        other => translate(other, way),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_travels_between_the_planes_and_back() {
        let properties = json!({
            "vmSize": "STANDARD_D4S_V5",
            "deploymentConfiguration": {"virtualMachineConfiguration": {
                "imageReference": {"id": "/subscriptions/s"}, "nodeAgentSkuId": "batch.node.ubuntu 22.04",
                "osDisk": {"caching": "ReadWrite"}
            }},
            "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 1, "resizeTimeout": "PT15M"}},
            "interNodeCommunication": "Enabled",
            "applicationPackages": [{"id": "app", "version": "1"}],
            "startTask": {"commandLine": "x", "userIdentity": {"autoUser": {"elevationLevel": "Admin"}}},
            "provisioningState": "Succeeded"
        });
        let body = to_data_plane(&properties);
        assert_eq!(
            Value::Object(body.clone()),
            json!({
                "vmSize": "STANDARD_D4S_V5",
                "virtualMachineConfiguration": {
                    "imageReference": {"virtualMachineImageId": "/subscriptions/s"},
                    "nodeAgentSKUId": "batch.node.ubuntu 22.04", "osDisk": {"caching": "readwrite"}
                },
                "targetDedicatedNodes": 1, "resizeTimeout": "PT15M", "enableInterNodeCommunication": true,
                "applicationPackageReferences": [{"applicationId": "app", "version": "1"}],
                "startTask": {"commandLine": "x", "userIdentity": {"autoUser": {"elevationLevel": "admin"}}}
            })
        );
        for name in [
            "deploymentConfiguration",
            "interNodeCommunication",
            "applicationPackages",
            "startTask",
        ] {
            let back: Map<String, Value> = body.iter().map(|(name, value)| to_arm(name, value)).collect();
            assert_eq!(back.get(name), properties.get(name), "{name}");
        }
    }
}
