//! What to roll out: version, account, pool, targets, and how patient to be.

use std::time::Duration;

use serde::Serialize;

use crate::ids::{
    BatchEndpoint, NodeAgentSku, NodeCounts, PoolId, VmSize,
    resource::{BatchAccountId, ImageVersionId},
};

use super::{
    Autoscale, Change, Consent, Healing, ImageSecurity, Judge, NodeLogs, PoolJson, Prices, ROLLOUT_DEADLINE,
    ReplicaRule, RunningTasks, Share, SpotFallback, Spots, Strategy, WantedVersion,
    parts::{Elevation, PoolParts},
    patience,
};

/// The steps of a blue-green roll-out when nothing is said of them: as many as an account needs whose quota holds 120 % of
/// the pool, and the first nodes.
const USUAL_STEPS: u32 = 6;

/// Everything a roll-out needs to know. Its version is one, once it is known which; see [`UnresolvedRollout`].
#[derive(Clone, Debug)]
pub struct RolloutSettings<Version = ImageVersionId> {
    /// The account.
    pub account: AccountRef,
    /// The pool.
    pub pool: PoolSpec<Version>,
    /// How to go about it.
    pub policy: RolloutPolicy,
    /// How a pool that is there gets another image.
    pub change: Change,
    /// Where the logs of ill nodes go.
    pub node_logs: Option<NodeLogs>,
    /// The user's own prices, for the plan.
    pub prices: Option<Prices>,
}

/// A roll-out as it was asked for: which version a rule means is not known yet.
pub type UnresolvedRollout = RolloutSettings<WantedVersion>;

/// Everything that a return needs to know.
#[derive(Clone, Debug)]
pub struct RollbackSettings {
    /// The account.
    pub account: AccountRef,
    /// The pool.
    pub pool: PoolId,
    /// What happens to the tasks that run on it.
    pub running_tasks: RunningTasks,
    /// How resizes are timed and repeated.
    pub resize: ResizePolicy,
    /// When the pool is good.
    pub readiness: Readiness,
    /// Whether it is only shown what the return would do.
    pub plan_only: Consent,
}

/// One pool as it is asked for.
#[derive(Clone, Debug)]
pub struct PoolSpec<Version = ImageVersionId> {
    /// Its id.
    pub id: PoolId,
    /// The version its nodes shall run.
    pub version: Version,
    /// The VM size; needed to create the pool, compared when it is there.
    pub vm_size: Option<VmSize>,
    /// Sizes that may take its place in a new pool for which Azure has no room, in the order in which they are tried.
    pub fallback_vm_sizes: Vec<VmSize>,
    /// The node agent SKU; needed to create the pool, compared when it is there.
    pub node_agent_sku: Option<NodeAgentSku>,
    /// How many nodes.
    pub targets: Targets,
    /// The formula that decides how many nodes instead; the targets are 0 then.
    pub autoscale: Option<Autoscale>,
    /// The start task.
    pub start_task: Option<StartTask>,
    /// How nodes may boot from the version's image, as far as it is known; the definition's word counts most.
    pub image_security: ImageSecurity,
    /// How long the pool is wanted from this roll-out on; without an end when absent. What the pool says already stays then.
    pub expires_after: Option<Duration>,
    /// What else it is made of.
    pub parts: PoolParts,
    /// Everything else of Batch's own pool JSON (data plane, `POST /pools`), taken over as it is.
    pub json: PoolJson,
    /// Where in a pool file all this stands, so that faults are shown there.
    pub spots: Spots,
}

/// How to go about rolling out, for one pool or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolloutPolicy {
    /// How resizes are timed and repeated.
    pub resize: ResizePolicy,
    /// When a pool is good.
    pub readiness: Readiness,
    /// Whether Batch may be registered in the image's subscription.
    pub register: Register,
    /// How many nodes a replica carries, for raising replicas before the pools outgrow them.
    pub replica_rule: ReplicaRule,
    /// The most nodes that the pool's formula may ask for, when that is known: replicas are counted for so many.
    pub most_nodes: Option<u32>,
    /// What happens when the version has no replica in the account's region.
    pub new_region: NewRegion,
    /// What happens to a pool that no roll-out has made.
    pub adopt: Adopt,
    /// What happens to nodes that are ill.
    pub healing: Healing,
    /// Whether dedicated nodes stand in for spot nodes that do not come.
    pub spot_fallback: Option<SpotFallback>,
}

