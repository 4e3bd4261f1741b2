//! What the resource manager itself knows: subscriptions, resource groups, registered providers, budgets of requests.
//!
//! It answers nothing; `arm` does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::operation::Operations;

pub(crate) mod budget;
pub(crate) mod group;
pub(crate) mod registration;

use budget::Budgets;
use group::Group;
use registration::Registration;

/// What the resource manager itself knows.
#[derive(Debug, Default)]
pub struct Directory {
    pub(crate) subscriptions: Vec<Subscription>,
    /// By lower-case id.
    pub(crate) groups: BTreeMap<String, Group>,
    /// When a provider became or becomes registered, by lower-case `subscription/namespace`; providers that
    /// are not named are registered.
    pub(crate) registrations: BTreeMap<String, Registration>,
    pub(crate) budgets: Budgets,
}

/// A subscription, as a seed writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// The subscription's GUID.
    pub id: String,
    /// The name that people see.
    #[serde(default)]
    pub name: String,
    /// The tenant it belongs to; when absent the seed's own, else the one that it belongs to already.
    #[serde(default)]
    pub tenant: String,
    /// Namespaces that are not registered, e.g. `Microsoft.Batch`.
    #[serde(default)]
    pub unregistered_providers: Vec<String>,
}

impl Directory {
    /// Adds a subscription, or puts it in place of the one with the same id.
    pub(crate) fn add_subscription(&mut self, subscription: Subscription) {
        for namespace in &subscription.unregistered_providers {
            let key = registration::key(&subscription.id, namespace);
            self.registrations.insert(key, Registration::Not);
        }
        self.subscriptions
            .retain(|known| !known.id.eq_ignore_ascii_case(&subscription.id));
        self.subscriptions.push(subscription);
    }

    /// The tenant of a subscription; `None` when there is no such subscription.
    #[must_use]
    pub fn tenant_of(&self, subscription: &str) -> Option<&str> {
        self.subscription(subscription).map(|known| known.tenant.as_str())
    }

    /// The location of a resource group; `None` when there is no such group.
    #[must_use]
    pub fn group_location(&self, subscription: &str, group: &str) -> Option<&str> {
        self.groups.get(&group::key(subscription, group)).map(Group::location)
    }

    /// The id of the subscription that was added first.
    pub(crate) fn first_subscription(&self) -> Option<&str> {
        self.subscriptions.first().map(|first| first.id.as_str())
    }

    /// Puts a finished group there.
    pub(crate) fn plant_group(&mut self, subscription: &str, name: &str, location: &str, body: &Value) {
        self.add_group(Group::new(subscription, name, location, body));
    }

    pub(crate) fn add_group(&mut self, group: Group) {
        self.groups.insert(group.key(), group);
    }

    /// Whether a subscription may use a provider at that time.
    pub(crate) fn is_registered(&self, subscription: &str, namespace: &str, now: Timestamp) -> bool {
        let registration = self.registrations.get(&registration::key(subscription, namespace));
        registration.is_none_or(|state| state.is_good(now))
    }

    /// Removes the groups whose deletion is over and returns their ids in lower case.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) -> Vec<String> {
        let mut gone = Vec::new();
        self.groups.retain(|key, group| {
            let stays = group.settle(operations, now);
            if !stays {
                gone.push(key.clone());
            }
            stays
        });
        gone
    }

    /// The groups as answers show them.
    pub(crate) fn resources(&self) -> Vec<Value> {
        self.groups.values().map(Group::view).collect()
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|known| known.id.eq_ignore_ascii_case(id))
    }
}
