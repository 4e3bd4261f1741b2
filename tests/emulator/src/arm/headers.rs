//! The headers that every answer of the resource manager carries.
//!
//! How many requests are left is in `budget`.

use http::HeaderValue;

use crate::{call::Call, http::Response, ids::IdSource};

/// Adds the headers; those that a provider set itself stay.
pub(super) fn finish(mut response: Response, ids: &mut IdSource, call: &Call<'_>) -> Response {
    let request_id = ids.guid();
    let time = call.now.strftime("%Y%m%dT%H%M%SZ");
    let routing = format!("EASTUS2:{time}:{request_id}");
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers.entry(name).or_insert(value);
        }
    };
    put("x-ms-request-id", &request_id);
    put("x-ms-correlation-request-id", &request_id);
    put("x-ms-routing-request-id", &routing);
    put("x-ms-throttling-version", "v2");
    put("cache-control", "no-cache");
    put("pragma", "no-cache");
    put("expires", "-1");
    put("strict-transport-security", "max-age=31536000; includeSubDomains");
    put("x-content-type-options", "nosniff");
    let client_id = call.request.header("x-ms-client-request-id");
    let wanted = call.request.header("x-ms-return-client-request-id");
    if let (Some(id), Some(true)) = (client_id, wanted.map(|value| value.eq_ignore_ascii_case("true"))) {
        put("x-ms-client-request-id", id);
    }
    response
}
