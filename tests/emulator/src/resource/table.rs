//! Resources of one kind, each with its pending change.
//!
//! A change is over when its operation is; the operation alone knows when that is and how it ended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    json as edit,
    operation::{Operations, Started, Status},
};

/// What a kind of resource knows beyond what it shows.
pub(crate) trait Facts: std::fmt::Debug {
    /// Takes up how a pending change ended.
    fn settled(&mut self, _change: Doing, _succeeded: bool, _at: Timestamp) {}

    /// Takes up what time alone brings, apart from any change.
    fn pass(&mut self, _now: Timestamp) {}
}

/// What a pending change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Creating,
    Updating,
    Deleting,
}

/// A pending change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) doing: Doing,
    pub(crate) operation: String,
    /// What the resource shows once the change has succeeded.
    pub(crate) readouts: Value,
}

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Item<F> {
    /// The id in the casing it was created with.
    pub(crate) id: String,
    /// The body as it is shown, without id, name, type and provisioning state.
    pub(crate) body: Value,
    pub(crate) facts: F,
    /// Whether the last change failed.
    pub(crate) failed: bool,
    pub(crate) change: Option<Change>,
}

/// All resources of one kind by lower-case id.
#[derive(Debug)]
pub(crate) struct Table<F> {
    items: BTreeMap<String, Item<F>>,
}

/// Nothing beyond what is shown.
impl Facts for () {}

impl<F> Default for Table<F> {
    fn default() -> Self {
        Self { items: BTreeMap::new() }
    }
}

impl Change {
    pub(crate) fn new(doing: Doing, started: &Started) -> Self {
        Self {
            doing,
            operation: started.id.clone(),
            readouts: json!({}),
        }
    }

    pub(crate) fn showing(self, readouts: Value) -> Self {
        Self { readouts, ..self }
    }
}

impl<F> Item<F> {
    pub(crate) fn new(id: String, body: Value, facts: F) -> Self {
        Self {
            id,
            body,
            facts,
            failed: false,
            change: None,
        }
    }

    /// The region, normalised.
    pub(crate) fn location(&self) -> String {
        crate::region::normalise(edit::text(&self.body, "/location").unwrap_or_default())
    }

    /// The resource's own name.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// A text under `properties`, e.g. `/osType`.
    pub(crate) fn property(&self, pointer: &str) -> Option<&str> {
        edit::text(&self.body, &format!("/properties{pointer}"))
    }

    /// Whether a change is pending.
    pub(crate) fn is_busy(&self) -> bool {
        self.change.is_some()
    }

    /// Whether that change is pending.
    pub(crate) fn is(&self, doing: Doing) -> bool {
        self.change.as_ref().is_some_and(|change| change.doing == doing)
    }

    /// `Creating`, `Updating`, `Deleting`, `Succeeded` or `Failed`.
    pub(crate) fn provisioning_state(&self) -> &'static str {
        match &self.change {
            Some(change) => match change.doing {
                Doing::Creating => "Creating",
                Doing::Updating => "Updating",
                Doing::Deleting => "Deleting",
            },
            None if self.failed => "Failed",
            None => "Succeeded",
        }
    }

    /// The resource as answers show it.
    pub(crate) fn view(&self, kind: &str) -> Value {
        let mut view = json!({"name": self.name(), "id": self.id, "type": kind});
        edit::merge(&mut view, self.body.clone());
        edit::set(
            &mut view,
            &["properties", "provisioningState"],
            json!(self.provisioning_state()),
        );
        view
    }
}

impl<F: Facts> Item<F> {
    /// Takes up a change that is over; false when the resource is gone with it.
    fn settle(&mut self, operations: &Operations, now: Timestamp) -> bool {
        self.facts.pass(now);
        let Some(change) = &self.change else {
            return true;
        };
        let succeeded = match operations.status(&change.operation, now) {
            Status::InProgress => return true,
            Status::Succeeded => true,
            Status::Failed(_) => false,
        };
        let Some(change) = self.change.take() else {
            return true;
        };
        match (change.doing, succeeded) {
            (Doing::Deleting, true) => return false,
            (Doing::Deleting, false) => {}
            (_, true) => {
                edit::merge(&mut self.body, change.readouts);
                self.failed = false;
            }
            (_, false) => self.failed = true,
        }
        self.facts.settled(change.doing, succeeded, now);
        true
    }
}

impl<F> Table<F> {
    pub(crate) fn find(&self, key: &str) -> Option<&Item<F>> {
        self.items.get(key)
    }

    pub(crate) fn find_mut(&mut self, key: &str) -> Option<&mut Item<F>> {
        self.items.get_mut(key)
    }

    pub(crate) fn insert(&mut self, item: Item<F>) {
        self.items.insert(item.id.to_lowercase(), item);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item<F>> {
        self.items.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Item<F>> {
        self.items.values_mut()
    }

    /// Whether any resource has an id below that key.
    pub(crate) fn has_children_of(&self, key: &str) -> bool {
        let prefix = format!("{key}/");
        self.items
            .range(prefix.clone()..)
            .next()
            .is_some_and(|(child, _)| child.starts_with(&prefix))
    }

    /// Removes one resource at once; whether it was there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        self.items.remove(key).is_some()
    }

    pub(crate) fn remove_below(&mut self, prefix: &str) {
        self.items.retain(|key, _| !key.starts_with(prefix));
    }
}

impl<F: Facts> Table<F> {
    /// Takes up every change that is over.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) {
        self.items.retain(|_, item| item.settle(operations, now));
    }

    /// The same, and returns the resources that are gone with it.
    pub(crate) fn settle_and_take(&mut self, operations: &Operations, now: Timestamp) -> Vec<Item<F>> {
        let changing = self.items.iter_mut().filter(|(_, item)| item.is_busy());
        let gone: Vec<String> = changing
            .filter_map(|(key, item)| (!item.settle(operations, now)).then(|| key.clone()))
            .collect();
        gone.iter().filter_map(|key| self.items.remove(key)).collect()
    }
}
