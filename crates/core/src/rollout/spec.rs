//! The pool that is asked for: typed settings and pass-through JSON in one body, and its comparison with a pool.
//!
//! Pure. Values of the pass-through JSON are never shown: it may hold passwords and signed addresses.

mod asked;
mod compare;
mod disk_key;
mod mark;
mod parts;
mod security;
mod start_task;
mod swap;
mod twin;
mod wanted;

use std::time::Duration;

use serde_json::{Map, Value, json};

pub(super) use asked::ASKED;
pub(super) use compare::{Difference, Maker, When};
pub(crate) use security::fit as fit_security;
pub(super) use swap::{back_body, formula_name, recorded, unrestorable};
pub(super) use twin::related;
pub(super) use wanted::Wanted;

use crate::{
    batch::{
        autoscale,
        image::PoolImage,
        pool::{Pool, iso_minutes, parse_duration},
        upgrade,
    },
    command::{self, NodeOs},
    error::{Error, ErrorKind},
    ids::{NodeCounts, PoolId, VersionNumber, resource::ImageVersionId},
    json as read_json,
    options::{
        Opt,
        pool::{
            AUTOSCALE_FORMULA, NODE_AGENT_SKU_ID, POOL_ID, POOL_JSON, RESIZE_TIMEOUT, START_TASK,
            TARGET_DEDICATED_NODES, TARGET_SPOT_NODES, VM_SIZE,
        },
    },
    rollout::made_by::{self, ADOPTED, MadeBy},
    settings::{
        Adopt, Autoscale, ImageSecurity, MANAGED_IMAGE, RolloutSettings, StartTask, UnresolvedRollout,
        fault::{Fault, Faults},
        shape,
    },
    words,
};

/// The metadata item that holds the specification's hash.
pub(super) const SPEC: &str = crate::tags::POOL_MARK;
/// The metadata item that holds the version's id.
pub(super) const VERSION: &str = "azure-batch-version";

pub(super) const IMAGE_REFERENCE: &str = "/virtualMachineConfiguration/imageReference";
/// Stands for a number that is not known yet.
const ANY: VersionNumber = VersionNumber {
    major: 0,
    minor: 0,
    patch: 0,
};
const NODE_AGENT: &str = "/virtualMachineConfiguration/nodeAgentSKUId";

/// A pool as asked for: the body without targets, timeout and our metadata.
#[derive(Clone, PartialEq)]
pub(super) struct Spec {
    id: PoolId,
    version: ImageVersionId,
    start_task: Option<StartTask>,
    body: Value,
    timeout: Option<Duration>,
    adopt: Adopt,
    image_security: ImageSecurity,
}

impl Spec {
    /// Merges typed settings and pool JSON.
    ///
    /// # Errors
    /// With all faults: of the JSON's form, contradictions between the two, and what a roll-out cannot do.
    pub(super) fn new(settings: &RolloutSettings) -> Result<Self, Vec<Fault>> {
        let mut faults = shape::faults(&settings.pool.json);
        // Contradictions within a form that cannot be used are noise.
        let spec = if faults.is_empty() {
            Self::merge(settings, &mut faults)
        } else {
            None
        };
        spec.filter(|_| faults.is_empty()).ok_or(faults)
    }

    fn merge(settings: &RolloutSettings, faults: &mut Vec<Fault>) -> Option<Self> {
        let (pool, mut body) = (&settings.pool, Map::from(settings.pool.json.clone()));
        if pool.autoscale.is_some() {
            refuse_size(&mut body, faults);
        }
        for (name, typed, option) in [
            ("id", json!(pool.id), POOL_ID),
            (
                "targetDedicatedNodes",
                json!(pool.targets.dedicated),
                TARGET_DEDICATED_NODES,
            ),
            ("targetLowPriorityNodes", json!(pool.targets.spot), TARGET_SPOT_NODES),
        ] {
            if let Some(given) = body.remove(name).filter(|given| !is_same(given, &typed)) {
                let (given, typed) = (format!("is {given} but "), format!(" is {typed}; leave it out of "));
                faults.push(shape::fault(name, words![given, option, typed, POOL_JSON]));
            }
        }
        if ["enableAutoScale", "autoScaleFormula"]
            .iter()
            .any(|name| is_set(body.get(*name)))
        {
            let text = words![
                "asks for an autoscale pool: leave it out and give the formula in ",
                AUTOSCALE_FORMULA
            ];
            faults.push(shape::fault("enableAutoScale", text));
        }
        faults.extend(upgraded(&Value::Object(body.clone())));
        let timeout = merge_timeout(&mut body, settings.policy.resize.timeout, faults);
        let mut root = Value::Object(body);
        let size = pool.vm_size.as_ref().map(|size| json!(size));
        merge_field(&mut root, "/vmSize", size, VM_SIZE, faults);
        let agent = pool.node_agent_sku.as_ref().map(|sku| json!(sku));
        merge_field(&mut root, NODE_AGENT, agent, NODE_AGENT_SKU_ID, faults);
        merge_image(&mut root, &pool.version, faults);
        parts::merge(&mut root, &pool.parts, faults);
        faults.extend(disk_key::fault(&root));
        merge_start_task(&mut root, pool.start_task.as_ref(), faults);
        Some(Self {
            id: pool.id.clone(),
            version: pool.version.clone(),
            start_task: pool.start_task.clone(),
            body: root,
            timeout,
            adopt: settings.policy.adopt,
            image_security: pool.image_security,
        })
    }

