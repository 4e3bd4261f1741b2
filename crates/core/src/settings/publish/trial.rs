//! How a version is tested before it is spread.
//!
//! How it is read from values is in `settings/trial.rs`.

use std::time::Duration;

use crate::ids::{
    NodeAgentSku, VmSize,
    resource::{BatchAccountId, ManagedIdentityId, SubnetId},
};

/// How long the test's command may run when nothing is said: longer than the tests of images that were seen, which take
/// minutes.
pub const TEST_MINUTES: u32 = 30;

/// The test of a version on one node of a pool of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTest {
    /// Whose node it is.
    pub account: BatchAccountId,
    /// Its size.
    pub vm_size: VmSize,
    /// What has to end with exit code 0 there.
    pub command: String,
    /// The node agent; the one for the base image when absent.
    pub node_agent: Option<NodeAgentSku>,
    /// The subnet that the node is in; a network of the pool's own when absent.
    pub subnet: Option<SubnetId>,
    /// The managed identities of its pool. Only the resource manager can set them.
    pub identities: Vec<ManagedIdentityId>,
    /// How long the command may run.
    pub longest: Duration,
}
