//! Is the pool JSON what Batch's data plane takes? Forms of the resource manager, old names and near misses, each with
//! what to write instead.
//!
//! Pure. A name that is new to us is passed on: the service may know it.

use serde_json::{Map, Value};

use super::fault::{Fault, Place};
use crate::{
    options::pool::{POOL_JSON, TARGET_DEDICATED_NODES, TARGET_SPOT_NODES},
    words,
    words::Words,
};

/// Names that another form or an older version of Batch has, and what replaces them. From the two create bodies of
/// Batch (data plane and resource manager) and from pool files that people have published.
const OTHER_NAMES: [(&str, &str, &str); 10] = [
    ("", "maxTasksPerNode", "taskSlotsPerNode"),
    (
        "",
        "interNodeCommunication",
        "enableInterNodeCommunication with true or false",
    ),
    ("", "applicationPackages", "applicationPackageReferences"),
    ("startTask.resourceFiles", "blobSource", "httpUrl"),
    (
        "startTask",
        "runElevated",
        "userIdentity with an autoUser whose elevationLevel is admin",
    ),
    ("", "targetDedicated", "targetDedicatedNodes"),
    ("", "targetLowPriority", "targetLowPriorityNodes"),
    ("virtualMachineConfiguration", "licenceType", "licenseType"),
    (
        "virtualMachineConfiguration",
        "containerSettings",
        "containerConfiguration",
    ),
    ("", "commandLine", "startTask with a commandLine in it"),
];

/// Names that Batch's create body had or never had, and that mean nothing there: in which object, the name, and what became of it.
const FORMER_NAMES: [(&str, &str, &str); 8] = [
    (
        "",
        "cloudServiceConfiguration",
        "pools on Cloud Services ended in February 2024: write virtualMachineConfiguration",
    ),
    ("", "certificates", CERTIFICATES),
    ("", "certificateReferences", CERTIFICATES),
    ("", "targetNodeCommunicationMode", COMMUNICATION),
    ("", "targetCommunicationMode", COMMUNICATION),
    ("", "currentNodeCommunicationMode", COMMUNICATION),
    (
        "",
        "resourceTags",
        "tags of a pool are set by the resource manager: leave it out, and give them as an option of a pool file",
    ),
    (
        "",
        "identity",
        "only the resource manager sets it: leave it out, and give the identities as an option",
    ),
];
const CERTIFICATES: &str =
    "certificates of accounts ended in February 2024: leave it out, and take them from a Key Vault";
const COMMUNICATION: &str = "Batch chooses how nodes are reached: leave it out";

/// Names that Batch's data plane has where people were seen to write them in other letter cases.
const NAMES: [(&str, &[&str]); 3] = [
    (
        "",
        &[
            "applicationPackageReferences",
            "displayName",
            "enableInterNodeCommunication",
            "metadata",
            "mountConfiguration",
            "networkConfiguration",
            "resizeTimeout",
            "startTask",
            "targetDedicatedNodes",
            "targetLowPriorityNodes",
            "taskSchedulingPolicy",
            "taskSlotsPerNode",
            "userAccounts",
            "virtualMachineConfiguration",
            "vmSize",
        ],
    ),
    (
        "virtualMachineConfiguration",
        &[
            "containerConfiguration",
            "dataDisks",
            "diskEncryptionConfiguration",
            "extensions",
            "imageReference",
            "licenseType",
            "nodeAgentSKUId",
            "nodePlacementConfiguration",
            "osDisk",
            "securityProfile",
            "serviceArtifactReference",
            "windowsConfiguration",
        ],
    ),
    (
        "startTask",
        &[
            "commandLine",
            "containerSettings",
            "environmentSettings",
            "maxTaskRetryCount",
            "resourceFiles",
            "userIdentity",
            "waitForSuccess",
        ],
    ),
];

