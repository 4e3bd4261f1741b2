//! Requests about pools.
//!
//! Each reads its body, calls the rule in `pool`, and says what the service says.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::authenticate::ensure_vouched;
use super::site::{Answer, Site, only};
use crate::batch::allocation::{DeallocationOption, Targets};
use crate::batch::autoscale;
use crate::batch::conditions;
use crate::batch::ids::{NodeId, PoolId};
use crate::batch::listing::{self, Kind};
use crate::batch::pool::body::{self, ApiAge, FIFTEEN_MINUTES};
use crate::batch::pool::scale::{self, NewSize};
use crate::batch::pool::{Scale, change};
use crate::batch::refusal::{OPERATION_NOT_VALID_ON_POOL, Refusal, UNSUPPORTED_PROPERTY};
use crate::batch::wire::{Naming, Reply, timestamp};

/// The service's limit on the nodes of one removal.
const MOST_REMOVED: usize = 100;

const POOLS: Kind = Kind {
    metadata: "pools",
    filterable: &[
        "id",
        "displayName",
        "state",
        "stateTransitionTime",
        "allocationState",
        "allocationStateTransitionTime",
        "creationTime",
        "lastModified",
        "vmSize",
        "enableAutoScale",
        "enableInterNodeCommunication",
        "currentDedicatedNodes",
        "currentLowPriorityNodes",
        "targetDedicatedNodes",
        "targetLowPriorityNodes",
        "taskSlotsPerNode",
    ],
    selectable: &[
        "id",
        "displayName",
        "url",
        "eTag",
        "lastModified",
        "creationTime",
        "state",
        "stateTransitionTime",
        "allocationState",
        "allocationStateTransitionTime",
        "vmSize",
        "virtualMachineConfiguration",
        "resizeTimeout",
        "resizeErrors",
        "currentDedicatedNodes",
        "currentLowPriorityNodes",
        "targetDedicatedNodes",
        "targetLowPriorityNodes",
        "enableAutoScale",
        "autoScaleFormula",
        "autoScaleEvaluationInterval",
        "autoScaleRun",
        "enableInterNodeCommunication",
        "networkConfiguration",
        "startTask",
        "applicationPackageReferences",
        "taskSlotsPerNode",
        "taskSchedulingPolicy",
        "userAccounts",
        "metadata",
        "stats",
        "mountConfiguration",
        "identity",
        "upgradePolicy",
    ],
};

/// `/pools`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn collection(site: &mut Site<'_>, method: &Method) -> Answer {
    match *method {
        Method::GET => {
            let now = site.scene.now;
            let pools = site.account.pools.iter().filter(|pool| !pool.is_gone(now));
            let items = pools.map(|pool| (pool.id.as_str().to_ascii_lowercase(), pool.render(&site.base, now)));
            site.list("pools", POOLS, items.collect())
        }
        Method::POST => create(site),
        _ => Err(Refusal::verb(method)),
    }
}

/// `/pools/{id}`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn element(site: &mut Site<'_>, method: &Method, id: &PoolId) -> Answer {
    match *method {
        Method::GET | Method::HEAD => show(site, id),
        Method::PATCH => patch(site, id),
        Method::DELETE => {
            check_conditions(site, id)?;
            change::delete(site.account, id, &mut site.scene)?;
            Ok(Reply::empty(StatusCode::ACCEPTED))
        }
        _ => Err(Refusal::verb(method)),
    }
}

/// `/pools/{id}/{action}`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn action(site: &mut Site<'_>, method: &Method, id: &PoolId, action: &str) -> Answer {
    let answer: fn(&mut Site<'_>, &PoolId) -> Answer = match action {
        "updateproperties" => update_properties,
        "resize" => resize,
        "stopresize" => stop_resize,
        "removenodes" => remove_nodes,
        "enableautoscale" => enable_autoscale,
        "disableautoscale" => disable_autoscale,
        "evaluateautoscale" => evaluate_autoscale,
        _ => return Err(Refusal::unsupported(site.request)),
    };
    only(method, &Method::POST, || answer(site, id))
}

fn create(site: &mut Site<'_>) -> Answer {
    let new = body::read_new(&site.body()?, site.age())?;
    ensure_vouched(site.proof, &new.settings)?;
    body::ensure_disk_key(&new.settings, None)?;
    let id = change::create(site.account, new, &mut site.scene)?;
    named(site, &id, StatusCode::CREATED, Naming::Created)
}

fn show(site: &Site<'_>, id: &PoolId) -> Answer {
    let now = site.scene.now;
    let pool = site.account.pool(id, now)?;
    conditions::check(site.request, &pool.version)?;
    if site.request.method == Method::HEAD {
        return Ok(Reply::empty(StatusCode::OK).versioned(pool.version.clone()));
    }
    let body = listing::select(site.request, POOLS, &pool.render(&site.base, now))?;
    Ok(Reply::element(&site.base, "pools", body).versioned(pool.version.clone()))
}

fn patch(site: &mut Site<'_>, id: &PoolId) -> Answer {
    check_conditions(site, id)?;
    let body = site.body()?;
    let fields = body::object(&body)?;
    let pool = site.account.pool(id, site.scene.now)?;
    pool.ensure_active()?;
    if site.age() == ApiAge::Old && fields.keys().any(|name| !is_in_old_patch(name)) {
        return Err(UNSUPPORTED_PROPERTY.into());
    }
    let changes = change::read_patch(pool, fields)?;
    ensure_vouched(site.proof, &changes.settings)?;
    change::apply(site.account, id, changes, &mut site.scene)?;
    named(site, id, StatusCode::OK, Naming::Written)
}

/// What PATCH had before 2024-07-01.20.0.
fn is_in_old_patch(name: &str) -> bool {
    matches!(name, "startTask" | "applicationPackageReferences" | "metadata")
}

