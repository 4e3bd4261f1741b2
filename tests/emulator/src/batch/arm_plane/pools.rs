//! Pools on the resource manager: the same pools as on the data plane, in ARM's words.
//!
//! Only here can a pool get an identity and tags. Writes answer at once; the resize that they start goes on behind.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{accounts, body, filtered, names, quoted, with_version};
use crate::batch::Parts;
use crate::batch::account::Account;
use crate::batch::allocation::{DeallocationOption, ResizeError, Targets};
use crate::batch::autoscale;
use crate::batch::conditions;
use crate::batch::ids::PoolId;
use crate::batch::pool::body::{self as pool_body, ApiAge, FIFTEEN_MINUTES, NewPool, NewScale, without_nulls};
use crate::batch::pool::change::{self, Changes};
use crate::batch::pool::scale::{self, NewSize};
use crate::batch::pool::{Pool, Scale};
use crate::batch::refusal::{CONDITION_NOT_MET, POOL_BEING_RESIZED, Refusal};
use crate::batch::scene::Scene;
use crate::batch::secrets::without_secrets;
use crate::batch::wire::{format_duration, timestamp};
use crate::call::Call;
use crate::envelope::{Answer, ArmError, ArmPath, unsupported};
use crate::http::Response;

/// After how many seconds to ask for a deletion again: a guess, of the order of other providers' numbers.
const ASK_AGAIN_SECONDS: u32 = 15;

const FILTERABLE: &[&str] = &[
    "name",
    "properties/allocationState",
    "properties/allocationStateTransitionTime",
    "properties/creationTime",
    "properties/provisioningState",
    "properties/provisioningStateTransitionTime",
    "properties/lastModified",
    "properties/vmSize",
    "properties/interNodeCommunication",
    "properties/scaleSettings/autoScale",
    "properties/scaleSettings/fixedScale",
];

/// Takes the scale out of a sparse body; targets that are left out stay.
type Rescale = Option<(NewScale, Option<jiff::SignedDuration>)>;

/// Lists an account's pools.
///
/// # Errors
/// What the provider refuses.
pub(crate) fn list(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    accounts::settle(parts, path, call.now);
    let account = accounts::find(parts, path)?;
    let pools = account.pools.iter().filter(|pool| !pool.is_gone(call.now));
    let mut values: Vec<Value> = pools.map(|pool| render(account, pool, call.now)).collect();
    values.sort_by_key(|value| value.get("name").map(|name| name.to_string().to_lowercase()));
    filtered(call, values, FILTERABLE)
}

/// GET, PUT, PATCH and DELETE of one pool.
///
/// # Errors
/// What the provider refuses.
pub(crate) fn element(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    accounts::settle(parts, path, call.now);
    let id = PoolId::of(path.name());
    match call.request.method {
        Method::GET => {
            let account = accounts::find(parts, path)?;
            let pool = account.pool(&id, call.now)?;
            conditions::check(call.request, &pool.version)?;
            Ok(show(account, pool, call.now))
        }
        Method::PUT => put(parts, call, path, &id),
        Method::PATCH => patch(parts, call, path, &id),
        Method::DELETE => match with_scene(parts, call, path, |account, scene| change::delete(account, &id, scene))? {
            Ok(()) => Ok(deletion(parts, call, path, &id)),
            Err(refusal) if refusal.status() == StatusCode::NOT_FOUND => Ok(Response::empty(StatusCode::NO_CONTENT)),
            Err(refusal) => Err(refusal.into()),
        },
        _ => Err(ArmError::from(Refusal::verb(&call.request.method))),
    }
}

