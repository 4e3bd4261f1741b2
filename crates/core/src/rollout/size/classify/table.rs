//! The table of codes and texts: Batch's resize errors and the compute provider's, each with what to do.
//!
//! The codes are those of Batch's .NET client, of Microsoft's TES and of public issues, the texts those of Microsoft's page
//! on resize failures and of its TES; what to do about them is our experience where the pages say nothing.

use super::{
    Origin,
    evidence::{Evidence, Statement},
};
use crate::error::ErrorKind;

/// What a round does next. Ordered by how little it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rollout) enum Class {
    /// Another round after the usual pause.
    Retry,
    /// Another round after the longest pause: the cause passes by itself, but not at once.
    Wait,
    /// No further round: it would end the same.
    Stop,
}

/// How exactly a row says what is wrong. Of all rows that fit an error the most exact one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    /// A sentence that is said of one cause only.
    Sentence,
    /// A code that stands for one cause.
    Code,
    /// Whatever it is, it passes.
    Passing,
    /// A code that others are wrapped in.
    Wrapper,
}

/// One cause.
#[derive(Debug)]
pub(in crate::rollout) struct Cause {
    /// Its code as Azure writes it, or a part of the text in lower case; both compare without case.
    pub(super) code: &'static str,
    /// A part of the message that distinguishes this cause from others with the same code, in lower case.
    pub(super) message: Option<&'static str>,
    exactness: Exactness,
    /// What to do.
    pub(super) class: Class,
    /// How the run ends when it ends on this.
    pub(super) kind: ErrorKind,
    /// What it means.
    pub(super) meaning: &'static str,
    /// What to do about it; `{path}` names an option.
    pub(super) remedy: &'static str,
}

impl Cause {
    /// What all that an error says comes to, and where that stands in the table.
    pub(super) fn of(evidence: &Evidence) -> (Origin, &'static Self) {
        let rows = TABLES.into_iter();
        rows.flat_map(|(origin, table)| table.iter().map(move |cause| (origin, cause)))
            .filter(|(origin, cause)| evidence.statements.iter().any(|said| cause.fits(*origin, said)))
            .min_by_key(|(_, cause)| cause.exactness)
            .unwrap_or((Origin::Batch, &UNKNOWN))
    }

    fn fits(&self, origin: Origin, said: &Statement) -> bool {
        let says = |part: &str| said.text.to_ascii_lowercase().contains(part);
        let has_code = || said.code.eq_ignore_ascii_case(self.code);
        match origin {
            Origin::Text => says(self.code),
            Origin::Batch => has_code(),
            Origin::Provider => said.origin == Origin::Provider && has_code() && self.message.is_none_or(says),
        }
    }
}

/// A code that is new to us is retried like Batch's own `Unknown`: the next round shows what it is.
const UNKNOWN: Cause = wrapper(retry(
    "Unknown",
    "an internal error of Batch, or one this version does not know",
    SUPPORT,
));

const fn retry(code: &'static str, meaning: &'static str, remedy: &'static str) -> Cause {
    Cause {
        code,
        message: None,
        exactness: Exactness::Code,
        class: Class::Retry,
        kind: ErrorKind::Azure,
        meaning,
        remedy,
    }
}

const fn wait(code: &'static str, meaning: &'static str, remedy: &'static str) -> Cause {
    Cause {
        class: Class::Wait,
        ..retry(code, meaning, remedy)
    }
}

/// Azure refuses what the pool asks for.
const fn stop(code: &'static str, meaning: &'static str, remedy: &'static str) -> Cause {
    Cause {
        class: Class::Stop,
        kind: ErrorKind::Rejected,
        ..retry(code, meaning, remedy)
    }
}

const fn policy(code: &'static str, meaning: &'static str) -> Cause {
    Cause {
        kind: ErrorKind::Policy,
        ..stop(code, meaning, POLICY)
    }
}

const fn quota(code: &'static str, meaning: &'static str, remedy: &'static str) -> Cause {
    Cause {
        kind: ErrorKind::Quota,
        ..stop(code, meaning, remedy)
    }
}

const fn when(message: &'static str, cause: Cause) -> Cause {
    Cause {
        message: Some(message),
        ..cause
    }
}

const fn sentence(cause: Cause) -> Cause {
    Cause {
        exactness: Exactness::Sentence,
        ..cause
    }
}

const fn passing(cause: Cause) -> Cause {
    Cause {
        exactness: Exactness::Passing,
        ..cause
    }
}

const fn wrapper(cause: Cause) -> Cause {
    Cause {
        exactness: Exactness::Wrapper,
        ..cause
    }
}

const RAISE_QUOTA: &str = "ask for more (portal: Quotas of the Batch account), free cores of other pools, or lower {target_dedicated_nodes}; then run again";
const SUBSCRIPTION_QUOTA: &str =
    "ask for more (portal: Quotas of the subscription), free some, or lower {target_dedicated_nodes}; then run again";
const OTHER_SIZE: &str = "choose another {vm_size} with {strategy=in-place} or a new {pool_id}, or another region";
const POLICY: &str =
    "ask the owner of the policy or the lock for an exemption, or choose what it allows, then run again";

