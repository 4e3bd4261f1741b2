//! Making and deleting accounts takes time: where a caller asks how it goes, and what the answer is.
//!
//! The provider has no status body: `Location` answers 202 until it is over, then the account, nothing, or the refusal.

use http::StatusCode;
use jiff::Timestamp;

use crate::batch::Parts;
use crate::call::Call;
use crate::envelope::ArmPath;
use crate::fault::Effect;
use crate::http::Response;

/// What happens to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Delete,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// `None`: it never ends.
    pub(crate) ends: Option<Timestamp>,
    /// Azure's code and message.
    pub(crate) failure: Option<(String, String)>,
}

/// Starts an operation under whatever fault the request met, and says where to ask about it.
pub(crate) fn begin(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, kind: Kind) -> (Operation, Response) {
    // A round number of what recordings of the az command line show: one poll of 15 seconds.
    let usual = call.now + parts.engine.timing.lasts(parts.engine.timing.seconds.delete);
    let (ends, failure) = match parts.engine.faults.take_operation() {
        Some(Effect::OperationStuck) => (None, None),
        Some(Effect::OperationFailed { code, message }) => (Some(usual), Some((code, message))),
        _ => (Some(usual), None),
    };
    let operation = Operation {
        id: parts.engine.ids.guid(),
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
    parts.batch.operations.push(operation.clone());
    let response = accepted(parts, call, &place);
    (operation, response)
}

pub(crate) fn accepted(parts: &Parts<'_>, call: &Call<'_>, place: &str) -> Response {
    let version = call.request.query("api-version").unwrap_or_default();
    let location = format!("https://{}{place}?api-version={version}", call.request.authority);
    let response = Response::empty(StatusCode::ACCEPTED).with_header("location", &location);
    match parts.engine.timing.retry_after {
        Some(seconds) => response.with_header("retry-after", &seconds.to_string()),
        None => response,
    }
}