    /// The first resize timeout that was asked for, in either place.
    pub(super) const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The pool's body as Batch takes it, without its size and our metadata.
    pub(super) const fn body(&self) -> &Value {
        &self.body
    }

    /// The pool's id.
    pub(super) const fn id(&self) -> &PoolId {
        &self.id
    }

    /// The version.
    pub(super) const fn version(&self) -> &ImageVersionId {
        &self.version
    }

    /// The body of `POST /pools`.
    ///
    /// # Errors
    /// With what is missing that only a new pool needs.
    pub(super) fn create_body(&self, targets: NodeCounts, timeout: Duration) -> Result<Value, Vec<Fault>> {
        let mut body = self.body_without_size()?;
        set(&mut body, "/targetDedicatedNodes", json!(targets.dedicated));
        set(&mut body, "/targetLowPriorityNodes", json!(targets.spot));
        set(&mut body, "/resizeTimeout", json!(iso_minutes(timeout)));
        Ok(body)
    }

    /// The body of `POST /pools` for a pool whose size a formula decides.
    ///
    /// # Errors
    /// With what is missing that only a new pool needs.
    pub(super) fn following_body(&self, scale: &Autoscale) -> Result<Value, Vec<Fault>> {
        let mut body = self.body_without_size()?;
        set(&mut body, "/enableAutoScale", json!(true));
        set(&mut body, "/autoScaleFormula", json!(scale.formula));
        if let Some(interval) = autoscale::interval(scale) {
            set(&mut body, "/autoScaleEvaluationInterval", json!(interval));
        }
        Ok(body)
    }

