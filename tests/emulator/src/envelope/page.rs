//! ARM's list envelope and its pages.
//!
//! It sorts nothing: callers pass the values in their order.

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::http::{Request, Response};

/// One page of `values`: `{"value": […], "nextLink": "…"}`.
///
/// The page starts where the request's `$skiptoken` says; `size` is the most a page carries, `$top` may ask for less.
/// `nextLink` is absent on the last page.
#[must_use]
pub fn page(request: &Request, values: &[Value], size: usize) -> Response {
    let start = request
        .query("$skiptoken")
        .and_then(|token| token.parse::<usize>().ok())
        .unwrap_or(0);
    let top = request.query("$top").and_then(|top| top.parse().ok()).unwrap_or(size);
    let size = size.min(top).max(1);
    let end = start.saturating_add(size);
    let slice: Vec<&Value> = values.iter().skip(start).take(size).collect();
    let mut body = json!({"value": slice});
    if end < values.len() {
        crate::json::set(&mut body, &["nextLink"], json!(next_link(request, end)));
    }
    Response::json(StatusCode::OK, &body)
}

fn next_link(request: &Request, start: usize) -> String {
    let mut link = format!("https://{}{}?", request.authority, request.path);
    for (key, value) in request
        .query
        .iter()
        .filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"))
    {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        link.push_str(&format!("{key}={value}&"));
    }
    link.push_str(&format!("$skiptoken={start}"));
    link
}
