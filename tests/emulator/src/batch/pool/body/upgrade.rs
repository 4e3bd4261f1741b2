//! `upgradePolicy`: which policies the service takes, as the models and the page on upgrade policies say.
//!
//! What a policy does to nodes is in `batch/upgrade`.

use serde_json::{Map, Value};

use super::{flag, required};
use crate::batch::image;
use crate::batch::refusal::Refusal;
use crate::envelope::ArmPath;
use crate::json::text;

const ENABLE: &str = "upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade";

/// A policy by itself.
pub(super) fn policy(value: &Value) -> Result<Value, Refusal> {
    let mode = required(value, "mode")?;
    if !["automatic", "manual", "rolling"].contains(&mode.to_ascii_lowercase().as_str()) {
        return Err(Refusal::property("upgradePolicy.mode", mode, "The value is not known."));
    }
    for name in [
        "disableAutomaticRollback",
        "enableAutomaticOSUpgrade",
        "useRollingUpgradePolicy",
        "osRollingUpgradeDeferral",
    ] {
        if let Some(given) = value.pointer(&format!("/automaticOSUpgradePolicy/{name}")) {
            flag(name, given)?;
        }
    }
    let batch = percent(value, "maxBatchInstancePercent", 5)?;
    let unhealthy = percent(value, "maxUnhealthyInstancePercent", 5)?;
    percent(value, "maxUnhealthyUpgradedInstancePercent", 0)?;
    match (batch, unhealthy) {
        (Some(batch), Some(unhealthy)) if batch > unhealthy => Err(Refusal::property(
            "maxBatchInstancePercent",
            &batch.to_string(),
            "The value must not exceed maxUnhealthyInstancePercent.",
        )),
        _ => Ok(value.clone()),
    }
}

fn percent(value: &Value, name: &str, least: u64) -> Result<Option<u64>, Refusal> {
    let Some(given) = value.pointer(&format!("/rollingUpgradePolicy/{name}")) else {
        return Ok(None);
    };
    match given.as_u64().filter(|percent| (least..=100).contains(percent)) {
        Some(percent) => Ok(Some(percent)),
        None => {
            let reason = format!("The value must be between {least} and 100.");
            Err(Refusal::property(name, &given.to_string(), &reason))
        }
    }
}

/// A policy compared with the rest of the pool: automatic upgrades need an image whose version is latest, and on Windows that
/// updates do not come in another way too.
pub(super) fn fits(settings: &Map<String, Value>) -> Result<(), Refusal> {
    let policy = settings.get("upgradePolicy").unwrap_or(&Value::Null);
    let asked = policy.pointer("/automaticOSUpgradePolicy/enableAutomaticOSUpgrade");
    if asked != Some(&Value::Bool(true)) {
        return Ok(());
    }
    let machine = settings.get("virtualMachineConfiguration").unwrap_or(&Value::Null);
    let is_latest = match image::gallery_id(machine) {
        Some(id) => ArmPath::parse(id).is_some_and(|path| path.kind() == "galleries/images"),
        None => text(machine, "/imageReference/version") == Some("latest"),
    };
    if !is_latest {
        let reason = "Automatic OS upgrade needs an image whose version is latest.";
        return Err(Refusal::property(ENABLE, "true", reason));
    }
    if machine.pointer("/windowsConfiguration/enableAutomaticUpdates") == Some(&Value::Bool(true)) {
        let reason = "Automatic OS upgrade and enableAutomaticUpdates must not both be true.";
        return Err(Refusal::property(ENABLE, "true", reason));
    }
    Ok(())
}
