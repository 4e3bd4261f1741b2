//! A pool in the form of the resource manager: `Microsoft.Batch/batchAccounts/pools` of a template, of Bicep's output,
//! of `az rest`. It becomes the form of Batch's own interface, with every value at its own place in the file.
//!
//! The two forms have the same parts under other names; the names are those of the pages of both interfaces.

use super::refused;
use crate::{
    ids::resource::BatchAccountId,
    options::pool::RUNNING_TASKS,
    settings::document::{Is, Node},
    settings::fault::Fault,
    settings::parts::{IDENTITY, TAGS},
    words,
};

/// The type of such a resource.
const TYPE: &str = "Microsoft.Batch/batchAccounts/pools";

/// What only the service says.
const READ_ONLY: [&str; 10] = [
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

/// Other names of the same: in which object of Batch's form, the resource manager's name, Batch's name.
const NAMES: [(&str, &str, &str); 6] = [
    ("virtualMachineConfiguration", "nodeAgentSkuId", "nodeAgentSKUId"),
    (
        "virtualMachineConfiguration/imageReference",
        "id",
        "virtualMachineImageId",
    ),
    (
        "networkConfiguration",
        "dynamicVnetAssignmentScope",
        "dynamicVNetAssignmentScope",
    ),
    (
        "networkConfiguration/endpointConfiguration",
        "inboundNatPools",
        "inboundNATPools",
    ),
    ("", "applicationPackages", "applicationPackageReferences"),
    ("", "interNodeCommunication", "enableInterNodeCommunication"),
];

/// A pool in Batch's form, and the account that its id names.
pub(super) struct Converted {
    pub(super) pool: Node,
    pub(super) account: Option<(BatchAccountId, Node)>,
}

/// Whether a value is a pool in this form.
pub(super) fn is_one(node: &Node) -> bool {
    node.get("properties").is_some_and(Node::is_map)
}

/// Whether a value is a template, which has resources.
pub(super) fn is_template(node: &Node) -> bool {
    matches!(
        node.get("resources").map(|node| &node.value),
        Some(Is::List(_) | Is::Map(_))
    )
}

/// The pools of a template.
pub(super) fn pools(template: &Node) -> Vec<Node> {
    let resources = template.get("resources");
    let listed = resources.iter().flat_map(|resources| {
        // Newer templates name their resources.
        let named = resources.fields().iter().map(|(_, resource)| resource);
        resources.items().iter().chain(named)
    });
    let is_pool = |resource: &&Node| {
        has_text(resource, "type", |text| {
            text.split('@').next().is_some_and(is_type_of_pools)
        })
    };
    listed.filter(is_pool).cloned().collect()
}

/// Converts a pool.
pub(super) fn convert(mut node: Node, faults: &mut Vec<Fault>) -> Converted {
    strike_expressions(&mut node, faults);
    if let Some(other) = node.get("type").filter(|of| !of.text().is_some_and(is_type_of_pools)) {
        faults.push(refused(
            &other.spot,
            format!("is not a pool: write {TYPE}, or leave it out"),
        ));
    }
    let (identity, tags) = (node.take(IDENTITY), node.take("tags"));
    let (name, id) = (node.take("name"), node.take("id"));
    let mut pool = node.take("properties").unwrap_or(node);
    for name in READ_ONLY {
        pool.take(name);
    }
    hoist_machine(&mut pool, faults);
    rename(&mut pool);
    spread_scale(&mut pool, faults);
    spell_values(&mut pool);
    spell_users(&mut pool);
    for (name, found) in [(IDENTITY, identity), (TAGS, tags)] {
        if let Some(found) = found.filter(|node| node.value != Is::Null) {
            pool.put(name, found);
        }
    }
    if let Some(id) = name.or_else(|| id.clone()).and_then(last_segment) {
        pool.put("id", id);
    }
    Converted {
        pool,
        account: id.and_then(account),
    }
}

fn is_type_of_pools(text: &str) -> bool {
    text.eq_ignore_ascii_case(TYPE)
}

fn has_text(node: &Node, name: &str, is_right: impl Fn(&str) -> bool) -> bool {
    node.get(name).and_then(Node::text).is_some_and(is_right)
}

/// A name is `account/pool` in a template, an id ends in the pool's name.
fn last_segment(mut node: Node) -> Option<Node> {
    let last = node.text()?.rsplit('/').next()?.to_owned();
    node.value = Is::Text(last);
    Some(node)
}

/// The account of a pool's id.
fn account(id: Node) -> Option<(BatchAccountId, Node)> {
    let text = id.text()?;
    let at = text.to_ascii_lowercase().find("/pools/")?;
    let account = text.get(..at)?.parse().ok()?;
    Some((account, id))
}

fn hoist_machine(pool: &mut Node, faults: &mut Vec<Fault>) {
    let Some(mut deployment) = pool.take("deploymentConfiguration") else {
        return;
    };
    if let Some(old) = deployment.get("cloudServiceConfiguration") {
        let text =
            "is the form of Cloud Services, whose pools ended in February 2024: write virtualMachineConfiguration";
        faults.push(refused(&old.spot, text));
    }
    if let Some(machine) = deployment.take("virtualMachineConfiguration") {
        pool.put("virtualMachineConfiguration", machine);
    }
}

fn rename(pool: &mut Node) {
    for (parent, old, new) in NAMES {
        let parent = parent.split('/').filter(|name| !name.is_empty());
        let parent = parent.into_iter().try_fold(&mut *pool, |node, name| node.get_mut(name));
        if let Some(parent) = parent {
            parent.rename(old, new);
        }
    }
}

fn spread_scale(pool: &mut Node, faults: &mut Vec<Fault>) {
    let Some(mut scale) = pool.take("scaleSettings") else {
        return;
    };
    if let Some(mut fixed) = scale.take("fixedScale") {
        for name in ["targetDedicatedNodes", "targetLowPriorityNodes", "resizeTimeout"] {
            if let Some(found) = fixed.take(name) {
                pool.put(name, found);
            }
        }
        if let Some(option) = fixed.get("nodeDeallocationOption") {
            let text = words![
                "says what happens to tasks when nodes go, and that is not a setting of a pool: leave it out and give ",
                RUNNING_TASKS
            ];
            faults.push(refused(&option.spot, text));
        }
    }
    if let Some(mut auto) = scale.take("autoScale") {
        let spot = auto.spot.clone();
        pool.put(
            "enableAutoScale",
            Node {
                spot,
                value: Is::Bool(true),
            },
        );
        for (old, new) in [
            ("formula", "autoScaleFormula"),
            ("evaluationInterval", "autoScaleEvaluationInterval"),
        ] {
            if let Some(found) = auto.take(old) {
                pool.put(new, found);
            }
        }
    }
}

/// Values that the two forms write in different ways.
fn spell_values(pool: &mut Node) {
    if let Some(between) = pool.get_mut("enableInterNodeCommunication")
        && let Some(text) = between.text()
    {
        between.value = Is::Bool(text.eq_ignore_ascii_case("enabled"));
    }
    let Some(packages) = pool.get_mut("applicationPackageReferences") else {
        return;
    };
    let Is::List(packages) = &mut packages.value else {
        return;
    };
    for package in packages {
        let Some(id) = package.take("id") else { continue };
        let text = id.text().unwrap_or_default().to_owned();
        let mut parts = text
            .split('/')
            .skip_while(|part| !part.eq_ignore_ascii_case("applications"));
        let (name, version) = (parts.nth(1), parts.nth(1));
        let node = |text: &str| Node {
            spot: id.spot.clone(),
            value: Is::Text(text.to_owned()),
        };
        package.put("applicationId", node(name.unwrap_or(&text)));
        if let Some(version) = version {
            package.put("version", node(version));
        }
    }
}

/// A user's name is `userName` in the resource manager's form, but for users of registries.
fn spell_users(node: &mut Node) {
    node.rename("userName", "username");
    match &mut node.value {
        Is::Map(fields) => fields.iter_mut().for_each(|(_, field)| spell_users(field)),
        Is::List(items) => items.iter_mut().for_each(spell_users),
        Is::Null | Is::Bool(_) | Is::Number(_) | Is::Text(_) => {}
    }
}

/// What a template computes is known to the resource manager alone.
fn strike_expressions(node: &mut Node, faults: &mut Vec<Fault>) {
    if let Some(text) = node.text().filter(|text| is_expression(text)) {
        let text = format!("{text} is an expression of a template: write its value");
        faults.push(refused(&node.spot, text));
        node.value = Is::Null;
    }
    match &mut node.value {
        Is::Map(fields) => fields
            .iter_mut()
            .for_each(|(_, field)| strike_expressions(field, faults)),
        Is::List(items) => items.iter_mut().for_each(|item| strike_expressions(item, faults)),
        Is::Null | Is::Bool(_) | Is::Number(_) | Is::Text(_) => {}
    }
}

/// `[…]` is one, `[[…]` is a text that begins with a bracket. A formula has brackets too, but does not end in one.
fn is_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && !text.starts_with("[[") && text.ends_with(']')
}
