//! Virtual machines: what they show, and stopping, starting and generalizing them.
//!
//! Making one is in `create`, changing one in `update`. A seed can bring them, too.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{kind::Kind, state::missing, usage};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::{Request, Response},
    json as edit,
    operation::{Form, Output, Plan},
    resource::{self, Change, Doing, Item, Table},
};

mod capture;
mod create;
pub(crate) mod facts;
mod plant;
mod update;

pub(crate) use create::{add_extension, create};
use facts::{Power, VmFacts};
pub use plant::{DiskSeed, PowerSeed, VmSeed};

/// From this api-version on a plain VM shows `securityType: "Standard"`; before, the property is absent.
const STANDARD_SHOWN_SINCE: &str = "2025-11-01";

/// From this api-version on a VM shows its ETag.
const ETAG_SHOWN_SINCE: &str = "2024-03-01";

/// How much of a VM is shown: what a request says about that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    expand: &'a str,
    api_version: &'a str,
}

impl<'a> Shown<'a> {
    /// As lists show it, in the oldest form.
    pub(crate) fn plain() -> Self {
        Self {
            expand: "",
            api_version: "",
        }
    }

    pub(crate) fn with_instance_view() -> Self {
        Self {
            expand: "instanceView",
            ..Self::plain()
        }
    }

    fn of(request: &'a Request) -> Self {
        Self {
            expand: request.query("$expand").unwrap_or_default(),
            api_version: request.query("api-version").unwrap_or_default(),
        }
    }

    fn has_instance_view(self) -> bool {
        self.expand.eq_ignore_ascii_case("instanceView")
    }

    fn has_etag(self) -> bool {
        self.api_version >= ETAG_SHOWN_SINCE
    }

    fn has_standard_security(self) -> bool {
        self.api_version >= STANDARD_SHOWN_SINCE
    }
}

