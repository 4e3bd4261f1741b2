//! Pool bodies of the data plane: what is taken, what is refused, which defaults are filled in.
//!
//! It changes no pool. Names and limits are those of the 2025-06-01 models; names that older versions have are taken
//! from clients that speak these versions.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::batch::allocation::Targets;
use crate::batch::ids::PoolId;
use crate::batch::refusal::{AUTOSCALE_TOO_LONG, INVALID_REQUEST_BODY, Refusal, UNSUPPORTED_PROPERTY};
use crate::batch::supported_images;
use crate::batch::wire::{format_duration, parse_duration};
use crate::compute::size::{self, VmSize};
use crate::envelope::ArmPath;
use crate::json::text;

mod disk_key;
mod upgrade;

pub(crate) use disk_key::ensure_disk_key;

/// The default of `resizeTimeout` and `autoScaleEvaluationInterval`, as the models give it.
pub(crate) const FIFTEEN_MINUTES: SignedDuration = SignedDuration::from_mins(15);
/// The least of both, as the models give it.
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);
/// The most of `autoScaleEvaluationInterval`, 168 hours.
const A_WEEK: SignedDuration = SignedDuration::from_hours(168);
/// The longest formula, in characters.
const FORMULA_LENGTH: usize = 8_192;

/// The settings that a pool keeps as they are, in the order in which it shows them.
pub(crate) const SETTINGS: &[&str] = &[
    "displayName",
    "enableInterNodeCommunication",
    "startTask",
    "metadata",
    "applicationPackageReferences",
    "taskSlotsPerNode",
    "taskSchedulingPolicy",
    "virtualMachineConfiguration",
    "networkConfiguration",
    "userAccounts",
    "mountConfiguration",
    "upgradePolicy",
];

/// The other names of a create body.
const CREATE_ONLY: &[&str] = &[
    "id",
    "vmSize",
    "resizeTimeout",
    "targetDedicatedNodes",
    "targetLowPriorityNodes",
    "enableAutoScale",
    "autoScaleFormula",
    "autoScaleEvaluationInterval",
];

/// Names that versions before 2025-06-01 have; taken from their clients and not shown.
const OUTDATED: &[&str] = &[
    "certificateReferences",
    "applicationLicenses",
    "targetNodeCommunicationMode",
    "resourceTags",
];

/// A data-plane version, as far as it decides what is taken and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ApiAge {
    /// Before 2024-07-01: pools' images cannot be patched.
    Old,
    /// 2024-07-01.20.0.
    Middle,
    /// 2025-06-01 and later.
    New,
    /// 2026-08-01 and later: no node keeps its data (azure-rest-api-specs pull requests 44527 and 44528).
    Newest,
}

/// A pool as asked for.
#[derive(Clone, Debug)]
pub(crate) struct NewPool {
    pub(crate) id: PoolId,
    pub(crate) vm_size: String,
    pub(crate) settings: Map<String, Value>,
    pub(crate) scale: NewScale,
    pub(crate) resize_timeout: SignedDuration,
}

/// How the new pool is scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NewScale {
    Fixed(Targets),
    Auto { formula: String, interval: SignedDuration },
}

/// What an absent `waitForSuccess` becomes: recorded as false after PATCH, documented as true after create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitDefault {
    True,
    False,
}

impl ApiAge {
    /// Reads an `api-version`; dates compare as text.
    pub(crate) fn of(version: &str) -> Self {
        match version.get(..10).unwrap_or_default() {
            date if date < "2024-07-01" => Self::Old,
            date if date < "2025-06-01" => Self::Middle,
            date if date < "2026-08-01" => Self::New,
            _ => Self::Newest,
        }
    }
}

