//! Which rights a run needs: what it sends, by resource. Pure.

use super::{Need, Without};
use crate::{
    arm::permission::Action,
    ids::resource::ImageVersionId,
    settings::{AccountRef, RolloutSettings},
};

/// What a roll-out does.
#[must_use]
pub fn rollout(settings: &RolloutSettings) -> Vec<Need> {
    pool_work(Some(&settings.account), Some(&settings.pool.version))
}

/// What work with the pools of an account and with an image version needs. An account that is given by its endpoint has
/// no scope that could be asked.
#[must_use]
pub fn pool_work(account: Option<&AccountRef>, version: Option<&ImageVersionId>) -> Vec<Need> {
    let mut needs = match account {
        Some(AccountRef::Id(id)) => pools(&id.to_string()),
        Some(AccountRef::Endpoint(_)) | None => Vec::new(),
    };
    needs.extend(version.into_iter().flat_map(|version| image(&version.to_string())));
    needs
}

fn image(version: &str) -> Vec<Need> {
    let need = |name, purpose, without| Need {
        scope: version.to_owned(),
        action: Action::Control(name),
        purpose,
        without,
    };
    // A roll-out goes on without them: whether the service refuses is for the service to say.
    vec![
        need(
            "Microsoft.Compute/galleries/images/versions/read",
            "to look at the version and its replicas",
            Without::Skips,
        ),
        need(
            "Microsoft.Compute/disks/beginGetAccess/action",
            "which Microsoft's page asks of whoever makes pools on gallery images",
            Without::Skips,
        ),
        need(
            "Microsoft.Compute/galleries/images/versions/write",
            "to add replicas when the pool needs more",
            Without::Skips,
        ),
    ]
}

fn pools(account: &str) -> Vec<Need> {
    let need = |name, purpose, without| Need {
        scope: account.to_owned(),
        action: Action::Control(name),
        purpose,
        without,
    };
    vec![
        need(
            "Microsoft.Batch/batchAccounts/read",
            "to find the account's endpoint and quotas",
            Without::Fails,
        ),
        need(
            "Microsoft.Batch/batchAccounts/pools/read",
            "to watch pools and nodes",
            Without::Fails,
        ),
        need(
            "Microsoft.Batch/batchAccounts/pools/write",
            "to create and resize pools",
            Without::Fails,
        ),
    ]
}
