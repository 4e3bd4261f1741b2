//! Settings that say nothing to a version that is adopted, each with one note. Pure.
//!
//! Nothing is refused here.

use crate::{
    compute::version::ImageVersion,
    json,
    settings::{DefinitionTraits, Generalized, PublishSettings, ReplicaStorage, Stopped},
};

/// One note for each setting that was given in vain. A storage that is the default may not have been given at all.
#[must_use]
pub(super) fn notes(settings: &PublishSettings, version: &ImageVersion) -> Vec<String> {
    let mut notes = Vec::new();
    let storage = settings.version_settings.storage;
    if storage != ReplicaStorage::default() && has_other_storage(version, storage) {
        notes.push(format!(
            "storage_account_type = {} is for regions that are added; another storage in those that are there needs a new version",
            storage.as_str()
        ));
    }
    let settings = [
        ("definition", settings.traits != DefinitionTraits::default()),
        ("create_gallery", settings.create_gallery),
        ("deallocate", settings.machine.if_running == Stopped::Deallocate),
        ("generalize", settings.machine.generalized == Generalized::Mark),
    ];
    let in_vain = settings.into_iter().filter(|(_, is_given)| *is_given);
    notes.extend(in_vain.map(|(name, _)| format!("{name} has no effect on a version that is adopted")));
    notes
}

fn has_other_storage(version: &ImageVersion, storage: ReplicaStorage) -> bool {
    version.target_regions().iter().any(|region| {
        let has = json::text(region, "/storageAccountType").unwrap_or(ReplicaStorage::default().as_str());
        !has.eq_ignore_ascii_case(storage.as_str())
    })
}
