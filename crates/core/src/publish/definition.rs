//! The JSON body of a definition that a publish makes. Pure.
//!
//! Whether a definition that is there fits the machine is decided in `checks`.

use serde_json::{Value, json};

use super::machine::Machine;
use crate::{ids::Location, settings::PublishSettings};

/// A new definition, from the machine's real traits. The security decision is always sent: without one the service
/// makes a V2 definition `TrustedLaunchSupported`, which takes no snapshots.
#[must_use]
pub(super) fn body(settings: &PublishSettings, machine: &Machine, location: &Location) -> Value {
    let traits = &settings.traits;
    let name = settings.definition.name();
    let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let mut properties = json!({
        "osType": machine.os_type,
        "osState": "Generalized",
        "hyperVGeneration": machine.generation,
        "architecture": machine.architecture,
        "identifier": {
            "publisher": or(&traits.publisher, settings.definition.gallery().name()),
            "offer": or(&traits.offer, name),
            "sku": or(&traits.sku, name),
        },
    });
    let is_v2 = machine.generation.eq_ignore_ascii_case("V2");
    let features = is_v2.then(|| json!([{"name": "SecurityType", "value": machine.security.as_str()}]));
    let optional = [
        ("features", features),
        ("purchasePlan", machine.plan.as_ref().map(purchase_plan)),
        ("description", traits.description.as_ref().map(|text| json!(text))),
    ];
    if let Some(properties) = properties.as_object_mut() {
        let given = optional.into_iter();
        properties.extend(given.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    json!({"location": location, "tags": settings.temporaries.tags, "properties": properties})
}

/// The members of a machine's purchase plan that a definition has; a machine's may have a promotion code too.
fn purchase_plan(plan: &Value) -> Value {
    let members = ["name", "publisher", "product"];
    let told = members
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), plan.get(name)?.clone())));
    Value::Object(told.collect())
}
