//! Features of gallery image definitions, which other resources look at.
//!
//! What they mean is for who asks.

use serde_json::Value;

use crate::json as edit;

/// The value of a definition's feature, e.g. `SecurityType`.
pub(super) fn of<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    edit::list(body, "/properties/features")
        .iter()
        .find(|feature| edit::text(feature, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name)))
        .and_then(|feature| edit::text(feature, "/value"))
}
