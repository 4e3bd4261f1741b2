//! The deleted versions that are kept.
//!
//! Which are kept, and how one comes back, is in `soft_delete`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::version::replication::{Retention, VersionFacts};
use crate::{json as edit, resource::Item};

/// The versions that are kept, by lower-case id.
#[derive(Debug, Default)]
pub(crate) struct SoftDeleted {
    pub(super) kept: BTreeMap<String, Item<VersionFacts>>,
}

impl SoftDeleted {
    /// Keeps a version that was just deleted, if its deletion was soft.
    pub(super) fn keep(&mut self, item: Item<VersionFacts>) {
        if item.facts.retention.is_some() {
            self.kept.insert(item.id.to_lowercase(), item);
        }
    }

    /// Forgets what is kept no longer.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.kept.retain(|_, item| {
            item.facts
                .retention
                .is_some_and(|retention| now < retention.recoverable_until)
        });
    }

    pub(super) fn remove_below(&mut self, prefix: &str) {
        self.kept.retain(|key, _| !key.starts_with(prefix));
    }

    /// Whether anything is kept of what was below that key.
    pub(super) fn has_children_of(&self, key: &str) -> bool {
        let prefix = format!("{key}/");
        self.kept.keys().any(|child| child.starts_with(&prefix))
    }

    /// The version with that key, as long as machines can be made from it.
    pub(super) fn consumable(&self, key: &str, now: Timestamp) -> Option<&Item<VersionFacts>> {
        let is_consumable = |retention: Retention| now < retention.consumable_until;
        self.kept
            .get(key)
            .filter(|item| item.facts.retention.is_some_and(is_consumable))
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.kept.contains_key(key)
    }

    /// Every version that is kept, as the list of its definition shows it.
    pub(super) fn views(&self) -> Vec<Value> {
        self.kept.values().filter_map(view).collect()
    }
}

fn view(item: &Item<VersionFacts>) -> Option<Value> {
    let retention = item.facts.retention?;
    let (definition, version) = item.id.split_once("/versions/")?;
    let (gallery, definition) = definition.split_once("/images/")?;
    Some(json!({
        "name": version,
        "id": format!("{gallery}/softDeletedArtifactTypes/Images/artifacts/{definition}/versions/{version}"),
        "type": "Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions",
        "location": item.location(),
        "properties": {
            "resourceArmId": item.id,
            "softDeletedArtifactType": "Images",
            "softDeletedTime": edit::time(retention.deleted),
            "consumptionEndTime": edit::time(retention.consumable_until),
            "hardDeletionTargetTime": edit::time(retention.recoverable_until),
        },
    }))
}
