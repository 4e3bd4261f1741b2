//! Long-running operations: started by a write, looked at by polls, finished by time alone.
//!
//! It never changes a resource: resources name their operation and look up here how it ended.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{ArmError, ArmPath},
    fault::Effect,
    http::{Request, Response},
    region,
};

mod form;
mod url;

pub(crate) use form::Form;

/// Why an operation failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Azure's code.
    pub(crate) code: String,
    /// The message.
    pub(crate) message: String,
}

/// What a finished operation shows in addition to its status.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Nothing.
    Nothing,
    /// The resource with that key.
    Resource(String),
    /// A value of its own, e.g. an access grant.
    Value(Value),
}

/// One operation.
#[derive(Clone, Debug)]
struct Operation {
    form: Form,
    started: Timestamp,
    /// `None`: it never ends.
    ends: Option<Timestamp>,
    failure: Option<Failure>,
    output: Output,
}

/// What a write asks for when it starts an operation.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The form of the poll URL.
    pub(crate) form: Form,
    /// The subscription in the poll URL.
    pub(crate) subscription: String,
    /// The region in the poll URL.
    pub(crate) location: String,
    /// How long it takes, already scaled.
    pub(crate) lasts: SignedDuration,
    /// What it shows at its end.
    pub(crate) output: Output,
}

/// A started operation: its id, its end and where to poll it.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    /// The operation's GUID.
    pub(crate) id: String,
    /// When it ends; `None` when a fault keeps it stuck.
    pub(crate) ends: Option<Timestamp>,
    /// Whether a fault makes it fail.
    pub(crate) fails: bool,
    poll_url: String,
    retry_after: Option<u32>,
}

/// How an operation stands at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Status<'a> {
    /// Not finished.
    InProgress,
    /// Finished well.
    Succeeded,
    /// Finished badly.
    Failed(&'a Failure),
}

/// All operations ever started.
#[derive(Debug, Default)]
pub struct Operations {
    by_id: BTreeMap<String, Operation>,
    unsigned: bool,
}

impl Started {
    /// `Azure-AsyncOperation` on the answer, and `Retry-After` if the emulator is set to send it.
    pub(crate) fn announce(&self, response: Response) -> Response {
        with_retry_after(response, self.retry_after)
            .with_header("azure-asyncoperation", &self.poll_url)
            .with_header("azure-asyncnotification", "Enabled")
    }

    /// The same with `Location`.
    pub(crate) fn announce_with_location(&self, response: Response) -> Response {
        self.announce(response)
            .with_header("location", &format!("{}&monitor=true", self.poll_url))
    }

    /// `Location` alone, as the resource manager itself does.
    pub(crate) fn announce_location_only(&self, response: Response) -> Response {
        with_retry_after(response, self.retry_after).with_header("location", &self.poll_url)
    }
}

impl Operations {
    /// Operations whose poll URLs are short and unsigned if `unsigned`.
    pub(crate) fn new(unsigned: bool) -> Self {
        Self {
            by_id: BTreeMap::new(),
            unsigned,
        }
    }

    /// How the operation stands; an unknown one counts as finished.
    pub(crate) fn status(&self, id: &str, now: Timestamp) -> Status<'_> {
        let Some(operation) = self.by_id.get(id) else {
            return Status::Succeeded;
        };
        if operation.ends.is_none_or(|ends| now < ends) {
            return Status::InProgress;
        }
        operation.failure.as_ref().map_or(Status::Succeeded, Status::Failed)
    }

    /// Starts an operation at the request's time; a fault may keep it from ending or from ending well.
    pub(crate) fn start(
        &mut self,
        call: &Call<'_>,
        id: String,
        plan: Plan,
        (upset, retry_after): (Option<Effect>, Option<u32>),
    ) -> Started {
        let (ends, failure) = match upset {
            Some(Effect::OperationStuck) => (None, None),
            Some(Effect::OperationFailed { code, message }) => {
                (Some(call.now + plan.lasts), Some(Failure { code, message }))
            }
            _ => (Some(call.now + plan.lasts), None),
        };
        let fails = failure.is_some();
        let location = region::normalise(&plan.location);
        let place = url::Place {
            form: plan.form,
            subscription: &plan.subscription,
            location: &location,
        };
        let poll_url = url::poll_url(call.request, &place, &id, self.unsigned);
        let operation = Operation {
            form: plan.form,
            started: call.now,
            ends,
            failure,
            output: plan.output,
        };
        self.by_id.insert(id.clone(), operation);
        Started {
            id,
            ends,
            fails,
            poll_url,
            retry_after,
        }
    }

    /// What has not ended at `now`, oldest first: kind, start, end (none when it never ends), and the resource it makes.
    pub(crate) fn under_way(&self, now: Timestamp) -> Vec<Value> {
        let is_under_way = |operation: &&Operation| operation.ends.is_none_or(|ends| now < ends);
        let mut running: Vec<&Operation> = self.by_id.values().filter(is_under_way).collect();
        running.sort_by_key(|operation| operation.started);
        let view = |operation: &Operation| {
            let resource = match &operation.output {
                Output::Resource(key) => Some(key),
                Output::Nothing | Output::Value(_) => None,
            };
            json!({
                "kind": operation.form.word(),
                "started": operation.started.to_string(),
                "ends": operation.ends.map(|ends| ends.to_string()),
                "resource": resource,
            })
        };
        running.into_iter().map(view).collect()
    }

    /// Makes a running operation fail at `at`, or at its own end if that is earlier.
    pub(crate) fn fail(&mut self, id: &str, at: Timestamp, failure: Failure) {
        if let Some(operation) = self.by_id.get_mut(id) {
            operation.ends = Some(operation.ends.map_or(at, |ends| ends.min(at)));
            operation.failure = Some(failure);
        }
    }
}

