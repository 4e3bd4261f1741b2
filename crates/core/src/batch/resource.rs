//! Pools as resources: what only the resource manager can give a pool, and the body of its `PUT`.
//!
//! A pool JSON is in the data plane's form everywhere else. Identity and tags stand in it under the names that the data
//! plane shows, or showed, them by; they never go there.

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    api::Api,
    ids::{PoolId, resource::BatchAccountId},
    json as read_json,
    request::Request,
    settings::parts::{IDENTITY, TAGS},
};

/// Names that the two planes spell in two ways, wherever they stand: the data plane's, the resource manager's. From the
/// models of 2025-06-01 of both.
const KEYS: [(&str, &str); 3] = [
    ("nodeAgentSKUId", "nodeAgentSkuId"),
    ("dynamicVNetAssignmentScope", "dynamicVnetAssignmentScope"),
    ("inboundNATPools", "inboundNatPools"),
];

/// Objects in which the data plane's `username` is the resource manager's `userName`. In a registry it is `username` in
/// both.
const WITH_USER_NAME: [&str; 2] = ["userIdentity", "cifsMountConfiguration"];

/// Words that the resource manager's models write in their own letter case, by the name of the value.
const WORDS: [(&str, &[&str]); 12] = [
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
    ("protocol", &["TCP", "UDP"]),
    ("nodeFillType", &["Spread", "Pack"]),
    ("securityType", &["trustedLaunch", "confidentialVM"]),
    ("type", &["DockerCompatible", "CriCompatible"]),
];

/// A pool as the resource manager describes it.
#[derive(Clone, Debug)]
pub struct Described {
    body: Value,
}

/// The parts of a body that say its size.
#[derive(Default)]
struct Scale {
    fixed: Map<String, Value>,
    auto: Map<String, Value>,
}

impl Described {
    /// A pool from its body.
    #[must_use]
    pub const fn new(body: Value) -> Self {
        Self { body }
    }

    /// When it was last written.
    #[must_use]
    pub fn modified(&self) -> Option<Timestamp> {
        read_json::time(&self.body, "/properties/lastModified")
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> Map<String, Value> {
        read_json::at(&self.body, "/tags")
            .as_object()
            .cloned()
            .unwrap_or_default()
    }
}

impl Scale {
    /// Takes a value that says the size.
    fn takes(&mut self, name: &str, value: &Value) -> bool {
        let (of, name) = match name {
            "targetDedicatedNodes" | "targetLowPriorityNodes" | "resizeTimeout" => (&mut self.fixed, name),
            "autoScaleFormula" => (&mut self.auto, "formula"),
            "autoScaleEvaluationInterval" => (&mut self.auto, "evaluationInterval"),
            "enableAutoScale" => return true,
            _ => return false,
        };
        of.insert(name.to_owned(), value.clone());
        true
    }

    fn settings(self) -> Value {
        if self.auto.is_empty() {
            json!({"fixedScale": self.fixed})
        } else {
            json!({"autoScale": self.auto})
        }
    }
}

/// Whether only the resource manager can make a pool of that body.
#[must_use]
pub(crate) fn is_needed_for(body: &Value) -> bool {
    [IDENTITY, TAGS]
        .iter()
        .any(|name| !read_json::at(body, &format!("/{name}")).is_null())
}

/// The managed identities of a body in the data plane's form, in small letters and in order.
#[must_use]
pub(crate) fn identities(body: &Value) -> Vec<String> {
    let ids = read_json::items(body, "/identity/userAssignedIdentities");
    let mut ids: Vec<String> = ids
        .filter_map(|item| Some(read_json::text(item, "/resourceId")?.to_ascii_lowercase()))
        .collect();
    ids.sort_unstable();
    ids
}

/// The request that creates a pool from a body in the data plane's form, and changes none that is there.
#[must_use]
pub fn create(account: &BatchAccountId, id: &PoolId, body: &Value) -> Request {
    let path = format!("{account}/pools/{id}");
    Request::arm(Method::PUT, path, Api::BatchAccounts, format!("create pool {id}"))
        .with_body(in_arms_form(account, body))
        .with_header("if-none-match", "*")
}

/// The request that reads a pool.
#[must_use]
pub fn get(account: &BatchAccountId, id: &PoolId) -> Request {
    let path = format!("{account}/pools/{id}");
    Request::arm(
        Method::GET,
        path,
        Api::BatchAccounts,
        format!("read the tags of pool {id}"),
    )
}

/// The request that gives a pool these tags in the place of all it has, unless it has changed since it was read so. The
/// rest of it stays.
#[must_use]
pub fn tag(account: &BatchAccountId, id: &PoolId, tags: Map<String, Value>, seen: &Described) -> Request {
    let path = format!("{account}/pools/{id}");
    Request::arm(
        Method::PATCH,
        path,
        Api::BatchAccounts,
        format!("write the tags of pool {id}"),
    )
    .with_body(json!({"tags": tags}))
    .if_match(read_json::text(&seen.body, "/etag"))
}

/// The body in the resource manager's form.
fn in_arms_form(account: &BatchAccountId, body: &Value) -> Value {
    let (mut whole, mut properties, mut scale) = (Map::new(), Map::new(), Scale::default());
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "id" => {}
            IDENTITY => {
                let ids = identities_of(body).map(|id| (id.to_owned(), json!({})));
                let ids: Map<String, Value> = ids.collect();
                whole.insert(
                    name.clone(),
                    json!({"type": "UserAssigned", "userAssignedIdentities": ids}),
                );
            }
            TAGS => {
                whole.insert("tags".to_owned(), value.clone());
            }
            "virtualMachineConfiguration" => {
                let machine = json!({"virtualMachineConfiguration": machine(value)});
                properties.insert("deploymentConfiguration".to_owned(), machine);
            }
            "enableInterNodeCommunication" => {
                let word = if value == &Value::Bool(true) {
                    "Enabled"
                } else {
                    "Disabled"
                };
                properties.insert("interNodeCommunication".to_owned(), json!(word));
            }
            "applicationPackageReferences" => {
                properties.insert("applicationPackages".to_owned(), packages(account, value));
            }
            _ if scale.takes(name, value) => {}
            _ => {
                properties.insert(name.clone(), translated(name, value));
            }
        }
    }
    properties.insert("scaleSettings".to_owned(), scale.settings());
    whole.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(whole)
}

