//! The headers that every answer of the resource manager carries.
//!
//! The remaining-requests figures are those of a client alone in its subscription; the emulator does not
//! throttle by itself.

use http::{HeaderValue, Method};

use crate::{
    http::Response,
    world::{Call, World},
};

/// One less than the sizes of ARM's buckets since 2024: 250 reads, 200 writes, 200 deletes.
const REMAINING: [(&str, &str); 3] = [
    ("x-ms-ratelimit-remaining-subscription-reads", "249"),
    ("x-ms-ratelimit-remaining-subscription-writes", "199"),
    ("x-ms-ratelimit-remaining-subscription-deletes", "199"),
];

/// The same over all principals: fifteen times as much.
const REMAINING_GLOBAL: [(&str, &str); 3] = [
    ("x-ms-ratelimit-remaining-subscription-global-reads", "3749"),
    ("x-ms-ratelimit-remaining-subscription-global-writes", "2999"),
    ("x-ms-ratelimit-remaining-subscription-global-deletes", "2999"),
];

/// Adds the headers; those that a provider set itself stay.
pub(super) fn finish(mut response: Response, world: &mut World, call: &Call<'_>) -> Response {
    let request_id = world.ids.guid();
    let time = call.now.strftime("%Y%m%dT%H%M%SZ");
    let routing = format!("EASTUS2:{time}:{request_id}");
    let kind = match call.request.method {
        Method::GET | Method::HEAD => 0,
        Method::DELETE => 2,
        _ => 1,
    };
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
    for table in [&REMAINING, &REMAINING_GLOBAL] {
        if let Some((name, value)) = table.get(kind) {
            put(name, value);
        }
    }
    let client_id = call.request.header("x-ms-client-request-id");
    let wanted = call.request.header("x-ms-return-client-request-id");
    if let (Some(id), Some(true)) = (client_id, wanted.map(|value| value.eq_ignore_ascii_case("true"))) {
        put("x-ms-client-request-id", id);
    }
    response
}
