//! The resource manager: who asks, what for, and which provider answers.
//!
//! Paths compare without case and any api-version is taken. Providers' rules live with the providers.

use http::{Method, StatusCode};

use crate::{
    batch,
    call::Call,
    compute, deployment,
    directory::{self, budget::Asking},
    entra::{Audience, Caller, Denied},
    envelope::{Answer, ArmError, ArmPath, tags, unsupported},
    http::Response,
    managed_identity, network,
    operation::{self},
    rights::{self, Access},
    storage, vault,
    world::World,
};

mod group;
mod headers;
mod metadata;
mod provider;
mod subscription;

/// Answers a request to the resource manager.
pub(crate) fn respond(world: &mut World, call: &Call<'_>) -> Response {
    let response = route(world, call).unwrap_or_else(|error| error.response());
    headers::finish(response, &mut world.engine.ids, call)
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
    let asking = Asking {
        caller: &caller,
        subscription,
        method: &request.method,
    };
    let left = world
        .directory
        .budgets
        .spend(asking, &world.engine.throttling, call.now);
    let permitted = left.permit(asking, &world.engine.throttling);
    let answer = permitted.and_then(|()| match &path {
        Some(path) => in_subscription(world, call, path, &caller),
        None => subscription::tenant_level(world, call, &caller),
    });
    Ok(left.announce(answer.unwrap_or_else(|error| error.response())))
}

fn in_subscription(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    if world.directory.subscription(&path.subscription).is_none() {
        let message = format!("The subscription '{}' could not be found.", path.subscription);
        return Err(ArmError::new(StatusCode::NOT_FOUND, "SubscriptionNotFound", message));
    }
    if let Some(answer) = poll(world, call, path) {
        return answer;
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

/// The answer to a poll, if it is one. A poll URL is signed, so whoever has it may poll.
fn poll(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Option<Answer> {
    let (operations, retry_after) = (&world.engine.operations, world.engine.timing.retry_after);
    let show = |key: &str| world.compute.resource(key, call.now);
    let answer = operation::poll(operations, retry_after, call, path, show)?;
    Some(compute::throttled(&mut world.compute_parts(), call, path, |_| answer))
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
        let key = directory::group::key(&path.subscription, name);
        let group = world
            .directory
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
        "microsoft.compute" => compute::respond(&mut world.compute_parts(), call, path),
        "microsoft.network" => network::respond(&mut world.network_parts(), call, path),
        "microsoft.resources" => deployment::respond(world, call, path, caller),
        "microsoft.keyvault" => vault::respond(&mut world.vaults, &mut world.engine.ids, call, path),
        "microsoft.managedidentity" => {
            managed_identity::respond(&mut world.identity_parts(&path.subscription), call, path)
        }
        "microsoft.storage" => storage::respond(&world.storage, world.engine.page_size, call, path),
        "microsoft.batch" => Ok(batch::respond_arm(&mut world.batch_parts(), call, caller)),
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
    match path.and_then(|path| world.directory.tenant_of(&path.subscription)) {
        Some(tenant) if !tenant.eq_ignore_ascii_case(&caller.tenant) => Err(Denied::WrongTenant {
            expected: tenant.to_owned(),
        }),
        _ => Ok(caller),
    }
}

fn challenge(world: &World, call: &Call<'_>, path: Option<&ArmPath>, denied: &Denied) -> Response {
    let tenant = path
        .and_then(|path| world.directory.tenant_of(&path.subscription))
        .unwrap_or("common");
    denied.arm_response(&format!("https://{}/{tenant}", call.request.authority))
}
