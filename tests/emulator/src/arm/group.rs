//! Resource groups.
//!
//! Deleting one takes its resources with it when the operation ends.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, ArmError, ArmPath, Filter};
use crate::{
    http::Response,
    json as edit, network,
    operation::{self, Form, Operations, Output, Plan, Status},
    region, unsupported,
    world::{Call, World},
};

/// A resource group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    subscription: String,
    name: String,
    location: String,
    /// `tags` and `managedBy`, as sent.
    body: Value,
    deletion: Option<String>,
}

/// What groups are found by.
pub(super) fn key(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}").to_lowercase()
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

    pub(super) fn key(&self) -> String {
        key(&self.subscription, &self.name)
    }

    pub(super) fn location(&self) -> &str {
        &self.location
    }

    /// Takes up a deletion that is over; false when the group is gone with it.
    pub(super) fn settle(&mut self, operations: &Operations, now: Timestamp) -> bool {
        match self.deletion.as_ref().map(|id| operations.status(id, now)) {
            Some(Status::Succeeded) => false,
            Some(Status::Failed(_)) => {
                self.deletion = None;
                true
            }
            Some(Status::InProgress) | None => true,
        }
    }

    pub(super) fn is_being_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    pub(super) fn view(&self) -> Value {
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

/// Everything on `/subscriptions/{s}/resourceGroups/{g}`.
pub(super) fn respond(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let found = world.arm.groups.get(&path.key());
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
    let known = world.arm.groups.get(&path.key());
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
    world.arm.add_group(group);
    Ok(Response::json(status, &view))
}

fn patch(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let group = world
        .arm
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
        lasts: world.timing.lasts(world.timing.seconds.delete),
        output: Output::Nothing,
    };
    let started = operation::begin(world, call, plan);
    if let Some(group) = world.arm.groups.get_mut(&path.key()) {
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
        .arm
        .groups
        .values()
        .filter(|group| group.subscription.eq_ignore_ascii_case(&path.subscription));
    let values: Vec<Value> = own.map(Group::view).filter(|view| filter.admits(view)).collect();
    Ok(super::page(call.request, &values, world.page_size))
}

/// `GET …/resources`, of a group or a subscription: all resources, without their properties.
pub(super) fn resources(world: &World, call: &Call<'_>, path: &ArmPath) -> Answer {
    if path.group.is_some() && !world.arm.groups.contains_key(&path.key()) {
        return Err(ArmError::group_not_found(path.group()));
    }
    let filter = Filter::of(call.request)?;
    let prefix = format!("{}/", path.key());
    let values: Vec<Value> = world
        .compute
        .all(call.now)
        .into_iter()
        .chain(network::views(world))
        .chain(world.vaults.views())
        .chain(world.storage.views())
        .filter(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)))
        .filter(|view| filter.admits(view))
        .map(|mut view| {
            edit::set(&mut view, &["properties"], Value::Null);
            view
        })
        .collect();
    Ok(super::page(call.request, &values, world.page_size))
}