    fn body_without_size(&self) -> Result<Value, Vec<Fault>> {
        let mut faults = Vec::new();
        for (pointer, option) in [("/vmSize", VM_SIZE), (NODE_AGENT, NODE_AGENT_SKU_ID)] {
            if read_json::text(&self.body, pointer).is_none() {
                faults.push(Fault::new(option, "is needed to create the pool"));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let metadata = self.metadata(&Value::Null, MadeBy::RollOuts);
        let mut body = json!({"id": self.id});
        if let (Some(fields), Some(asked)) = (body.as_object_mut(), self.body.as_object()) {
            fields.extend(asked.clone());
        }
        self.fit_security(&mut body);
        set(&mut body, "/metadata", metadata);
        Ok(body)
    }

    /// The body of a `PATCH` that changes what differs in what can be changed at any time, and puts our marks on the
    /// pool. Metadata of others stays.
    pub(super) fn update_body(&self, pool: &Pool, difference: &Difference) -> Value {
        let complete = self.completed_from(pool);
        let mut body = json!({"metadata": complete.metadata(pool.body(), MadeBy::of(pool))});
        for name in ["startTask", "applicationPackageReferences"] {
            let differs = |path: &str| path == name || path.starts_with(&format!("{name}."));
            if difference.of(When::AnyTime).any(|field| differs(&field.path)) {
                let asked = read_json::at(&complete.body, &format!("/{name}"));
                // What is no longer asked for goes: packages by an empty list, a start task by `replacing_body`.
                let asked = if asked.is_null() { json!([]) } else { asked.clone() };
                set(&mut body, &format!("/{name}"), asked);
            }
        }
        body
    }

    /// The body that replaces all that can be changed at any time, where a start task is to go: a `PATCH` cannot take one
    /// away. Nothing when none is to go.
    pub(super) fn replacing_body(&self, pool: &Pool, difference: &Difference) -> Option<Value> {
        let complete = self.completed_from(pool);
        let goes = |name: &str| {
            let is_named = difference.of(When::AnyTime).any(|field| field.path == name);
            is_named && complete.body.get(name).is_none()
        };
        if !goes("startTask") {
            return None;
        }
        let packages = "/applicationPackageReferences";
        let packages = match (complete.body.pointer(packages), pool.body().pointer(packages)) {
            (Some(packages), _) => packages.clone(),
            (None, Some(packages)) if !goes("applicationPackageReferences") => packages.clone(),
            (None, _) => json!([]),
        };
        let metadata = complete.metadata(pool.body(), MadeBy::of(pool));
        Some(json!({"metadata": metadata, "applicationPackageReferences": packages}))
    }

    /// The pool's metadata with what is asked for and our marks in it, without what a roll-out has put there and is not
    /// asked for any more.
    fn metadata(&self, pool: &Value, made_by: MadeBy) -> Value {
        let asked: Vec<&Value> = read_json::items(&self.body, "/metadata")
            .filter(|item| !is_mark(name_of(item)))
            .collect();
        let dropped = asked::dropped_metadata(&self.body, pool);
        let is_kept = |item: &&Value| {
            let name = name_of(item);
            let is_asked = asked.iter().any(|asked| name_of(asked) == name);
            !is_mark(name) && !is_asked && !dropped.contains(&name)
        };
        let mut metadata: Vec<Value> = read_json::items(pool, "/metadata").filter(is_kept).cloned().collect();
        metadata.extend(asked.iter().copied().cloned());
        metadata.push(json!({"name": SPEC, "value": self.mark()}));
        metadata.push(json!({"name": VERSION, "value": self.version}));
        if made_by == MadeBy::Others {
            metadata.push(json!({"name": ADOPTED, "value": made_by::YES}));
        }
        metadata.extend(asked::item(&self.body));
        Value::Array(metadata)
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
        // The agent SKU names the system, and each system runs a command in its own way.
        merge_command(&mut body, self.start_task.as_ref(), &mut Vec::new());
        Self { body, ..self.clone() }
    }
}

/// Bodies may hold passwords, so they stay out of logs.
impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spec of pool {} on {}", self.id, self.version)
    }
}

/// The name of an item of metadata.
fn name_of(item: &Value) -> &str {
    read_json::text(item, "/name").unwrap_or_default()
}

/// Whether an item of metadata is a mark of ours, not something that was asked for.
fn is_mark(name: &str) -> bool {
    matches!(name, SPEC | VERSION | ADOPTED | ASKED)
}

/// Everything that is wrong with settings by themselves, whichever version a rule means later.
pub(super) fn faults(settings: &UnresolvedRollout) -> Vec<Fault> {
    let wanted = &settings.pool.version;
    let mut stated = settings.clone();
    let mut faults = Vec::new();
    if wanted.known().is_none() {
        faults.extend(refuse_image(&mut stated.pool.json, &wanted.name()));
    }
    // For a rule any number does: the image reference is gone, and no fault shows the number.
    let known = wanted.known().cloned();
    let version = known.unwrap_or_else(|| wanted.definition().version(ANY));
    faults.extend(Spec::new(&stated.on(version)).err().unwrap_or_default());
    faults
}

/// Takes the image out of a pool JSON whose version a rule decides.
fn refuse_image(json: &mut Map<String, Value>, rule: &str) -> Option<Fault> {
    let machine = json.get_mut("virtualMachineConfiguration")?.as_object_mut()?;
    let given = machine.remove("imageReference")?;
    if let Some(fault) = managed_image(&given) {
        return Some(fault);
    }
    let text = format!("is {given} but the image version is {rule}; leave it out of ");
    let path = "virtualMachineConfiguration.imageReference";
    Some(shape::fault(path, words![text, POOL_JSON]))
}

/// A command line as the nodes of that pool run it.
pub(super) fn command_line(command: &str, pool: &Pool) -> Result<String, &'static str> {
    let os = NodeOs::of_agent(read_json::text(pool.body(), NODE_AGENT).unwrap_or_default());
    command::command_line(command, os)
}

/// Settings with these faults cannot be used. One fault a line.
pub(super) fn unusable(pool: &PoolId, faults: &[Fault]) -> Error {
    let text = format!("the settings for pool {pool} cannot be used");
    Error::new(ErrorKind::BadInput, text).because(Faults(faults.to_vec()))
}

