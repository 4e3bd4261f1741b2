//! The journal: every request and its answer, with nothing secret in it.
//!
//! It keeps everything of a run in memory; writing it anywhere is up to the host.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Outcome, http::Request};

/// Keys whose values never appear, in bodies and queries; compared without case.
const SECRET_KEYS: [&str; 18] = [
    "keyvaultsecretvalue",
    "client_secret",
    "client_assertion",
    "access_token",
    "refresh_token",
    "id_token",
    "accesssas",
    "securitydataaccesssas",
    "sig",
    "primary",
    "secondary",
    "adminpassword",
    "password",
    "customdata",
    "userdata",
    "protectedsettings",
    "primarykey",
    "secondarykey",
];

/// How long a text may be before the journal only says how long it was: poll URLs are over 4 KB.
const LONGEST_TEXT: usize = 512;

/// One request and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The number since the start, from 1.
    pub number: u64,
    /// The emulated time.
    pub time: Timestamp,
    /// The verb.
    pub method: String,
    /// Host and port as the client addressed them.
    pub authority: String,
    /// The path as sent.
    pub path: String,
    /// The query, decoded.
    pub query: Value,
    /// The status of the answer; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `resetBeforeEffect`, `resetAfterEffect` or `hang` when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<&'static str>,
    /// The fault that hit it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The `client-request-id` or `x-ms-client-request-id` that the client sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What the client sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub request: Value,
    /// What it was answered.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub response: Value,
}

impl Entry {
    pub(crate) fn new(request: &Request, outcome: &Outcome, place: (u64, Timestamp), fault: Option<String>) -> Self {
        let (number, time) = place;
        let (status, cut, response) = match outcome {
            Outcome::Answer(answer) => (Some(answer.status.as_u16()), None, body(&answer.body, None)),
            Outcome::ResetBeforeEffect => (None, Some("resetBeforeEffect"), Value::Null),
            Outcome::ResetAfterEffect => (None, Some("resetAfterEffect"), Value::Null),
            Outcome::Hang => (None, Some("hang"), Value::Null),
        };
        // GitHub's id token comes in a field named `value`, which elsewhere is a list's.
        let response = if request.path.starts_with("/oidc/token") {
            hidden_value(response)
        } else {
            response
        };
        let text = |name: &str| request.header(name).map(str::to_owned);
        Self {
            number,
            time,
            method: request.method.to_string(),
            authority: request.authority.clone(),
            path: shortened(&request.path),
            query: pairs(request.query.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
            status,
            cut,
            fault,
            client_request_id: text("x-ms-client-request-id").or_else(|| text("client-request-id")),
            user_agent: text("user-agent"),
            request: body(&request.body, request.header("content-type")),
            response,
        }
    }
}

fn body(bytes: &[u8], content_type: Option<&str>) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    if content_type.is_some_and(|kind| kind.contains("x-www-form-urlencoded")) {
        let form: Vec<_> = url::form_urlencoded::parse(bytes).collect();
        return pairs(form.iter().map(|(key, value)| (key.as_ref(), value.as_ref())));
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => without_secrets(value),
        Err(_) => Value::String(format!("<{} bytes, not JSON>", bytes.len())),
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let object: Map<String, Value> = pairs
        .map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())))
        .collect();
    without_secrets(Value::Object(object))
}

fn hidden_value(mut response: Value) -> Value {
    if response.get("value").is_some_and(Value::is_string) {
        crate::json::set(&mut response, &["value"], Value::from("<secret>"));
    }
    response
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| {
                    let secret = SECRET_KEYS.iter().any(|name| name.eq_ignore_ascii_case(&key));
                    let value = if secret && !value.is_null() {
                        Value::from("<secret>")
                    } else {
                        without_secrets(value)
                    };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        Value::String(text) => Value::String(shortened(&without_signature(text))),
        other => other,
    }
}

/// A URL that grants access by itself, without the part that does.
fn without_signature(text: String) -> String {
    match text.split_once("sig=") {
        Some((start, rest)) => {
            let after = rest
                .split_once('&')
                .map_or(String::new(), |(_, after)| format!("&{after}"));
            format!("{start}sig=<secret>{after}")
        }
        None => text,
    }
}

fn shortened(text: &str) -> String {
    if text.len() > LONGEST_TEXT {
        format!("<{} characters>", text.len())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_of_forms_and_bodies_are_replaced() {
        let form = body(
            b"client_id=a&client_secret=hunter2",
            Some("application/x-www-form-urlencoded"),
        );
        assert_eq!(form, json!({"client_id": "a", "client_secret": "<secret>"}));
        let sas =
            json!({"properties": {"output": {"accessSAS": "https://x?sig=abc"}}, "uri": "https://x?sv=1&sig=abc&se=2"});
        let shown = body(sas.to_string().as_bytes(), None);
        assert!(!shown.to_string().contains("abc"), "{shown}");
        assert_eq!(shown["uri"], "https://x?sv=1&sig=<secret>&se=2");
        assert_eq!(hidden_value(json!({"value": "eyJ"})), json!({"value": "<secret>"}));
    }
}