/// Everything on a VM's own path and its actions.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.vms.find(&path.key());
    match (&call.request.method, path.action().as_str(), item) {
        (&Method::GET, "", Some(item)) => Ok(Response::json(StatusCode::OK, &view(item, Shown::of(call.request)))),
        (&Method::GET, "instanceview", Some(item)) => Ok(Response::json(StatusCode::OK, &instance_view(item))),
        (&Method::GET, "extensions", Some(item)) => {
            let extensions = edit::list(&item.body, "/resources");
            Ok(Response::json(StatusCode::OK, &json!({"value": extensions})))
        }
        (&Method::POST, "deallocate", Some(_)) => change_power(parts, call, path, Power::Deallocated),
        (&Method::POST, "poweroff", Some(_)) => change_power(parts, call, path, Power::Stopped),
        (&Method::POST, "start" | "restart", Some(_)) => change_power(parts, call, path, Power::Running),
        (&Method::POST, "generalize", Some(_)) => generalize(parts, path),
        (&Method::POST, "capture", Some(_)) => capture::capture(parts, call, path),
        (&(Method::PATCH | Method::PUT), "", found) if !conditions_hold(call.request, found) => Err(precondition(path)),
        (&(Method::PATCH | Method::PUT), "", Some(_)) => update::update(parts, call, path),
        (&Method::PUT, "", None) => put(parts, call, path),
        (&Method::DELETE, "", _) => {
            super::version::fail_copies_of(parts, &path.key(), call.now);
            let seconds = parts.engine.timing.seconds.delete;
            Ok(resource::delete(
                &mut parts.compute.vms,
                parts.engine,
                call,
                path,
                (Form::Compute, seconds),
            ))
        }
        (&(Method::GET | Method::POST | Method::PATCH), _, None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

/// Whether `If-Match` and `If-None-Match` allow a write.
fn conditions_hold(request: &Request, found: Option<&Item<VmFacts>>) -> bool {
    let etag = found.map(|item| item.facts.etag());
    let fits = |header: &str| {
        etag.as_ref().is_some_and(|etag| {
            header
                .split(',')
                .any(|one| matches!(one.trim(), "*") || one.trim() == etag)
        })
    };
    request.header("if-match").is_none_or(fits) && !request.header("if-none-match").is_some_and(fits)
}

fn precondition(path: &ArmPath) -> ArmError {
    let message = format!("The condition on the ETag of '{}' is not met.", path.name());
    ArmError::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
}

fn put(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = resource::write_body(call)?;
    let started = create(parts, call, path, &body)?;
    let item = parts.compute.vms.find(&path.key()).ok_or_else(|| missing(path))?;
    Ok(started.announce(Response::json(
        StatusCode::CREATED,
        &view(item, Shown::of(call.request)),
    )))
}

/// `GET …/virtualMachines/{vm}/extensions/{name}`.
pub(super) fn extension(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let vm = path.parent().and_then(|parent| parts.compute.vms.find(&parent.key()));
    if call.request.method != Method::GET {
        return Err(unsupported(call.request));
    }
    let extensions = vm.map_or(&[][..], |vm| edit::list(&vm.body, "/resources"));
    let found = extensions
        .iter()
        .find(|extension| edit::text(extension, "/name").is_some_and(|name| name.eq_ignore_ascii_case(path.name())));
    found
        .map(|extension| Response::json(StatusCode::OK, extension))
        .ok_or_else(|| missing(path))
}

/// VMs as the list shows them that was asked for; `statusOnly` is about their power states.
pub(super) fn list_views(vms: &Table<VmFacts>, request: &Request) -> Vec<Value> {
    let asked = Shown::of(request);
    let status_only = request
        .query("statusOnly")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let shown = if status_only {
        Shown {
            expand: "instanceView",
            ..asked
        }
    } else {
        asked
    };
    vms.iter().map(|item| view(item, shown)).collect()
}

/// The VM as answers show it.
pub(crate) fn view(item: &Item<VmFacts>, shown: Shown<'_>) -> Value {
    let mut view = item.view(&Kind::VirtualMachine.type_name());
    if item.facts.power == Power::Deallocated {
        hide_disk_sizes(&mut view);
    }
    if edit::text(&view, "/properties/securityProfile/securityType") == Some("Standard")
        && !shown.has_standard_security()
    {
        edit::remove(&mut view, "/properties/securityProfile", "securityType");
        if view
            .pointer("/properties/securityProfile")
            .is_some_and(|profile| *profile == json!({}))
        {
            edit::remove(&mut view, "/properties", "securityProfile");
        }
    }
    if shown.has_etag() {
        edit::set(&mut view, &["etag"], json!(item.facts.etag()));
    }
    if shown.has_instance_view() {
        edit::set(&mut view, &["properties", "instanceView"], instance_view(item));
    }
    view
}

/// A deallocated VM shows neither size nor SKU of its disks.
fn hide_disk_sizes(view: &mut Value) {
    let profile = view.pointer_mut("/properties/storageProfile");
    let Some(profile) = profile else { return };
    if let Some(disk) = profile.get_mut("osDisk") {
        hide_disk_size(disk);
    }
    for disk in profile
        .get_mut("dataDisks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        hide_disk_size(disk);
    }
}

fn hide_disk_size(disk: &mut Value) {
    edit::remove(disk, "", "diskSizeGB");
    edit::remove(disk, "/managedDisk", "storageAccountType");
}

fn instance_view(item: &Item<VmFacts>) -> Value {
    let facts = &item.facts;
    let created = edit::time(facts.created);
    let provisioned = json!({
        "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": created,
    });
    let disks: Vec<Value> = disk_names(&item.body)
        .into_iter()
        .map(|name| json!({"name": name, "statuses": [provisioned]}))
        .collect();
    let mut statuses = Vec::new();
    if facts.generalized {
        statuses.push(json!({"code": "OSState/generalized", "level": "Info", "displayStatus": "VM generalized"}));
    }
    statuses.push(provisioned);
    let (code, text) = facts.power_code();
    statuses.push(json!({"code": code, "level": "Info", "displayStatus": text}));
    let mut view = json!({"hyperVGeneration": facts.generation, "disks": disks, "statuses": statuses});
    if facts.power == Power::Running {
        let ready =
            json!({"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready", "time": created});
        edit::merge(
            &mut view,
            json!({
                "computerName": item.name(),
                "vmAgent": {"vmAgentVersion": "2.11.1.12", "statuses": [ready], "extensionHandlers": []},
            }),
        );
    }
    view
}

fn disk_names(body: &Value) -> Vec<String> {
    let os = body.pointer("/properties/storageProfile/osDisk");
    let others = edit::list(body, "/properties/storageProfile/dataDisks");
    os.into_iter()
        .chain(others)
        .filter_map(|disk| edit::text(disk, "/name").map(str::to_owned))
        .collect()
}

fn change_power(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, power: Power) -> Answer {
    let item = parts.compute.vms.find(&path.key()).ok_or_else(|| missing(path))?;
    resource::require_idle(item)?;
    if power != Power::Deallocated && item.facts.generalized {
        let message = format!(
            "Operation '{}' is not allowed on VM '{}' since the VM is generalized.",
            path.action(),
            item.name()
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    if let (Power::Running, false, Some(size)) = (power, item.facts.has_host(), usage::size_of(item)) {
        usage::require_cores(parts.compute, &path.subscription, &item.location(), size)?;
    }
    let seconds = &parts.engine.timing.seconds;
    let already = item.facts.power == power;
    let lasts = match (already, power) {
        (true, _) => seconds.update,
        (false, Power::Deallocated) => seconds.deallocate,
        (false, _) => seconds.power,
    };
    let plan = Plan {
        form: Form::Compute,
        subscription: path.subscription.clone(),
        location: item.location(),
        lasts: parts.engine.timing.lasts(lasts),
        output: Output::Nothing,
    };
    let started = parts.engine.begin(call, plan);
    if let Some(item) = parts.compute.vms.find_mut(&path.key()) {
        item.change = Some(Change::new(Doing::Updating, &started));
        item.facts.becoming = (!already).then_some(power);
    }
    Ok(started.announce_with_location(Response::empty(StatusCode::ACCEPTED)))
}

/// Sets the flag and nothing else; there is no way back.
fn generalize(parts: &mut Parts<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.vms.find_mut(&path.key()).ok_or_else(|| missing(path))?;
    resource::require_idle(item)?;
    if item.facts.power == Power::Running {
        let message = format!(
            "The Virtual Machine '{}' cannot be generalized because it is running. Stop or deallocate it first.",
            item.name()
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    item.facts.generalized = true;
    Ok(Response::empty(StatusCode::OK))
}
