//! Access grants on disks and snapshots: a URL that lets its holder read the content.
//!
//! The URL leads nowhere by itself; a storage account can copy from it while the grant holds.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::grant::{Grant, Grants};
use super::{state::Compute, state::missing};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath},
    http::Response,
    json as edit,
    operation::{Form, Output, Plan},
    resource,
    resource::{Table, write_body},
};

/// `POST …/beginGetAccess`: a long operation whose result is the URL.
pub(super) fn begin<F: Grants>(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
) -> Answer {
    let body = write_body(call)?;
    let access = edit::text(&body, "/access").unwrap_or_default();
    if !matches!(access.to_lowercase().as_str(), "read" | "write") {
        return Err(ArmError::invalid_parameter(
            "grantAccessData.access",
            format!("The value '{access}' of parameter 'access' is invalid."),
        ));
    }
    let format = edit::text(&body, "/fileFormat").unwrap_or("VHD");
    if !["VHD", "VHDX"].iter().any(|known| known.eq_ignore_ascii_case(format)) {
        return Err(ArmError::invalid_parameter(
            "grantAccessData.fileFormat",
            format!("The value '{format}' of parameter 'fileFormat' is invalid."),
        ));
    }
    let seconds = body.pointer("/durationInSeconds").and_then(Value::as_u64);
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        ArmError::invalid_parameter(
            "grantAccessData.durationInSeconds",
            "Required parameter 'durationInSeconds' is missing (null).",
        )
    })?;
    let signature = parts.engine.ids.hex();
    let url = format!(
        "https://md-emulator.blob.core.windows.net/{}/abcd?sv=2018-03-28&sr=b&sig={signature}",
        path.name()
    );
    let grant = Grant {
        until: Some(call.now + SignedDuration::from_secs(i64::from(seconds))),
        address: url.clone(),
    };
    let output = Output::Value(json!({"accessSAS": url}));
    set(parts, call, path, table, (grant, output))
}

/// `POST …/endGetAccess`.
pub(super) fn end<F: Grants>(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
) -> Answer {
    set(parts, call, path, table, (Grant::default(), Output::Nothing))
}

fn set<F: Grants>(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
    (grant, output): (Grant, Output),
) -> Answer {
    let key = path.key();
    let item = table(parts.compute).find_mut(&key).ok_or_else(|| missing(path))?;
    resource::require_idle(item)?;
    let location = item.location();
    *item.facts.grant() = grant;
    let plan = Plan {
        form: Form::Disk,
        subscription: path.subscription.clone(),
        location,
        lasts: parts.engine.timing.lasts(parts.engine.timing.seconds.update),
        output,
    };
    let started = parts.engine.begin(call, plan);
    Ok(started.announce_with_location(Response::empty(StatusCode::ACCEPTED)))
}
