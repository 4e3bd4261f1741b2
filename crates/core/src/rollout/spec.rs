//! The pool that is asked for: typed settings and pass-through JSON in one body, and its comparison with a pool.
//!
//! Pure. Values of the pass-through JSON are never shown: it may hold passwords and signed addresses.

mod compare;
mod start_task;

use std::time::Duration;

use serde_json::{Map, Value, json};

pub(super) use compare::Likeness;

use crate::{
    batch::pool::{Pool, iso_minutes, parse_duration},
    error::{Error, ErrorKind, Result},
    ids::{NodeCounts, PoolId, resource::ImageVersionId},
    json as read_json,
    settings::{Fault, RolloutSettings},
};
use start_task::NodeOs;

/// The metadata item that holds the specification's hash.
pub(super) const SPEC: &str = "azure-batch-spec";
/// The metadata item that holds the version's id.
pub(super) const VERSION: &str = "azure-batch-version";

const IMAGE_REFERENCE: &str = "/virtualMachineConfiguration/imageReference";
const NODE_AGENT: &str = "/virtualMachineConfiguration/nodeAgentSKUId";

/// A pool as asked for: the body without targets, timeout and our metadata.
#[derive(Clone, PartialEq)]
pub(super) struct Spec {
    id: PoolId,
    version: ImageVersionId,
    body: Value,
    timeout: Option<Duration>,
}

impl Spec {
    /// Merges typed settings and pool JSON.
    ///
    /// # Errors
    /// `BadInput` with all faults: contradictions between the two, and what a roll-out cannot do.
    pub(super) fn new(settings: &RolloutSettings) -> Result<Self> {
        let mut faults = Vec::new();
        let spec = Self::merge(settings, &mut faults);
        if faults.is_empty() {
            Ok(spec)
        } else {
            Err(bad_settings(&settings.pool, &faults))
        }
    }

    fn merge(settings: &RolloutSettings, faults: &mut Vec<Fault>) -> Self {
        let mut body = settings.pool_json.clone();
        let targets: NodeCounts = settings.targets.into();
        for (name, typed, setting) in [
            ("id", json!(settings.pool), "the pool id"),
            (
                "targetDedicatedNodes",
                json!(targets.dedicated),
                "the target of dedicated nodes",
            ),
            (
                "targetLowPriorityNodes",
                json!(targets.spot),
                "the target of spot nodes",
            ),
        ] {
            if let Some(given) = body.remove(name).filter(|given| !is_same(given, &typed)) {
                let fault = format!("is {given} but {setting} is {typed}; leave it out of the pool JSON");
                faults.push(Fault::new(format!("pool_json.{name}"), fault));
            }
        }
        if ["enableAutoScale", "autoScaleFormula"]
            .iter()
            .any(|name| is_set(body.get(*name)))
        {
            let fault = "autoscale pools are not supported yet; leave it out and give targets";
            faults.push(Fault::new("pool_json.enableAutoScale", fault));
        }
        let timeout = merge_timeout(&mut body, settings.resize.timeout, faults);
        let size = settings.vm_size.as_ref().map(|size| json!(size));
        let mut root = Value::Object(body);
        merge_field(&mut root, "/vmSize", size, "vm_size", faults);
        let agent = settings.node_agent_sku.as_ref().map(|sku| json!(sku));
        merge_field(&mut root, NODE_AGENT, agent, "node_agent_sku", faults);
        merge_image(&mut root, &settings.version, faults);
        merge_start_task(&mut root, settings, faults);
        Self {
            id: settings.pool.clone(),
            version: settings.version.clone(),
            body: root,
            timeout,
        }
    }

    /// The first resize timeout that was asked for, in either place.
    pub(super) const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The version.
    pub(super) const fn version(&self) -> &ImageVersionId {
        &self.version
    }

    /// The body of `POST /pools`.
    ///
    /// # Errors
    /// `BadInput` when something that only a new pool needs is missing.
    pub(super) fn create_body(&self, targets: NodeCounts, timeout: Duration) -> Result<Value> {
        let mut faults = Vec::new();
        for (pointer, setting) in [("/vmSize", "vm_size"), (NODE_AGENT, "node_agent_sku")] {
            if read_json::text(&self.body, pointer).is_none() {
                faults.push(Fault::new(setting, "is needed to create the pool"));
            }
        }
        if !faults.is_empty() {
            return Err(bad_settings(&self.id, &faults));
        }
        let mut metadata: Vec<Value> = read_json::items(&self.body, "/metadata")
            .filter(|item| !matches!(read_json::text(item, "/name"), Some(SPEC | VERSION)))
            .cloned()
            .collect();
        metadata.push(json!({"name": SPEC, "value": self.hash()}));
        metadata.push(json!({"name": VERSION, "value": self.version}));
        let mut body = json!({"id": self.id});
        if let (Some(fields), Some(asked)) = (body.as_object_mut(), self.body.as_object()) {
            fields.extend(asked.clone());
        }
        set(&mut body, "/targetDedicatedNodes", json!(targets.dedicated));
        set(&mut body, "/targetLowPriorityNodes", json!(targets.spot));
        set(&mut body, "/resizeTimeout", json!(iso_minutes(timeout)));
        set(&mut body, "/metadata", Value::Array(metadata));
        Ok(body)
    }

