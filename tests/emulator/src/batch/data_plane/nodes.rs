//! Requests about compute nodes and the files of their start tasks.
//!
//! What a state allows follows the operations' reference; the codes of the refusals are partly guesses, since the
//! reference does not give them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::site::{Answer, Site, only};
use crate::batch::ids::{NodeId, PoolId};
use crate::batch::listing::{self, Kind};
use crate::batch::node::{Node, NodeState, Scheduling};
use crate::batch::pool::body::ApiAge;
use crate::batch::refusal::{
    FILE_NOT_FOUND, NODE_ALREADY_IN_STATE, NODE_NOT_FOUND, NODE_STATE_UNUSABLE, OPERATION_INVALID_FOR_STATE, Refusal,
};
use crate::batch::wire::{File, Naming, Reply, timestamp};

const NODES: Kind = Kind {
    metadata: "nodes",
    filterable: &[
        "id",
        "state",
        "schedulingState",
        "allocationTime",
        "lastBootTime",
        "stateTransitionTime",
        "ipAddress",
        "isDedicated",
        "vmSize",
        "startTaskInfo/result",
        "startTaskInfo/exitCode",
        "startTaskInfo/startTime",
        "startTaskInfo/endTime",
    ],
    selectable: &[
        "id",
        "url",
        "state",
        "schedulingState",
        "stateTransitionTime",
        "lastBootTime",
        "allocationTime",
        "ipAddress",
        "ipv6Address",
        "affinityId",
        "vmSize",
        "totalTasksRun",
        "runningTasksCount",
        "runningTaskSlotsCount",
        "totalTasksSucceeded",
        "recentTasks",
        "startTask",
        "startTaskInfo",
        "errors",
        "isDedicated",
        "endpointConfiguration",
        "nodeAgentInfo",
        "virtualMachineInfo",
    ],
};

const FILES: Kind = Kind {
    metadata: "files",
    filterable: &["name"],
    selectable: &[],
};

const EXTENSIONS: Kind = Kind {
    metadata: "extensions",
    filterable: &[],
    selectable: &[],
};

/// The files that a start task leaves.
const START_FILES: [&str; 2] = ["startup/stderr.txt", "startup/stdout.txt"];

/// Whether an operation may be tried on a broken node: the node-error page advises to reboot those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Healing {
    Allowed,
    Refused,
}

/// `/pools/{id}/nodes…`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn answer(site: &mut Site<'_>, method: &Method, pool: &PoolId, rest: &[&str]) -> Answer {
    site.account.pool(pool, site.scene.now)?;
    match rest {
        [] => only(method, &Method::GET, || list(site, pool)),
        [node] => only(method, &Method::GET, || show(site, pool, &NodeId::of(node))),
        [node, "remoteloginsettings"] => only(method, &Method::GET, || login(site, pool, &NodeId::of(node))),
        [node, "extensions"] => only(method, &Method::GET, || extensions(site, pool, &NodeId::of(node))),
        [node, "files"] => only(method, &Method::GET, || files(site, pool, &NodeId::of(node))),
        [node, "files", path @ ..] => file(site, method, pool, (&NodeId::of(node), &path.join("/"))),
        [node, "uploadbatchservicelogs"] => only(method, &Method::POST, || upload(site, pool, &NodeId::of(node))),
        [node, action] => {
            let (node, action) = (NodeId::of(node), (*action).to_owned());
            only(method, &Method::POST, || act(site, pool, &node, &action))
        }
        _ => Err(Refusal::unsupported(site.request)),
    }
}

fn list(site: &Site<'_>, pool: &PoolId) -> Answer {
    let now = site.scene.now;
    let found = site.account.pool(pool, now)?;
    let items = found
        .present(now)
        .map(|node| (node.id.as_str().to_owned(), render(site, pool, node)));
    site.list(&format!("pools/{pool}/nodes"), NODES, items.collect())
}

