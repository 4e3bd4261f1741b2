//! Everything the emulated Azure knows: one value that a request changes.
//!
//! Each part owns its state and its rules; this file only holds them together.

use jiff::Timestamp;

use crate::{
    arm::Arm, batch::Batch, compute::Compute, deployment::Deployments, entra::Entra, fault::Faults, guess::Guesses,
    ids::IdSource, network::Network, operation::Operations, rights::Rights, storage::Storage, throttling::Throttling,
    timing::Timing, vault::Vaults,
};

/// The state of one emulated Azure.
#[derive(Debug)]
pub struct World {
    /// Tenants, applications and their secrets, signing keys.
    pub entra: Entra,
    /// What callers may do.
    pub rights: Rights,
    /// Subscriptions, resource groups, provider registrations.
    pub arm: Arm,
    /// VMs, disks, snapshots, images, galleries.
    pub compute: Compute,
    /// Public addresses, network interfaces, security groups, virtual networks.
    pub network: Network,
    /// Template deployments.
    pub deployments: Deployments,
    /// Key vaults, as far as the resource manager shows them.
    pub vaults: Vaults,
    /// Storage accounts, as far as the resource manager shows them.
    pub storage: Storage,
    /// Batch accounts, pools, nodes, jobs.
    pub batch: Batch,
    /// Long-running operations of the resource manager.
    pub operations: Operations,
    /// How long operations take.
    pub timing: Timing,
    /// What is done where it is not known what Azure does.
    pub guesses: Guesses,
    /// How many requests callers may make.
    pub throttling: Throttling,
    /// What is scripted to go wrong.
    pub faults: Faults,
    /// The source of request ids, operation ids and ETags.
    pub ids: IdSource,
    /// The most items that a page of a list carries.
    pub page_size: usize,
}

/// What one request is answered with: the world, the request's time, nothing else.
#[derive(Debug)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a crate::http::Request,
    /// The emulated time.
    pub now: Timestamp,
}

impl World {
    /// Brings every resource to its state at `now`, so that what follows sees no finished operation pending.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.compute.settle(&self.operations, now);
        self.network.settle(&self.operations, now);
        self.deployments.settle(&self.operations, now);
        self.vaults.settle(&self.operations, now);
        let gone = self.arm.settle(&self.operations, now);
        for group in gone {
            self.compute.remove_group(&group);
            self.network.remove_group(&group);
            self.deployments.remove_group(&group);
            self.vaults.remove_group(&group);
            self.storage.remove_group(&group);
            self.batch.remove_group(&group);
        }
    }
}