/// The same as they stand there.
pub(crate) fn identities_of(body: &Value) -> impl Iterator<Item = &str> {
    let ids = read_json::items(body, "/identity/userAssignedIdentities");
    ids.filter_map(|item| read_json::text(item, "/resourceId"))
}

fn machine(value: &Value) -> Value {
    let mut machine = translated("", value);
    if let Some(image) = machine.get_mut("imageReference").and_then(Value::as_object_mut)
        && let Some(id) = image.remove("virtualMachineImageId")
    {
        image.insert("id".to_owned(), id);
    }
    machine
}

/// An application package is named by its whole id there.
fn packages(account: &BatchAccountId, value: &Value) -> Value {
    let packages = value.as_array().into_iter().flatten().map(|package| {
        let name = read_json::text(package, "/applicationId").unwrap_or_default();
        let mut fields = json!({"id": format!("{account}/applications/{name}")});
        if let (Some(fields), Some(version)) = (fields.as_object_mut(), package.get("version")) {
            fields.insert("version".to_owned(), version.clone());
        }
        fields
    });
    packages.collect()
}

/// A value with all names and words in it as the resource manager has them; `parent` is the name of the value itself.
fn translated(parent: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let renamed = KEYS
                    .iter()
                    .find(|(ours, _)| ours == name)
                    .map_or(name.as_str(), |(_, arms)| arms);
                let is_user = name == "username" && WITH_USER_NAME.contains(&parent);
                let renamed = if is_user { "userName" } else { renamed };
                (renamed.to_owned(), translated(name, value))
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(|item| translated(parent, item)).collect(),
        Value::String(text) => {
            let words = WORDS.iter().find(|(name, _)| *name == parent).map(|(_, words)| *words);
            let word = words
                .unwrap_or_default()
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text));
            word.map_or_else(|| value.clone(), |word| json!(word))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct1";
    const MI: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi1";

    #[test]
    fn a_body_of_the_data_plane_becomes_that_of_the_resource_manager() {
        let body = json!({"id": "p", "vmSize": "Standard_D4s_v5",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": [{"resourceId": MI}]},
            "resourceTags": {"team": "render"},
            "virtualMachineConfiguration": {
                "imageReference": {"virtualMachineImageId": "/v"}, "nodeAgentSKUId": "batch.node.ubuntu 24.04",
                "osDisk": {"caching": "readwrite"},
                "containerConfiguration": {"type": "dockerCompatible", "containerRegistries": [{"username": "u", "password": "p"}]}},
            "startTask": {"commandLine": "true", "userIdentity": {"username": "u"}},
            "mountConfiguration": [{"cifsMountConfiguration": {"username": "u"}}],
            "networkConfiguration": {"endpointConfiguration": {"inboundNATPools": [{"protocol": "tcp"}]}},
            "applicationPackageReferences": [{"applicationId": "blender", "version": "3"}],
            "enableInterNodeCommunication": true,
            "targetDedicatedNodes": 2, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"});
        let account: BatchAccountId = ACCOUNT.parse().unwrap();
        assert_eq!(
            in_arms_form(&account, &body),
            json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {MI: {}}}, "tags": {"team": "render"},
                "properties": {"vmSize": "Standard_D4s_v5",
                    "deploymentConfiguration": {"virtualMachineConfiguration": {
                        "imageReference": {"id": "/v"}, "nodeAgentSkuId": "batch.node.ubuntu 24.04",
                        "osDisk": {"caching": "ReadWrite"},
                        "containerConfiguration": {"type": "DockerCompatible", "containerRegistries": [{"username": "u", "password": "p"}]}}},
                    "startTask": {"commandLine": "true", "userIdentity": {"userName": "u"}},
                    "mountConfiguration": [{"cifsMountConfiguration": {"userName": "u"}}],
                    "networkConfiguration": {"endpointConfiguration": {"inboundNatPools": [{"protocol": "TCP"}]}},
                    "applicationPackages": [{"id": format!("{ACCOUNT}/applications/blender"), "version": "3"}],
                    "interNodeCommunication": "Enabled",
                    "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 2, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"}}}})
        );
    }

    #[test]
    fn a_formula_takes_the_place_of_targets() {
        let account: BatchAccountId = ACCOUNT.parse().unwrap();
        let body = json!({"enableAutoScale": true, "autoScaleFormula": "$x=1;", "autoScaleEvaluationInterval": "PT5M"});
        assert_eq!(
            in_arms_form(&account, &body)["properties"]["scaleSettings"],
            json!({"autoScale": {"formula": "$x=1;", "evaluationInterval": "PT5M"}})
        );
    }

    #[test]
    fn identities_compare_as_a_set_without_case() {
        let body = |ids: &[&str]| {
            let ids: Vec<Value> = ids
                .iter()
                .map(|id| json!({"resourceId": id, "clientId": "c"}))
                .collect();
            json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": ids}})
        };
        assert_eq!(identities(&body(&["/B", "/a"])), identities(&body(&["/A", "/b"])));
        assert!(is_needed_for(&body(&["/a"])) && !is_needed_for(&json!({"vmSize": "x"})));
    }
}
