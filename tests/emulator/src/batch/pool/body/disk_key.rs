//! Whether nodes could read the customer's own key of their disks: as an identity of the pool, and in no other way.
//!
//! That only the resource manager makes such pools is what the models of both planes come to. Which error is answered is a
//! guess. The key itself is not looked at.

use serde_json::{Map, Value};

use crate::batch::refusal::Refusal;
use crate::json::text;

/// # Errors
/// The pool has a key, and its identity is none of the pool's.
pub(crate) fn ensure_disk_key(settings: &Map<String, Value>, identity: Option<&Value>) -> Result<(), Refusal> {
    let configuration = settings.get("virtualMachineConfiguration").unwrap_or(&Value::Null);
    let Some(key) = configuration.pointer("/diskEncryptionConfiguration/customerManagedKey") else {
        return Ok(());
    };
    let reader = text(key, "/identityReference/resourceId").unwrap_or_default();
    let assigned = identity
        .and_then(|identity| identity.get("userAssignedIdentities"))
        .and_then(Value::as_object);
    let is_assigned = assigned.is_some_and(|ids| ids.keys().any(|id| id.eq_ignore_ascii_case(reader)));
    if is_assigned {
        return Ok(());
    }
    let reason = "The identity is not assigned to the pool.";
    Err(Refusal::property("customerManagedKey", reader, reason))
}
