//! Soft deletion: what a gallery with that policy keeps of its deleted versions, and for how long.
//!
//! During the retention a version can still be used by its number, but is never the latest; during the grace behind it
//! it can only be restored. Whether a deletion is soft is decided here; the deletion itself is `version`'s.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{kind::Kind, state::Compute, state::missing, state::require_parent, version::replication::Retention};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, require_same_location, required_location, write_body},
    timing::Timing,
};

/// The retention of a policy that names none, in days: the documented seven.
const RETENTION_DAYS: u64 = 7;

/// The longest retention or grace that is looked at, in days, so that no date leaves the calendar.
const MOST_DAYS: u64 = 365;

/// Fills in what a gallery's policy leaves open.
pub(super) fn complete_policy(body: &mut Value) {
    let policy = ["properties", "softDeletePolicy", "retentionPeriodInDays"];
    let pointer = "/properties/softDeletePolicy";
    let enabled = body.pointer(pointer).is_some_and(is_enabled);
    if enabled && body.pointer(&format!("{pointer}/retentionPeriodInDays")).is_none() {
        edit::set(body, &policy, json!(RETENTION_DAYS));
    }
}

fn is_enabled(policy: &Value) -> bool {
    policy.get("isSoftDeleteEnabled").and_then(Value::as_bool) == Some(true)
}

/// How long a version of that path is kept when its deletion is over at `deleted`; `None` when it is not.
pub(super) fn retention(compute: &Compute, timing: &Timing, path: &ArmPath, deleted: Timestamp) -> Option<Retention> {
    let gallery = path.parent()?.parent()?;
    let gallery = compute.galleries.find(&gallery.key())?;
    let policy = gallery
        .body
        .pointer("/properties/softDeletePolicy")
        .filter(|policy| is_enabled(policy))?;
    let days = |field: &str, default: u64| {
        let days = policy.get(field).and_then(Value::as_u64).unwrap_or(default);
        let hours = i64::try_from(days.min(MOST_DAYS)).unwrap_or_default() * 24;
        timing.scaled(SignedDuration::from_hours(hours))
    };
    let consumable_until = deleted + days("retentionPeriodInDays", RETENTION_DAYS);
    Some(Retention {
        deleted,
        consumable_until,
        recoverable_until: consumable_until + days("gracePeriodInDays", 0),
    })
}

/// `GET …/galleries/{g}/softDeletedArtifactTypes/Images/artifacts/{definition}/versions`.
pub(super) fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let [(_, gallery), (_, kind), (_, definition)] = path.parts.as_slice() else {
        return Err(unsupported(call.request));
    };
    let of_images = kind.eq_ignore_ascii_case("Images") && path.action() == "versions";
    if call.request.method != Method::GET || !of_images {
        return Err(unsupported(call.request));
    }
    let owner = ArmPath {
        parts: vec![
            ("galleries".to_owned(), gallery.clone()),
            ("images".to_owned(), definition.clone()),
        ],
        tail: None,
        ..path.clone()
    };
    require_parent(parts, &owner)?;
    let prefix = format!("{}/", owner.key());
    let mut views = parts.compute.soft_deleted.views();
    views.retain(|view| {
        edit::text(view, "/properties/resourceArmId").is_some_and(|id| id.to_lowercase().starts_with(&prefix))
    });
    Ok(envelope::page(call.request, &views, parts.engine.page_size))
}

/// `PUT` of a version that is soft-deleted: brings it back if it says so.
pub(super) fn restore(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = write_body(call)?;
    let location = required_location(&body)?;
    let kept = parts.compute.soft_deleted.kept.get(&path.key());
    let mut item = kept.ok_or_else(|| missing(path))?.clone();
    require_same_location(&item, path, &location)?;
    if body.pointer("/properties/restore").and_then(Value::as_bool) != Some(true) {
        let message = format!(
            "The gallery image version '{}' is soft-deleted. Restore it, or delete it for good first.",
            path.name()
        );
        return Err(ArmError::conflict("Conflict", message));
    }
    let seconds = parts.engine.timing.seconds.update;
    let beginning = Beginning::new(parts.engine, Doing::Updating, (Form::Gallery, seconds));
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    parts.compute.soft_deleted.kept.remove(&path.key());
    item.facts.retention = None;
    let shown = item.view(&Kind::Version.type_name());
    parts.compute.versions.insert(item);
    Ok(started.announce(Response::json(StatusCode::OK, &shown)))
}

/// `DELETE` of a version that is soft-deleted already: for good if it says so, otherwise there is nothing to do.
pub(super) fn purge(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Response {
    if is_for_good(call) && parts.compute.soft_deleted.kept.remove(&path.key()).is_some() {
        return Response::empty(StatusCode::OK);
    }
    Response::empty(StatusCode::NO_CONTENT)
}

/// Whether a deletion asks to be no soft one.
pub(super) fn is_for_good(call: &Call<'_>) -> bool {
    call.request
        .query("bypassSoftDelete")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
