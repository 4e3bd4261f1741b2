//! Making and deleting accounts takes time: where a caller asks how it goes, and what it is told.
//!
//! The provider has no status body: `Location` answers 202 until it is over, then the account, nothing, or the refusal.

use http::StatusCode;
use jiff::Timestamp;

use super::accounts;
use crate::arm::{Answer, ArmError, ArmPath};
use crate::fault::Effect;
use crate::http::Response;
use crate::world::{Call, World};

/// What happens to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Delete,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    id: String,
    kind: Kind,
    /// `None`: it never ends.
    pub(crate) ends: Option<Timestamp>,
    /// Azure's code and message.
    pub(crate) failure: Option<(String, String)>,
}

/// Starts an operation under whatever fault the request met, and says where to ask about it.
pub(crate) fn begin(world: &mut World, call: &Call<'_>, path: &ArmPath, kind: Kind) -> (Operation, Response) {
    // A round number of what recordings of the az command line show: one poll of 15 seconds.
    let usual = call.now + world.timing.lasts(world.timing.seconds.delete);
    let (ends, failure) = match world.faults.take_operation() {
        Some(Effect::OperationStuck) => (None, None),
        Some(Effect::OperationFailed { code, message }) => (Some(usual), Some((code, message))),
        _ => (Some(usual), None),
    };
    let operation = Operation {
        id: world.ids.guid(),
        kind,
        ends,
        failure,
    };
    let name = path.parts.first().map_or("", |(_, name)| name);
    let place = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Batch/batchAccounts/{name}/operationResults/{}",
        path.subscription,
        path.group(),
        operation.id
    );
    world.batch.operations.push(operation.clone());
    let response = accepted(world, call, &place);
    (operation, response)
}

/// GET of what `Location` names.
///
/// # Errors
/// There is no such operation, or it has failed.
pub(crate) fn poll(world: &World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut operations = world.batch.operations.iter();
    let Some(operation) = operations.find(|operation| operation.id.eq_ignore_ascii_case(path.name())) else {
        let message = format!("The operation '{}' was not found.", path.name());
        return Err(ArmError::new(StatusCode::NOT_FOUND, "NotFound", message));
    };
    if operation.ends.is_none_or(|ends| call.now < ends) {
        return Ok(accepted(world, call, &call.request.path));
    }
    if let Some((code, message)) = &operation.failure {
        return Err(ArmError::new(StatusCode::CONFLICT, code, message.clone()));
    }
    match operation.kind {
        Kind::Create => Ok(accounts::show(accounts::find(world, path)?, call)),
        Kind::Delete => Ok(Response::empty(StatusCode::NO_CONTENT)),
    }
}

fn accepted(world: &World, call: &Call<'_>, place: &str) -> Response {
    let version = call.request.query("api-version").unwrap_or_default();
    let location = format!("https://{}{place}?api-version={version}", call.request.authority);
    let response = Response::empty(StatusCode::ACCEPTED).with_header("location", &location);
    match world.timing.retry_after {
        Some(seconds) => response.with_header("retry-after", &seconds.to_string()),
        None => response,
    }
}
