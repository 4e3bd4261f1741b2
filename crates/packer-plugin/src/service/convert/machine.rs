//! What may be done to the source machine, and where what is made on the way goes.
//!
//! Nothing is done here.

use azure_batch_core::{
    ids::resource::ResourceGroupId,
    settings::{Generalized, KeptKind, MachineHandling, OnFailure, Source, Stopped, Temporaries},
};

use super::{
    NO_SUBSCRIPTION,
    faults::{Faults, filled, is_on},
};
use crate::imaging::v1;

/// How many tags of the user fit: Azure allows 50 on a resource, eight are left to our own.
const MAX_TAGS: usize = 42;

/// Azure's limit for a tag's name.
const MAX_TAG_NAME: usize = 512;

/// Azure's limit for a tag's value.
const MAX_TAG_VALUE: usize = 256;

/// Azure's limit for names of images and snapshots is 80; half is left to what tells them apart.
const MAX_PREFIX: usize = 40;

/// What may be done to a source VM.
pub(super) fn handling(faults: &mut Faults, settings: &v1::Settings) -> Option<MachineHandling> {
    let if_running = match (is_on(settings.deallocate), is_on(settings.allow_running_vm)) {
        (false, false) => Some(Stopped::Required),
        (true, false) => Some(Stopped::Deallocate),
        (false, true) => Some(Stopped::AllowRunning),
        (true, true) => {
            faults.add("allow_running_vm", "contradicts deallocate: remove one of them");
            None
        }
    };
    let generalized = match (is_on(settings.generalize), is_on(settings.generalized)) {
        (false, false) => Some(Generalized::Required),
        (false, true) => Some(Generalized::Declared),
        (true, false) => Some(Generalized::Mark),
        (true, true) => {
            faults.add(
                "generalized",
                "contradicts generalize, which marks the VM: remove one of them",
            );
            None
        }
    };
    Some(MachineHandling {
        if_running: if_running?,
        generalized: generalized?,
    })
}

/// What is made on the way.
pub(super) fn temporaries(
    faults: &mut Faults,
    settings: &v1::Settings,
    source: Option<&Source>,
) -> Option<Temporaries> {
    let defaults = Temporaries::default();
    let group = filled(settings.temp_resource_group_name.as_deref()).and_then(|name| {
        let subscription = source.map_or(NO_SUBSCRIPTION, |source| source.group().subscription());
        let not_a_name = format!("{name:?} is not the name of a resource group");
        ResourceGroupId::new(subscription, name)
            .map_err(|_shape| faults.add("temp_resource_group_name", not_a_name))
            .ok()
    });
    check_tags(faults, settings);
    let kinds = settings.keep.iter().enumerate();
    let keep = kinds.filter_map(|(index, kind)| kept(faults, index, kind)).collect();
    Some(Temporaries {
        group,
        name_prefix: prefix(faults, settings.temp_name_prefix.as_deref(), defaults.name_prefix),
        tags: settings.azure_tags.clone(),
        keep,
        on_failure: on_failure(faults, settings.on_failure.as_deref())?,
    })
}

fn prefix(faults: &mut Faults, text: Option<&str>, default: String) -> String {
    let Some(text) = filled(text) else { return default };
    let is_good = text.len() <= MAX_PREFIX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_good {
        let rule = format!("1-{MAX_PREFIX} letters, digits, \"-\", \"_\" or \".\", the first a letter or digit");
        faults.add(
            "temp_name_prefix",
            format!("{text:?} cannot begin a resource's name: write {rule}"),
        );
    }
    text.to_owned()
}

fn check_tags(faults: &mut Faults, settings: &v1::Settings) {
    let tags = &settings.azure_tags;
    if tags.len() > MAX_TAGS {
        let text = format!("are {}: at most {MAX_TAGS} fit beside our own", tags.len());
        faults.add("azure_tags", text);
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in tags {
        if let Some(same) = seen.iter().find(|other| other.eq_ignore_ascii_case(name)) {
            let text = format!("is the same tag as {same}: Azure's tag names have no case");
            faults.add(format!("azure_tags.{name}"), text);
        }
        seen.push(name);
        if name.is_empty() || name.len() > MAX_TAG_NAME || name.contains(['<', '>', '%', '&', '\\', '?', '/']) {
            let text = format!("is no tag name: write 1-{MAX_TAG_NAME} letters without < > % & \\ ? /");
            faults.add(format!("azure_tags.{name}"), text);
        }
        if value.len() > MAX_TAG_VALUE {
            let text = format!("has {} letters: at most {MAX_TAG_VALUE} fit", value.len());
            faults.add(format!("azure_tags.{name}"), text);
        }
    }
}

fn kept(faults: &mut Faults, index: usize, kind: &str) -> Option<KeptKind> {
    match kind {
        "snapshots" => Some(KeptKind::Snapshots),
        "managed_image" => Some(KeptKind::ManagedImage),
        _ => {
            let text = format!("{kind:?} is nothing that can be kept: write snapshots or managed_image");
            faults.add(format!("keep[{index}]"), text);
            None
        }
    }
}

fn on_failure(faults: &mut Faults, text: Option<&str>) -> Option<OnFailure> {
    match filled(text) {
        None | Some("delete") => Some(OnFailure::Delete),
        Some("keep") => Some(OnFailure::Keep),
        Some(other) => {
            faults.add("on_failure", format!("is {other:?}; write delete or keep"));
            None
        }
    }
}
