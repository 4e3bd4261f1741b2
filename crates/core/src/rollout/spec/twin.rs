//! The body of a second pool: what the first one is, with what was asked for over it.
//!
//! Pure. What the service hides has to come from what was asked for.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    IMAGE_REFERENCE, NODE_AGENT, SPEC, Spec, VERSION, When, set,
    swap::{merge, unrestorable, with_item, without_nulls, without_record},
};
use crate::{
    batch::{
        pool::{Pool, iso_minutes},
        resource,
    },
    ids::{NodeCounts, PoolId},
    json as read_json,
    rollout::{
        made_by::{ADOPTED, MadeBy},
        pair::PAIR,
    },
};

/// What a pool is made of that a new one can be made of too: the properties of `POST /pools` in the data plane of
/// 2024-07-01, without its id, size and metadata.
const MADE_OF: [&str; 13] = [
    "displayName",
    "vmSize",
    "virtualMachineConfiguration",
    "enableInterNodeCommunication",
    "networkConfiguration",
    "startTask",
    "applicationPackageReferences",
    "taskSlotsPerNode",
    "taskSchedulingPolicy",
    "userAccounts",
    "mountConfiguration",
    "targetNodeCommunicationMode",
    "upgradePolicy",
];
/// Parts that need secrets which the service does not show.
const WITH_SECRETS: [&str; 2] = ["userAccounts", "mountConfiguration"];

impl Spec {
    /// The same for a second pool, with size and agent of the first where the settings leave them open.
    pub(in crate::rollout) fn twin(&self, first: &Pool, id: PoolId) -> Self {
        let mut body = self.body.clone();
        for pointer in ["/vmSize", NODE_AGENT] {
            let found = read_json::text(first.body(), pointer);
            if let (None, Some(found)) = (read_json::text(&body, pointer), found) {
                set(&mut body, pointer, json!(found));
            }
        }
        let spec = Self {
            id,
            body,
            ..self.clone()
        };
        // The agent names the system, and each system runs a command in its own way.
        spec.completed_from(first)
    }

    /// The body of `POST /pools` for a second pool that has this specification and all else of the first.
    pub(in crate::rollout) fn twin_body(
        &self,
        first: &Pool,
        (nodes, timeout): (NodeCounts, Duration),
        (record, tags): (&str, Map<String, Value>),
    ) -> Value {
        let mut body = json!({"id": self.id});
        let difference = self.compare(first);
        let goes = |name: &str| {
            let is_named = difference.of(When::AnyTime).any(|field| field.path == name);
            is_named && self.body.get(name).is_none()
        };
        for name in MADE_OF.into_iter().filter(|name| !goes(name)) {
            let value = without_nulls(read_json::at(first.body(), &format!("/{name}")).clone());
            if !value.is_null() {
                set(&mut body, &format!("/{name}"), value);
            }
        }
        if !resource::identities(first.body()).is_empty() {
            set(&mut body, "/identity", read_json::at(first.body(), "/identity").clone());
        }
        merge(&mut body, &self.body);
        if !tags.is_empty() {
            set(&mut body, "/resourceTags", Value::Object(tags));
        }
        let image = read_json::at(&self.body, IMAGE_REFERENCE).clone();
        set(&mut body, IMAGE_REFERENCE, image);
        self.fit_security(&mut body);
        set(&mut body, "/targetDedicatedNodes", json!(nodes.dedicated));
        set(&mut body, "/targetLowPriorityNodes", json!(nodes.spot));
        set(&mut body, "/resizeTimeout", json!(iso_minutes(timeout)));
        let mut metadata = without_record(read_json::at(first.body(), "/metadata"));
        for ours in [SPEC, VERSION, ADOPTED, PAIR] {
            metadata = with_item(&metadata, ours, None);
        }
        let metadata = self.metadata(&json!({"metadata": metadata}), MadeBy::RollOuts);
        set(&mut body, "/metadata", with_item(&metadata, PAIR, Some(record)));
        body
    }

    /// Whether a pool has the VM size of this specification.
    pub(in crate::rollout) fn is_size_of(&self, pool: &Pool) -> bool {
        read_json::text(&self.body, "/vmSize").is_none_or(|size| size.eq_ignore_ascii_case(pool.vm_size()))
    }

    /// What of the first pool the second cannot get, as the service does not show it.
    pub(in crate::rollout) fn lost_by_twin(&self, first: &Pool) -> Option<String> {
        let has = |name: &str| {
            let value = read_json::at(first.body(), &format!("/{name}"));
            !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
        };
        let is_asked = |name: &str| self.body.get(name).is_some_and(|value| !value.is_null());
        let lost = WITH_SECRETS.into_iter().find(|name| has(name) && !is_asked(name));
        lost.map(str::to_owned).or_else(|| unrestorable(first, Some(self)))
    }
}

/// The body of a `PATCH` that only writes what a pool remembers of its family.
pub(in crate::rollout) fn related(pool: &Pool, text: &str) -> Value {
    let metadata = read_json::at(pool.body(), "/metadata");
    json!({"metadata": with_item(metadata, PAIR, Some(text))})
}
