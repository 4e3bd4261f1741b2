//! Accounts on the resource manager, and what a location offers.
//!
//! Creating and deleting an account take time; `operations` shows how far they are.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{body, filtered, operations, with_version};
use crate::batch::Parts;
use crate::batch::account::{Account, AccountLife, AuthenticationMode, Keys, ManagedImages, PoolAllocationMode};
use crate::batch::image::Terms;
use crate::batch::refusal::Refusal;
use crate::batch::wire::Version;
use crate::batch::{conditions, seed};
use crate::call::Call;
use crate::compute::size;
use crate::envelope::{Answer, ArmError, ArmPath, page};
use crate::http::Response;
use crate::region;

/// The number of accounts that a subscription may have in a region; the portal's figure for new subscriptions.
const ACCOUNTS_PER_REGION: u32 = 3;

/// Lists a subscription's or a group's accounts.
pub(crate) fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Response {
    let in_scope = |account: &&Account| {
        let group = path
            .group
            .as_ref()
            .is_none_or(|group| group.eq_ignore_ascii_case(&account.group));
        group && account.subscription.eq_ignore_ascii_case(&path.subscription)
    };
    let accounts = parts.batch.accounts.iter().filter(in_scope);
    let mut values: Vec<Value> = accounts
        .map(|account| render(account, Some(&call.request.authority), call.now))
        .collect();
    values.sort_by_key(|value| value.get("id").map(Value::to_string));
    page(call.request, &values, parts.engine.page_size)
}

/// GET, PUT, PATCH and DELETE of one account.
///
/// # Errors
/// What the provider refuses.
pub(crate) fn element(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    match call.request.method {
        Method::GET => {
            let account = find(parts, path)?;
            conditions::check(call.request, &account.version)?;
            Ok(show(account, call))
        }
        Method::PUT => put(parts, call, path),
        Method::PATCH => patch(parts, call, path),
        Method::DELETE => {
            if find(parts, path).is_err() {
                return Ok(Response::empty(StatusCode::NO_CONTENT));
            }
            let (operation, response) = operations::begin(parts, call, path, operations::Kind::Delete);
            if operation.failure.is_none() {
                find_mut(parts, path)?.life = AccountLife::Deleting(operation.ends);
            }
            Ok(response)
        }
        _ => Err(ArmError::from(Refusal::verb(&call.request.method))),
    }
}