fn with_retry_after(response: Response, seconds: Option<u32>) -> Response {
    match seconds {
        Some(seconds) => response.with_header("retry-after", &seconds.to_string()),
        None => response,
    }
}

/// Answers a poll; `None` when the path is not a poll URL. `show` gives the resource with a key as a GET shows it.
pub(crate) fn poll(
    operations: &Operations,
    retry_after: Option<u32>,
    call: &Call<'_>,
    path: &ArmPath,
    show: impl Fn(&str) -> Option<Value>,
) -> Option<Result<Response, ArmError>> {
    let id = url::operation_id(path)?;
    let Some(operation) = operations.by_id.get(&id) else {
        let message = format!("The operation '{id}' was not found.");
        return Some(Err(ArmError::new(StatusCode::NOT_FOUND, "NotFound", message)));
    };
    if !operations.unsigned && !url::is_signed(call.request, operation.form, &id) {
        let message = "The polling URL was changed: its signature does not match.";
        return Some(Err(ArmError::new(
            StatusCode::FORBIDDEN,
            "AuthorizationFailed",
            message,
        )));
    }
    let status = operations.status(&id, call.now);
    let output = match (status, &operation.output) {
        (Status::Succeeded, Output::Resource(key)) => show(key),
        (Status::Succeeded, Output::Value(value)) => Some(value.clone()),
        _ => None,
    };
    let by_location = operation.form == Form::Resources || is_monitor(call.request);
    let response = if by_location {
        location_answer(status, output)
    } else {
        Response::json(StatusCode::OK, &status_body(&id, operation, status, output))
    };
    Some(Ok(match status {
        Status::InProgress => with_retry_after(response, retry_after),
        _ => response,
    }))
}

fn is_monitor(request: &Request) -> bool {
    request
        .query("monitor")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What `Location` answers: 202 while it runs, then the result, or the failure as an error.
fn location_answer(status: Status<'_>, output: Option<Value>) -> Response {
    match (status, output) {
        (Status::InProgress, _) => Response::empty(StatusCode::ACCEPTED),
        (Status::Succeeded, Some(body)) => Response::json(StatusCode::OK, &body),
        (Status::Succeeded, None) => Response::empty(StatusCode::OK),
        (Status::Failed(failure), _) => {
            ArmError::new(StatusCode::CONFLICT, &failure.code, failure.message.clone()).response()
        }
    }
}

/// What `Azure-AsyncOperation` answers: always 200, also for a failure.
fn status_body(id: &str, operation: &Operation, status: Status<'_>, output: Option<Value>) -> Value {
    let mut body = json!({"startTime": crate::json::time(operation.started)});
    if let (Some(ends), false) = (operation.ends, matches!(status, Status::InProgress)) {
        crate::json::set(&mut body, &["endTime"], crate::json::time(ends));
    }
    let word = match status {
        Status::InProgress => "InProgress",
        Status::Succeeded => "Succeeded",
        Status::Failed(_) => "Failed",
    };
    crate::json::set(&mut body, &["status"], json!(word));
    if let Status::Failed(failure) = status {
        let error = json!({"code": failure.code, "message": failure.message});
        crate::json::set(&mut body, &["error"], error);
    }
    // What is nowhere else is shown whatever the form: the template of a capture.
    let shows = operation.form == Form::Disk || matches!(operation.output, Output::Value(_));
    if let Some(output) = output.filter(|_| shows) {
        crate::json::set(&mut body, &["properties", "output"], output);
    }
    crate::json::set(&mut body, &["name"], json!(id));
    body
}
