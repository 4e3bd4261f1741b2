//! Access grants on disks and snapshots: a URL that lets its holder read the content.
//!
//! The URL leads nowhere; only the grant and its effects are played.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Compute, Facts, Table, missing, write_body};
use crate::{
    arm::{Answer, ArmError, ArmPath},
    http::Response,
    json as edit,
    operation::{self, Form, Output, Plan},
    world::{Call, World},
};

/// What access can be granted to.
pub(super) trait Grants: Facts {
    /// Whether a grant is active.
    fn granted(&mut self) -> &mut bool;
}

/// `POST …/beginGetAccess`: a long operation whose result is the URL.
pub(super) fn begin<F: Grants>(
    world: &mut World,
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
    if body.pointer("/durationInSeconds").and_then(Value::as_u64).is_none() {
        return Err(ArmError::invalid_parameter(
            "grantAccessData.durationInSeconds",
            "Required parameter 'durationInSeconds' is missing (null).",
        ));
    }
    let signature = world.ids.hex();
    let url = format!(
        "https://md-emulator.blob.core.windows.net/{}/abcd?sv=2018-03-28&sr=b&sig={signature}",
        path.name()
    );
    let output = Output::Value(json!({"accessSAS": url}));
    grant(world, call, path, table, (true, output))
}

/// `POST …/endGetAccess`.
pub(super) fn end<F: Grants>(
    world: &mut World,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
) -> Answer {
    grant(world, call, path, table, (false, Output::Nothing))
}

fn grant<F: Grants>(
    world: &mut World,
    call: &Call<'_>,
    path: &ArmPath,
    table: fn(&mut Compute) -> &mut Table<F>,
    (active, output): (bool, Output),
) -> Answer {
    let key = path.key();
    let item = table(&mut world.compute).find_mut(&key).ok_or_else(|| missing(path))?;
    super::require_idle(item)?;
    let location = item.location();
    *item.facts.granted() = active;
    let plan = Plan {
        form: Form::Disk,
        subscription: path.subscription.clone(),
        location,
        lasts: world.timing.lasts(world.timing.seconds.update),
        output,
    };
    let started = operation::begin(world, call, plan);
    Ok(started.announce_with_location(Response::empty(StatusCode::ACCEPTED)))
}
