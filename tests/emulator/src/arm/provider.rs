//! Resource providers and their registration in a subscription.
//!
//! Which types a provider has is only listed as far as the emulator plays them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::envelope::{self, Answer, ArmError, ArmPath, unsupported};
use crate::{
    call::Call,
    directory::registration::{Registration, key},
    http::Response,
    region,
    world::World,
};

/// The providers that a subscription lists, with their types.
const PROVIDERS: [(&str, &[&str]); 10] = [
    (
        "Microsoft.Compute",
        &[
            "virtualMachines",
            "disks",
            "snapshots",
            "images",
            "galleries",
            "galleries/images",
            "galleries/images/versions",
            "locations",
            "locations/publishers",
            "locations/usages",
        ],
    ),
    (
        "Microsoft.Network",
        &[
            "virtualNetworks",
            "networkInterfaces",
            "networkSecurityGroups",
            "publicIPAddresses",
        ],
    ),
    ("Microsoft.KeyVault", &["vaults", "vaults/secrets"]),
    (
        "Microsoft.Batch",
        &["batchAccounts", "batchAccounts/pools", "locations", "locations/quotas"],
    ),
    ("Microsoft.Storage", &["storageAccounts"]),
    ("Microsoft.Authorization", &["permissions"]),
    (
        "Microsoft.Resources",
        &["deployments", "resourceGroups", "subscriptions", "tenants"],
    ),
    ("Microsoft.ManagedIdentity", &["userAssignedIdentities"]),
    // Nothing of these is played, but Terraform's provider looks whether they are registered before it does anything.
    ("Microsoft.CostManagement", &[]),
    ("Microsoft.MarketplaceOrdering", &[]),
];

/// How long a registration takes, in seconds; minutes on Azure, but clients look every ten seconds.
const REGISTRATION_SECONDS: u32 = 30;

/// Refuses writes to a provider that the subscription has not registered.
pub(super) fn require_registration(world: &World, call: &Call<'_>, path: &ArmPath) -> Result<(), ArmError> {
    let namespace = path.namespace.as_deref().unwrap_or_default();
    if call.request.method == Method::GET || state(world, call, path) == "Registered" {
        return Ok(());
    }
    let message = format!(
        "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for \
         how to register subscriptions."
    );
    Err(ArmError::conflict("MissingSubscriptionRegistration", message))
}

/// `GET …/providers/{namespace}` and `POST …/register`.
pub(super) fn respond(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let namespace = path.namespace.clone().unwrap_or_default();
    let Some((known, _)) = PROVIDERS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&namespace))
    else {
        let message = format!("The resource namespace '{namespace}' is invalid.");
        return Err(ArmError::new(
            StatusCode::NOT_FOUND,
            "InvalidResourceNamespace",
            message,
        ));
    };
    let key = key(&path.subscription, known);
    match (&call.request.method, path.action().as_str()) {
        (&Method::GET, "") => {}
        (&Method::POST, "register") => {
            let ready = call.now + world.engine.timing.lasts(REGISTRATION_SECONDS);
            let registration = world
                .directory
                .registrations
                .entry(key)
                .or_insert(Registration::Since(call.now));
            if matches!(registration, Registration::Not) {
                *registration = Registration::Since(ready);
            }
        }
        (&Method::POST, "unregister") => {
            world.directory.registrations.insert(key, Registration::Not);
        }
        _ => return Err(unsupported(call.request)),
    }
    Ok(Response::json(StatusCode::OK, &view(world, call, path)))
}

/// `GET …/providers`.
pub(super) fn list(world: &World, call: &Call<'_>, path: &ArmPath) -> Response {
    let values: Vec<Value> = PROVIDERS
        .iter()
        .map(|(namespace, _)| {
            view(
                world,
                call,
                &ArmPath {
                    namespace: Some((*namespace).to_owned()),
                    ..path.clone()
                },
            )
        })
        .collect();
    envelope::page(call.request, &values, world.engine.page_size)
}

fn state(world: &World, call: &Call<'_>, path: &ArmPath) -> &'static str {
    let namespace = path.namespace.as_deref().unwrap_or_default();
    match world.directory.registrations.get(&key(&path.subscription, namespace)) {
        None => "Registered",
        Some(Registration::Since(ready)) if *ready <= call.now => "Registered",
        Some(Registration::Since(_)) => "Registering",
        Some(Registration::Not) => "NotRegistered",
    }
}

fn view(world: &World, call: &Call<'_>, path: &ArmPath) -> Value {
    let asked = path.namespace.as_deref().unwrap_or_default();
    let Some((namespace, types)) = PROVIDERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(asked)) else {
        return Value::Null;
    };
    let locations: Vec<&str> = region::all().map(|(_, display)| display).collect();
    let types: Vec<Value> = types
        .iter()
        .map(|name| json!({"resourceType": name, "locations": locations, "apiVersions": [], "capabilities": "None"}))
        .collect();
    json!({
        "id": format!("/subscriptions/{}/providers/{namespace}", path.subscription),
        "namespace": namespace,
        "resourceTypes": types,
        "registrationState": state(world, call, path),
        "registrationPolicy": "RegistrationRequired",
    })
}
