//! Template deployments: a list of writes made in the order of their dependencies.
//!
//! Everything is written when the deployment starts; the first refusal ends it as `Failed`, and what was written
//! before stays, as on Azure. What-if, complete mode and outputs are not played.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    compute,
    entra::Caller,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit, network,
    operation::{Form, Output, Plan, Started},
    resource::{Change, Doing, Item, write_body},
    vault,
    world::World,
};

mod evaluate;
mod expression;
pub(crate) mod state;
mod template;

use state::{DeploymentFacts, Step, operation_view, view};
use template::Planned;

/// Answers `…/deployments/{name}` with and without the provider in front of it, as clients use both.
pub(crate) fn respond(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    let lists = path.parts.is_empty() && path.action() == "deployments" && call.request.method == Method::GET;
    if lists && path.group.is_some() {
        return Ok(list(world, call, path));
    }
    if path.kind() != "deployments" || path.group.is_none() {
        return Err(unsupported(call.request));
    }
    let path = &ArmPath {
        namespace: Some("Microsoft.Resources".to_owned()),
        ..path.clone()
    };
    let found = world.deployments.table.find(&path.key());
    match (&call.request.method, path.action().as_str(), found) {
        (&Method::POST, "validate", _) => validate(world, call, path, caller),
        (&Method::PUT, "", _) => create(world, call, path, caller),
        (&Method::GET, "", Some(item)) => Ok(Response::json(StatusCode::OK, &view(item))),
        (&Method::HEAD, "", Some(_)) => Ok(Response::empty(StatusCode::NO_CONTENT)),
        (&Method::HEAD, "", None) => Ok(Response::empty(StatusCode::NOT_FOUND)),
        (&Method::GET, "operations", Some(item)) => Ok(envelope::page(
            call.request,
            &operations(item, call),
            world.engine.page_size,
        )),
        (&Method::DELETE, "", Some(_)) => delete(world, call, path),
        (&Method::DELETE, "", None) => Ok(Response::empty(StatusCode::NO_CONTENT)),
        (&Method::GET, "" | "operations", None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

fn validate(world: &World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    let (body, planned) = permitted(world, call, path, caller)?;
    let mut shown = shown_properties(&body, &planned);
    edit::set(&mut shown, &["provisioningState"], json!("Succeeded"));
    let answer = json!({
        "id": path.id(), "name": path.name(), "type": "Microsoft.Resources/deployments", "properties": shown,
    });
    Ok(Response::json(StatusCode::OK, &answer))
}

/// `GET …/deployments` of a group.
fn list(world: &World, call: &Call<'_>, path: &ArmPath) -> Response {
    let scope = ArmPath {
        namespace: None,
        tail: None,
        ..path.clone()
    };
    let prefix = format!("{}/", scope.key());
    let own = world.deployments.table.iter();
    let own = own.filter(|item| item.id.to_lowercase().starts_with(&prefix));
    let values: Vec<Value> = own.map(view).collect();
    envelope::page(call.request, &values, world.engine.page_size)
}

/// The body and what it would make, all of which the caller may.
fn permitted(
    world: &World,
    call: &Call<'_>,
    path: &ArmPath,
    caller: &Caller,
) -> Result<(Value, Vec<Planned>), ArmError> {
    let body = write_body(call)?;
    let planned = template::read(&body, path, group_location(world, path))?;
    let resources = planned
        .iter()
        .map(|one| (one.kind.as_str(), one.name.as_str(), one.id.as_str()));
    world.rights.check_template(caller, resources)?;
    Ok((body, planned))
}

fn create(world: &mut World, call: &Call<'_>, path: &ArmPath, caller: &Caller) -> Answer {
    let (body, planned) = permitted(world, call, path, caller)?;
    let status = match world.deployments.table.find(&path.key()) {
        Some(item) if item.is_busy() => {
            let message = format!(
                "Unable to edit or replace deployment '{}': previous deployment is still active.",
                path.name()
            );
            return Err(ArmError::conflict("DeploymentActive", message));
        }
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    let lasts = world.engine.timing.lasts(world.engine.timing.seconds.virtual_machine);
    let started = world.engine.begin(call, plan(path, Form::Deployment, lasts));
    let mut properties = shown_properties(&body, &planned);
    edit::set(&mut properties, &["timestamp"], edit::time(call.now));
    edit::set(&mut properties, &["correlationId"], json!(world.engine.ids.guid()));
    let steps = write_all(world, call, planned);
    if let Some(failure) = steps.iter().find_map(Step::failure) {
        world.engine.operations.fail(&started.id, call.now, failure);
    }
    let facts = DeploymentFacts {
        steps,
        started: call.now,
    };
    let mut item = Item::new(path.id(), json!({"properties": properties}), facts);
    item.change = Some(Change::new(Doing::Creating, &started));
    let shown = view(&item);
    world.deployments.table.insert(item);
    Ok(started.announce(Response::json(status, &shown)))
}

/// Writes one after the other up to the first refusal.
fn write_all(world: &mut World, call: &Call<'_>, planned: Vec<Planned>) -> Vec<Step> {
    let mut steps = Vec::new();
    for one in planned {
        let refusal = write(world, call, &one).err();
        let ends = refusal.is_some();
        steps.push(Step {
            kind: one.kind,
            name: one.name,
            id: one.id,
            refusal,
        });
        if ends {
            break;
        }
    }
    steps
}

fn write(world: &mut World, call: &Call<'_>, planned: &Planned) -> Result<(), ArmError> {
    let path = ArmPath::parse(&planned.id).ok_or_else(|| unsupported(call.request))?;
    let body = planned.body.clone();
    match planned.kind.to_lowercase().as_str() {
        "microsoft.compute/virtualmachines" => {
            compute::create_vm(&mut world.compute_parts(), call, &path, &body).map(drop::<Started>)
        }
        "microsoft.compute/virtualmachines/extensions" => {
            compute::add_extension(&mut world.compute_parts(), &path, body)
        }
        "microsoft.keyvault/vaults" | "microsoft.keyvault/vaults/secrets" => {
            vault::make(&mut world.vaults, &mut world.engine.ids, &path, body)
        }
        kind if kind.starts_with("microsoft.network/") => {
            network::make(&mut world.network_parts(), call, &path, body).map(drop::<Started>)
        }
        _ => Err(unplayed(&planned.kind)),
    }
}

fn unplayed(kind: &str) -> ArmError {
    let message = format!("The emulator does not make resources of the type {kind}.");
    ArmError::new(StatusCode::NOT_IMPLEMENTED, "NotImplementedByEmulator", message)
}

/// Forgets the deployment; what it made stays.
fn delete(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let lasts = world.engine.timing.lasts(world.engine.timing.seconds.update);
    let started = world.engine.begin(call, plan(path, Form::Resources, lasts));
    let item = world.deployments.table.find_mut(&path.key());
    item.ok_or_else(|| missing(path))?.change = Some(Change::new(Doing::Deleting, &started));
    Ok(started.announce_location_only(Response::empty(StatusCode::ACCEPTED)))
}

fn plan(path: &ArmPath, form: Form, lasts: jiff::SignedDuration) -> Plan {
    Plan {
        form,
        subscription: path.subscription.clone(),
        location: String::new(),
        lasts,
        output: Output::Nothing,
    }
}

fn group_location<'a>(world: &'a World, path: &ArmPath) -> &'a str {
    world
        .directory
        .group_location(&path.subscription, path.group())
        .unwrap_or_default()
}

fn shown_properties(body: &Value, planned: &[Planned]) -> Value {
    let resources: Vec<Value> = planned.iter().map(|one| json!({"id": one.id})).collect();
    json!({
        "mode": edit::text(body, "/properties/mode").unwrap_or("Incremental"),
        "parameters": template::shown_parameters(body),
        "validatedResources": resources,
    })
}

/// The writes of a deployment, and the evaluation at its end, which has no target.
fn operations(item: &Item<DeploymentFacts>, call: &Call<'_>) -> Vec<Value> {
    let steps = &item.facts.steps;
    let mut all: Vec<Value> = steps.iter().enumerate().map(|(at, step)| step.view(item, at)).collect();
    if !item.is_busy() && !item.failed {
        all.push(operation_view(
            item,
            "08584000000000000000",
            "EvaluateDeploymentOutput",
            ("Succeeded", "OK"),
        ));
    }
    let most = call
        .request
        .query("$top")
        .and_then(|top| top.parse().ok())
        .unwrap_or(usize::MAX);
    all.truncate(most);
    all
}

fn missing(path: &ArmPath) -> ArmError {
    let message = format!("Deployment '{}' could not be found.", path.name());
    ArmError::new(StatusCode::NOT_FOUND, "DeploymentNotFound", message)
}