fn update_properties(site: &mut Site<'_>, id: &PoolId) -> Answer {
    let body = site.body()?;
    change::replace_properties(site.account, id, body::object(&body)?, &mut site.scene)?;
    named(site, id, StatusCode::NO_CONTENT, Naming::Written)
}

fn resize(site: &mut Site<'_>, id: &PoolId) -> Answer {
    check_conditions(site, id)?;
    let body = site.body()?;
    let present = site.account.pool(id, site.scene.now)?.targets;
    let (dedicated, low_priority) = body::read_targets(&body)?;
    if dedicated.is_none() && low_priority.is_none() {
        return Err(Refusal::missing("targetDedicatedNodes"));
    }
    // Whether the service keeps a target that is left out is not documented; keeping it surprises least.
    let targets = Targets {
        dedicated: dedicated.unwrap_or(present.dedicated),
        low_priority: low_priority.unwrap_or(present.low_priority),
    };
    let size = NewSize {
        targets,
        timeout: body::read_resize_timeout(&body)?,
        option: read_option(&body, site.age())?,
    };
    scale::resize(site.account, id, size, &mut site.scene)?;
    named(site, id, StatusCode::ACCEPTED, Naming::Written)
}

fn stop_resize(site: &mut Site<'_>, id: &PoolId) -> Answer {
    check_conditions(site, id)?;
    scale::stop(site.account, id, &mut site.scene)?;
    named(site, id, StatusCode::ACCEPTED, Naming::Written)
}

fn remove_nodes(site: &mut Site<'_>, id: &PoolId) -> Answer {
    check_conditions(site, id)?;
    let body = site.body()?;
    let nodes: Vec<NodeId> = crate::json::list(&body, "/nodeList")
        .iter()
        .filter_map(Value::as_str)
        .map(NodeId::of)
        .collect();
    if nodes.is_empty() {
        return Err(Refusal::missing("nodeList"));
    }
    if nodes.len() > MOST_REMOVED {
        let reason = "At most 100 nodes can be removed at once.";
        return Err(Refusal::property("nodeList", &nodes.len().to_string(), reason));
    }
    let timeout = body::read_resize_timeout(&body)?;
    let size = NewSize {
        targets: Targets::default(),
        timeout,
        option: read_option(&body, site.age())?,
    };
    scale::remove_nodes(site.account, id, &nodes, size, &mut site.scene)?;
    named(site, id, StatusCode::ACCEPTED, Naming::Written)
}

fn enable_autoscale(site: &mut Site<'_>, id: &PoolId) -> Answer {
    check_conditions(site, id)?;
    let body = site.optional_body()?;
    let (formula, interval) = match &site.account.pool(id, site.scene.now)?.scale {
        Scale::Auto { formula, interval, .. } => (Some(formula.clone()), *interval),
        Scale::Fixed => (None, FIFTEEN_MINUTES),
    };
    let asked = body
        .get("autoScaleFormula")
        .and_then(Value::as_str)
        .map(body::read_formula)
        .transpose()?;
    let formula = asked.or(formula).ok_or_else(|| Refusal::missing("autoScaleFormula"))?;
    let interval = body::read_interval(&body)?.unwrap_or(interval);
    scale::enable_autoscale(site.account, id, &formula, interval, &mut site.scene)?;
    named(site, id, StatusCode::OK, Naming::Written)
}

fn disable_autoscale(site: &mut Site<'_>, id: &PoolId) -> Answer {
    scale::disable_autoscale(site.account, id, &mut site.scene)?;
    named(site, id, StatusCode::OK, Naming::Written)
}

fn evaluate_autoscale(site: &mut Site<'_>, id: &PoolId) -> Answer {
    let body = site.body()?;
    let formula = body::read_formula(body::required(&body, "autoScaleFormula")?)?;
    let now = site.scene.now;
    let pool = site.account.pool(id, now)?;
    if pool.scale == Scale::Fixed {
        let message = "The specified operation is valid only on a pool with autoscale enabled.";
        return Err(Refusal::from(OPERATION_NOT_VALID_ON_POOL).saying(message));
    }
    let outcome = autoscale::evaluate(&formula, pool.targets, pool.current(now), now)?;
    let mut run = json!({"timestamp": timestamp(now)});
    match outcome.failure {
        Some(failure) => crate::json::set(&mut run, &["error"], autoscale::run_error(&failure)),
        None => crate::json::set(&mut run, &["results"], json!(autoscale::results(outcome.targets))),
    }
    let reply = Reply::result(&site.base, "Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun", run);
    Ok(reply
        .versioned(pool.version.clone())
        .naming(pool.url(&site.base), Naming::Written))
}

fn read_option(body: &Value, age: ApiAge) -> Result<DeallocationOption, Refusal> {
    let Some(text) = body.get("nodeDeallocationOption").and_then(Value::as_str) else {
        return Ok(DeallocationOption::default());
    };
    DeallocationOption::parse(text)
        .filter(|option| age < ApiAge::Newest || *option != DeallocationOption::RetainedData)
        .ok_or_else(|| Refusal::property("nodeDeallocationOption", text, "The value is not known."))
}

fn check_conditions(site: &Site<'_>, id: &PoolId) -> Result<(), Refusal> {
    conditions::check(site.request, &site.account.pool(id, site.scene.now)?.version)
}

/// An answer without a body that names the pool and its version.
fn named(site: &Site<'_>, id: &PoolId, status: StatusCode, naming: Naming) -> Answer {
    let pool = site.account.pool(id, site.scene.now)?;
    Ok(Reply::empty(status)
        .versioned(pool.version.clone())
        .naming(pool.url(&site.base), naming))
}
