//! Client assertions: whether a federated token may stand in for an application's secret.
//!
//! Assertions that an application signs itself are checked in `certificate`.

use jiff::Timestamp;
use serde_json::Value;

use super::{Application, certificate, error::TokenError, key, validity::check_time};

/// Checks an assertion: signature, issuer, subject, audience, and its time.
pub(super) fn check(
    application: &Application,
    assertion: &str,
    place: certificate::Place<'_>,
    now: Timestamp,
) -> Result<(), TokenError> {
    let claims = key::read_unverified(assertion)
        .ok_or_else(|| TokenError::invalid_client(50_027, "JWT token is invalid or malformed."))?;
    if certificate::is_self_issued(application, &claims) {
        return certificate::check(application, assertion, &claims, (place, now));
    }
    check_federated(application, assertion, &claims, now)
}

fn check_federated(
    application: &Application,
    assertion: &str,
    claims: &Value,
    now: Timestamp,
) -> Result<(), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let (issuer, subject, audience) = (text("iss"), text("sub"), text("aud"));
    let of_issuer: Vec<_> = application
        .federated_credentials
        .iter()
        .filter(|known| known.issuer == issuer)
        .collect();
    if of_issuer.is_empty() {
        let message = format!("No matching federated identity record found for presented assertion issuer '{issuer}'.");
        return Err(TokenError::invalid_client(700_211, message));
    }
    let of_subject: Vec<_> = of_issuer.into_iter().filter(|known| known.subject == subject).collect();
    if of_subject.is_empty() {
        let message =
            format!("No matching federated identity record found for presented assertion subject '{subject}'.");
        return Err(TokenError::invalid_client(700_213, message));
    }
    if !of_subject.iter().any(|known| known.audience == audience) {
        let message =
            format!("No matching federated identity record found for presented assertion audience '{audience}'.");
        return Err(TokenError::invalid_client(700_212, message));
    }
    if key::verify(issuer, assertion).is_none() {
        return Err(TokenError::invalid_client(
            700_027,
            "Client assertion contains an invalid signature.",
        ));
    }
    check_time(claims, now)
}
