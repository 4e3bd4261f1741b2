//! A template as the list of resources it makes, in the order of their dependencies.
//!
//! It makes nothing. Copies, outputs, linked templates and scopes other than a group are not played.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::evaluate::{self, EvaluationError, Scope};
use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
};

/// One resource of a template, all expressions evaluated.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// E.g. `Microsoft.Compute/virtualMachines/extensions`.
    pub(super) kind: String,
    /// One name for each part of the type, joined by `/`.
    pub(super) name: String,
    pub(super) id: String,
    /// The body of the write that makes it.
    pub(super) body: Value,
    depends_on: Vec<String>,
}

impl Planned {
    /// Whether a `dependsOn` names it: by its id, by type and name, or by its name alone.
    fn is(&self, named: &str) -> bool {
        let named = named.replace("//", "/");
        [&self.id, &format!("{}/{}", self.kind, self.name), &self.name]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(&named))
    }
}

/// Fields of a template's resource that are no part of the resource.
const ABOUT_TEMPLATE: [&str; 7] = [
    "apiVersion",
    "type",
    "name",
    "dependsOn",
    "condition",
    "resources",
    "comments",
];

/// The resources of a deployment's body, each after those that it depends on.
pub(super) fn read(body: &Value, path: &ArmPath, location: &str) -> Result<Vec<Planned>, ArmError> {
    let template = body.pointer("/properties/template").filter(|value| value.is_object());
    let template = template.ok_or_else(|| {
        let message = "The request content was invalid: a deployment needs 'properties.template'.";
        ArmError::bad_request("InvalidRequestContent", message)
    })?;
    let parameters = parameters(template, body)?;
    let nothing = json!({});
    let scope = Scope {
        path,
        location,
        parameters: &parameters,
        variables: template.get("variables").unwrap_or(&nothing),
    };
    let mut planned = Vec::new();
    for resource in edit::list(template, "/resources") {
        add(&scope, resource, None, &mut planned).map_err(|error| refusal(&error))?;
    }
    sorted(planned)
}

/// The parameters as a deployment shows them: secrets without their value.
pub(super) fn shown_parameters(body: &Value) -> Value {
    let declared = body
        .pointer("/properties/template/parameters")
        .and_then(Value::as_object);
    let given = body.pointer("/properties/parameters").cloned().unwrap_or_default();
    let mut shown = Map::new();
    for (name, declaration) in declared.into_iter().flatten() {
        let kind = edit::text(declaration, "/type").unwrap_or("string");
        let is_secret = kind.to_lowercase().starts_with("secure");
        let mut entry = json!({"type": kind});
        if let (false, Some(value)) = (is_secret, given.get(name).and_then(|entry| entry.get("value"))) {
            edit::set(&mut entry, &["value"], value.clone());
        }
        shown.insert(name.clone(), entry);
    }
    Value::Object(shown)
}

/// Every declared parameter with its value.
fn parameters(template: &Value, body: &Value) -> Result<Value, ArmError> {
    let declared = template.get("parameters").and_then(Value::as_object);
    let given = body.pointer("/properties/parameters").cloned().unwrap_or_default();
    let mut values = Map::new();
    for (name, declaration) in declared.into_iter().flatten() {
        let value = given.get(name).and_then(|entry| entry.get("value"));
        let value = value.or_else(|| declaration.get("defaultValue"));
        let value = value.ok_or_else(|| {
            invalid(&format!(
                "The value for the template parameter '{name}' is not provided."
            ))
        })?;
        values.insert(name.clone(), value.clone());
    }
    Ok(Value::Object(values))
}

/// Adds a resource and those nested in it, if its condition holds.
fn add(
    scope: &Scope<'_>,
    resource: &Value,
    parent: Option<&Planned>,
    planned: &mut Vec<Planned>,
) -> Result<(), EvaluationError> {
    if !evaluate::holds(&scope.resolve(resource.get("condition").unwrap_or(&Value::Null))?) {
        return Ok(());
    }
    let mut own = resource.clone();
    edit::remove(&mut own, "", "resources");
    let mut body = scope.resolve(&own)?;
    let text = |name: &str| edit::text(&body, &format!("/{name}")).unwrap_or_default().to_owned();
    let (mut kind, mut name) = (text("type"), text("name"));
    let mut depends_on: Vec<String> = edit::list(&body, "/dependsOn")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if let Some(parent) = parent {
        kind = format!("{}/{kind}", parent.kind);
        name = format!("{}/{name}", parent.name);
        depends_on.push(parent.id.clone());
    }
    let names: Vec<&str> = name.split('/').collect();
    let id = evaluate::id(&scope.path.subscription, scope.path.group(), &kind, &names);
    let id = id.ok_or_else(|| EvaluationError::Arguments { function: kind.clone() })?;
    for field in ABOUT_TEMPLATE {
        edit::remove(&mut body, "", field);
    }
    let this = Planned {
        kind,
        name,
        id,
        body,
        depends_on,
    };
    planned.push(this.clone());
    for nested in edit::list(resource, "/resources") {
        add(scope, nested, Some(&this), planned)?;
    }
    Ok(())
}

/// Each after those that it depends on, otherwise in the template's order.
fn sorted(mut waiting: Vec<Planned>) -> Result<Vec<Planned>, ArmError> {
    let mut done: Vec<Planned> = Vec::new();
    while !waiting.is_empty() {
        let free = |planned: &Planned| {
            !planned
                .depends_on
                .iter()
                .any(|needed| waiting.iter().any(|other| other.id != planned.id && other.is(needed)))
        };
        let next = waiting.iter().position(free).ok_or_else(|| {
            invalid("Circular dependency detected on resource. Please see https://aka.ms/arm-syntax-resources for usage details.")
        })?;
        done.push(waiting.remove(next));
    }
    Ok(done)
}

fn refusal(error: &EvaluationError) -> ArmError {
    if matches!(error, EvaluationError::Unplayed { .. }) {
        return ArmError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplementedByEmulator",
            error.to_string(),
        );
    }
    invalid(&error.to_string())
}

fn invalid(reason: &str) -> ArmError {
    let message = format!("Deployment template validation failed: '{reason}'.");
    ArmError::bad_request("InvalidTemplate", message)
}