/// The kind of JSON value that a name must have, where we read it ourselves.
const KINDS: [(&str, Kind); 11] = [
    ("/vmSize", Kind::Text),
    ("/metadata", Kind::List),
    ("/virtualMachineConfiguration", Kind::Object),
    ("/virtualMachineConfiguration/nodeAgentSKUId", Kind::Text),
    ("/virtualMachineConfiguration/imageReference", Kind::Object),
    ("/virtualMachineConfiguration/containerConfiguration", Kind::Object),
    ("/networkConfiguration", Kind::Object),
    ("/networkConfiguration/endpointConfiguration", Kind::Object),
    ("/startTask", Kind::Object),
    ("/startTask/commandLine", Kind::Text),
    ("/resizeTimeout", Kind::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    List,
    Object,
}

/// All faults of the JSON's form.
pub(crate) fn faults(json: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = whole_form(json);
    if faults.is_empty() {
        walk("", json, &mut faults);
        faults.extend(
            KINDS
                .iter()
                .filter_map(|(pointer, kind)| wrong_kind(json, pointer, *kind)),
        );
    }
    faults
}

/// A JSON of another form altogether. Then nothing else is worth saying.
fn whole_form(json: &Map<String, Value>) -> Vec<Fault> {
    if json.get("properties").is_some_and(Value::is_object) {
        let text = words![
            "is the form of the resource manager (ARM, Bicep), and a pool is created from Batch's own: give what is in \
             it one level up, properties.deploymentConfiguration.virtualMachineConfiguration as \
             virtualMachineConfiguration with nodeAgentSKUId, and instead of scaleSettings the options ",
            TARGET_DEDICATED_NODES,
            " and ",
            TARGET_SPOT_NODES
        ];
        return vec![fault("properties", text)];
    }
    if json.get("pool").is_some_and(Value::is_object) {
        let text = "wraps the pool: give what is in it one level up, as the body of Batch's own POST /pools has it";
        return vec![fault("pool", text)];
    }
    let mut faults = Vec::new();
    if json.contains_key("deploymentConfiguration") {
        let text = "is the form of the resource manager: give its virtualMachineConfiguration one level up";
        faults.push(fault("deploymentConfiguration", text));
    }
    if json.contains_key("scaleSettings") {
        let text = words![
            "is the form of the resource manager: leave it out and give ",
            TARGET_DEDICATED_NODES,
            " and ",
            TARGET_SPOT_NODES
        ];
        faults.push(fault("scaleSettings", text));
    }
    faults
}

/// Looks at the names of an object and of what is in it; `parent` is the path without indexes.
fn walk(parent: &str, fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    for (name, value) in fields {
        let path = join(parent, name);
        if let Some(instead) = instead_of(parent, name) {
            let text = format!("is not a name of Batch's pool JSON: write {instead}");
            faults.push(fault(path.clone(), text));
        }
        let former = FORMER_NAMES
            .iter()
            .find(|(place, old, _)| *place == parent && old == name);
        if let Some((_, _, why)) = former {
            faults.push(fault(path.clone(), format!("is not part of Batch's pool JSON: {why}")));
        }
        match value {
            Value::Object(fields) => walk(&path, fields, faults),
            Value::Array(items) => {
                for fields in items.iter().filter_map(Value::as_object) {
                    walk(&path, fields, faults);
                }
            }
            _ => {}
        }
    }
}

fn instead_of(parent: &str, name: &str) -> Option<&'static str> {
    let other = OTHER_NAMES
        .iter()
        .find(|(place, old, _)| *place == parent && *old == name);
    let near = || {
        let (_, names) = NAMES.iter().find(|(place, _)| *place == parent)?;
        names
            .iter()
            .copied()
            .find(|right| right.eq_ignore_ascii_case(name) && *right != name)
    };
    other.map(|(_, _, instead)| *instead).or_else(near)
}

fn wrong_kind(json: &Map<String, Value>, pointer: &str, kind: Kind) -> Option<Fault> {
    let names = pointer.trim_start_matches('/').split('/');
    let mut value: Option<&Value> = None;
    for name in names {
        value = Some(match value {
            None => json.get(name)?,
            Some(value) => value.get(name)?,
        });
    }
    let value = value.filter(|value| !value.is_null())?;
    let (is_right, wanted) = match kind {
        Kind::Text => (value.is_string(), "a text"),
        Kind::List => (value.is_array(), "a list"),
        Kind::Object => (value.is_object(), "an object"),
    };
    let path = pointer.trim_start_matches('/').replace('/', ".");
    (!is_right).then(|| fault(path, format!("must be {wanted}")))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

/// A fault at a path of the pool JSON.
pub(crate) fn fault(path: impl Into<String>, text: impl Into<Words>) -> Fault {
    Fault::new(Place::within(POOL_JSON, path), text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{options::Door, settings::fault::lines};

    fn said(json: &Value) -> String {
        lines(&faults(json.as_object().unwrap()), Door::Flag)
    }

    #[test]
    fn the_form_of_the_resource_manager_is_called_by_its_name() {
        let whole = json!({"properties": {"vmSize": "standard_d4s_v5", "deploymentConfiguration": {
            "virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 22.04"}},
            "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 2}}}});
        let text = said(&whole);
        assert!(
            text.starts_with("--pool-json.properties: is the form of the resource manager"),
            "{text}"
        );
        assert!(text.contains("--target-dedicated-nodes"), "{text}");
        insta::assert_snapshot!(
            said(&json!({"deploymentConfiguration": {}, "scaleSettings": {}})),
            @r"
        --pool-json.deploymentConfiguration: is the form of the resource manager: give its virtualMachineConfiguration one level up
        --pool-json.scaleSettings: is the form of the resource manager: leave it out and give --target-dedicated-nodes and --target-spot-nodes
        "
        );
        assert!(said(&json!({"pool": {"id": "p"}})).starts_with("--pool-json.pool: wraps the pool"));
    }

    #[test]
    fn old_names_and_other_letter_cases_are_named_with_the_right_one() {
        let given = json!({"vmsize": "x", "maxTasksPerNode": 4,
            "virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 22.04"},
            "startTask": {"commandLine": "true", "resourceFiles": [{"blobSource": "https://x", "filePath": "f"}]}});
        insta::assert_snapshot!(said(&given), @r"
        --pool-json.vmsize: is not a name of Batch's pool JSON: write vmSize
        --pool-json.maxTasksPerNode: is not a name of Batch's pool JSON: write taskSlotsPerNode
        --pool-json.virtualMachineConfiguration.nodeAgentSkuId: is not a name of Batch's pool JSON: write nodeAgentSKUId
        --pool-json.startTask.resourceFiles.blobSource: is not a name of Batch's pool JSON: write httpUrl
        ");
    }

    #[test]
    fn values_that_we_read_must_be_of_their_kind() {
        insta::assert_snapshot!(said(&json!({"vmSize": 4, "metadata": {"a": "b"}, "startTask": "true"})), @r"
        --pool-json.vmSize: must be a text
        --pool-json.metadata: must be a list
        --pool-json.startTask: must be an object
        ");
    }

    #[test]
    fn names_that_are_new_to_us_are_passed_on() {
        assert_eq!(
            said(&json!({"somethingNew": {"vmsize": 1}, "startTask": {"commandLine": "true", "x": []}})),
            ""
        );
    }
}
