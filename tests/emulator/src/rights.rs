//! Rights: what a caller may do, by the role assignments of a seed.
//!
//! A caller that no assignment names may do everything. Roles have no names here, only their actions; which action a
//! request needs is in `action`, which resources it touches besides its own in `linked`.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    call::Call,
    entra::{Audience, Caller, Entra},
    envelope::{ArmError, ArmPath},
    http::Response,
    journal::Entry,
    json as edit, pattern,
};

mod action;
mod linked;

pub use action::Action;

/// Every role assignment.
#[derive(Debug, Default)]
pub struct Rights {
    assignments: Vec<RoleAssignment>,
}

/// A role assignment with its role, as a seed writes it.
///
/// Patterns hold `*` for any run of characters and compare without case.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAssignment {
    /// The application's client id or its service principal's object id.
    #[serde(alias = "application")]
    pub principal: String,
    /// The id of a subscription, a resource group or a resource; it holds for everything below, too.
    pub scope: String,
    /// What may be done, e.g. `Microsoft.Compute/*/read`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// What of that may not.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// What may be done to data, e.g. `Microsoft.Batch/batchAccounts/jobs/*`.
    #[serde(default)]
    pub data_actions: Vec<String>,
    /// What of that may not.
    #[serde(default)]
    pub not_data_actions: Vec<String>,
}

/// How much of what was asked for a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    /// Of a list over a whole subscription, what lies below the caller's scopes.
    Below,
}

impl RoleAssignment {
    fn is_of(&self, caller: &Caller) -> bool {
        [&caller.app_id, &caller.object_id]
            .iter()
            .any(|id| self.principal.eq_ignore_ascii_case(id))
    }

    fn covers(&self, scope: &str) -> bool {
        is_at_or_below(scope, &self.scope)
    }

    fn allows(&self, action: &Action) -> bool {
        let (granted, withheld) = match action {
            Action::Control(_) => (&self.actions, &self.not_actions),
            Action::Data(_) => (&self.data_actions, &self.not_data_actions),
        };
        let any = |patterns: &[String]| patterns.iter().any(|known| grants(known, action.name()));
        any(granted) && !any(withheld)
    }
}

impl Rights {
    /// Adds an assignment, or puts it in place of the one of the same principal at the same scope.
    pub(crate) fn assign(&mut self, assignment: RoleAssignment) {
        self.assignments.retain(|known| {
            !(known.principal.eq_ignore_ascii_case(&assignment.principal)
                && known.scope.eq_ignore_ascii_case(&assignment.scope))
        });
        self.assignments.push(assignment);
    }

    /// Whether the caller may do that at the scope with that id.
    #[must_use]
    pub fn allows(&self, caller: &Caller, action: &Action, scope: &str) -> bool {
        !self.is_restricted(caller) || self.of(caller).any(|known| known.covers(scope) && known.allows(action))
    }

    /// The action that a request to Batch's data plane lacks; `None` when the caller may make it.
    ///
    /// `account` is the account's id on the resource manager, `segments` the path of the request within it.
    #[must_use]
    pub fn missing_on_batch(
        &self,
        caller: &Caller,
        account: &str,
        method: &Method,
        segments: &[&str],
    ) -> Option<Action> {
        let action = action::of_batch(method, segments);
        (!self.allows(caller, &action, account)).then_some(action)
    }

    /// The same for a request as it comes: `prefix` is what stands before the path that Batch knows.
    ///
    /// A request without a good token has no roles that could lack anything; it is for the account to refuse or, signed
    /// with its key, to answer.
    #[must_use]
    pub fn missing_on_request(&self, entra: &Entra, call: &Call<'_>, account: &str, prefix: &str) -> Option<Action> {
        let header = call.request.header("authorization");
        let caller = entra.check(header, Audience::Batch, call.now).ok()?;
        let path = call.request.path.strip_prefix(prefix)?.to_lowercase();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        self.missing_on_batch(&caller, account, &call.request.method, &segments)
    }

    /// The action that a caller lacks on an image or a subnet which the body of a request to Batch names, with its id.
    #[must_use]
    pub fn missing_on_named(&self, entra: &Entra, call: &Call<'_>) -> Option<(Action, String)> {
        let is_write = matches!(call.request.method, Method::POST | Method::PUT | Method::PATCH);
        let caller = entra
            .check(call.request.header("authorization"), Audience::Batch, call.now)
            .ok()
            .filter(|caller| is_write && self.is_restricted(caller))?;
        let body: Value = serde_json::from_slice(&call.request.body).ok()?;
        let mut needed = linked::of_pool(&body).into_iter();
        needed.find(|(action, id)| !self.allows(&caller, action, id))
    }

    /// Whether anything at, above or below that scope is assigned to the caller.
    pub(crate) fn sees(&self, caller: &Caller, scope: &str) -> bool {
        !self.is_restricted(caller)
            || self
                .of(caller)
                .any(|known| known.covers(scope) || is_at_or_below(&known.scope, scope))
    }

    /// What `…/permissions` lists for a scope: one entry per assignment that holds there.
    pub(crate) fn permissions(&self, caller: &Caller, scope: &str) -> Response {
        let everything = json!({"actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": []});
        let values: Vec<Value> = if self.is_restricted(caller) {
            let held = self.of(caller).filter(|known| known.covers(scope));
            held.map(|known| {
                json!({
                    "actions": known.actions,
                    "notActions": known.not_actions,
                    "dataActions": known.data_actions,
                    "notDataActions": known.not_data_actions,
                })
            })
            .collect()
        } else {
            vec![everything]
        };
        Response::json(StatusCode::OK, &json!({"value": values}))
    }

