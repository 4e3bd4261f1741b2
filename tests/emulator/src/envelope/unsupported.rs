//! The refusal of what the emulator does not play: loud, so that it is not taken for Azure's answer.
//!
//! Batch's data plane has its own form of it.

use ::http::StatusCode;

use super::error::ArmError;
use crate::http::Request;

/// The loud refusal of whatever is not played here: 501 that names the request.
#[must_use]
pub fn unsupported(request: &Request) -> ArmError {
    let version = request.query("api-version").unwrap_or("none");
    let message = format!(
        "The emulator does not support {} {} (api-version {version}).",
        request.method, request.path
    );
    ArmError::new(StatusCode::NOT_IMPLEMENTED, "NotImplementedByEmulator", message)
}