fn show(site: &Site<'_>, pool: &PoolId, node: &NodeId) -> Answer {
    let body = listing::select(site.request, NODES, &render(site, pool, find(site, pool, node)?))?;
    Ok(Reply::element(&site.base, "nodes", body))
}

/// Versions before 2025-06-01 list the certificates of nodes that have booted.
fn render(site: &Site<'_>, pool: &PoolId, node: &Node) -> Value {
    let mut body = node.render(&site.base, pool.as_str(), site.scene.now);
    if site.age() < ApiAge::New && body.get("nodeAgentInfo").is_some() {
        crate::json::set(&mut body, &["certificateReferences"], json!([]));
    }
    body
}

fn find<'a>(site: &'a Site<'_>, pool: &PoolId, node: &NodeId) -> Result<&'a Node, Refusal> {
    let now = site.scene.now;
    let mut present = site.account.pool(pool, now)?.present(now);
    present
        .find(|present| present.id == *node)
        .ok_or_else(|| NODE_NOT_FOUND.into())
}

fn act(site: &mut Site<'_>, pool: &PoolId, node: &NodeId, action: &str) -> Answer {
    if !matches!(
        action,
        "reboot" | "reimage" | "deallocate" | "start" | "disablescheduling" | "enablescheduling"
    ) {
        return Err(Refusal::unsupported(site.request));
    }
    let (now, boot) = (site.scene.now, site.scene.boot());
    let pool_url = format!("{}/pools/{pool}", site.base);
    let found = site.account.pool_mut(pool, now)?;
    found.ensure_active()?;
    let start_task = found.start_task().cloned();
    let mut nodes = found.nodes.iter_mut();
    let Some(node) = nodes.find(|known| known.id == *node && known.is_present(now)) else {
        return Err(NODE_NOT_FOUND.into());
    };
    let status = match action {
        "reboot" => {
            ensure_up(node, Healing::Allowed, now)?;
            node.restart(NodeState::Rebooting, start_task, now, boot);
            StatusCode::ACCEPTED
        }
        "reimage" => {
            ensure_up(node, Healing::Allowed, now)?;
            node.restart(NodeState::Reimaging, start_task, now, boot);
            StatusCode::ACCEPTED
        }
        "deallocate" => {
            ensure_up(node, Healing::Refused, now)?;
            node.deallocate(now, boot);
            StatusCode::ACCEPTED
        }
        "start" => {
            ensure_state(node, NodeState::Deallocated, now)?;
            node.start(start_task, now, boot);
            StatusCode::ACCEPTED
        }
        "disablescheduling" => schedule(node, Scheduling::Disabled, now)?,
        _ => schedule(node, Scheduling::Enabled, now)?,
    };
    Ok(Reply::empty(status).naming(format!("{pool_url}/nodes/{}/{action}", node.id), Naming::Written))
}

/// Reboot, reimage and deallocate need an idle or running node, or one that they may heal.
fn ensure_up(node: &Node, healing: Healing, now: jiff::Timestamp) -> Result<(), Refusal> {
    match node.state(now) {
        state if state.is_up() => Ok(()),
        NodeState::StartTaskFailed | NodeState::Unusable if healing == Healing::Allowed => Ok(()),
        NodeState::Unusable => Err(NODE_STATE_UNUSABLE.into()),
        _ => Err(OPERATION_INVALID_FOR_STATE.into()),
    }
}

fn ensure_state(node: &Node, wanted: NodeState, now: jiff::Timestamp) -> Result<(), Refusal> {
    if node.state(now) == wanted {
        Ok(())
    } else {
        Err(OPERATION_INVALID_FOR_STATE.into())
    }
}

fn schedule(node: &mut Node, wanted: Scheduling, now: jiff::Timestamp) -> Result<StatusCode, Refusal> {
    if node.scheduling == wanted {
        return Err(NODE_ALREADY_IN_STATE.into());
    }
    node.schedule(wanted, now);
    Ok(StatusCode::OK)
}

