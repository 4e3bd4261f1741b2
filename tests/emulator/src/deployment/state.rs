//! Deployments, what each wrote, and how both are shown.
//!
//! What a deployment writes is decided in `template`, and written by `deployment`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    envelope::ArmError,
    json as edit,
    operation::{Failure, Operations},
    resource::{Doing, Facts, Item, Table},
};

/// Every deployment.
#[derive(Debug, Default)]
pub struct Deployments {
    pub(super) table: Table<DeploymentFacts>,
}

/// What a deployment knows beyond what it shows.
#[derive(Clone, Debug)]
pub(super) struct DeploymentFacts {
    pub(super) steps: Vec<Step>,
    pub(super) started: Timestamp,
}

/// One write of a deployment.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) refusal: Option<ArmError>,
}

impl Facts for DeploymentFacts {}

impl Deployments {
    /// Takes up every change that is over at `now`.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) {
        self.table.settle(operations, now);
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        self.table.remove_below(&format!("{group}/"));
    }

    /// Every deployment as a GET shows it.
    pub(crate) fn views(&self) -> Vec<Value> {
        self.table.iter().map(view).collect()
    }
}

/// What ARM says of a deployment with a failed step.
pub(super) const AT_LEAST_ONE: &str = "At least one resource deployment operation failed. Please list deployment operations for \
                            details. Please see https://aka.ms/arm-deployment-operations for usage details.";

impl Step {
    /// Why the deployment fails; the step's own code and message are in it, since clients show no more than this.
    pub(super) fn failure(&self) -> Option<Failure> {
        let refusal = self.refusal.as_ref()?;
        Some(Failure {
            code: "DeploymentFailed".to_owned(),
            message: format!("{AT_LEAST_ONE} {}: {}", refusal.code(), refusal.message()),
        })
    }

    pub(super) fn view(&self, deployment: &Item<DeploymentFacts>, position: usize) -> Value {
        let is_running = deployment.is(Doing::Creating);
        let (state, code) = match (&self.refusal, is_running) {
            (Some(_), _) => ("Failed", "BadRequest"),
            (None, true) => ("Running", "Created"),
            (None, false) => ("Succeeded", "OK"),
        };
        let mut view = operation_view(deployment, &format!("{position:016X}"), "Create", (state, code));
        let target = json!({"id": self.id, "resourceType": self.kind, "resourceName": self.name});
        edit::set(&mut view, &["properties", "targetResource"], target);
        if let Some(refusal) = &self.refusal {
            edit::set(&mut view, &["properties", "statusMessage"], refusal.body());
        }
        view
    }
}

pub(super) fn view(item: &Item<DeploymentFacts>) -> Value {
    let mut view = item.view("Microsoft.Resources/deployments");
    edit::remove(&mut view, "/properties", "validatedResources");
    if item.is(Doing::Creating) {
        edit::set(&mut view, &["properties", "provisioningState"], json!("Running"));
        return view;
    }
    let made: Vec<Value> = item
        .facts
        .steps
        .iter()
        .filter(|step| step.refusal.is_none())
        .map(|step| json!({"id": step.id}))
        .collect();
    edit::set(&mut view, &["properties", "outputResources"], Value::Array(made));
    if let Some(refusal) = item.facts.steps.iter().find_map(|step| step.refusal.as_ref()) {
        let error = json!({"code": "DeploymentFailed", "message": AT_LEAST_ONE, "details": [refusal.inner()]});
        edit::set(&mut view, &["properties", "error"], error);
    }
    view
}

pub(super) fn operation_view(
    deployment: &Item<DeploymentFacts>,
    id: &str,
    doing: &str,
    (state, code): (&str, &str),
) -> Value {
    json!({
        "id": format!("{}/operations/{id}", deployment.id),
        "operationId": id,
        "properties": {
            "provisioningOperation": doing,
            "provisioningState": state,
            "timestamp": edit::time(deployment.facts.started),
            "duration": "PT1S",
            "statusCode": code,
        },
    })
}