/// What happens when the version has no replica in the account's region: a version is shared, and a region of it is paid
/// for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewRegion {
    /// The roll-out is refused.
    #[default]
    Refuse,
    /// The region is added to the version.
    Add,
}

/// What happens to a pool without our mark, which another tool or a person has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adopt {
    /// It is compared, waited for, and never written to.
    #[default]
    No,
    /// It is marked and from then on treated as one of ours.
    Yes,
    /// The same, and only its image is another: all else that was asked for is what the pool is. A later roll-out is not
    /// held to have dropped what this one did not name.
    AsFound,
}

/// Whether a resource provider may be registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Register {
    /// It is refused, with the command that does it.
    #[default]
    No,
    /// It is registered, and waited for.
    Yes,
}

/// How a Batch account is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountRef {
    /// By its ARM id: endpoint, region and sign-in modes are read there.
    Id(BatchAccountId),
    /// By its endpoint alone, for identities without ARM rights; checks that need ARM are listed as skipped.
    Endpoint(BatchEndpoint),
}

/// How many nodes a pool shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// Dedicated nodes.
    pub dedicated: u32,
    /// Spot nodes (Batch calls them low-priority).
    pub spot: u32,
    /// Whether spot nodes count for readiness.
    pub spot_counts: SpotCounts,
}

/// Whether spot nodes count for readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpotCounts {
    /// Only in a pool that has no dedicated nodes.
    #[default]
    WhenAlone,
    /// They may come and go.
    No,
    /// They must be there too.
    Yes,
}

/// The typed start task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartTask {
    /// The command; it is run in a shell of the pool's system (`/bin/bash -c`, `cmd /c`).
    pub command: String,
    /// With which rights.
    pub elevation: Elevation,
    /// Whether a node waits for its success. Always sent: Batch stores `false` when a PATCH leaves it out.
    pub wait_for_success: WaitForSuccess,
    /// How often Batch repeats it.
    pub max_retries: u32,
}

/// Whether a node takes tasks before its start task has succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitForSuccess {
    /// It waits.
    #[default]
    Yes,
    /// It does not.
    No,
}

/// How resizes are timed and repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizePolicy {
    /// How many rounds at most, the first included.
    pub rounds: u32,
    /// The first round's timeout; by target size when absent.
    pub timeout: Option<Duration>,
    /// What to do with a resize to another target that is under way.
    pub pending: PendingResize,
}

/// What to do with a resize of another client that is in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PendingResize {
    /// Wait for its end.
    #[default]
    Wait,
    /// Stop it.
    Stop,
}

/// When a pool is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// How long it may take until one more node is ready, or one that is coming changes its state.
    pub node_timeout: Duration,
    /// How many dedicated nodes are enough; by the pool's size when absent.
    pub min_dedicated: Option<Share>,
    /// How many spot nodes are enough; by the pool's size when absent and spot nodes count.
    pub min_spot: Option<Share>,
}

impl AccountRef {
    /// The account's name, which is the first part of its endpoint too.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Id(id) => id.name().to_owned(),
            Self::Endpoint(endpoint) => {
                let host = endpoint.to_string();
                host.split('.').next().unwrap_or_default().to_owned()
            }
        }
    }
}

impl UnresolvedRollout {
    /// The same on one version.
    #[must_use]
    pub(crate) fn on(self, version: ImageVersionId) -> RolloutSettings {
        let Self {
            account,
            pool,
            policy,
            change,
            node_logs,
            prices,
        } = self;
        RolloutSettings {
            account,
            pool: PoolSpec {
                version,
                id: pool.id,
                vm_size: pool.vm_size,
                fallback_vm_sizes: pool.fallback_vm_sizes,
                node_agent_sku: pool.node_agent_sku,
                targets: pool.targets,
                autoscale: pool.autoscale,
                start_task: pool.start_task,
                image_security: pool.image_security,
                expires_after: pool.expires_after,
                parts: pool.parts,
                json: pool.json,
                spots: pool.spots,
            },
            policy,
            change,
            node_logs,
            prices,
        }
    }
}

