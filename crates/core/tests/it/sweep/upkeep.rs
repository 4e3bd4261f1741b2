//! What the sweeps of the verbs that keep images in order have in common.

use azure_batch_core::{client::Client, error::Result};
use serde_json::Value;

use super::{Ends, Sweep};
use crate::{publish_sweep::write_count, support::Azure};

/// All troubles but a machine that is built again: these verbs look at none.
const TROUBLES: &[&str] = &[
    "connection refused",
    "process gone",
    "cancelled",
    "deadline",
    "reset before the effect",
    "reset after the effect",
    "throttled",
    "throttled 4 times",
    "busy",
    "busy 4 times",
    "broken 4 times",
    "broken after the effect",
    "gateway timeout after the effect",
    "empty answer",
    "answer {}",
    "page of a proxy",
    "token expired",
    "token refused",
    "operation failed",
    "operation forgotten",
    "409 in progress",
    "409 retryable",
    "409 conflict",
    "409 locked",
    "409 not allowed",
    "no right to read",
    "no right to write",
    "policy",
    "bad property",
];

/// Sweeps a verb on that world, one of so many cases of each trouble, and says how many there were.
pub(crate) fn sweep(
    (name, least, one_of): (&str, usize, usize),
    world: impl Fn() -> Azure + Sync,
    verb: impl AsyncFn(Client) -> Result<()> + Sync,
) {
    let verb = &verb;
    let sweep = Sweep {
        one_of,
        troubles: TROUBLES,
        world,
        flow: move |azure: Azure, ends: Ends| async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            // Pauses are drawn by lot: each run gets the same ones.
            fastrand::seed(7);
            verb(client).await
        },
        settle,
    };
    let cases = sweep.run();
    assert!(cases > least, "only {cases} cases");
    write_count(name, cases);
}

/// A change that goes on ends by itself, and when a deprecated version ends follows from the moment of the run.
fn settle(mut resources: Value) -> Value {
    let versions = resources.pointer_mut("/compute/galleries~1images~1versions");
    for version in versions.and_then(Value::as_array_mut).into_iter().flatten() {
        let properties = &mut version["properties"];
        properties["replicationStatus"] = Value::Null;
        if properties["provisioningState"] == "Updating" {
            properties["provisioningState"] = "Succeeded".into();
        }
        if let Some(profile) = properties["publishingProfile"].as_object_mut() {
            profile.remove("endOfLifeDate");
        }
    }
    resources
}