    /// The same with size and agent taken from a pool where the settings leave them open.
    fn completed_from(&self, pool: &Pool) -> Self {
        let mut body = self.body.clone();
        for pointer in ["/vmSize", NODE_AGENT] {
            if read_json::text(&body, pointer).is_none()
                && let Some(found) = read_json::text(pool.body(), pointer)
            {
                set(&mut body, pointer, json!(found));
            }
        }
        Self { body, ..self.clone() }
    }
}

/// Bodies may hold passwords, so they stay out of logs.
impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spec of pool {} on {}", self.id, self.version)
    }
}

fn bad_settings(pool: &PoolId, faults: &[Fault]) -> Error {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Error::new(
        ErrorKind::BadInput,
        format!("the settings for pool {pool} cannot be used"),
    )
    .because(lines.join("; "))
}

fn is_set(value: Option<&Value>) -> bool {
    !matches!(value, None | Some(Value::Null | Value::Bool(false)))
}

/// Texts compare without case, as Batch echoes enums and sizes in its own.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.eq_ignore_ascii_case(right),
        _ => left == right,
    }
}

/// Sets the value at a pointer of plain names, making the objects on the way.
fn set(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for name in pointer.trim_start_matches('/').split('/') {
        if !place.is_object() {
            *place = json!({});
        }
        let Some(fields) = place.as_object_mut() else { return };
        place = fields.entry(name).or_insert(Value::Null);
    }
    *place = value;
}

/// Puts a typed setting where the JSON has nothing, or the same.
fn merge_field(root: &mut Value, pointer: &str, typed: Option<Value>, setting: &str, faults: &mut Vec<Fault>) {
    let Some(typed) = typed else { return };
    let given = read_json::at(root, pointer);
    if !given.is_null() && !is_same(given, &typed) {
        let name = format!("pool_json{}", pointer.replace('/', "."));
        let fault = format!("is {given} but {setting} is {typed}; give it in one place");
        faults.push(Fault::new(name, fault));
        return;
    }
    set(root, pointer, typed);
}

/// The image is the version and nothing else.
fn merge_image(root: &mut Value, version: &ImageVersionId, faults: &mut Vec<Fault>) {
    let wanted = json!({"virtualMachineImageId": version});
    let given = read_json::at(root, IMAGE_REFERENCE);
    let is_version = given.as_object().is_none_or(|fields| {
        fields.iter().all(|(name, value)| {
            name == "virtualMachineImageId" && value.as_str().is_some_and(|id| super::verdict::is_version(id, version))
        })
    });
    if !is_version {
        let fault = format!("is {given} but the image version is {version}; leave it out of the pool JSON");
        faults.push(Fault::new(
            "pool_json.virtualMachineConfiguration.imageReference",
            fault,
        ));
    }
    set(root, IMAGE_REFERENCE, wanted);
}

fn merge_start_task(root: &mut Value, settings: &RolloutSettings, faults: &mut Vec<Fault>) {
    let os = NodeOs::of_agent(read_json::text(root, NODE_AGENT).unwrap_or_default());
    let is_given = is_set(root.get("startTask"));
    match &settings.start_task {
        Some(_) if is_given => {
            let fault = "is given, and so is start_task; use one of the two";
            faults.push(Fault::new("pool_json.startTask", fault));
        }
        Some(task) => match start_task::render(task, os) {
            Ok(rendered) => set(root, "/startTask", rendered),
            Err(fault) => faults.push(Fault::new("start_task", fault)),
        },
        // Batch was seen to store false where a request leaves it out.
        None if is_given && read_json::at(root, "/startTask/waitForSuccess").is_null() => {
            set(root, "/startTask/waitForSuccess", json!(true));
        }
        None => {}
    }
}

fn merge_timeout(body: &mut Map<String, Value>, typed: Option<Duration>, faults: &mut Vec<Fault>) -> Option<Duration> {
    let Some(given) = body.remove("resizeTimeout") else {
        return typed;
    };
    let parsed = given.as_str().and_then(parse_duration);
    let fault = match (parsed, typed) {
        (None, _) => format!("is {given}, not a duration such as \"PT30M\""),
        (Some(given), Some(typed)) if given != typed => {
            format!(
                "is {} but resize_timeout is {}; give it in one place",
                iso_minutes(given),
                iso_minutes(typed)
            )
        }
        (Some(_), _) => return parsed,
    };
    faults.push(Fault::new("pool_json.resizeTimeout", fault));
    typed
}

#[cfg(test)]
pub(in crate::rollout) mod tests;
