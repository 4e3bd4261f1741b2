//! A resource group and its state.
//!
//! Who may make and delete one, and what goes with it, is decided in `arm::group`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    json as edit,
    operation::{Operations, Status},
    region,
};

/// A resource group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) subscription: String,
    pub(crate) name: String,
    pub(crate) location: String,
    /// `tags` and `managedBy`, as sent.
    pub(crate) body: Value,
    pub(crate) deletion: Option<String>,
}

impl Group {
    pub(crate) fn new(subscription: &str, name: &str, location: &str, body: &Value) -> Self {
        let tags = body
            .get("tags")
            .filter(|tags| tags.is_object())
            .cloned()
            .unwrap_or_else(|| json!({}));
        Self {
            subscription: subscription.to_owned(),
            name: name.to_owned(),
            location: region::normalise(location),
            body: json!({"tags": tags}),
            deletion: None,
        }
    }

    pub(crate) fn key(&self) -> String {
        key(&self.subscription, &self.name)
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Takes up a deletion that is over; false when the group is gone with it.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) -> bool {
        match self.deletion.as_ref().map(|id| operations.status(id, now)) {
            Some(Status::Succeeded) => false,
            Some(Status::Failed(_)) => {
                self.deletion = None;
                true
            }
            Some(Status::InProgress) | None => true,
        }
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    pub(crate) fn view(&self) -> Value {
        let state = if self.deletion.is_some() {
            "Deleting"
        } else {
            "Succeeded"
        };
        let mut view = json!({
            "id": format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.name),
            "name": self.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
        });
        edit::merge(&mut view, self.body.clone());
        edit::set(&mut view, &["properties", "provisioningState"], json!(state));
        view
    }
}

/// What groups are found by.
pub(crate) fn key(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}").to_lowercase()
}
