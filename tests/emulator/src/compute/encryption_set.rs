//! Disk encryption sets: only seeded, and only read.
//!
//! What a version does with one is checked in `version`.

use http::{Method, StatusCode};

use super::{kind::Kind, state::missing};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmPath, unsupported},
    http::Response,
};

/// Everything on a set's own path.
pub(super) fn respond(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.encryption_sets.find(&path.key());
    match (&call.request.method, item) {
        (&Method::GET, Some(item)) => Ok(Response::json(
            StatusCode::OK,
            &item.view(&Kind::DiskEncryptionSet.type_name()),
        )),
        (&Method::GET, None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}
