//! Whether a definition takes a machine, field by field, and what it says otherwise than the settings. Pure.
//!
//! Which way leads into it is decided in `way`; which sizes boot its images in `boot`.

use serde_json::Value;

use super::{chosen, identifier};
use crate::{
    compute::gallery::ImageDefinition,
    error::{Error, ErrorKind, Result},
    json as read_json,
    options::image::DEFINITION_FEATURES,
    publish::{
        capabilities::{CONTROLLERS, Capabilities, Controllers},
        machine::{ImageKind, Machine, SourceShape},
    },
    settings::{DefinitionTraits, PublishSettings},
    words,
};

/// What a node names of a purchase plan: all of it is the image's, or Azure makes no machine.
const PLAN_PARTS: [&str; 3] = ["name", "publisher", "product"];

/// Compares a machine with the definition it is meant for.
///
/// # Errors
/// `Refused`, naming every field that differs.
pub(in crate::publish) fn require_fit(
    traits: &DefinitionTraits,
    machine: &Machine,
    definition: &ImageDefinition,
) -> Result<()> {
    let mut differences = fields(machine, definition);
    differences.extend(plan(machine, definition));
    differences.extend(controllers(machine, definition));
    let asked = asked_features(traits, definition);
    if differences.is_empty() && asked.is_empty() {
        return Ok(());
    }
    let hint = if differences.is_empty() {
        words![
            "name another definition, or remove the feature from ",
            DEFINITION_FEATURES
        ]
    } else {
        words!["these cannot be changed later: name another definition; a missing one is created to fit"]
    };
    differences.extend(asked);
    let text = format!(
        "the image definition does not fit the source: {}",
        differences.join("; ")
    );
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

fn fields(machine: &Machine, definition: &ImageDefinition) -> Vec<String> {
    let fields = [
        ("osType", definition.os_type(), machine.os_type.as_str()),
        ("osState", definition.os_state(), "Generalized"),
        ("hyperVGeneration", definition.hyper_v_generation(), &machine.generation),
        ("architecture", definition.architecture(), &machine.architecture),
    ];
    let different = fields
        .into_iter()
        .filter(|(_, has, needs)| !has.eq_ignore_ascii_case(needs));
    different
        .map(|(field, has, needs)| format!("{field} is {has}, the source needs {needs}"))
        .collect()
}

fn plan(machine: &Machine, definition: &ImageDefinition) -> Vec<String> {
    let is_untold = match &machine.shape {
        SourceShape::Image(image) => image.kind == ImageKind::ManagedImage,
        SourceShape::Vhds(_) => true,
        SourceShape::Disks | SourceShape::Snapshots => false,
    };
    let difference = |has: &str, needs: &str| vec![format!("purchasePlan: it has {has}, the source needs {needs}")];
    match (definition.plan(), &machine.plan) {
        (None, Some(_)) => difference("none", "one"),
        (Some(_), None) if !is_untold => difference("one", "none"),
        (Some(has), Some(needs)) => PLAN_PARTS
            .iter()
            .filter_map(|part| other_part(part, has, needs))
            .collect(),
        (Some(_) | None, None) => Vec::new(),
    }
}

/// What of a purchase plan the definition says otherwise than the source, where the source says it.
fn other_part(part: &str, has: &Value, needs: &Value) -> Option<String> {
    let of = |plan| read_json::text(plan, &format!("/{part}"));
    let (has, needs) = (of(has), of(needs)?);
    let is_same = has.is_some_and(|has| has.eq_ignore_ascii_case(needs));
    (!is_same).then(|| {
        format!(
            "purchasePlan.{part} is {}, the source needs {needs}",
            has.unwrap_or("not given")
        )
    })
}

/// A machine on an NVMe controller goes only into a definition that is marked for it, as Microsoft's page says.
fn controllers(machine: &Machine, definition: &ImageDefinition) -> Option<String> {
    let has = Capabilities::of_definition(definition).controllers.unwrap_or_default();
    let needs = Controllers::ScsiAndNvme;
    (machine.capabilities.is_nvme && has != needs)
        .then(|| format!("{CONTROLLERS} is {}, the source needs {}", has.as_str(), needs.as_str()))
}

/// The features that the user asks for and the definition does not have.
fn asked_features(traits: &DefinitionTraits, definition: &ImageDefinition) -> Vec<String> {
    let missing = |(name, value): (&String, &String)| {
        let has = definition.feature(name);
        let is_there = has.is_some_and(|has| has.eq_ignore_ascii_case(value));
        (!is_there).then(|| format!("{name} is {}, the settings ask for {value}", has.unwrap_or("not given")))
    };
    traits.features.iter().filter_map(missing).collect()
}

/// One sentence for each thing that a definition that exists says otherwise than the settings or the source. It is not
/// changed, and none of these keeps a version from being made.
#[must_use]
pub(in crate::publish) fn notes(
    settings: &PublishSettings,
    machine: &Machine,
    definition: &ImageDefinition,
) -> Vec<String> {
    let mut notes: Vec<String> = differing_texts(settings, definition)
        .into_iter()
        .map(|what| format!("{what}: a definition that exists is not changed"))
        .collect();
    let has = Capabilities::of_definition(definition);
    let (of_machine, of_definition) = (machine.capabilities.controllers, has.controllers.unwrap_or_default());
    match (of_machine, of_definition) {
        (Some(Controllers::ScsiAndNvme), Controllers::Scsi) => notes.push(format!(
            "the source can boot from NVMe and the definition does not say so, so no VM size that has only NVMe, such as those of v6, boots its images; a new definition would say {CONTROLLERS}"
        )),
        (Some(Controllers::Scsi), Controllers::ScsiAndNvme) => notes.push(
            "the definition says that its images boot from NVMe, and the source's OS disk names SCSI only: nodes of sizes that have only NVMe may not start".to_owned(),
        ),
        _ => {}
    }
    let of_machine = machine.capabilities;
    notes.extend(differing_feature(
        "accelerated networking",
        of_machine.network,
        has.network,
    ));
    notes.extend(differing_feature(
        "hibernation",
        of_machine.hibernation,
        has.hibernation,
    ));
    notes
}

/// What a definition says of a feature of its images otherwise than the source's OS disk, where both say anything.
fn differing_feature(name: &str, of_machine: Option<bool>, of_definition: Option<bool>) -> Option<String> {
    let verbs = match (of_definition?, of_machine?) {
        (true, false) => ("support", "does not"),
        (false, true) => ("do not support", "does"),
        (true, true) | (false, false) => return None,
    };
    let (of_images, of_source) = verbs;
    Some(format!(
        "the definition says that its images {of_images} {name}, and the source's OS disk says that it {of_source}"
    ))
}

/// What the definition says otherwise than the settings, where they say anything.
fn differing_texts(settings: &PublishSettings, definition: &ImageDefinition) -> Vec<String> {
    let mut wanted = chosen(&settings.traits);
    let given = [
        ("publisher", &settings.traits.publisher),
        ("offer", &settings.traits.offer),
        ("sku", &settings.traits.sku),
    ];
    let identifier = identifier(settings);
    for (name, _) in given.into_iter().filter(|(_, given)| given.is_some()) {
        let value = identifier.get(name).cloned().unwrap_or_default();
        wanted.insert(format!("identifier/{name}"), value);
    }
    let is_other = |(name, wanted): (&String, &Value)| {
        let has = definition.property(&format!("/{name}"));
        let field = name.replace('/', ".");
        let has_text = has.map_or_else(|| "not given".to_owned(), Value::to_string);
        (has != Some(wanted)).then(|| format!("the definition's {field} is {has_text}, the settings say {wanted}"))
    };
    wanted.iter().filter_map(is_other).collect()
}

#[cfg(test)]
mod tests;
