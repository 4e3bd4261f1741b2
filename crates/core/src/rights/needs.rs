//! Which rights a run needs: what it sends, by resource. Pure.

use super::{Need, Without};
use crate::{
    arm::permission::Action,
    ids::resource::{BatchAccountId, ImageVersionId, ManagedIdentityId},
    json,
    settings::{AccountRef, Consent, RolloutSettings},
};

/// What deletes pools, in Azure's word.
pub const DELETE_POOLS: &str = "Microsoft.Batch/batchAccounts/pools/delete";

/// What a run asks of Batch about the image and the subnet of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// A request names them: then Batch itself asks for the caller's rights on both, and refuses without them.
    Named,
    /// The pool has them already.
    Kept,
}

/// What a roll-out does that creates or resizes a pool.
#[must_use]
pub fn rollout(settings: &RolloutSettings, naming: Naming) -> Vec<Need> {
    let mut needs = pool_work(
        Some(&settings.account),
        Some(&settings.pool.version.to_string()),
        naming,
    );
    if naming == Naming::Named {
        needs.extend(subnet(settings));
    }
    needs
}

/// What a roll-out does that makes a pool and tries its image on the first nodes.
#[must_use]
pub fn trial(settings: &RolloutSettings) -> Vec<Need> {
    let mut needs = rollout(settings, Naming::Named);
    if let (AccountRef::Id(id), true) = (&settings.account, settings.change.canary.command.is_some()) {
        needs.extend(jobs(&id.to_string()));
        needs.push(job_deletion(&id.to_string()));
    }
    needs
}

/// What a roll-out does that changes a pool in place: it also holds the pool's jobs, and tries the image with one.
#[must_use]
pub fn replacement(settings: &RolloutSettings) -> Vec<Need> {
    let mut needs = rollout(settings, Naming::Named);
    if let AccountRef::Id(id) = &settings.account {
        let id = id.to_string();
        needs.extend(jobs(&id));
        needs.extend(settings.change.canary.command.as_ref().map(|_| job_deletion(&id)));
    }
    needs
}

/// What a roll-out does that moves the work to a second pool. That pool goes again when the work returns.
#[must_use]
pub fn second_pool(settings: &RolloutSettings) -> Vec<Need> {
    let mut needs = replacement(settings);
    needs.extend(second_pool_deletion(&settings.account));
    needs
}

/// What a return in place needs: the pool and its jobs, and the image version that a request names again. The account's
/// rights cannot be asked for when it is given by its endpoint.
#[must_use]
pub fn return_in_place(account: &AccountRef, version: Option<&ImageVersionId>) -> Vec<Need> {
    let mut needs = work_of_pools(account);
    needs.extend(version.map(|version| reading(&version.to_string())));
    needs
}

/// What a return to a former pool needs: both pools and their jobs, and the deletion of the second pool.
#[must_use]
pub fn return_to_former(account: &AccountRef) -> Vec<Need> {
    let mut needs = work_of_pools(account);
    needs.extend(second_pool_deletion(account));
    needs
}

/// What the deletion of a pool needs.
#[must_use]
pub fn pool_deletion(account: &BatchAccountId) -> Need {
    Need::failing(account.to_string(), DELETE_POOLS, "to delete pools")
}

/// What a deletion needs that gives jobs back which a change of the pool has disabled.
#[must_use]
pub fn held_jobs(account: &BatchAccountId) -> Need {
    Need {
        scope: account.to_string(),
        action: Action::Data("Microsoft.Batch/batchAccounts/jobs/write"),
        purpose: "to enable the jobs that a roll-out has disabled",
        without: Without::Fails,
    }
}

/// What a return deletes last. Without the right the pool stays, and it has no nodes by then.
fn second_pool_deletion(account: &AccountRef) -> Option<Need> {
    let AccountRef::Id(id) = account else { return None };
    let purpose = "to delete the second pool once the former one does the work again";
    Some(Need {
        without: Without::Skips,
        ..Need::failing(id.to_string(), DELETE_POOLS, purpose)
    })
}

/// What the creation of a pool with managed identities needs on each of them.
#[must_use]
pub fn identities(settings: &RolloutSettings) -> Vec<Need> {
    settings.pool.parts.identities.iter().map(assignment).collect()
}