fn login(site: &Site<'_>, pool: &PoolId, node: &NodeId) -> Answer {
    let (address, port) = find(site, pool, node)?.login();
    let body = json!({"remoteLoginIPAddress": address, "remoteLoginPort": port});
    Ok(Reply::result(
        &site.base,
        "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings",
        body,
    ))
}

fn extensions(site: &Site<'_>, pool: &PoolId, node: &NodeId) -> Answer {
    find(site, pool, node)?;
    site.list(&format!("pools/{pool}/nodes/{node}/extensions"), EXTENSIONS, Vec::new())
}

/// Says what an upload would have written; there is no storage to write to.
fn upload(site: &Site<'_>, pool: &PoolId, node: &NodeId) -> Answer {
    let body = site.body()?;
    let container = crate::batch::pool::body::required(&body, "containerUrl")?;
    crate::batch::pool::body::required(&body, "startTime")?;
    if !container.contains("sig=") && body.get("identityReference").is_none() {
        let (address, _) = container.split_once('?').unwrap_or((container, ""));
        let why = "The URL must include a SAS that grants write permissions, or an identity reference must be given.";
        return Err(Refusal::property("containerUrl", address, why));
    }
    let node = find(site, pool, node)?;
    let directory = format!("{}/{pool}/{}", site.account.name, node.id);
    let body = json!({"virtualDirectoryName": directory, "numberOfFilesUploaded": 4});
    Ok(Reply::result(
        &site.base,
        "Microsoft.Azure.Batch.Protocol.Entities.UploadBatchServiceLogsResult",
        body,
    ))
}

fn files(site: &Site<'_>, pool: &PoolId, node: &NodeId) -> Answer {
    let url = format!("{}/pools/{pool}/nodes/{node}/files", site.base);
    let items = START_FILES.iter().filter_map(|name| {
        let file = start_file(site, pool, node, name).ok()?;
        let properties = json!({
            "lastModified": timestamp(file.modified), "contentLength": file.text.len().to_string(),
            "contentType": "application/octet-stream"
        });
        let body =
            json!({"name": name, "url": format!("{url}/{name}"), "isDirectory": false, "properties": properties});
        Some(((*name).to_owned(), body))
    });
    find(site, pool, node)?;
    site.list(&format!("pools/{pool}/nodes/{node}/files"), FILES, items.collect())
}

fn file(site: &Site<'_>, method: &Method, pool: &PoolId, (node, path): (&NodeId, &str)) -> Answer {
    let file = start_file(site, pool, node, path)?;
    match *method {
        Method::GET => Ok(Reply::file(file)),
        Method::HEAD => Ok(Reply::file_head(file)),
        _ => Err(Refusal::verb(method)),
    }
}

/// What a start task wrote. Nothing runs here, so standard output says just that.
fn start_file(site: &Site<'_>, pool: &PoolId, node: &NodeId, path: &str) -> Result<File, Refusal> {
    let now = site.scene.now;
    let node = find(site, pool, node)?;
    let run = node.start_run(now).ok_or(FILE_NOT_FOUND)?;
    let command = node
        .start_task
        .as_ref()
        .and_then(|task| crate::json::text(task, "/commandLine"))
        .unwrap_or_default();
    let failed = run.end <= now && run.exit_code != 0;
    let text = match path {
        "startup/stdout.txt" => format!("emulated: {command}\n"),
        "startup/stderr.txt" if failed => match node.start_output() {
            Some(output) => format!("{output}\n"),
            None => format!("emulated: exit code {}\n", run.exit_code),
        },
        "startup/stderr.txt" => String::new(),
        _ => return Err(FILE_NOT_FOUND.into()),
    };
    let modified = run.end.min(now);
    Ok(File {
        url: format!("{}/pools/{pool}/nodes/{}/files/{path}", site.base, node.id),
        text,
        modified,
    })
}