const NO_CAPACITY: &str = "the region has no free capacity for that VM size at the moment";
const LATER: &str = "run again later, or choose another {vm_size} or another region";
const SUPPORT: &str = "run again; if it stays, give the text below to Azure support";

/// All rows. Of two that are as exact, the first decides.
pub(super) const TABLES: [(Origin, &[Cause]); 3] = [
    (Origin::Provider, PROVIDER),
    (Origin::Batch, BATCH),
    (Origin::Text, TEXTS),
];

/// Batch's own codes.
pub(super) const BATCH: &[Cause] = &[
    wrapper(retry(
        "AllocationTimedOut",
        "not all nodes came within the resize timeout",
        "give a longer {resize_timeout}; if no node comes at all, choose another {vm_size} or another region, since this one has none free",
    )),
    wrapper(retry(
        "AllocationFailed",
        "the nodes could not be allocated",
        "check that the image version and the subnet are there, and that neither a lock nor a full subnet prevents it",
    )),
    Cause {
        kind: ErrorKind::Refused,
        ..stop(
            "ResizeStopped",
            "another client stopped the resize",
            "agree on the targets, then run again",
        )
    },
    retry(
        "RemoveNodesFailed",
        "Batch has not removed the nodes that should go",
        "run again; nodes that stay can be removed in the portal",
    ),
    quota(
        "AccountCoreQuotaReached",
        "a quota of dedicated cores of the account is used up",
        RAISE_QUOTA,
    ),
    quota(
        "AccountVMSeriesCoreQuotaReached",
        "the account's quota for that VM family is used up",
        RAISE_QUOTA,
    ),
    quota(
        "AccountLowPriorityCoreQuotaReached",
        "the account's quota of spot cores is used up",
        RAISE_QUOTA,
    ),
    quota(
        "AccountSpotCoreQuotaReached",
        "the account's quota of spot cores is used up",
        RAISE_QUOTA,
    ),
    quota(
        "CommunicationEnabledPoolReachedMaxVMCount",
        "pools whose nodes talk to each other hold at most 100 nodes",
        "lower the targets (such a pool holds 80 nodes in a user-subscription account), use several pools, or switch enableInterNodeCommunication off in a new pool",
    ),
    stop(
        "OverconstrainedAllocationRequestError",
        "no place offers that size in that zone or proximity group",
        "choose another {vm_size}, zone or proximity group, with {strategy=in-place} or a new {pool_id}",
    ),
    retry("BatchOutOfCapacity", NO_CAPACITY, LATER),
    stop(
        "UnsupportedVMSize",
        "the region does not offer that VM size to Batch",
        OTHER_SIZE,
    ),
    stop("IncompatibleVMSize", "that VM size cannot run this image", OTHER_SIZE),
    stop(
        "MissingPublisherPropertyInMarketPlacePlan",
        "the image's purchase plan lacks its publisher",
        "publish into a definition that carries the whole plan",
    ),
    stop(
        "DependentResourceNotFound",
        "something that the pool needs is gone, says Azure",
        "make it again under the same id, or roll out to a new pool with what is there",
    ),
    stop(
        "DiskEncryptionFailure",
        "the disks could not be encrypted",
        "check the pool's disk encryption and its key",
    ),
    stop(
        "FailedIdentityOperation",
        "the pool's managed identity cannot be used",
        "check that the identity exists and its rights",
    ),
    policy("OperationsRestrictedByPolicy", "an Azure Policy forbids it"),
    policy(
        "OperationsOnPublicIPRestrictedByPolicy",
        "a policy or lock forbids public addresses",
    ),
    policy(
        "OperationsOnImageRestrictedByPolicy",
        "a policy or lock forbids using the image",
    ),
    policy(
        "OperationsOnNetworkSecurityGroupRestrictedByPolicy",
        "a policy or lock forbids network security groups",
    ),
    policy(
        "OperationsOnLoadBalancerRestrictedByPolicy",
        "a policy or lock forbids load balancers",
    ),
    policy(
        "OperationsOnVirtualNetworkRestrictedByPolicy",
        "a policy or lock forbids using the network",
    ),
    policy(
        "OperationsOnPrivateLinkRestrictedByPolicy",
        "a policy or lock forbids private links",
    ),
    policy(
        "OperationsOnPrivateEndpointRestrictedByPolicy",
        "a policy or lock forbids private endpoints",
    ),
    UNKNOWN,
];

