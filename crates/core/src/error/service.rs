//! A refusal in the service's own words: the error bodies of ARM, Batch and Entra ID in one shape.
//!
//! It reads and shows them; what a refusal means is for `judge` to say.

use std::fmt;

use serde_json::Value;

use super::{ErrorKind, hint};
use crate::json;

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
    pub fn hint(&self) -> Option<&'static str> {
        hint::of_code(&self.code)
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