/// Reads the body of POST /pools.
pub(crate) fn read_new(body: &Value, age: ApiAge) -> Result<NewPool, Refusal> {
    let fields = object(body)?;
    for name in fields.keys() {
        let known = SETTINGS.contains(&name.as_str()) || CREATE_ONLY.contains(&name.as_str());
        let outdated = OUTDATED.contains(&name.as_str()) && age < ApiAge::New;
        if !known && !outdated {
            return Err(unknown(name));
        }
    }
    let id = required(body, "id")?;
    let Some(id) = PoolId::parse(id) else {
        return Err(Refusal::property("id", id, "The id is not valid."));
    };
    let vm_size = required(body, "vmSize")?;
    let size = vm_size_of(vm_size)?;
    let mut settings = Map::new();
    for name in SETTINGS {
        if let Some(value) = fields.get(*name) {
            settings.insert((*name).to_owned(), normalise(name, value, size, WaitDefault::True)?);
        }
    }
    fill_defaults(&mut settings)?;
    upgrade::fits(&settings)?;
    let (scale, resize_timeout) = read_scale(body)?;
    Ok(NewPool {
        id,
        vm_size: vm_size.to_owned(),
        settings,
        scale,
        resize_timeout,
    })
}

/// The size that a pool names; one that the region does not have is refused.
pub(crate) fn vm_size_of(name: &str) -> Result<&'static VmSize, Refusal> {
    size::find(name)
        .ok_or_else(|| Refusal::property("vmSize", name, "The specified VM size is not supported in this region."))
}

/// A body's object without its nulls, which stand for absence.
pub(crate) fn object(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    body.as_object().ok_or_else(|| INVALID_REQUEST_BODY.into())
}

pub(crate) fn unknown(name: &str) -> Refusal {
    let refusal = if OUTDATED.contains(&name) {
        UNSUPPORTED_PROPERTY
    } else {
        INVALID_REQUEST_BODY
    };
    Refusal::from(refusal)
        .with("PropertyName", name)
        .with("Reason", "The property is not known to this api-version.")
}

