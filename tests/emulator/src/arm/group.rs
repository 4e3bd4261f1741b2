//! Resource groups.
//!
//! Deleting one takes its resources with it when the operation ends.

use http::{Method, StatusCode};
use serde_json::Value;

use crate::envelope::{self, Answer, ArmError, ArmPath, Filter, unsupported};
use crate::{
    call::Call,
    directory::group::Group,
    http::Response,
    json as edit,
    operation::{Form, Output, Plan},
    region,
    world::World,
};

/// Everything on `/subscriptions/{s}/resourceGroups/{g}`.
pub(super) fn respond(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let found = world.directory.groups.get(&path.key());
    match (&call.request.method, found) {
        (&Method::HEAD, Some(_)) => Ok(Response::empty(StatusCode::NO_CONTENT)),
        (&Method::HEAD, None) => Ok(Response::empty(StatusCode::NOT_FOUND)),
        (&Method::GET, Some(group)) => Ok(Response::json(StatusCode::OK, &group.view())),
        (&Method::PUT, _) => put(world, call, path),
        (&Method::PATCH, Some(_)) => patch(world, call, path),
        (&Method::DELETE, Some(_)) => Ok(delete(world, call, path)),
        (&(Method::GET | Method::PATCH | Method::DELETE), None) => Err(ArmError::group_not_found(path.group())),
        _ => Err(unsupported(call.request)),
    }
}

fn put(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = call.request.json().unwrap_or_default();
    let location = edit::text(&body, "/location").ok_or_else(|| {
        ArmError::bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
    })?;
    if region::display_name(location).is_none() {
        let message = format!("The provided location '{location}' is not available for resource group.");
        return Err(ArmError::bad_request("LocationNotAvailableForResourceGroup", message));
    }
    check_name(path.group())?;
    let known = world.directory.groups.get(&path.key());
    if let Some(known) = known
        && known.location != region::normalise(location)
    {
        let message = format!(
            "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
            known.location
        );
        return Err(ArmError::conflict("InvalidResourceGroupLocation", message));
    }
    let status = if known.is_some() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let group = Group::new(&path.subscription, path.group(), location, &body);
    let view = group.view();
    world.directory.add_group(group);
    Ok(Response::json(status, &view))
}

fn patch(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let group = world
        .directory
        .groups
        .get_mut(&path.key())
        .ok_or_else(|| ArmError::group_not_found(path.group()))?;
    if let Some(tags) = call.request.json().as_ref().and_then(|body| body.get("tags")) {
        edit::set(&mut group.body, &["tags"], Value::Null);
        edit::set(&mut group.body, &["tags"], tags.clone());
    }
    Ok(Response::json(StatusCode::OK, &group.view()))
}

fn delete(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Response {
    let plan = Plan {
        form: Form::Resources,
        subscription: path.subscription.clone(),
        location: String::new(),
        lasts: world.engine.timing.lasts(world.engine.timing.seconds.delete),
        output: Output::Nothing,
    };
    let started = world.engine.begin(call, plan);
    if let Some(group) = world.directory.groups.get_mut(&path.key()) {
        group.deletion = Some(started.id.clone());
    }
    started.announce_location_only(Response::empty(StatusCode::ACCEPTED))
}

/// ARM's rule for names: 1 to 90 characters, letters, digits, `-_.()`, no stop at the end.
fn check_name(name: &str) -> Result<(), ArmError> {
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    if (1..=90).contains(&name.chars().count()) && name.chars().all(legal) && !name.ends_with('.') {
        return Ok(());
    }
    let message = format!(
        "The provided resource group name '{name}' has these invalid characters or is too long. The name can only \
         be a letter, digit, '-', '.', '(', ')' or '_'."
    );
    Err(ArmError::bad_request("InvalidResourceGroup", message))
}

/// `GET /subscriptions/{s}/resourceGroups`.
pub(super) fn list(world: &World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let filter = Filter::of(call.request)?;
    let own = world
        .directory
        .groups
        .values()
        .filter(|group| group.subscription.eq_ignore_ascii_case(&path.subscription));
    let values: Vec<Value> = own.map(Group::view).filter(|view| filter.admits(view)).collect();
    Ok(envelope::page(call.request, &values, world.engine.page_size))
}

/// `GET …/resources`, of a group or a subscription: all resources, without their properties.
pub(super) fn resources(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    if path.group.is_some() && !world.directory.groups.contains_key(&path.key()) {
        return Err(ArmError::group_not_found(path.group()));
    }
    let filter = Filter::of(call.request)?;
    let prefix = format!("{}/", path.key());
    let networks = world.network_parts().views();
    let values: Vec<Value> = world
        .compute
        .all(call.now)
        .into_iter()
        .chain(networks)
        .chain(world.vaults.views())
        .chain(world.identities.views())
        .chain(world.storage.views())
        .filter(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)))
        .filter(|view| filter.admits(view))
        .map(|mut view| {
            edit::set(&mut view, &["properties"], Value::Null);
            view
        })
        .collect();
    Ok(envelope::page(call.request, &values, world.engine.page_size))
}
