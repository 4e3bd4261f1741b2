//! A pool in the form of Batch's own interface: the body of `POST /pools`, which is also az's `--json-file`, and what
//! `az batch pool show` prints.
//!
//! What options say too becomes a value of that option, so that an input can stand in its place; the rest stays Batch's.

use jiff::SignedDuration;

use super::{FilePool, refused, spots::Spots};
use crate::{
    options::{
        Opt, file,
        parts::{CONTAINER_IMAGES, POOL_IDENTITY, POOL_TAGS, SUBNET_ID},
        pool::{
            AUTOSCALE_FORMULA, AUTOSCALE_MINUTES, IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_ID, POOL_JSON, RESIZE_TIMEOUT,
            TARGET_DEDICATED_NODES, TARGET_SPOT_NODES, VM_SIZE,
        },
    },
    settings::parts::{IDENTITY, TAGS},
    settings::{
        document::{Is, Node},
        fault::Fault,
        values::Values,
    },
};

/// What only the service says of a pool; a file that was made of an answer has them.
const READ_ONLY: [&str; 14] = [
    "odata.metadata",
    "url",
    "eTag",
    "lastModified",
    "creationTime",
    "state",
    "stateTransitionTime",
    "allocationState",
    "allocationStateTransitionTime",
    "currentDedicatedNodes",
    "currentLowPriorityNodes",
    "resizeErrors",
    "autoScaleRun",
    "stats",
];

/// What the names of our marks begin with.
const OUR_MARKS: &str = "azure-batch-";

/// What options say too: in which object, under which name, and the option.
const OF_OPTIONS: [(&str, &str, &Opt); 13] = [
    ("", "id", POOL_ID),
    ("", "vmSize", VM_SIZE),
    ("", "targetDedicatedNodes", TARGET_DEDICATED_NODES),
    ("", "targetLowPriorityNodes", TARGET_SPOT_NODES),
    ("", "resizeTimeout", RESIZE_TIMEOUT),
    ("", "autoScaleFormula", AUTOSCALE_FORMULA),
    ("", "autoScaleEvaluationInterval", AUTOSCALE_MINUTES),
    ("virtualMachineConfiguration", "nodeAgentSKUId", NODE_AGENT_SKU_ID),
    (
        "virtualMachineConfiguration/imageReference",
        "virtualMachineImageId",
        IMAGE_VERSION,
    ),
    ("networkConfiguration", "subnetId", SUBNET_ID),
    (
        "virtualMachineConfiguration/containerConfiguration",
        "containerImageNames",
        CONTAINER_IMAGES,
    ),
    ("", IDENTITY, POOL_IDENTITY),
    ("", TAGS, POOL_TAGS),
];

/// Reads a pool.
pub(super) fn read(mut node: Node, faults: &mut Vec<Fault>) -> FilePool {
    let spot = node.spot.clone();
    drop_empty(&mut node);
    for name in READ_ONLY {
        node.take(name);
    }
    faults.extend(names_of_options(&node));
    drop_our_marks(&mut node);
    spell_formula(&mut node);
    spell_identity(&mut node);
    let (mut values, mut spots) = (Values::default(), Spots::default());
    for (parent, name, opt) in OF_OPTIONS {
        let Some(parent) = descend(&mut node, parent) else {
            continue;
        };
        if let Some(found) = parent.take(name) {
            super::own::set(opt, &found, (&mut values, &mut spots), faults);
        }
    }
    drop_empty_image(&mut node);
    spots.note_json(&node);
    if !node.fields().is_empty() {
        values.set(POOL_JSON, node.json().to_string());
    }
    FilePool { values, spots, spot }
}

fn descend<'a>(node: &'a mut Node, pointer: &str) -> Option<&'a mut Node> {
    if pointer.is_empty() {
        return Some(node);
    }
    pointer.split('/').try_fold(node, |node, name| node.get_mut(name))
}

/// What is null is not there.
fn drop_empty(node: &mut Node) {
    match &mut node.value {
        Is::Map(fields) => {
            fields.retain(|(_, field)| field.value != Is::Null);
            fields.iter_mut().for_each(|(_, field)| drop_empty(field));
        }
        Is::List(items) => items.iter_mut().for_each(drop_empty),
        Is::Null | Is::Bool(_) | Is::Number(_) | Is::Text(_) => {}
    }
}

/// A formula alone says that it decides; what Batch shows of the size of such a pool is the formula's doing. The time
/// between two evaluations is an option in minutes.
fn spell_formula(node: &mut Node) {
    let is_following = node
        .get("enableAutoScale")
        .is_some_and(|field| field.value == Is::Bool(true));
    if is_following && node.get("autoScaleFormula").is_some() {
        for name in [
            "enableAutoScale",
            "targetDedicatedNodes",
            "targetLowPriorityNodes",
            "resizeTimeout",
        ] {
            node.take(name);
        }
    }
    if let Some(interval) = node.get_mut("autoScaleEvaluationInterval")
        && let Some(length) = interval.text().and_then(|text| text.parse::<SignedDuration>().ok())
    {
        interval.value = Is::Text((length.as_secs() / 60).to_string());
    }
}

/// The identities of a pool are a list in Batch's answers and names of an object in the resource manager's form; here they
/// become the list of ids that the option is.
fn spell_identity(node: &mut Node) {
    let Some(mut identity) = node.take(IDENTITY) else {
        return;
    };
    let is_none = identity
        .get("type")
        .and_then(Node::text)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("None"));
    if is_none {
        return;
    }
    if let Some(assigned) = identity.take("userAssignedIdentities") {
        let named = assigned.fields().iter().map(|(id, node)| Node {
            spot: node.spot.clone(),
            value: Is::Text(id.clone()),
        });
        let listed = assigned
            .items()
            .iter()
            .filter_map(|item| item.get("resourceId").cloned());
        identity.value = Is::List(named.chain(listed).collect());
    }
    node.put(IDENTITY, identity);
}

/// A roll-out writes its own marks; those of a pool that a file was made of are not this pool's.
fn drop_our_marks(node: &mut Node) {
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if let Is::List(items) = &mut metadata.value {
        items.retain(|item| {
            let name = item.get("name").and_then(Node::text);
            !name.is_some_and(|name| name.starts_with(OUR_MARKS))
        });
    }
}

fn drop_empty_image(node: &mut Node) {
    if let Some(machine) = node.get_mut("virtualMachineConfiguration")
        && machine
            .get("imageReference")
            .is_some_and(|image| image.fields().is_empty())
    {
        machine.take("imageReference");
    }
}

/// Names of options have no meaning in Batch's form.
fn names_of_options(node: &Node) -> Vec<Fault> {
    let is_option = |name: &str| name.contains('-') && file::find(name).is_some();
    let found = node.fields().iter().filter(|(name, _)| is_option(name));
    let fault = |(_, field): &(String, Node)| {
        let json = super::own::dashed(POOL_JSON.path);
        let text = format!(
            "is the name of an option, and the rest of this pool is in the form of Batch's own interface: write the pool \
             in one form, with what is Batch's in {json}"
        );
        refused(&field.spot, text)
    };
    found.map(fault).collect()
}
