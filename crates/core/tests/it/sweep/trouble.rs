//! The troubles that a request can meet, one a row.

use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Value, json};

use crate::support::Azure;

/// A trouble.
pub(super) struct Trouble {
    /// What a failed case is called.
    pub(super) name: &'static str,
    /// What happens.
    pub(super) how: How,
    /// Which requests can meet it.
    pub(super) on: On,
    /// Words of the service that the report must have when the run fails.
    pub(super) says: &'static str,
}

/// How a trouble comes about.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// The connection is refused.
    Refused,
    /// The process is gone after the request.
    Gone,
    /// The run is asked to stop after the request.
    Cancelled,
    /// The deadline is the time of the request.
    Deadline,
    /// The machine is built again before the request: other disks under the same names.
    Rebuilt,
    /// Scripted.
    Fault(fn() -> Value),
}

/// Which requests can meet a trouble.
#[derive(Clone, Copy)]
pub(super) enum On {
    /// Each.
    Each,
    /// Those to ARM and Batch: all but signing in.
    Azure,
    /// Those to ARM that read.
    Read,
    /// Those that change something.
    Write,
    /// Those that start a long operation.
    Start,
    /// Looks at a long operation.
    Poll,
}

impl PartialEq for How {
    fn eq(&self, other: &Self) -> bool {
        !matches!(self, Self::Fault(_)) && std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl On {
    pub(super) fn applies(self, entry: &Entry) -> bool {
        let signs_in = entry.path.contains("/oauth2/");
        let is_arm = entry.path.starts_with("/subscriptions/");
        let reads = matches!(entry.method.as_str(), "GET" | "HEAD");
        match self {
            Self::Each => true,
            Self::Azure => !signs_in,
            Self::Read => is_arm && reads,
            Self::Write => !signs_in && !reads,
            Self::Start => starts_an_operation(entry),
            Self::Poll => reads && entry.path.to_lowercase().contains("operations/"),
        }
    }
}

impl Trouble {
    const fn new(name: &'static str, how: How, on: On, says: &'static str) -> Self {
        Self { name, how, on, says }
    }

    /// A trouble that was never met, or met elsewhere, proves nothing.
    pub(super) fn met(&self, world: &Azure, entry: &Entry) -> Result<(), String> {
        // A world may script faults of its own; those of a sweep name a request.
        let in_script = world.emulator(|emulator, _| {
            let swept = emulator.faults().iter().filter(|fault| fault.request.is_some());
            swept.map(|fault| fault.hits).sum::<u64>()
        });
        let is_met = match self.how {
            How::Deadline => return Ok(()),
            How::Refused | How::Gone | How::Cancelled => world.outside_hits() == 1,
            How::Rebuilt | How::Fault(_) => in_script > 0,
        };
        let journal = world.journal();
        let hit = journal.iter().find(|it| it.number == entry.number);
        let is_there =
            self.how == How::Refused || hit.is_some_and(|hit| (&hit.method, &hit.path) == (&entry.method, &entry.path));
        match (is_met, is_there) {
            (true, true) => Ok(()),
            (false, _) => Err("not met".to_owned()),
            (_, false) => Err("another request was hit".to_owned()),
        }
    }
}

/// All of them.
pub(super) static TROUBLES: [Trouble; 30] = [
    Trouble::new("connection refused", How::Refused, On::Each, ""),
    Trouble::new("process gone", How::Gone, On::Each, ""),
    Trouble::new("cancelled", How::Cancelled, On::Each, ""),
    Trouble::new("deadline", How::Deadline, On::Each, ""),
    Trouble::new("machine rebuilt", How::Rebuilt, On::Azure, ""),
    Trouble::new(
        "reset before the effect",
        How::Fault(|| json!({"kind": "resetBeforeEffect"})),
        On::Each,
        "",
    ),
    Trouble::new(
        "reset after the effect",
        How::Fault(|| json!({"kind": "resetAfterEffect"})),
        On::Each,
        "",
    ),
    Trouble::new(
        "throttled",
        How::Fault(|| json!({"kind": "throttle", "retryAfter": 3})),
        On::Each,
        "",
    ),
    Trouble::new(
        "throttled 4 times",
        How::Fault(|| json!({"kind": "throttle", "retryAfter": 3, "times": 4})),
        On::Each,
        "",
    ),
    Trouble::new(
        "busy",
        How::Fault(|| refusal(503, "ServerBusy")),
        On::Each,
        "ServerBusy",
    ),
    Trouble::new(
        "busy 4 times",
        How::Fault(|| times(refusal(503, "ServerBusy"))),
        On::Each,
        "ServerBusy",
    ),
    Trouble::new(
        "broken 4 times",
        How::Fault(|| times(refusal(500, "InternalServerError"))),
        On::Azure,
        "InternalServerError",
    ),
    Trouble::new(
        "broken after the effect",
        How::Fault(|| after(refusal(500, "InternalServerError"))),
        On::Write,
        "InternalServerError",
    ),
    Trouble::new(
        "gateway timeout after the effect",
        How::Fault(|| after(refusal(504, "GatewayTimeout"))),
        On::Write,
        "GatewayTimeout",
    ),
    Trouble::new(
        "empty answer",
        How::Fault(|| body("", "application/json")),
        On::Azure,
        "",
    ),
    Trouble::new(
        "answer {}",
        How::Fault(|| body("{}", "application/json")),
        On::Azure,
        "",
    ),
    Trouble::new(
        "page of a proxy",
        How::Fault(|| body("<html>sign in</html>", "text/html")),
        On::Azure,
        "",
    ),
    Trouble::new(
        "token expired",
        How::Fault(|| json!({"kind": "tokenRefused"})),
        On::Azure,
        "",
    ),
    Trouble::new(
        "token refused",
        How::Fault(|| json!({"kind": "tokenRefused", "reason": "invalid"})),
        On::Azure,
        "",
    ),
    Trouble::new("operation failed", How::Fault(operation_failed), On::Start, ""),
    Trouble::new(
        "operation forgotten",
        How::Fault(|| refusal(404, "NotFound")),
        On::Poll,
        "",
    ),
    Trouble::new(
        "409 in progress",
        How::Fault(|| passing("AnotherOperationInProgress")),
        On::Write,
        "AnotherOperationInProgress",
    ),
    Trouble::new(
        "409 retryable",
        How::Fault(|| passing("RetryableError")),
        On::Write,
        "RetryableError",
    ),
    Trouble::new(
        "409 conflict",
        How::Fault(|| refusal(409, "Conflict")),
        On::Write,
        "Conflict",
    ),
    Trouble::new(
        "409 locked",
        How::Fault(|| refusal(409, "ScopeLocked")),
        On::Write,
        "ScopeLocked",
    ),
    Trouble::new(
        "409 not allowed",
        How::Fault(|| refusal(409, "OperationNotAllowed")),
        On::Write,
        "OperationNotAllowed",
    ),
    Trouble::new(
        "no right to read",
        How::Fault(|| refusal(403, "AuthorizationFailed")),
        On::Read,
        "",
    ),
    Trouble::new(
        "no right to write",
        How::Fault(|| refusal(403, "AuthorizationFailed")),
        On::Write,
        "AuthorizationFailed",
    ),
    Trouble::new(
        "policy",
        How::Fault(|| refusal(403, "RequestDisallowedByPolicy")),
        On::Write,
        "RequestDisallowedByPolicy",
    ),
    Trouble::new(
        "bad property",
        How::Fault(|| refusal(400, "InvalidParameter")),
        On::Write,
        "InvalidParameter",
    ),
];

/// Scripts a fault for the request with that number.
pub(super) fn script(world: &Azure, number: u64, mut fault: Value) {
    fault["request"] = json!(number);
    world.fault(fault);
}

/// The example's machine again, with new disks.
pub(super) fn rebuilt() -> Value {
    let example: Value = serde_json::from_str(Seed::example_text()).expect("the example is JSON");
    json!({"kind": "seed", "seed": {"vms": example["vms"]}})
}

fn refusal(status: u16, code: &str) -> Value {
    json!({"kind": "status", "status": status, "code": code, "message": format!("The service says {code}.")})
}

fn passing(code: &str) -> Value {
    let mut fault = refusal(409, code);
    fault["retryAfter"] = json!(10);
    fault
}

fn times(mut fault: Value) -> Value {
    fault["times"] = json!(4);
    fault
}

fn after(mut fault: Value) -> Value {
    fault["when"] = json!("afterEffect");
    fault
}

fn body(text: &str, content_type: &str) -> Value {
    json!({"kind": "wrongBody", "body": text, "contentType": content_type})
}

fn operation_failed() -> Value {
    json!({"kind": "operationFailed", "code": "InternalOperationError", "message": "it broke"})
}

/// Whether a long operation begins with this request: a pool's resize, or a write to ARM that is answered before it is
/// done.
fn starts_an_operation(entry: &Entry) -> bool {
    if entry.method == "POST" && (entry.path == "/pools" || entry.path.ends_with("/resize")) {
        return true;
    }
    let is_arm_write =
        matches!(entry.method.as_str(), "PUT" | "DELETE" | "PATCH") || entry.path.ends_with("/deallocate");
    let state = entry
        .response
        .pointer("/properties/provisioningState")
        .and_then(Value::as_str);
    let is_going_on = entry.status == Some(202) || state.is_some_and(|state| state != "Succeeded");
    entry.path.starts_with("/subscriptions/") && is_arm_write && is_going_on
}