impl<Version> RolloutSettings<Version> {
    /// How long the roll-out may take when nothing is said: all resize rounds with their pauses and the start of the
    /// nodes, all times of watching and asking, and never less than [`ROLLOUT_DEADLINE`].
    #[must_use]
    pub fn usual_deadline(&self) -> Duration {
        let nodes = NodeCounts::from(self.pool.targets).total();
        let (resize, readiness) = (self.policy.resize, self.policy.readiness);
        let first = patience::first(nodes, resize.timeout);
        let whole = patience::whole(nodes, first, resize.rounds, readiness.node_timeout);
        whole.max(ROLLOUT_DEADLINE) + self.watching(nodes)
    }

    /// How long new nodes are watched, and gates asked, in all: the first ones, and those of each step. How many steps the quotas need is not
    /// known yet.
    fn watching(&self, nodes: u32) -> Duration {
        let change = &self.change;
        let judged = match change.judging.judge {
            Judge::No => Duration::ZERO,
            Judge::Report | Judge::Act => change.judging.window,
        };
        let steps = match (change.strategy, change.blue_green.max_surge) {
            (Strategy::CreateOnly | Strategy::InPlace, _) => 1,
            (Strategy::BlueGreen | Strategy::Auto, None) => USUAL_STEPS,
            (Strategy::BlueGreen | Strategy::Auto, Some(surge)) => nodes.div_ceil(surge.of(nodes).max(1)).max(2),
        };
        // The first nodes are a checkpoint of their own.
        let gated = change.gates.longest() * (steps + 1);
        change.canary.bake + (change.blue_green.pause + judged) * steps + gated
    }
}

impl RolloutSettings {
    /// The nodes that try the image before the others come: dedicated ones, unless the pool gets none.
    #[must_use]
    pub fn first_nodes(&self) -> NodeCounts {
        let (targets, canary) = (self.pool.targets, &self.change.canary);
        if self.pool.autoscale.is_some() {
            // What the formula will say is not known: one node, unless a number is given.
            let asked = match canary.nodes {
                Some(Share::Nodes(nodes)) => nodes,
                Some(Share::Percent(_)) | None => 1,
            };
            return NodeCounts {
                dedicated: canary.of(asked),
                spot: 0,
            };
        }
        if targets.dedicated > 0 {
            NodeCounts {
                dedicated: canary.of(targets.dedicated),
                spot: 0,
            }
        } else {
            NodeCounts {
                dedicated: 0,
                spot: canary.of(targets.spot),
            }
        }
    }
}

impl RolloutSettings {
    /// The nodes whose work is judged before the others come; none when nothing is judged.
    #[must_use]
    pub fn sampled_nodes(&self) -> NodeCounts {
        let (targets, judging) = (self.pool.targets, &self.change.judging);
        if targets.dedicated > 0 {
            NodeCounts {
                dedicated: judging.sample_of(targets.dedicated),
                spot: 0,
            }
        } else {
            NodeCounts {
                dedicated: 0,
                spot: judging.sample_of(targets.spot),
            }
        }
    }
}

impl Targets {
    /// Whether spot nodes must be ready: when asked for, or when there are no others to count.
    #[must_use]
    pub fn counts_spot(self) -> bool {
        match self.spot_counts {
            SpotCounts::Yes => true,
            SpotCounts::No => false,
            SpotCounts::WhenAlone => self.dedicated == 0,
        }
    }
}

impl From<Targets> for NodeCounts {
    fn from(targets: Targets) -> Self {
        Self {
            dedicated: targets.dedicated,
            spot: targets.spot,
        }
    }
}

/// So many nodes, of which spot nodes count only when there are no others.
impl From<NodeCounts> for Targets {
    fn from(nodes: NodeCounts) -> Self {
        Self {
            dedicated: nodes.dedicated,
            spot: nodes.spot,
            spot_counts: SpotCounts::WhenAlone,
        }
    }
}

impl Default for ResizePolicy {
    fn default() -> Self {
        Self {
            rounds: 5,
            timeout: None,
            pending: PendingResize::Wait,
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            node_timeout: Duration::from_secs(30 * 60),
            min_dedicated: None,
            min_spot: None,
        }
    }
}