/// GET of what a deletion's `Location` names, `poolOperationResults/delete-{pool}-{version}`.
///
/// # Errors
/// It is none of ours, or there is no such account.
pub(crate) fn operation_result(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    accounts::settle(parts, path, call.now);
    let name = path.name();
    let named = name.strip_prefix("delete-").and_then(|rest| rest.rsplit_once('-'));
    let (id, version) = named.ok_or_else(|| unsupported(call.request))?;
    let pool = accounts::find(parts, path)?.pool(&PoolId::of(id), call.now);
    // A new pool of the same name has another version.
    if pool.is_ok_and(|pool| operation_version(pool) == version) {
        let location = format!("https://{}{}{}", call.request.authority, call.request.path, query(call));
        return Ok(still_deleting(parts, &location));
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// 202 with the place to ask whether the pool is gone; 204 when it is gone at once.
fn deletion(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath, id: &PoolId) -> Response {
    let pool = accounts::find(parts, path)
        .ok()
        .and_then(|account| account.pool(id, call.now).ok());
    let account = call.request.path.trim_end_matches('/').rsplitn(3, '/').nth(2);
    let (Some(pool), Some(account)) = (pool, account) else {
        return Response::empty(StatusCode::NO_CONTENT);
    };
    let operation = format!("poolOperationResults/delete-{id}-{}", operation_version(pool));
    let location = format!("https://{}{account}/{operation}{}", call.request.authority, query(call));
    still_deleting(parts, &location)
}

/// 202 with where to ask and when: the specification has both headers, and no number.
fn still_deleting(parts: &Parts<'_>, location: &str) -> Response {
    let seconds = parts.engine.timing.retry_after.unwrap_or(ASK_AGAIN_SECONDS);
    Response::empty(StatusCode::ACCEPTED)
        .with_header("location", location)
        .with_header("retry-after", &seconds.to_string())
}

fn operation_version(pool: &Pool) -> &str {
    pool.version.etag.trim_start_matches("0x")
}

fn query(call: &Call<'_>) -> String {
    let version = call.request.query("api-version").unwrap_or_default();
    format!("?api-version={version}")
}

/// POST stopResize and disableAutoScale.
///
/// # Errors
/// What the provider refuses.
pub(crate) fn action(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    accounts::settle(parts, path, call.now);
    let (id, stops) = (PoolId::of(path.name()), path.action() == "stopresize");
    with_scene(parts, call, path, |account, scene| match stops {
        true => scale::stop(account, &id, scene),
        false => scale::disable_autoscale(account, &id, scene),
    })??;
    answer(parts, call, path, &id)
}

/// Runs a rule with the account of a path and the world around it.
fn with_scene<T>(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    rule: impl FnOnce(&mut Account, &mut Scene<'_>) -> T,
) -> Result<T, ArmError> {
    let name = accounts::find(parts, path)?.name.clone();
    let ran = crate::batch::with_scene(parts, &name, call.now, |account, mut scene| rule(account, &mut scene));
    ran.ok_or_else(|| ArmError::resource_not_found("batchAccounts", path.group()))
}

fn answer(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath, id: &PoolId) -> Answer {
    let account = accounts::find(parts, path)?;
    Ok(show(account, account.pool(id, call.now)?, call.now))
}

fn put(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, id: &PoolId) -> Answer {
    let sent = without_nulls(body(call)?);
    let mut fields = names::to_data_plane(sent.get("properties").unwrap_or(&Value::Null));
    fields.insert("id".to_owned(), json!(id.as_str()));
    let new = pool_body::read_new(&Value::Object(fields), ApiAge::New)?;
    pool_body::ensure_disk_key(&new.settings, sent.get("identity"))?;
    let existing = accounts::find(parts, path)?
        .pool(id, call.now)
        .map(|pool| pool.version.clone());
    match &existing {
        Ok(version) => {
            let creates = call
                .request
                .header("if-none-match")
                .is_some_and(|tag| tag.trim() == "*");
            if creates {
                return Err(Refusal::from(CONDITION_NOT_MET).into());
            }
            conditions::check(call.request, version)?;
        }
        Err(_) if call.request.header("if-match").is_some() => {
            return Err(Refusal::from(CONDITION_NOT_MET).into());
        }
        Err(_) => {}
    }
    let option = deallocation_option(&sent)?;
    with_scene(parts, call, path, |account, scene| match existing {
        Ok(_) => replace(account, new, option, scene),
        Err(_) => change::create(account, new, scene).map(|_| ()),
    })??;
    describe(parts, path, id, &sent, call.now)?;
    answer(parts, call, path, id)
}

/// PUT on a pool that is there: what is left out falls to its default.
fn replace(
    account: &mut Account,
    new: NewPool,
    option: DeallocationOption,
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let pool = account.pool(&new.id, scene.now)?;
    let dropped: Vec<String> = pool
        .settings
        .keys()
        .filter(|name| !new.settings.contains_key(name.as_str()))
        .cloned()
        .collect();
    let changes = Changes {
        settings: new.settings,
        vm_size: Some(new.vm_size),
    };
    change::apply(account, &new.id, changes, scene)?;
    let pool = account.pool_mut(&new.id, scene.now)?;
    for name in dropped {
        pool.settings.shift_remove(&name);
    }
    rescale(account, &new.id, new.scale, (Some(new.resize_timeout), option), scene)
}

fn patch(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, id: &PoolId) -> Answer {
    let sent = without_nulls(body(call)?);
    let pool = accounts::find(parts, path)?.pool(id, call.now)?;
    pool.ensure_active()?;
    conditions::check(call.request, &pool.version)?;
    let mut fields = names::to_data_plane(sent.get("properties").unwrap_or(&Value::Null));
    let scale = read_scale(pool, &mut fields)?;
    let drops_start_task = fields
        .get("startTask")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty);
    if drops_start_task {
        fields.shift_remove("startTask");
    }
    let changes = change::read_patch(pool, &fields)?;
    let option = deallocation_option(&sent)?;
    with_scene(parts, call, path, |account, scene| {
        change::apply(account, id, changes, scene)?;
        if drops_start_task {
            account.pool_mut(id, scene.now)?.settings.shift_remove("startTask");
        }
        match scale {
            Some((scale, timeout)) => rescale(account, id, scale, (timeout, option), scene),
            None => Ok(()),
        }
    })??;
    describe(parts, path, id, &sent, call.now)?;
    answer(parts, call, path, id)
}

fn read_scale(pool: &Pool, fields: &mut Map<String, Value>) -> Result<Rescale, Refusal> {
    let names = [
        "targetDedicatedNodes",
        "targetLowPriorityNodes",
        "resizeTimeout",
        "enableAutoScale",
        "autoScaleFormula",
        "autoScaleEvaluationInterval",
    ];
    let taken: Map<String, Value> = names
        .iter()
        .filter_map(|name| fields.shift_remove(*name).map(|value| ((*name).to_owned(), value)))
        .collect();
    if taken.is_empty() {
        return Ok(None);
    }
    let body = Value::Object(taken);
    let timeout = pool_body::read_resize_timeout(&body)?;
    if body.get("enableAutoScale").is_some() {
        let formula = pool_body::read_formula(pool_body::required(&body, "autoScaleFormula")?)?;
        let interval = pool_body::read_interval(&body)?.unwrap_or(FIFTEEN_MINUTES);
        return Ok(Some((NewScale::Auto { formula, interval }, timeout)));
    }
    let (dedicated, low_priority) = pool_body::read_targets(&body)?;
    let targets = Targets {
        dedicated: dedicated.unwrap_or(pool.targets.dedicated),
        low_priority: low_priority.unwrap_or(pool.targets.low_priority),
    };
    Ok(Some((NewScale::Fixed(targets), timeout)))
}

/// Brings the pool to a scale; nothing happens when it has it already.
fn rescale(
    account: &mut Account,
    id: &PoolId,
    new: NewScale,
    (timeout, option): (Option<jiff::SignedDuration>, DeallocationOption),
    scene: &mut Scene<'_>,
) -> Result<(), Refusal> {
    let now = scene.now;
    let pool = account.pool_mut(id, now)?;
    if let Some(timeout) = timeout {
        pool.resize_timeout = timeout;
    }
    // The write before this one was the same request.
    pool.last_write = None;
    match new {
        NewScale::Auto { formula, interval } => {
            let same = matches!(&pool.scale, Scale::Auto { formula: old, interval: every, .. } if *old == formula && *every == interval);
            if same {
                Ok(())
            } else {
                scale::enable_autoscale(account, id, &formula, interval, scene)
            }
        }
        NewScale::Fixed(targets) => {
            pool.scale = Scale::Fixed;
            let idle = pool.allocation_state(now) == crate::batch::pool::AllocationState::Steady;
            match (targets == pool.targets, idle) {
                (true, _) => {
                    pool.last_write = Some(now);
                    Ok(())
                }
                (false, true) => scale::resize(
                    account,
                    id,
                    NewSize {
                        targets,
                        timeout,
                        option,
                    },
                    scene,
                ),
                (false, false) => Err(POOL_BEING_RESIZED.into()),
            }
        }
    }
}

fn deallocation_option(sent: &Value) -> Result<DeallocationOption, Refusal> {
    let name = "/properties/scaleSettings/fixedScale/nodeDeallocationOption";
    let Some(word) = crate::json::text(sent, name) else {
        return Ok(DeallocationOption::default());
    };
    DeallocationOption::parse(word)
        .ok_or_else(|| Refusal::property("nodeDeallocationOption", word, "The value is not known."))
}

/// Keeps what only ARM can set. An identity of type `None` removes it.
fn describe(parts: &mut Parts<'_>, path: &ArmPath, id: &PoolId, sent: &Value, now: Timestamp) -> Result<(), ArmError> {
    let pool = accounts::find_mut(parts, path)?.pool_mut(id, now)?;
    if let Some(identity) = sent.get("identity") {
        let none = crate::json::text(identity, "/type").is_some_and(|kind| kind.eq_ignore_ascii_case("None"));
        pool.identity = (!none).then(|| identity.clone());
    }
    if let Some(tags) = sent.get("tags") {
        pool.tags = Some(tags.clone());
    }
    Ok(())
}

fn show(account: &Account, pool: &Pool, now: Timestamp) -> Response {
    with_version(
        Response::json(StatusCode::OK, &render(account, pool, now)),
        &pool.version,
    )
}

/// As ARM shows it.
fn render(account: &Account, pool: &Pool, now: Timestamp) -> Value {
    let mut body = json!({
        "id": format!("{}/pools/{}", account.id(), pool.id), "name": pool.id.as_str(),
        "type": "Microsoft.Batch/batchAccounts/pools", "etag": quoted(&pool.version.etag),
        "properties": properties(pool, now)
    });
    for (name, value) in [("identity", &pool.identity), ("tags", &pool.tags)] {
        if let Some(value) = value {
            crate::json::set(&mut body, &[name], value.clone());
        }
    }
    without_secrets(body)
}

fn properties(pool: &Pool, now: Timestamp) -> Value {
    let current = pool.current(now);
    let state = pool.allocation_state(now);
    let (provisioning, provisioned) = match pool.deletion {
        Some((asked, _)) => ("Deleting", asked),
        None => ("Succeeded", pool.created),
    };
    let mut body = Map::new();
    for (name, value) in [
        ("vmSize", json!(pool.vm_size.to_ascii_uppercase())),
        ("provisioningState", json!(provisioning)),
        ("provisioningStateTransitionTime", json!(timestamp(provisioned))),
        ("allocationState", json!(state.arm_word())),
        (
            "allocationStateTransitionTime",
            json!(timestamp(pool.allocation.since(now))),
        ),
        ("currentDedicatedNodes", json!(current.dedicated)),
        ("currentLowPriorityNodes", json!(current.low_priority)),
        ("creationTime", json!(timestamp(pool.created))),
        ("lastModified", json!(timestamp(pool.version.modified))),
    ] {
        body.insert(name.to_owned(), value);
    }
    body.extend(pool.settings.iter().map(|(name, value)| names::to_arm(name, value)));
    body.insert("scaleSettings".to_owned(), scale_settings(pool));
    if let Some(at) = pool.last_evaluation(now) {
        let run = json!({"evaluationTime": timestamp(at), "results": autoscale::results(pool.targets)});
        body.insert("autoScaleRun".to_owned(), run);
    }
    if let Some(status) = resize_status(pool, now) {
        body.insert("resizeOperationStatus".to_owned(), status);
    }
    Value::Object(body)
}

fn scale_settings(pool: &Pool) -> Value {
    match &pool.scale {
        Scale::Fixed => json!({"fixedScale": {
            "targetDedicatedNodes": pool.targets.dedicated, "targetLowPriorityNodes": pool.targets.low_priority,
            "resizeTimeout": format_duration(pool.resize_timeout)
        }}),
        Scale::Auto { formula, interval, .. } => {
            json!({"autoScale": {"formula": formula, "evaluationInterval": format_duration(*interval)}})
        }
    }
}

fn resize_status(pool: &Pool, now: Timestamp) -> Option<Value> {
    let resize = pool.resize.as_ref()?;
    let mut status = json!({
        "targetDedicatedNodes": pool.targets.dedicated, "targetLowPriorityNodes": pool.targets.low_priority,
        "resizeTimeout": format_duration(pool.resize_timeout), "nodeDeallocationOption": resize.option.arm_word(),
        "startTime": timestamp(resize.started)
    });
    let errors = pool.resize_errors(now);
    if !errors.is_empty() {
        let errors: Vec<Value> = errors.iter().map(arm_error).collect();
        crate::json::set(&mut status, &["errors"], Value::Array(errors));
    }
    Some(status)
}

/// The data plane's `values` are `details` here.
fn arm_error(error: &ResizeError) -> Value {
    let details: Vec<Value> = error
        .values
        .iter()
        .map(|(name, value)| json!({"code": name, "message": value}))
        .collect();
    json!({"code": error.code, "message": error.message, "details": details})
}