/// Removes nulls at every depth.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, field)| !field.is_null());
            Value::Object(kept.map(|(name, field)| (name, without_nulls(field))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn fill_defaults(settings: &mut Map<String, Value>) -> Result<(), Refusal> {
    if !settings.contains_key("virtualMachineConfiguration") {
        return Err(Refusal::missing("virtualMachineConfiguration"));
    }
    for (name, value) in [
        ("enableInterNodeCommunication", json!(false)),
        ("taskSlotsPerNode", json!(1)),
        ("taskSchedulingPolicy", json!({"nodeFillType": "Spread"})),
    ] {
        settings.entry(name).or_insert(value);
    }
    Ok(())
}

/// Checks one setting and brings it into the form in which the service keeps it.
pub(crate) fn normalise(name: &str, value: &Value, size: &VmSize, wait: WaitDefault) -> Result<Value, Refusal> {
    match name {
        "startTask" => start_task(value, wait),
        "virtualMachineConfiguration" => configuration(value),
        "taskSlotsPerNode" => task_slots(value, size),
        "taskSchedulingPolicy" => scheduling_policy(value),
        "metadata" => metadata(value),
        "upgradePolicy" => upgrade::policy(value),
        "enableInterNodeCommunication" => flag(name, value).map(Value::Bool),
        "displayName" if value.as_str().is_none_or(|text| text.len() > 1_024) => Err(Refusal::property(
            name,
            &value.to_string(),
            "The length must not exceed 1024 characters.",
        )),
        "applicationPackageReferences" if value.as_array().is_none_or(|items| items.len() > 10) => {
            Err(Refusal::property(
                name,
                &value.to_string(),
                "There must not be more than 10 application packages.",
            ))
        }
        _ => Ok(value.clone()),
    }
}

fn start_task(value: &Value, wait: WaitDefault) -> Result<Value, Refusal> {
    if text(value, "/commandLine").is_none() {
        return Err(Refusal::missing("startTask.commandLine"));
    }
    let mut task = value.as_object().cloned().unwrap_or_default();
    let identity = json!({"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}});
    task.entry("userIdentity").or_insert(identity);
    task.entry("maxTaskRetryCount").or_insert(json!(0));
    task.entry("waitForSuccess").or_insert(json!(wait == WaitDefault::True));
    Ok(Value::Object(task))
}

fn configuration(value: &Value) -> Result<Value, Refusal> {
    let Some(reference) = value.get("imageReference").filter(|reference| reference.is_object()) else {
        return Err(Refusal::missing("virtualMachineConfiguration.imageReference"));
    };
    let Some(agent) = text(value, "/nodeAgentSKUId") else {
        return Err(Refusal::missing("virtualMachineConfiguration.nodeAgentSKUId"));
    };
    if supported_images::agent_os(agent).is_none() {
        let reason = "The specified node agent SKU is not supported.";
        return Err(Refusal::property("nodeAgentSKUId", agent, reason));
    }
    let security = text(value, "/securityProfile/securityType").unwrap_or_default();
    let encryption = "/osDisk/managedDisk/securityProfile/securityEncryptionType";
    // "Required when using Confidential VMs" (models); with which code it is refused is a guess.
    if security.eq_ignore_ascii_case("confidentialvm") && text(value, encryption).is_none() {
        let name = "virtualMachineConfiguration.osDisk.managedDisk.securityProfile.securityEncryptionType";
        return Err(Refusal::missing(name));
    }
    let mut kept = value.clone();
    if let Some(id) = text(reference, "/virtualMachineImageId") {
        image_id(reference, id)?;
    } else {
        marketplace(reference, agent)?;
        if text(reference, "/version").is_none() {
            crate::json::set(&mut kept, &["imageReference", "version"], json!("latest"));
        }
    }
    Ok(kept)
}

/// A gallery version, or a definition, which stands for its latest version; a managed image, which few accounts may use.
fn image_id(reference: &Value, id: &str) -> Result<(), Refusal> {
    let name = "imageReference.virtualMachineImageId";
    if ["/publisher", "/offer", "/sku"]
        .iter()
        .any(|part| text(reference, part).is_some())
    {
        let reason = "virtualMachineImageId is mutually exclusive with the other imageReference properties.";
        return Err(Refusal::property(name, id, reason));
    }
    let path = ArmPath::parse(id).filter(|path| path.tail.is_none() && path.group.is_some());
    let is_image = path.is_some_and(|path| {
        path.is_in("Microsoft.Compute")
            && matches!(
                path.kind().as_str(),
                "galleries/images" | "galleries/images/versions" | "images"
            )
    });
    if is_image {
        return Ok(());
    }
    Err(Refusal::property(
        name,
        id,
        "The specified virtual machine image resource id is not valid.",
    ))
}

fn marketplace(reference: &Value, agent: &str) -> Result<(), Refusal> {
    let part = |name: &str| text(reference, name).unwrap_or_default();
    let (publisher, offer, sku) = (part("/publisher"), part("/offer"), part("/sku"));
    match supported_images::find(publisher, offer, sku) {
        Some(image) if image.agent().eq_ignore_ascii_case(agent) => Ok(()),
        Some(image) => {
            let reason = format!("The image needs the node agent SKU '{}'.", image.agent());
            Err(Refusal::property("nodeAgentSKUId", agent, &reason))
        }
        None => {
            let shown = format!("{publisher} {offer} {sku}");
            Err(Refusal::property(
                "imageReference",
                &shown,
                "The specified image reference is not supported.",
            ))
        }
    }
}

fn task_slots(value: &Value, size: &VmSize) -> Result<Value, Refusal> {
    let slots = count("taskSlotsPerNode", value)?;
    // The models' limit: four a core, at most 256.
    let most = (size.cores * 4).min(256);
    if (1..=most).contains(&slots) {
        return Ok(json!(slots));
    }
    Err(Refusal::property(
        "taskSlotsPerNode",
        &slots.to_string(),
        &format!("The value must be between 1 and {most}."),
    ))
}

fn scheduling_policy(value: &Value) -> Result<Value, Refusal> {
    let fill = text(value, "/nodeFillType").unwrap_or_default();
    let word = match fill.to_ascii_lowercase().as_str() {
        "spread" => "Spread",
        "pack" => "Pack",
        _ => {
            return Err(Refusal::property(
                "taskSchedulingPolicy.nodeFillType",
                fill,
                "The value is not known.",
            ));
        }
    };
    let mut kept = value.clone();
    crate::json::set(&mut kept, &["nodeFillType"], json!(word));
    Ok(kept)
}

fn metadata(value: &Value) -> Result<Value, Refusal> {
    let complete = |item: &Value| text(item, "/name").is_some() && item.get("value").is_some_and(Value::is_string);
    match value.as_array() {
        Some(items) if items.iter().all(complete) => Ok(value.clone()),
        _ => Err(Refusal::property(
            "metadata",
            &value.to_string(),
            "Each item needs a name and a value.",
        )),
    }
}

fn read_scale(body: &Value) -> Result<(NewScale, SignedDuration), Refusal> {
    let auto = body
        .get("enableAutoScale")
        .map_or(Ok(false), |value| flag("enableAutoScale", value))?;
    let targets = read_targets(body)?;
    let timeout = read_resize_timeout(body)?.unwrap_or(FIFTEEN_MINUTES);
    if !auto {
        let (dedicated, low_priority) = targets;
        if let Some(formula) = text(body, "/autoScaleFormula") {
            let reason = "The formula must not be set unless enableAutoScale is true.";
            return Err(Refusal::property("autoScaleFormula", formula, reason));
        }
        let targets = Targets {
            dedicated: dedicated.unwrap_or(0),
            low_priority: low_priority.unwrap_or(0),
        };
        return Ok((NewScale::Fixed(targets), timeout));
    }
    if let (Some(count), _) | (_, Some(count)) = targets {
        let reason = "The value must not be set when enableAutoScale is true.";
        return Err(Refusal::property("targetDedicatedNodes", &count.to_string(), reason));
    }
    let formula = required(body, "autoScaleFormula")?;
    let interval = read_interval(body)?.unwrap_or(FIFTEEN_MINUTES);
    Ok((
        NewScale::Auto {
            formula: read_formula(formula)?,
            interval,
        },
        timeout,
    ))
}

/// The two targets, each as a number or, as az sends them, as text.
pub(crate) fn read_targets(body: &Value) -> Result<(Option<u32>, Option<u32>), Refusal> {
    let target = |name: &str| body.get(name).map(|value| count(name, value)).transpose();
    Ok((target("targetDedicatedNodes")?, target("targetLowPriorityNodes")?))
}

/// `resizeTimeout`, at least five minutes.
pub(crate) fn read_resize_timeout(body: &Value) -> Result<Option<SignedDuration>, Refusal> {
    duration(body, "resizeTimeout", SignedDuration::MAX)
}

/// `autoScaleEvaluationInterval`, five minutes to a week.
pub(crate) fn read_interval(body: &Value) -> Result<Option<SignedDuration>, Refusal> {
    duration(body, "autoScaleEvaluationInterval", A_WEEK)
}

/// A formula of a length that the service takes.
pub(crate) fn read_formula(formula: &str) -> Result<String, Refusal> {
    if formula.chars().count() > FORMULA_LENGTH {
        Err(AUTOSCALE_TOO_LONG.into())
    } else {
        Ok(formula.to_owned())
    }
}

fn duration(body: &Value, name: &str, most: SignedDuration) -> Result<Option<SignedDuration>, Refusal> {
    let Some(value) = body.get(name) else {
        return Ok(None);
    };
    let written = value.as_str().unwrap_or_default();
    match parse_duration(written) {
        Some(duration) if (FIVE_MINUTES..=most).contains(&duration) => Ok(Some(duration)),
        Some(_) => {
            let reason = format!("The value must be at least {}.", format_duration(FIVE_MINUTES));
            Err(Refusal::property(name, written, &reason))
        }
        None => Err(Refusal::property(
            name,
            &value.to_string(),
            "The value is no ISO 8601 duration.",
        )),
    }
}

pub(crate) fn count(name: &str, value: &Value) -> Result<u32, Refusal> {
    let read = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    read.ok_or_else(|| Refusal::property(name, &value.to_string(), "The value is no count."))
}

pub(crate) fn flag(name: &str, value: &Value) -> Result<bool, Refusal> {
    let read = match value {
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        other => other.as_bool(),
    };
    read.ok_or_else(|| Refusal::property(name, &value.to_string(), "The value is no Boolean."))
}

/// A text that must be there.
pub(crate) fn required<'a>(body: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(other) if !other.is_string() => Err(Refusal::property(name, &other.to_string(), "The value is no text.")),
        _ => Err(Refusal::missing(name)),
    }
}

#[cfg(test)]
mod tests;
