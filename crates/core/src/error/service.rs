//! A refusal in the service's own words: the error bodies of ARM, Batch and Entra ID in one shape.
//!
//! It reads and shows them; what a refusal means is for `judge` to say.

use std::{fmt, time::Duration};

use serde_json::Value;

use crate::json;

/// Who refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RefusedBy {
    /// The service that was asked: ARM, Batch, a metadata host.
    #[default]
    Service,
    /// Entra ID or the CI system, asked for a token.
    TokenEndpoint,
    /// The machine's own identity service.
    Imds,
}

/// A refusal in the service's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceError {
    /// Who refused.
    pub by: RefusedBy,
    /// The HTTP status; 200 when it came inside a long operation's body.
    pub status: u16,
    /// The service's code, e.g. `PoolExists`; `HTTP 503` when the body has none.
    pub code: String,
    /// The service's text, without the request id and time that Batch appends.
    pub message: String,
    /// Further codes and texts: ARM's `details` and the policy of its `additionalInfo`, Batch's `values`.
    pub details: Vec<(String, String)>,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
    /// Our id of the request, which the service's support finds too.
    pub client_request_id: Option<String>,
    /// When it was answered, as the service wrote it.
    pub time: Option<String>,
    /// How long the service asks us to wait.
    pub retry_after: Option<Duration>,
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
        details.extend(json::items(envelope, "/additionalInfo").flat_map(policy));
        Self {
            status,
            code: code.unwrap_or_else(|| format!("HTTP {status}")),
            message: without_trailer(&message.unwrap_or_default()),
            details,
            ..Self::default()
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.by {
            RefusedBy::Service => "the service refused",
            RefusedBy::TokenEndpoint => "signing in was refused",
            RefusedBy::Imds => "the machine's identity service refused",
        };
        write!(f, "{who}: {}", self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        for (code, text) in &self.details {
            write!(f, "; {code}: {text}")?;
        }
        match (&self.request_id, &self.client_request_id) {
            (Some(id), _) => write!(f, " (request id {id})"),
            (None, Some(id)) => write!(f, " (client request id {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for ServiceError {}

/// What one item of `additionalInfo` says of the policy that forbids something: names for people first, then the id.
fn policy(info: &Value) -> Vec<(String, String)> {
    let named = [
        ("policyAssignmentDisplayName", "policy assignment"),
        ("policyDefinitionDisplayName", "policy"),
        ("policyAssignmentId", "policy assignment id"),
    ];
    named
        .into_iter()
        .filter_map(|(key, name)| {
            let text = info.get("info")?.get(key)?.as_str()?;
            Some((name.to_owned(), text.to_owned()))
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_forbids_something_is_named() {
        let envelope = serde_json::json!({"code": "RequestDisallowedByPolicy", "message": "Resource 's1' was disallowed by policy.",
            "additionalInfo": [{"type": "PolicyViolation", "info": {
                "policyDefinitionDisplayName": "Allowed locations", "policyAssignmentDisplayName": "Only Europe",
                "policyAssignmentId": "/subscriptions/1/providers/Microsoft.Authorization/policyAssignments/eu"}}]});
        assert_eq!(
            ServiceError::from_envelope(403, &envelope).to_string(),
            "the service refused: RequestDisallowedByPolicy: Resource 's1' was disallowed by policy; \
             policy assignment: Only Europe; policy: Allowed locations; \
             policy assignment id: /subscriptions/1/providers/Microsoft.Authorization/policyAssignments/eu"
        );
    }
}
