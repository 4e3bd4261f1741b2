//! Which action of Azure's role definitions a request is.
//!
//! Names follow from paths, as on Azure; rights are not checked here.

use http::Method;

use crate::envelope::ArmPath;

/// Something that a role allows or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Of the control plane, e.g. `Microsoft.Compute/snapshots/write`.
    Control(String),
    /// Of a data plane, e.g. `Microsoft.Batch/batchAccounts/jobs/write`.
    Data(String),
}

impl Action {
    /// The name as roles write it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Control(name) | Self::Data(name) => name,
        }
    }
}

/// The action that a request to the resource manager is; `None` when everyone who is signed in may make it.
pub(super) fn required(method: &Method, path: &ArmPath) -> Option<Action> {
    let name = match path.namespace.as_deref() {
        Some(_) if asks_for_permissions(path) => return None,
        Some(namespace) if path.parts.is_empty() && path.group.is_none() => of_provider(namespace, method, path),
        Some(namespace) => of_resource(namespace, method, path),
        None if path.parts.is_empty() => of_scope(method, path),
        // Deployments may leave out their provider.
        None => of_resource("Microsoft.Resources", method, path),
    };
    Some(Action::Control(name))
}

/// Whether the request lists what a subscription has of some kind: then a caller sees its own part.
pub(super) fn lists_a_subscription(method: &Method, path: &ArmPath) -> bool {
    let is_collection = match &path.namespace {
        Some(_) => !matches!(path.action().as_str(), "" | "skus"),
        None => matches!(path.action().as_str(), "" | "resourcegroups" | "resources"),
    };
    *method == Method::GET && path.group.is_none() && path.parts.is_empty() && is_collection
}

/// Whether the path is `{scope}/providers/Microsoft.Authorization/permissions`.
pub(super) fn asks_for_permissions(path: &ArmPath) -> bool {
    let of_resource = path.parts.last().is_some_and(|(kind, name)| {
        kind.eq_ignore_ascii_case("providers") && name.eq_ignore_ascii_case("Microsoft.Authorization")
    });
    path.action() == "permissions" && (of_resource || (path.parts.is_empty() && path.is_in("Microsoft.Authorization")))
}

/// The action that a request to Batch's data plane is.
///
/// Pools and their nodes are of the control plane, jobs and schedules of the data plane, as Azure's built-in roles for
/// Batch have them.
pub(super) fn of_batch(method: &Method, segments: &[&str]) -> Action {
    let verb = match *method {
        Method::GET | Method::HEAD => "read",
        // Only whole pools, jobs and schedules are deleted; a node's file or a task is a change of those.
        Method::DELETE if segments.len() == 2 => "delete",
        _ => "write",
    };
    let name = |kind: &str| format!("Microsoft.Batch/batchAccounts/{kind}/{verb}");
    match segments.first().copied() {
        Some("jobs") => Action::Data(name("jobs")),
        Some("jobschedules") => Action::Data(name("jobSchedules")),
        _ => Action::Control(name("pools")),
    }
}

fn of_provider(namespace: &str, method: &Method, path: &ArmPath) -> String {
    match (path.action().as_str(), path.tail.as_deref()) {
        ("", _) => "Microsoft.Resources/subscriptions/providers/read".to_owned(),
        ("register" | "unregister", Some(tail)) => format!("{namespace}/{tail}/action"),
        _ => of_resource(namespace, method, path),
    }
}

fn of_resource(namespace: &str, method: &Method, path: &ArmPath) -> String {
    let mut name = namespace.to_owned();
    let kinds = path.parts.iter().map(|(kind, _)| kind).chain(&path.tail);
    for kind in kinds {
        name.push('/');
        name.push_str(kind);
    }
    name.push('/');
    name.push_str(verb(method));
    name
}

fn of_scope(method: &Method, path: &ArmPath) -> String {
    let kind = match (path.group.is_some(), path.action().as_str()) {
        (true, "resources") => "resourceGroups/resources",
        (true, _) | (false, "resourcegroups") => "resourceGroups",
        (false, "locations") => "locations",
        (false, "providers") => "providers",
        (false, "resources") => "resources",
        (false, _) => return format!("Microsoft.Resources/subscriptions/{}", verb(method)),
    };
    format!("Microsoft.Resources/subscriptions/{kind}/{}", verb(method))
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "read",
        Method::DELETE => "delete",
        Method::POST => "action",
        _ => "write",
    }
}
