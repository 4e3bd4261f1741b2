//! An answer of ARM or Batch, and what a refusal says: the two services' error bodies in one shape.
//!
//! It reads; whether to send again is for `retry` to say.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    json,
};

/// One answer, whole.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, possibly empty.
    pub body: Bytes,
}

/// A refusal in the service's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The HTTP status; 200 when it came inside a long operation's body.
    pub status: u16,
    /// The service's code, e.g. `PoolExists`; `HTTP 503` when the body has none.
    pub code: String,
    /// The service's text, without the request id and time that Batch appends.
    pub message: String,
    /// Further codes and texts: ARM's `details`, Batch's `values`.
    pub details: Vec<(String, String)>,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
}

impl Answer {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a typed view.
    ///
    /// # Errors
    /// When it is not JSON of that shape: Azure's fault or ours, never the user's.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|cause| Error::new(ErrorKind::Azure, "the answer is not the JSON it should be").because(cause))
    }

    /// The body as JSON; `Null` when it is empty or no JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// How long the service asks us to wait, in either form and the `-ms` variants; `now` is for the date form.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let millis = ["retry-after-ms", "x-ms-retry-after-ms"]
            .into_iter()
            .find_map(|name| self.header(name)?.trim().parse().ok());
        millis
            .map(Duration::from_millis)
            .or_else(|| parse_retry_after(self.header("retry-after")?.trim(), now))
    }

    /// The refusal that this answer is; call it only for statuses that are one.
    #[must_use]
    pub fn refusal(&self) -> ServiceError {
        let body = self.value();
        let envelope = body.get("error").filter(|inner| inner.is_object()).unwrap_or(&body);
        let mut refusal = ServiceError::from_envelope(self.status.as_u16(), envelope);
        refusal.request_id = ["x-ms-request-id", "request-id"]
            .into_iter()
            .find_map(|name| self.header(name))
            .map(str::to_owned);
        refusal
    }
}

/// The body may hold credentials, so it is never shown.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

impl ServiceError {
    /// Reads the object that holds `code` and `message`: ARM's `error`, Batch's whole body, an operation's `error`.
    #[must_use]
    pub fn from_envelope(status: u16, envelope: &Value) -> Self {
        let text = |value: &Value, pointer: &str| json::text(value, pointer).map(str::to_owned);
        // Entra answers {"error":"invalid_client","error_description":"AADSTS…"}.
        let code = text(envelope, "/code").or_else(|| text(envelope, "/error"));
        let message = ["/message", "/message/value", "/error_description"]
            .into_iter()
            .find_map(|at| text(envelope, at));
        let mut details = Vec::new();
        for detail in json::items(envelope, "/details") {
            details.push((
                text(detail, "/code").unwrap_or_default(),
                text(detail, "/message").unwrap_or_default(),
            ));
        }
        for value in json::items(envelope, "/values") {
            let key = text(value, "/key").or_else(|| text(value, "/name")).unwrap_or_default();
            details.push((key, text(value, "/value").unwrap_or_default()));
        }
        Self {
            status,
            code: code.unwrap_or_else(|| format!("HTTP {status}")),
            message: without_trailer(&message.unwrap_or_default()),
            details,
            request_id: None,
        }
    }

    /// What the caller can do about it, by code first and by status where the code says nothing.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let code = self.code.to_ascii_lowercase();
        let is_quota = ["quota", "reachedmax", "limitexceeded"]
            .iter()
            .any(|part| code.contains(part))
            || self.message.to_ascii_lowercase().contains("exceeding approved");
        match self.status {
            401 | 403 if !is_quota => ErrorKind::NoRights,
            _ if is_quota => ErrorKind::Quota,
            _ if code == "invalid_client" || code == "unauthorized_client" || code == "invalid_grant" => {
                ErrorKind::NoRights
            }
            _ => ErrorKind::Azure,
        }
    }

    /// What to do, where the code alone tells.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self.code.to_ascii_lowercase().as_str() {
            "authorizationfailed" | "linkedauthorizationfailed" => {
                "give the identity the role that holds this action on that scope; a new assignment takes up to ten minutes"
            }
            "missingsubscriptionregistration" => {
                "register the resource provider named above in that subscription: az provider register --namespace …"
            }
            "invalid_client" => {
                "check client_id, tenant_id and the secret or the federated credential of the application"
            }
            "scopelocked" => "a lock protects that resource; remove the lock or choose another resource group",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Batch ends its messages with `\nRequestId:…\nTime:…`; both have a place of their own.
fn without_trailer(message: &str) -> String {
    message
        .split("\nRequestId:")
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service refused: {}", self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        for (code, text) in &self.details {
            write!(f, "; {code}: {text}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServiceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let wait = |headers: &[(&'static str, &str)]| answer(429, headers, "").retry_after(now);
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            wait(&[("retry-after", "Thu, 01 Jan 2026 00:01:30 GMT")]),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            wait(&[("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT")]),
            Some(Duration::ZERO),
            "a date gone by"
        );
        assert_eq!(
            wait(&[("x-ms-retry-after-ms", "250"), ("retry-after", "9")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn both_services_refusals_read_alike() {
        let arm = answer(404, &[("x-ms-request-id", "r1")], r#"{"error":{"code":"ResourceNotFound","message":"The Resource 'x' was not found.","details":[{"code":"A","message":"b"}]}}"#).refusal();
        assert_eq!(
            arm.to_string(),
            "the service refused: ResourceNotFound: The Resource 'x' was not found; A: b (request id r1)"
        );
        let batch = answer(409, &[], r#"{"code":"PoolExists","message":{"lang":"en-US","value":"The specified pool already exists.\nRequestId:5\nTime:2026"},"values":[{"key":"PropertyName","value":"vmSize"}]}"#).refusal();
        assert_eq!(
            (batch.code.as_str(), batch.message.as_str()),
            ("PoolExists", "The specified pool already exists.")
        );
        assert_eq!(batch.details, [("PropertyName".to_owned(), "vmSize".to_owned())]);
        let entra = answer(
            401,
            &[],
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}"#,
        )
        .refusal();
        assert_eq!(
            (entra.code.as_str(), entra.kind()),
            ("invalid_client", ErrorKind::NoRights)
        );
        assert_eq!(answer(502, &[], "<html>").refusal().code, "HTTP 502");
    }

    #[test]
    fn kinds_follow_code_before_status() {
        let kind =
            |status, code: &str| ServiceError::from_envelope(status, &serde_json::json!({ "code": code })).kind();
        assert_eq!(kind(403, "AuthorizationFailed"), ErrorKind::NoRights);
        assert_eq!(kind(409, "PoolQuotaReached"), ErrorKind::Quota);
        assert_eq!(kind(403, "QuotaExceeded"), ErrorKind::Quota);
        assert_eq!(kind(409, "PoolExists"), ErrorKind::Azure);
    }
}
