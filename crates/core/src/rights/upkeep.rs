//! Which rights the verbs need that keep images in order: to write or delete versions, to remove what is left of runs. Pure.

use super::Need;
use crate::{
    arm::permission::Action,
    ids::resource::{BatchAccountId, ImageDefinitionId},
};

/// What is done to a version, or to what a run left, and what for.
pub type Deed = (&'static str, &'static str);

/// Work with versions of a definition: `write` or `delete`.
#[must_use]
pub fn version_of(definition: &ImageDefinitionId, (action, purpose): Deed) -> Need {
    Need::failing(definition.to_string(), action, purpose)
}

/// The removal of a snapshot or a managed image, and of accesses to a snapshot, asked for at its resource group: one
/// request for all of them.
#[must_use]
pub fn leftover(id: &str, is_read_by_others: bool) -> Vec<Need> {
    let group: String = id.split('/').take(5).collect::<Vec<_>>().join("/");
    let purpose = "to remove what dead runs left";
    if !id.to_lowercase().contains("/snapshots/") {
        return vec![Need::failing(group, "Microsoft.Compute/images/delete", purpose)];
    }
    let access = is_read_by_others.then(|| {
        let action = "Microsoft.Compute/snapshots/endGetAccess/action";
        Need::failing(
            group.clone(),
            action,
            "to end the access that others have to a snapshot",
        )
    });
    let delete = Need::failing(group.clone(), "Microsoft.Compute/snapshots/delete", purpose);
    access.into_iter().chain([delete]).collect()
}

/// The removal of a pool that tested a version, and of its job.
#[must_use]
pub fn test_pool(account: &BatchAccountId) -> [Need; 2] {
    let need = |action, purpose| Need::failing(account.to_string(), action, purpose);
    let job = "Microsoft.Batch/batchAccounts/jobs/delete";
    [
        need(
            "Microsoft.Batch/batchAccounts/pools/delete",
            "to remove the pool of a dead test",
        ),
        Need {
            action: Action::Data(job),
            ..need(job, "to remove the job of a dead test")
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_removed_within_its_group() {
        let id = |kind: &str| format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/{kind}/x");
        let asked = |id: &str, is_read| -> Vec<String> {
            let needs = leftover(id, is_read).into_iter();
            needs
                .map(|need| format!("{} on {}", need.action.name(), need.scope))
                .collect()
        };
        let group = "/subscriptions/s/resourceGroups/rg";
        assert_eq!(
            asked(&id("snapshots"), true),
            [
                format!("Microsoft.Compute/snapshots/endGetAccess/action on {group}"),
                format!("Microsoft.Compute/snapshots/delete on {group}")
            ]
        );
        assert_eq!(
            asked(&id("snapshots"), false),
            [format!("Microsoft.Compute/snapshots/delete on {group}")]
        );
        assert_eq!(
            asked(&id("images"), true),
            [format!("Microsoft.Compute/images/delete on {group}")]
        );
    }
}
