//! Batch on the resource manager: paths and verbs to handlers, and the service's refusals in ARM's envelope.
//!
//! Accounts and locations are answered in `accounts`, pools in `pools`; `names` translates between the planes.

use http::Method;
use serde_json::Value;

use super::refusal::Refusal;
use crate::batch::Parts;
use crate::call::Call;
use crate::envelope::{Answer, ArmError, ArmPath, page, unsupported};
use crate::http::Response;

pub(crate) mod accounts;
mod names;
pub(crate) mod operations;
mod pools;

/// The most that a page of a Batch list carries when `maxresults` asks for nothing else.
const PAGE: usize = 1_000;

impl From<Refusal> for ArmError {
    fn from(refusal: Refusal) -> Self {
        let details: Vec<String> = refusal
            .values()
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let message = if details.is_empty() {
            refusal.message().to_owned()
        } else {
            format!("{} {}", refusal.message(), details.join("; "))
        };
        Self::new(refusal.status(), refusal.code(), message)
    }
}

/// Answers a request under `Microsoft.Batch`.
///
/// # Errors
/// What the provider refuses.
pub(crate) fn answer(parts: &mut Parts<'_>, call: &Call<'_>) -> Answer {
    let Some(path) = ArmPath::parse(&call.request.path) else {
        return Err(unsupported(call.request));
    };
    let (kind, action) = (path.kind(), path.action());
    match (&call.request.method, kind.as_str(), action.as_str()) {
        (&Method::GET, "", "batchaccounts") => Ok(accounts::list(parts, call, &path)),
        (_, "batchaccounts", "") => accounts::element(parts, call, &path),
        (&Method::POST, "batchaccounts", "listkeys" | "regeneratekeys") => accounts::keys(parts, call, &path),
        (&Method::GET, "batchaccounts", "pools") => pools::list(parts, call, &path),
        (_, "batchaccounts/pools", "") => pools::element(parts, call, &path),
        (&Method::GET, "batchaccounts/operationresults", "") => accounts::operation_result(parts, call, &path),
        (&Method::GET, "batchaccounts/pooloperationresults", "") => pools::operation_result(parts, call, &path),
        (&Method::POST, "batchaccounts/pools", "stopresize" | "disableautoscale") => pools::action(parts, call, &path),
        (&Method::GET, "locations", "quotas") => Ok(accounts::location_quota()),
        (&Method::GET, "locations", "virtualmachineskus") => accounts::virtual_machine_skus(call),
        (&Method::POST, "locations", "checknameavailability") => accounts::check_name(parts, call),
        _ => Err(unsupported(call.request)),
    }
}

/// A page of a list, after `$filter` on the paths given; `maxresults` makes it smaller.
fn filtered(call: &Call<'_>, values: Vec<Value>, filterable: &[&str]) -> Answer {
    let request = call.request;
    let invalid = |reason: &str| ArmError::invalid_parameter("$filter", format!("The filter is not valid: {reason}."));
    let filter = request.query("$filter").filter(|text| !text.is_empty());
    let filter = filter
        .map(super::odata::Filter::parse)
        .transpose()
        .map_err(|reason| invalid(&reason))?;
    let unknown = filter
        .iter()
        .flat_map(super::odata::Filter::paths)
        .map(super::odata::Path::text);
    if let Some(path) = unknown
        .into_iter()
        .find(|path| !filterable.iter().any(|known| known.eq_ignore_ascii_case(path)))
    {
        return Err(invalid(&format!("{path} cannot be filtered by")));
    }
    let size = match request.query("maxresults").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(size)) if (1..=PAGE).contains(&size) => size,
        Some(_) => {
            return Err(ArmError::invalid_parameter(
                "maxresults",
                "maxresults must be between 1 and 1000.",
            ));
        }
    };
    let values: Vec<Value> = values
        .into_iter()
        .filter(|value| filter.as_ref().is_none_or(|filter| filter.admits(value)))
        .collect();
    Ok(page(request, &values, size))
}

/// The request's JSON body.
fn body(call: &Call<'_>) -> Result<Value, ArmError> {
    let body = call.request.json().filter(Value::is_object);
    body.ok_or_else(|| ArmError::bad_request("InvalidRequestContent", "The request content was invalid."))
}

/// ARM shows ETags quoted, as weak ones.
fn quoted(etag: &str) -> String {
    format!("W/\"{etag}\"")
}

fn with_version(response: Response, version: &super::wire::Version) -> Response {
    response
        .with_header("etag", &quoted(&version.etag))
        .with_header("last-modified", &crate::http::http_date(version.modified))
}
