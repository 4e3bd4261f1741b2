//! What making and changing a version share: the check of its regions' encryption, and the operation of its copies.
//!
//! Which copies there are is decided by who begins.

use jiff::SignedDuration;
use serde_json::Value;

use super::{
    profile,
    replication::{Fate, RegionCopy},
};
use crate::{
    call::Call,
    compute::{feature, state::Parts},
    envelope::{ArmError, ArmPath},
    operation::{Failure, Form, Output, Plan, Started},
    resource::Item,
};

/// Images of confidential machines say how they are encrypted.
pub(super) fn require_encryption(definition: &Item<()>, body: &Value, home: &str) -> Result<(), ArmError> {
    match feature::of(&definition.body, "SecurityType") {
        Some("ConfidentialVM") => profile::require_regional_encryption(body, home),
        _ => Ok(()),
    }
}

/// Starts the operation that is over when the last copy is, and lets faults decide the copies' fate.
pub(super) fn start(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    mut copies: Vec<RegionCopy>,
) -> (Started, Vec<RegionCopy>) {
    let unfinished: Vec<&str> = copies
        .iter()
        .filter(|copy| copy.due > call.now || copy.kept.is_some())
        .map(|copy| copy.region.as_str())
        .collect();
    let failing = parts.engine.faults.take_region(&unfinished);
    let late = parts.engine.faults.take_lateness().map_or(0, i64::from);
    let last = copies.iter().map(|copy| copy.due).max().unwrap_or(call.now);
    let least = parts.engine.timing.lasts(parts.engine.timing.seconds.update);
    let lasts: SignedDuration = last.duration_since(call.now).max(least);
    let plan = Plan {
        form: Form::Gallery,
        subscription: path.subscription.clone(),
        location: copies.first().map(|copy| copy.region.clone()).unwrap_or_default(),
        lasts,
        output: Output::Resource(path.key()),
    };
    let started = parts.engine.begin(call, plan);
    for copy in copies.iter_mut().filter(|copy| copy.due > call.now) {
        copy.usable = copy.due + SignedDuration::from_secs(late);
        copy.fate = match (started.ends, started.fails) {
            (None, _) => Fate::Sticks,
            (Some(_), true) => Fate::Fails,
            (Some(_), false) if failing.as_deref() == Some(&copy.region) => Fate::Fails,
            (Some(_), false) => Fate::Completes,
        };
    }
    if let (Some(region), Some(ends)) = (failing, started.ends) {
        let raised = |copy: &&mut RegionCopy| copy.region == region && copy.kept.is_some();
        copies.iter_mut().filter(raised).for_each(|copy| copy.fail_raise(ends));
        let message = format!("Replication of the gallery image version to region '{region}' failed.");
        parts.engine.operations.fail(
            &started.id,
            ends,
            Failure {
                code: "ReplicationJobFailed".to_owned(),
                message,
            },
        );
    }
    (started, copies)
}
