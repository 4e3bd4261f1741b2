//! Subscriptions, tenants and the list of regions.
//!
//! A caller sees the subscriptions of its own tenant in which it may do anything.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::envelope::{self, Answer, ArmPath, unsupported};
use crate::{call::Call, directory::Subscription, entra::Caller, http::Response, region, world::World};

/// `/subscriptions` and `/tenants`.
pub(super) fn tenant_level(world: &World, call: &Call<'_>, caller: &Caller) -> Answer {
    let request = call.request;
    let path = request.path.trim_matches('/').to_lowercase();
    let own = || {
        world
            .directory
            .subscriptions
            .iter()
            .filter(|known| known.tenant.eq_ignore_ascii_case(&caller.tenant))
            .filter(|known| world.rights.sees(caller, &format!("/subscriptions/{}", known.id)))
    };
    let values: Vec<Value> = match (&request.method, path.as_str()) {
        (&Method::GET, "subscriptions") => own().map(view).collect(),
        (&Method::GET, "tenants") => vec![tenant_view(&caller.tenant)],
        _ => return Err(unsupported(request)),
    };
    Ok(envelope::page(request, &values, world.engine.page_size))
}

/// `GET /subscriptions/{id}`.
pub(super) fn show(world: &World, path: &ArmPath) -> Answer {
    let body = world
        .directory
        .subscription(&path.subscription)
        .map(view)
        .unwrap_or_default();
    Ok(Response::json(StatusCode::OK, &body))
}

/// `GET /subscriptions/{id}/locations`.
pub(super) fn locations(path: &ArmPath, call: &Call<'_>) -> Response {
    let view = |(name, display): (&str, &str), kind: &str, category: &str| {
        json!({
            "id": format!("/subscriptions/{}/locations/{name}", path.subscription),
            "name": name,
            "type": "Region",
            "displayName": display,
            "regionalDisplayName": display,
            "metadata": {"regionType": kind, "regionCategory": category},
        })
    };
    let physical = region::all().map(|region| view(region, "Physical", "Recommended"));
    let logical = region::logical().map(|region| view(region, "Logical", "Other"));
    let values: Vec<Value> = physical.chain(logical).collect();
    envelope::page(call.request, &values, usize::MAX)
}

fn view(subscription: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", subscription.id),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    })
}

fn tenant_view(tenant: &str) -> Value {
    json!({"id": format!("/tenants/{tenant}"), "tenantId": tenant, "tenantCategory": "Home", "displayName": tenant})
}