/// POST listKeys and regenerateKeys.
///
/// # Errors
/// There is no such account, or it takes no shared keys.
pub(crate) fn keys(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let regenerates = path.action() == "regeneratekeys";
    let account = find_mut(parts, path)?;
    if !account.allows(AuthenticationMode::SharedKey) {
        let message = "The account does not allow shared key authentication.";
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    if regenerates {
        let which = body(call)?;
        let fresh = fresh_keys(&account.keys, &account.name);
        match which
            .get("keyName")
            .and_then(Value::as_str)
            .map(str::to_lowercase)
            .as_deref()
        {
            Some("primary") => account.keys.primary = fresh.primary,
            Some("secondary") => account.keys.secondary = fresh.secondary,
            _ => {
                return Err(ArmError::invalid_parameter(
                    "keyName",
                    "keyName must be Primary or Secondary.",
                ));
            }
        }
    }
    let keys = json!({
        "accountName": account.name, "primary": account.keys.primary, "secondary": account.keys.secondary
    });
    Ok(Response::json(StatusCode::OK, &keys))
}

/// Keys that differ from the present ones.
fn fresh_keys(keys: &Keys, name: &str) -> Keys {
    seed::made_keys(&format!("{name}{}{}", keys.primary, keys.secondary), 2)
}

/// GET of a location's quotas: how many accounts there can be, not how many cores.
pub(crate) fn location_quota() -> Response {
    Response::json(StatusCode::OK, &json!({"accountQuota": ACCOUNTS_PER_REGION}))
}

/// GET of the sizes that a location offers.
///
/// # Errors
/// The filter is none.
pub(crate) fn virtual_machine_skus(call: &Call<'_>) -> Answer {
    let sku = |size: &size::VmSize| {
        let mut sku = json!({"name": size.name, "familyName": size.family, "capabilities": size.capabilities()});
        if let Some(end) = size.end_of_life() {
            crate::json::set(&mut sku, &["batchSupportEndOfLife"], json!(end));
        }
        sku
    };
    filtered(call, size::all().map(sku).collect(), &["familyName", "name"])
}

/// POST checkNameAvailability.
///
/// # Errors
/// The body is none.
pub(crate) fn check_name(parts: &Parts<'_>, call: &Call<'_>) -> Answer {
    let body = body(call)?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let taken = parts
        .batch
        .accounts
        .iter()
        .any(|account| account.name.eq_ignore_ascii_case(name));
    let answer = if !is_account_name(name) {
        let message = "The name must be 3 to 24 lower-case letters and digits.";
        json!({"nameAvailable": false, "reason": "Invalid", "message": message})
    } else if taken {
        let message = format!("An account named '{name}' is already in use.");
        json!({"nameAvailable": false, "reason": "AlreadyExists", "message": message})
    } else {
        json!({"nameAvailable": true})
    };
    Ok(Response::json(StatusCode::OK, &answer))
}

fn is_account_name(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn put(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = body(call)?;
    if find(parts, path).is_ok() {
        return patch(parts, call, path);
    }
    let name = path.parts.first().map_or("", |(_, name)| name);
    if !is_account_name(name) {
        return Err(ArmError::bad_request(
            "AccountNameInvalid",
            "The account name is invalid.",
        ));
    }
    if parts
        .batch
        .accounts
        .iter()
        .any(|account| account.name.eq_ignore_ascii_case(name))
    {
        let message = format!("An account named '{name}' is already in use.");
        return Err(ArmError::conflict("AccountNameAlreadyInUse", message));
    }
    let location = crate::json::text(&body, "/location").map(region::normalise);
    let location = location.ok_or_else(|| ArmError::bad_request("LocationRequired", "The location is required."))?;
    let mode = crate::json::text(&body, "/properties/poolAllocationMode").unwrap_or("BatchService");
    let mode = seed::read_mode(mode).map_err(|reason| ArmError::invalid_parameter("poolAllocationMode", reason))?;
    let mut account = Account {
        managed_images: ManagedImages::default(),
        terms: Terms::default(),
        life: AccountLife::default(),
        name: name.to_owned(),
        group: path.group().to_owned(),
        subscription: path.subscription.clone(),
        location,
        mode,
        modes: None,
        quotas: seed::ample_quotas(),
        keys: seed::made_keys(name, 1),
        tags: json!({}),
        identity: None,
        properties: json!({}),
        version: Version {
            etag: parts.engine.ids.etag(),
            modified: call.now,
        },
        write_interval: seed::usual_interval(),
        pools: Vec::new(),
        jobs: Vec::new(),
        schedules: Vec::new(),
    };
    change(&mut account, &body)?;
    let (operation, response) = operations::begin(parts, call, path, operations::Kind::Create);
    account.life = match (operation.failure, operation.ends) {
        (Some(_), Some(ends)) => AccountLife::Failing(ends),
        (_, ends) => AccountLife::Creating(ends),
    };
    parts.batch.accounts.push(account);
    Ok(response)
}

fn patch(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = body(call)?;
    let etag = parts.engine.ids.etag();
    let account = find_mut(parts, path)?;
    conditions::check(call.request, &account.version)?;
    change(account, &body)?;
    account.version = Version {
        etag,
        modified: call.now,
    };
    Ok(show(account, call))
}

fn change(account: &mut Account, body: &Value) -> Result<(), ArmError> {
    if let Some(tags) = body.get("tags") {
        account.tags = tags.clone();
    }
    if let Some(identity) = body.get("identity") {
        account.identity = Some(identity.clone());
    }
    let Some(properties) = body.get("properties") else {
        return Ok(());
    };
    if properties.get("allowedAuthenticationModes").is_some() {
        let invalid = |reason| ArmError::invalid_parameter("allowedAuthenticationModes", reason);
        account.modes = seed::read_modes(properties).map_err(invalid)?;
    }
    for (name, value) in properties.as_object().into_iter().flatten() {
        let own = matches!(name.as_str(), "allowedAuthenticationModes" | "poolAllocationMode");
        if !own && !READ_ONLY.contains(&name.as_str()) {
            crate::json::set(&mut account.properties, &[name], value.clone());
        }
    }
    Ok(())
}

/// What callers may send back and cannot change.
const READ_ONLY: &[&str] = &[
    "accountEndpoint",
    "nodeManagementEndpoint",
    "provisioningState",
    "dedicatedCoreQuota",
    "lowPriorityCoreQuota",
    "dedicatedCoreQuotaPerVMFamily",
    "dedicatedCoreQuotaPerVMFamilyEnforced",
    "poolQuota",
    "activeJobAndJobScheduleQuota",
    "privateEndpointConnections",
];

/// The account as GET answers it, with its version.
pub(crate) fn show(account: &Account, call: &Call<'_>) -> Response {
    let body = render(account, Some(&call.request.authority), call.now);
    with_version(Response::json(StatusCode::OK, &body), &account.version)
}

/// As ARM shows it. The endpoint is Azure's own when ARM was asked under Azure's name, else a path under the authority.
pub(crate) fn render(account: &Account, authority: Option<&str>, now: Timestamp) -> Value {
    let (name, location) = (&account.name, &account.location);
    let azure = format!("{name}.{location}.batch.azure.com");
    let endpoint = match authority {
        Some(authority) if !authority.starts_with("management.") => {
            format!("{authority}/batch/{name}")
        }
        _ => azure,
    };
    let mut properties = Map::new();
    let mut put = |key: &str, value: Value| properties.insert(key.to_owned(), value);
    put("accountEndpoint", json!(endpoint));
    put(
        "nodeManagementEndpoint",
        json!(format!("{name}.{location}.service.batch.azure.com")),
    );
    put("provisioningState", json!(account.life.word(now).unwrap_or("Deleting")));
    put("poolAllocationMode", json!(account.mode.word()));
    put("publicNetworkAccess", json!("Enabled"));
    for (key, value) in quotas(account) {
        put(key, value);
    }
    let modes = account
        .modes
        .clone()
        .unwrap_or_else(|| AuthenticationMode::ALL.to_vec());
    let modes: Vec<&str> = modes.into_iter().map(AuthenticationMode::word).collect();
    put("allowedAuthenticationModes", json!(modes));
    put("encryption", json!({"keySource": "Microsoft.Batch"}));
    properties.extend(account.properties.as_object().cloned().unwrap_or_default());
    let identity = account.identity.clone().unwrap_or_else(|| json!({"type": "None"}));
    json!({
        "id": account.id(), "name": name, "type": "Microsoft.Batch/batchAccounts", "location": location,
        "tags": account.tags, "identity": identity, "properties": properties
    })
}

/// Core quotas are null where the nodes use the subscription's own.
fn quotas(account: &Account) -> Vec<(&'static str, Value)> {
    let own = account.mode == PoolAllocationMode::BatchService;
    let quotas = &account.quotas;
    let families = quotas
        .per_family
        .iter()
        .flatten()
        .map(|(name, quota)| json!({"name": name, "coreQuota": quota}));
    let cores = |quota: u32| if own { json!(quota) } else { Value::Null };
    vec![
        ("dedicatedCoreQuota", cores(quotas.dedicated_cores)),
        (
            "dedicatedCoreQuotaPerVMFamily",
            if own { families.collect() } else { Value::Null },
        ),
        (
            "dedicatedCoreQuotaPerVMFamilyEnforced",
            json!(own && quotas.per_family.is_some()),
        ),
        ("lowPriorityCoreQuota", cores(quotas.low_priority_cores)),
        ("poolQuota", json!(quotas.pools)),
        ("activeJobAndJobScheduleQuota", json!(quotas.active_jobs_and_schedules)),
    ]
}

/// GET of what `Location` names.
///
/// # Errors
/// There is no such operation, or it has failed.
pub(crate) fn operation_result(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut operations = parts.batch.operations.iter();
    let Some(operation) = operations.find(|operation| operation.id.eq_ignore_ascii_case(path.name())) else {
        let message = format!("The operation '{}' was not found.", path.name());
        return Err(ArmError::new(StatusCode::NOT_FOUND, "NotFound", message));
    };
    if operation.ends.is_none_or(|ends| call.now < ends) {
        return Ok(operations::accepted(parts, call, &call.request.path));
    }
    if let Some((code, message)) = &operation.failure {
        return Err(ArmError::new(StatusCode::CONFLICT, code, message.clone()));
    }
    match operation.kind {
        operations::Kind::Create => Ok(show(find(parts, path)?, call)),
        operations::Kind::Delete => Ok(Response::empty(StatusCode::NO_CONTENT)),
    }
}

/// The account of a path.
///
/// # Errors
/// `ResourceNotFound` in ARM's words.
pub(crate) fn find<'a>(parts: &'a Parts<'_>, path: &ArmPath) -> Result<&'a Account, ArmError> {
    parts
        .batch
        .accounts
        .iter()
        .find(|account| is_at(account, path))
        .ok_or_else(|| missing(path))
}

/// The same, to change it.
///
/// # Errors
/// `ResourceNotFound` in ARM's words.
pub(crate) fn find_mut<'a>(parts: &'a mut Parts<'_>, path: &ArmPath) -> Result<&'a mut Account, ArmError> {
    parts
        .batch
        .accounts
        .iter_mut()
        .find(|account| is_at(account, path))
        .ok_or_else(|| missing(path))
}

/// Brings the account up to now, so that both planes see the same.
pub(crate) fn settle(parts: &mut Parts<'_>, path: &ArmPath, now: Timestamp) {
    if let Some(name) = find(parts, path).ok().map(|account| account.name.clone()) {
        crate::batch::with_scene(parts, &name, now, |_, _| ());
    }
}

/// Whether the account is the one that a path of it, or below it, names.
pub(crate) fn is_at(account: &Account, path: &ArmPath) -> bool {
    path.parts
        .first()
        .is_some_and(|(_, name)| name.eq_ignore_ascii_case(&account.name))
        && path.subscription.eq_ignore_ascii_case(&account.subscription)
        && path.group().eq_ignore_ascii_case(&account.group)
}

fn missing(path: &ArmPath) -> ArmError {
    let name = path.parts.first().map_or("", |(_, name)| name);
    ArmError::resource_not_found(&format!("Microsoft.Batch/batchAccounts/{name}"), path.group())
}
