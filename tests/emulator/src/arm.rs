//! The resource manager: who asks, what for, and which provider answers.
//!
//! Paths compare without case and any api-version is taken. Providers' rules live with the providers.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    batch, compute, deployment,
    entra::{Audience, Caller, Denied},
    http::Response,
    network,
    operation::{self, Operations},
    rights::{self, Access},
    storage, unsupported, vault,
    world::{Call, World},
};

mod budget;
mod error;
mod filter;
mod group;
mod headers;
mod metadata;
mod page;
mod path;
mod provider;
mod subscription;
mod tags;

pub(crate) use error::Answer;
pub use error::ArmError;
pub(crate) use filter::Filter;
use group::Group;
pub use page::page;
pub use path::ArmPath;

/// What the resource manager itself knows.
#[derive(Debug, Default)]
pub struct Arm {
    subscriptions: Vec<Subscription>,
    /// By lower-case id.
    groups: BTreeMap<String, Group>,
    /// When a provider became or becomes registered, by lower-case `subscription/namespace`; providers that
    /// are not named are registered.
    registrations: BTreeMap<String, provider::Registration>,
    budgets: budget::Budgets,
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
    /// The tenant it belongs to; the seed's own when absent.
    #[serde(default)]
    pub tenant: String,
    /// Namespaces that are not registered, e.g. `Microsoft.Batch`.
    #[serde(default)]
    pub unregistered_providers: Vec<String>,
}

impl Arm {
    /// Adds a subscription, or puts it in place of the one with the same id.
    pub(crate) fn add_subscription(&mut self, subscription: Subscription) {
        for namespace in &subscription.unregistered_providers {
            let key = provider::key(&subscription.id, namespace);
            self.registrations.insert(key, provider::Registration::Not);
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

    fn add_group(&mut self, group: Group) {
        self.groups.insert(group.key(), group);
    }

    /// Whether a subscription may use a provider at that time.
    pub(crate) fn is_registered(&self, subscription: &str, namespace: &str, now: Timestamp) -> bool {
        let registration = self.registrations.get(&provider::key(subscription, namespace));
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

    fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|known| known.id.eq_ignore_ascii_case(id))
    }
}

/// Answers a request to the resource manager.
pub(crate) fn respond(world: &mut World, call: &Call<'_>) -> Response {
    let response = route(world, call).unwrap_or_else(|error| error.response());
    headers::finish(response, world, call)
}

fn route(world: &mut World, call: &Call<'_>) -> Answer {
    let request = call.request;
    if request
        .path
        .trim_matches('/')
        .eq_ignore_ascii_case("metadata/endpoints")
    {
        return metadata::endpoints(request);
    }
    if request.query("api-version").is_none_or(str::is_empty) {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(ArmError::bad_request("MissingApiVersionParameter", message));
    }
    let path = ArmPath::parse(&request.path);
    let caller = match authenticate(world, call, path.as_ref()) {
        Ok(caller) => caller,
        Err(denied) => return Ok(challenge(world, call, path.as_ref(), &denied)),
    };
    let subscription = path.as_ref().map(|path| path.subscription.as_str());
    let asking = budget::Asking {
        caller: &caller,
        subscription,
        method: &request.method,
    };
    let left = world.arm.budgets.spend(asking, &world.throttling, call.now);
    let permitted = left.permit(asking, &world.throttling);
    let answer = permitted.and_then(|()| match &path {
        Some(path) => in_subscription(world, call, path, &caller),
        None => subscription::tenant_level(world, call, &caller),
    });
    Ok(left.announce(answer.unwrap_or_else(|error| error.response())))
}

fn in_subscription(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    if world.arm.subscription(&path.subscription).is_none() {
        let message = format!("The subscription '{}' could not be found.", path.subscription);
        return Err(ArmError::new(StatusCode::NOT_FOUND, "SubscriptionNotFound", message));
    }
    // Whoever has a poll URL, which is signed, may poll.
    if let Some(answer) = operation::poll(world, call, path) {
        return compute::throttled(world, call, path, |_| answer);
    }
    let access = world
        .rights
        .check(caller, (&call.request.method, path), || call.request.json())?;
    if let (&Method::PUT | &Method::PATCH, Some(body)) = (&call.request.method, call.request.json()) {
        tags::check(&body)?;
    }
    let response = if path.namespace.is_none() {
        subscription_level(world, call, path, caller)
    } else {
        provider_level(world, call, path, caller)
    }?;
    Ok(match access {
        Access::Full => response,
        Access::Below => world.rights.without_hidden(caller, response),
    })
}

fn subscription_level(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    match (path.group.is_some(), path.kind().as_str(), path.action().as_str()) {
        (false, "", "") if call.request.method == Method::GET => subscription::show(world, path),
        (false, "", "locations") if call.request.method == Method::GET => Ok(subscription::locations(path, call)),
        (false, "", "providers") if call.request.method == Method::GET => Ok(provider::list(world, call, path)),
        (_, "", "resources") if call.request.method == Method::GET => group::resources(world, call, path),
        (false, "", "resourcegroups") if call.request.method == Method::GET => group::list(world, call, path),
        (true, "", "") => group::respond(world, call, path),
        (true, "deployments", _) => deployment::respond(world, call, path, caller),
        _ => Err(unsupported(call.request)),
    }
}

fn provider_level(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    if let Some(name) = &path.group {
        let key = group::key(&path.subscription, name);
        let group = world
            .arm
            .groups
            .get(&key)
            .ok_or_else(|| ArmError::group_not_found(name))?;
        if group.is_being_deleted() && matches!(call.request.method, Method::PUT | Method::PATCH) {
            let message =
                format!("The resource group '{name}' is in deprovisioning state and cannot perform this operation.");
            return Err(ArmError::conflict("ResourceGroupBeingDeleted", message));
        }
    }
    if path.parts.is_empty() && path.group.is_none() && matches!(path.action().as_str(), "" | "register" | "unregister")
    {
        return provider::respond(world, call, path);
    }
    if let (&Method::GET, Some(scope)) = (&call.request.method, rights::permissions_scope(path)) {
        return Ok(world.rights.permissions(caller, &scope));
    }
    provider::require_registration(world, call, path)?;
    let namespace = path.namespace.as_deref().unwrap_or_default().to_lowercase();
    match namespace.as_str() {
        "microsoft.compute" => compute::respond(world, call, path),
        "microsoft.network" => network::respond(world, call, path),
        "microsoft.resources" => deployment::respond(world, call, path, caller),
        "microsoft.keyvault" => vault::respond(world, call, path),
        "microsoft.storage" => storage::respond(world, call, path),
        "microsoft.batch" => Ok(batch::respond_arm(world, call, caller)),
        _ => Err(unsupported(call.request)),
    }
}

fn authenticate(world: &World, call: &Call<'_>, path: Option<&ArmPath>) -> Result<Caller, Denied> {
    let audience = Audience::Arm {
        authority: &call.request.authority,
    };
    let caller = world
        .entra
        .check(call.request.header("authorization"), audience, call.now)?;
    match path.and_then(|path| world.arm.tenant_of(&path.subscription)) {
        Some(tenant) if !tenant.eq_ignore_ascii_case(&caller.tenant) => Err(Denied::WrongTenant {
            expected: tenant.to_owned(),
        }),
        _ => Ok(caller),
    }
}

fn challenge(world: &World, call: &Call<'_>, path: Option<&ArmPath>, denied: &Denied) -> Response {
    let tenant = path
        .and_then(|path| world.arm.tenant_of(&path.subscription))
        .unwrap_or("common");
    denied.arm_response(&format!("https://{}/{tenant}", call.request.authority))
}
