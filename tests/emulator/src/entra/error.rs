//! Entra's error answers: `AADSTS` codes in the form that MSAL and azure_identity read.
//!
//! It decides nothing; `endpoint` and `assertion` pick the code.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use crate::{http::Response, ids::IdSource};

/// A refused token request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenError {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

impl TokenError {
    /// 400 with an OAuth error and an `AADSTS` code.
    pub(super) fn new(error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            code,
            message: message.into(),
        }
    }

    /// 401 `invalid_client`: the credential is wrong.
    pub(super) fn invalid_client(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new("invalid_client", code, message)
        }
    }

    /// The answer.
    pub(super) fn response(&self, ids: &mut IdSource, authority: &str, now: Timestamp) -> Response {
        let (trace, correlation) = (ids.guid(), ids.guid());
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.code, self.message
        );
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://{authority}/error?code={}", self.code),
        });
        Response::json(self.status, &body)
    }
}
