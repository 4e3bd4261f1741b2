//! What a run is asked to do, valid by construction: the binaries parse into these types, the flows only read them.
//!
//! Defaults are named constants with their source. Nothing here looks at Azure.

pub mod fault;
mod publish;
mod replica_rule;
mod rollout;
mod sign_in;
mod text_fault;

pub use publish::{
    DefinitionTraits, Generalized, KeptKind, Latest, Lun, MachineHandling, ManagedImagePolicy, OnFailure,
    PublishSettings, ReplicaStorage, Reuse, Source, SourceDisk, Stopped, TargetRegion, Temporaries, UsedBy,
    VersionChoice, VersionSettings,
};
pub use replica_rule::{MAX_REPLICAS, NodesPerReplica, ReplicaRule};
pub use rollout::{
    AccountRef, Elevation, PendingResize, Readiness, ResizePolicy, RolloutSettings, SpotCounts, StartTask, Targets,
    WaitForSuccess,
};
pub use sign_in::{Login, LoginInputs};
pub use text_fault::Fault;

use std::time::Duration;

/// How long a publish may take when nobody says: replication of a large image took up to six hours, as Microsoft's
/// troubleshooting page says.
pub const PUBLISH_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// How long a roll-out may take when nobody says: five resize rounds with their pauses and the nodes' start.
pub const ROLLOUT_DEADLINE: Duration = Duration::from_secs(4 * 3600);
