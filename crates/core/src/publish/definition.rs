//! The definition that a publish makes. Pure.
//!
//! Whether a definition that is there fits the machine is decided in `definition/fit.rs`.

mod fit;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(super) use self::fit::{notes, require_fit};
use super::{machine::Machine, observe::Seen};
use crate::{
    compute::gallery::ImageDefinition,
    ids::Location,
    settings::{DefinitionTraits, PublishSettings, Recommended},
};

/// The feature for the protection of machines.
const SECURITY_TYPE: &str = "SecurityType";

/// The definition that is there, or the one that would be made: what does not fit is known before anything is written.
#[must_use]
pub(super) fn existing_or_planned(settings: &PublishSettings, seen: &Seen) -> ImageDefinition {
    let planned = |location: &Location| ImageDefinition::new(body(settings, &seen.machine, location));
    seen.definition
        .clone()
        .unwrap_or_else(|| planned(seen.gallery.as_ref().unwrap_or(&seen.machine.location)))
}

/// A new definition, from the machine's real traits. The security decision is always sent: without one the service
/// makes a V2 definition `TrustedLaunchSupported`, which takes no snapshots.
#[must_use]
pub(super) fn body(settings: &PublishSettings, machine: &Machine, location: &Location) -> Value {
    let traits = &settings.traits;
    let mut properties = json!({
        "osType": machine.os_type,
        "osState": "Generalized",
        "hyperVGeneration": machine.generation,
        "architecture": machine.architecture,
    });
    let features = features(traits, machine).into_iter();
    let features: Vec<Value> = features
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let derived = [
        ("features", (!features.is_empty()).then_some(Value::Array(features))),
        ("purchasePlan", machine.plan.as_ref().map(purchase_plan)),
        ("identifier", Some(identifier(settings))),
    ];
    if let Some(properties) = properties.as_object_mut() {
        let derived = derived
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        properties.extend(derived.chain(chosen(traits)));
    }
    json!({"location": location, "tags": settings.temporaries.tags, "properties": properties})
}

/// What names the definition within its gallery.
fn identifier(settings: &PublishSettings) -> Value {
    let traits = &settings.traits;
    let name = settings.definition.name();
    let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    json!({
        "publisher": or(&traits.publisher, settings.definition.gallery().name()),
        "offer": or(&traits.offer, name),
        "sku": or(&traits.sku, name),
    })
}

/// The features of a new definition: those that the user names, and for the rest what the machine supports.
fn features(traits: &DefinitionTraits, machine: &Machine) -> BTreeMap<String, String> {
    let is_v2 = machine.generation.eq_ignore_ascii_case("V2");
    let security = is_v2.then(|| (SECURITY_TYPE, machine.security.as_str()));
    let derived = security.into_iter().chain(machine.capabilities.features());
    let is_given = |name: &str| traits.features.keys().any(|given| given.eq_ignore_ascii_case(name));
    let derived = derived.filter(|(name, _)| !is_given(name));
    let derived = derived.map(|(name, value)| (name.to_owned(), value.to_owned()));
    derived.chain(traits.features.clone()).collect()
}

/// What the user says of the definition that does not follow from the machine, as members of its properties.
fn chosen(traits: &DefinitionTraits) -> Map<String, Value> {
    let text = |value: &Option<String>| value.as_ref().map(|text| json!(text));
    let recommended = [("vCPUs", range(traits.vcpus)), ("memory", range(traits.memory_gb))];
    let recommended: Map<String, Value> = given(recommended);
    let not_allowed = &traits.disk_types_not_allowed;
    given([
        ("description", text(&traits.description)),
        ("releaseNoteUri", text(&traits.release_note_uri)),
        ("eula", text(&traits.eula)),
        ("privacyStatementUri", text(&traits.privacy_statement_uri)),
        (
            "recommended",
            (!recommended.is_empty()).then_some(Value::Object(recommended)),
        ),
        (
            "disallowed",
            (!not_allowed.is_empty()).then(|| json!({"diskTypes": not_allowed})),
        ),
    ])
}

fn range(recommended: Recommended) -> Option<Value> {
    let range = given([
        ("min", recommended.min.map(Value::from)),
        ("max", recommended.max.map(Value::from)),
    ]);
    (!range.is_empty()).then_some(Value::Object(range))
}

fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// The members of a machine's purchase plan that a definition has; a machine's may have a promotion code too.
fn purchase_plan(plan: &Value) -> Value {
    let members = ["name", "publisher", "product"];
    let told = members
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), plan.get(name)?.clone())));
    Value::Object(told.collect())
}

#[cfg(test)]
mod tests;