/// What not every roll-out needs of an account, by what needs it. Each other roll-out goes on without it.
#[must_use]
pub fn of_some_roll_outs(account: &BatchAccountId) -> [(&'static str, Vec<Need>); 3] {
    let id = account.to_string();
    let purpose = "to delete the former pool, or the second one once the work returns";
    let of_second = vec![
        of_schedules(&id, "to find the schedules that make jobs for the pool"),
        Need::failing(id.as_str(), DELETE_POOLS, purpose),
    ];
    let groups = [
        ("right to change a pool that has jobs", jobs(&id)),
        ("right to try an image by a command", vec![job_deletion(&id)]),
        ("right to move work to a second pool", of_second),
    ];
    let skips = |need: Need| Need {
        without: Without::Skips,
        ..need
    };
    groups.map(|(what, needs)| (what, needs.into_iter().map(skips).collect()))
}

/// What a deletion needs that looks at the pool first, and without consent to take its jobs away at its users too.
#[must_use]
pub fn deletion(account: &BatchAccountId, with_jobs: Consent) -> Vec<Need> {
    let id = account.to_string();
    let mut needs = vec![Need::failing(
        id.as_str(),
        "Microsoft.Batch/batchAccounts/pools/read",
        "to look at the pool",
    )];
    if with_jobs == Consent::No {
        let purpose = "to see which jobs use the pool";
        needs.push(data(&id, "Microsoft.Batch/batchAccounts/jobs/read", purpose));
        needs.push(of_schedules(&id, "to see which job schedules use the pool"));
    }
    needs.push(pool_deletion(account));
    needs
}

/// What giving a pool a managed identity needs on that identity.
#[must_use]
pub fn assignment(id: &ManagedIdentityId) -> Need {
    let action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
    Need::failing(id.to_string(), action, "to give the pool this identity")
}

/// What a new pool needs that may get another VM size.
#[must_use]
pub fn other_sizes(settings: &RolloutSettings) -> Option<Need> {
    let AccountRef::Id(account) = &settings.account else {
        return None;
    };
    (!settings.pool.fallback_vm_sizes.is_empty()).then(|| Need {
        scope: account.to_string(),
        action: Action::Data("Microsoft.Batch/batchAccounts/jobs/read"),
        purpose: "to see whether a pool without nodes has jobs, before it gets another VM size",
        without: Without::Fails,
    })
}

/// What work with the pools of an account and with an image needs, which is a version, or a definition with all of its
/// versions. An account that is given by its endpoint has no scope that could be asked.
#[must_use]
pub fn pool_work(account: Option<&AccountRef>, image: Option<&str>, naming: Naming) -> Vec<Need> {
    let mut needs = match account {
        Some(AccountRef::Id(id)) => pools(&id.to_string()),
        Some(AccountRef::Endpoint(_)) | None => Vec::new(),
    };
    needs.extend(image.into_iter().flat_map(|image| of_image(image, naming)));
    needs
}

fn of_image(version: &str, naming: Naming) -> Vec<Need> {
    let need = |name, purpose, without| Need {
        scope: version.to_owned(),
        action: Action::Control(name),
        purpose,
        without,
    };
    let read = match naming {
        Naming::Named => reading(version),
        Naming::Kept => need(
            "Microsoft.Compute/galleries/images/versions/read",
            "to look at the version and its replicas",
            Without::Skips,
        ),
    };
    // A roll-out goes on without the others: whether the service refuses is for the service to say.
    vec![
        read,
        need(
            "Microsoft.Compute/disks/beginGetAccess/action",
            "that Microsoft's page asks for to make pools on gallery images",
            Without::Skips,
        ),
        need(
            "Microsoft.Compute/galleries/images/versions/write",
            "to add replicas when the pool needs more",
            Without::Skips,
        ),
    ]
}

/// What Batch asks for before it puts a pool on a version.
fn reading(version: &str) -> Need {
    let action = "Microsoft.Compute/galleries/images/versions/read";
    let purpose = "that Batch asks for before it makes a pool on the version";
    Need::failing(version, action, purpose)
}

/// What Batch asks for before it makes a pool in a subnet.
fn subnet(settings: &RolloutSettings) -> Option<Need> {
    let typed = settings.pool.parts.network.subnet.as_ref().map(ToString::to_string);
    let passed = || {
        let network = settings.pool.json.get("networkConfiguration")?;
        json::text(network, "/subnetId").map(str::to_owned)
    };
    Some(Need {
        scope: typed.or_else(passed)?,
        action: Action::Control("Microsoft.Network/virtualNetworks/subnets/join/action"),
        purpose: "that Batch asks for before it makes a pool in the subnet",
        without: Without::Fails,
    })
}

fn work_of_pools(account: &AccountRef) -> Vec<Need> {
    let AccountRef::Id(id) = account else { return Vec::new() };
    let account = id.to_string();
    let mut needs = pools(&account);
    needs.extend(jobs(&account));
    needs
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

fn jobs(account: &str) -> Vec<Need> {
    vec![
        data(
            account,
            "Microsoft.Batch/batchAccounts/jobs/read",
            "to find the pool's jobs and tasks",
        ),
        data(
            account,
            "Microsoft.Batch/batchAccounts/jobs/write",
            "to disable the pool's jobs and to enable them again",
        ),
    ]
}

fn job_deletion(account: &str) -> Need {
    let purpose = "to delete the job that tries the image";
    data(account, "Microsoft.Batch/batchAccounts/jobs/delete", purpose)
}

fn of_schedules(account: &str, purpose: &'static str) -> Need {
    data(account, "Microsoft.Batch/batchAccounts/jobSchedules/read", purpose)
}

fn data(account: &str, action: &'static str, purpose: &'static str) -> Need {
    Need {
        action: Action::Data(action),
        ..Need::failing(account, action, purpose)
    }
}