/// What of automatic OS upgrades is asked for: a roll-out makes no such pool, and other means should make no unsafe one.
fn upgraded(body: &Value) -> Vec<Fault> {
    if !upgrade::is_by_platform(body) {
        return Vec::new();
    }
    let text = "asks Azure to move nodes to the newest version of a definition by itself, and a roll-out puts a pool on \
                one version: leave it out, or make such a pool by other means";
    let path = "upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade";
    let hazards = upgrade::hazards(body).into_iter();
    let hazards = hazards.map(|hazard| shape::fault(&hazard.path, hazard.why));
    std::iter::once(shape::fault(path, text)).chain(hazards).collect()
}

/// What a formula decides cannot be said beside it.
fn refuse_size(body: &mut Map<String, Value>, faults: &mut Vec<Fault>) {
    for name in ["targetDedicatedNodes", "targetLowPriorityNodes", "resizeTimeout"] {
        if body.remove(name).is_some() {
            let text = words!["contradicts ", AUTOSCALE_FORMULA, ": remove one of the two"];
            faults.push(shape::fault(name, text));
        }
    }
}

fn is_set(value: Option<&Value>) -> bool {
    !matches!(value, None | Some(Value::Null | Value::Bool(false)))
}

/// Texts compare without case, as Batch echoes enums and sizes in its own.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.eq_ignore_ascii_case(right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
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
fn merge_field(root: &mut Value, pointer: &str, typed: Option<Value>, option: &'static Opt, faults: &mut Vec<Fault>) {
    let Some(typed) = typed else { return };
    let given = read_json::at(root, pointer);
    if !given.is_null() && !is_same(given, &typed) {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let given = format!("is {given} but ");
        faults.push(shape::fault(
            path,
            words![given, option, format!(" is {typed}; give it in one place")],
        ));
        return;
    }
    set(root, pointer, typed);
}

/// The fault of an image reference that names a managed image.
fn managed_image(given: &Value) -> Option<Fault> {
    let PoolImage::Managed(id) = PoolImage::read(given) else {
        return None;
    };
    let path = "virtualMachineConfiguration.imageReference";
    Some(shape::fault(path, format!("{id} {MANAGED_IMAGE}")))
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
    if let Some(fault) = managed_image(given) {
        faults.push(fault);
    } else if !is_version {
        let text = format!("is {given} but the image version is {version}; leave it out of ");
        let path = "virtualMachineConfiguration.imageReference";
        faults.push(shape::fault(path, words![text, POOL_JSON]));
    }
    set(root, IMAGE_REFERENCE, wanted);
}

fn merge_start_task(root: &mut Value, task: Option<&StartTask>, faults: &mut Vec<Fault>) {
    let is_given = is_set(root.get("startTask"));
    if is_given && task.is_some() {
        let text = words!["is given, and so is ", START_TASK, "; use one of the two"];
        faults.push(shape::fault("startTask", text));
    } else if is_given && read_json::at(root, "/startTask/waitForSuccess").is_null() {
        // Batch was seen to store false where a request leaves it out.
        set(root, "/startTask/waitForSuccess", json!(true));
    }
    merge_command(root, task, faults);
}

/// Puts the typed start task in, as the system that the node agent is for runs it.
fn merge_command(root: &mut Value, task: Option<&StartTask>, faults: &mut Vec<Fault>) {
    let Some(task) = task else { return };
    let os = NodeOs::of_agent(read_json::text(root, NODE_AGENT).unwrap_or_default());
    match start_task::render(task, os) {
        Ok(rendered) => set(root, "/startTask", rendered),
        Err(text) => faults.push(Fault::new(START_TASK, text)),
    }
}

fn merge_timeout(body: &mut Map<String, Value>, typed: Option<Duration>, faults: &mut Vec<Fault>) -> Option<Duration> {
    let Some(given) = body.remove("resizeTimeout") else {
        return typed;
    };
    let parsed = given.as_str().and_then(parse_duration);
    let text = match (parsed, typed) {
        (None, _) => format!("is {given}, not a duration such as \"PT30M\"").into(),
        (Some(given), Some(typed)) if given != typed => words![
            format!("is {} but ", iso_minutes(given)),
            RESIZE_TIMEOUT,
            format!(" is {}; give it in one place", iso_minutes(typed))
        ],
        (Some(_), _) => return parsed,
    };
    faults.push(shape::fault("resizeTimeout", text));
    typed
}

#[cfg(test)]
pub(in crate::rollout) mod tests;