    /// Refuses a request to the resource manager that the caller may not make.
    pub(crate) fn check(
        &self,
        caller: &Caller,
        (method, path): (&Method, &ArmPath),
        body: impl FnOnce() -> Option<Value>,
    ) -> Result<Access, ArmError> {
        let (true, Some(action)) = (self.is_restricted(caller), action::required(method, path)) else {
            return Ok(Access::Full);
        };
        let scope = path.id();
        if !self.allows(caller, &action, &scope) {
            let subscription = format!("/subscriptions/{}", path.subscription);
            return if action::lists_a_subscription(method, path) && self.sees(caller, &subscription) {
                Ok(Access::Below)
            } else {
                Err(authorization_failed(caller, &action, &scope))
            };
        }
        for (needed, linked) in linked::of(method, path, &body().unwrap_or_default()) {
            if !self.allows(caller, &needed, &linked) {
                return Err(linked_authorization_failed(
                    caller,
                    (&action, &scope),
                    (&needed, &linked),
                ));
            }
        }
        Ok(Access::Full)
    }

    /// Refuses a template of which the caller may not write every resource, each given by type, name and id.
    pub(crate) fn check_template<'a>(
        &self,
        caller: &Caller,
        resources: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) -> Result<(), ArmError> {
        let refusals: Vec<String> = resources
            .filter_map(|(kind, name, id)| {
                let action = Action::Control(format!("{kind}/write"));
                (!self.allows(caller, &action, id)).then(|| {
                    format!(
                        "Authorization failed for template resource '{name}' of type '{kind}'. The client '{}' with \
                         object id '{}' does not have permission to perform action '{}' at scope '{id}'.",
                        caller.app_id,
                        caller.object_id,
                        action.name()
                    )
                })
            })
            .collect();
        let message = match refusals.as_slice() {
            [] => return Ok(()),
            [one] => format!("The template deployment failed with error: '{one}'."),
            several => format!("Deployment failed with multiple errors: '{}'", several.join(":")),
        };
        Err(ArmError::bad_request("InvalidTemplateDeployment", message))
    }

    /// The list without what the caller may not read.
    pub(crate) fn without_hidden(&self, caller: &Caller, response: Response) -> Response {
        let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else {
            return response;
        };
        if let Some(values) = body.get_mut("value").and_then(Value::as_array_mut) {
            values.retain(|value| self.may_read(caller, edit::text(value, "/id").unwrap_or_default()));
        }
        Response {
            body: body.to_string().into(),
            ..response
        }
    }

    fn may_read(&self, caller: &Caller, id: &str) -> bool {
        let path = ArmPath::parse(id);
        let action = path.and_then(|path| action::required(&Method::GET, &path));
        action.is_some_and(|action| self.allows(caller, &action, id))
    }

    fn is_restricted(&self, caller: &Caller) -> bool {
        self.of(caller).next().is_some()
    }

    fn of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a RoleAssignment> {
        self.assignments.iter().filter(|known| known.is_of(caller))
    }
}

/// The action that a request of the journal is; `None` for one that everyone who is signed in may make, and for one to
/// neither the resource manager nor Batch.
#[must_use]
pub fn action_of(entry: &Entry) -> Option<Action> {
    let method: Method = entry.method.parse().ok()?;
    if let Some(path) = ArmPath::parse(&entry.path) {
        return action::required(&method, &path);
    }
    let path = entry.path.to_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    entry
        .authority
        .contains(".batch.")
        .then(|| action::of_batch(&method, &segments))
}

/// The scope that `{scope}/providers/Microsoft.Authorization/permissions` asks about; `None` for other paths.
pub(crate) fn permissions_scope(path: &ArmPath) -> Option<String> {
    action::asks_for_permissions(path).then(|| {
        let id = path.id();
        id.rfind("/providers/")
            .and_then(|end| id.get(..end))
            .unwrap_or(&id)
            .to_owned()
    })
}

/// Whether an id is that of a scope or of something in it.
fn is_at_or_below(id: &str, scope: &str) -> bool {
    let (id, scope) = (id.to_lowercase(), scope.to_lowercase());
    id.strip_prefix(scope.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a pattern of a role grants an action. `/*/` also stands for nothing in between: Microsoft's role *Managed Identity
/// Operator* lists `userAssignedIdentities/*/assign/action`, and gives `userAssignedIdentities/assign/action`.
fn grants(pattern: &str, action: &str) -> bool {
    pattern::matches(Some(pattern), action) || pattern::matches(Some(&pattern.replace("/*/", "/")), action)
}

fn authorization_failed(caller: &Caller, action: &Action, scope: &str) -> ArmError {
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{}' over scope '{scope}' \
         or the scope is invalid. If access was recently granted, please refresh your credentials.",
        caller.app_id,
        caller.object_id,
        action.name()
    );
    ArmError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message)
}

fn linked_authorization_failed(
    caller: &Caller,
    (action, scope): (&Action, &str),
    (needed, linked): (&Action, &str),
) -> ArmError {
    let message = format!(
        "The client '{}' with object id '{}' has permission to perform action '{}' on scope '{scope}'; however, it does \
         not have permission to perform action '{}' on the linked scope(s) '{linked}' or the linked scope(s) are \
         invalid.",
        caller.app_id,
        caller.object_id,
        action.name(),
        needed.name()
    );
    ArmError::new(StatusCode::FORBIDDEN, "LinkedAuthorizationFailed", message)
}

#[cfg(test)]
mod tests;