/// The compute provider's codes, as they stand in `Provider Error Json`.
pub(super) const PROVIDER: &[Cause] = &[
    wait(
        "GalleryImageNotFound",
        "the region lacks the image version: freshly replicated, or deleted",
        "check that the version exists and that its replication to the account's region is complete",
    ),
    stop(
        "ImageNotFound",
        "the image is gone",
        "roll out a version that exists to a new pool",
    ),
    stop(
        "ResourceNotFound",
        "a resource that the pool needs is gone",
        "make again what the message names",
    ),
    stop(
        "SubnetNotFound",
        "the pool's subnet is gone",
        "make it again under the same id, or roll out to a new pool with another one",
    ),
    quota(
        "SubnetIsFull",
        "the pool's subnet has too few free addresses",
        "free addresses in it or lower {target_dedicated_nodes}, then run again; or give a larger subnet in {pool_json} with a new {pool_id}",
    ),
    Cause {
        kind: ErrorKind::Locked,
        ..stop(
            "ScopeLocked",
            "a lock protects a resource that must change",
            "remove the lock that the message names, then run again",
        )
    },
    when(
        "cores quota",
        quota(
            "OperationNotAllowed",
            "a core quota of the subscription is used up",
            SUBSCRIPTION_QUOTA,
        ),
    ),
    when(
        "quota",
        quota(
            "OperationNotAllowed",
            "a quota of the subscription is used up",
            SUBSCRIPTION_QUOTA,
        ),
    ),
    wrapper(stop(
        "OperationNotAllowed",
        "Azure does not allow it in this state",
        "do what the message asks for, then run again",
    )),
    quota(
        "QuotaExceeded",
        "a quota of the subscription is used up",
        SUBSCRIPTION_QUOTA,
    ),
    stop(
        "SkuNotAvailable",
        "that VM size is not offered to the subscription in that region",
        OTHER_SIZE,
    ),
    stop(
        "OverconstrainedAllocationRequest",
        "the region has no place for that VM size in these zones",
        "choose another {vm_size}, or regional placement (virtualMachineConfiguration.nodePlacementConfiguration.policy \"regional\" in {pool_json}) where the pool is zonal, with {strategy=in-place} or a new {pool_id}",
    ),
    when(
        "hypervisor generation",
        stop(
            "BadRequest",
            "that VM size cannot boot the image's generation",
            "choose a VM size of the image's generation, or publish the image in the other one",
        ),
    ),
    wrapper(stop(
        "BadRequest",
        "the compute provider refuses the pool's configuration",
        "change what the message names, with a new {pool_id}",
    )),
    wrapper(stop(
        "InvalidParameter",
        "the compute provider refuses the pool's configuration",
        "change what the message names, with a new {pool_id}",
    )),
    stop(
        "VMMarketplaceInvalidInput",
        "the image needs a purchase plan that the pool does not carry",
        "publish into a definition that carries the plan",
    ),
    stop(
        "MarketplacePurchaseEligibilityFailed",
        "the image's marketplace terms are not accepted",
        "accept them once for the subscription, with `az vm image terms accept`, then run again",
    ),
    stop(
        "ResourcePurchaseValidationFailed",
        "the image's marketplace terms are not accepted",
        "accept them once for the subscription, with `az vm image terms accept`, then run again",
    ),
    policy("RequestDisallowedByPolicy", "an Azure Policy forbids it"),
    stop(
        "AuthorizationFailed",
        "Batch may not read the image or the network",
        "give Microsoft Azure Batch the right that the message names",
    ),
    stop(
        "LinkedAuthorizationFailed",
        "Batch may not use a linked resource",
        "give Microsoft Azure Batch the right that the message names",
    ),
    retry(
        "InternalExecutionError",
        "an internal error of the compute provider",
        SUPPORT,
    ),
    retry(
        "InternalServerError",
        "an internal error of the compute provider",
        SUPPORT,
    ),
    retry(
        "NetworkingInternalOperationError",
        "an internal error of Azure's network",
        SUPPORT,
    ),
    wait(
        "TooManyRequests",
        "the subscription's calls to the compute provider are throttled",
        "run again later: it passes",
    ),
    // Others are wrapped in these too, so they stand last of those with a code.
    retry("AllocationFailed", NO_CAPACITY, LATER),
    retry(
        "ZonalAllocationFailed",
        "the zone has no free capacity for that VM size at the moment",
        "run again later, or choose regional placement, another {vm_size} or another region",
    ),
];

/// What is said without a code of its own: as `Reason` of a resize error, or in the provider's text.
pub(super) const TEXTS: &[Cause] = &[
    sentence(stop(
        "subnet has delegation",
        "the pool's subnet is delegated to another service",
        "remove the delegation from the subnet, or give another subnet in {pool_json} with {strategy=in-place} or a new {pool_id}; then run again",
    )),
    sentence(stop(
        "does not have the desired permissions",
        "Batch may not make nodes in the account's subscription",
        "give Microsoft Azure Batch the role Contributor on the account's subscription, in which its pools are made; then run again",
    )),
    sentence(stop(
        "not authorized to access the key vault",
        "Batch may not use the account's key vault",
        "give Microsoft Azure Batch the role Key Vault Secrets Officer on that vault (where it has access policies: Get, List, Set, Delete and Recover of secrets); then run again",
    )),
    retry("insufficient capacity", NO_CAPACITY, LATER),
    passing(retry(
        "encountered an internal error",
        "an internal error of Azure",
        SUPPORT,
    )),
    passing(retry(
        "retry later",
        "Azure asks to try it again later",
        "run again later: it passes",
    )),
];
