//! Everything the emulated Azure knows: one value that a request changes.
//!
//! Each part owns its state and its rules; this file only holds them together.

use jiff::Timestamp;

use crate::{
    batch::{self, Batch},
    call::Call,
    compute::{self, Compute},
    deployment::state::Deployments,
    directory::Directory,
    engine::Engine,
    entra::Entra,
    http::Response,
    managed_identity::{self, Identities},
    network::{self, Network},
    rights::Rights,
    storage::{self, Storage},
    vault::Vaults,
};

/// The state of one emulated Azure.
#[derive(Debug)]
pub struct World {
    /// Tenants, applications and their secrets, signing keys.
    pub entra: Entra,
    /// What callers may do.
    pub rights: Rights,
    /// Subscriptions, resource groups, provider registrations.
    pub directory: Directory,
    /// VMs, disks, snapshots, images, galleries.
    pub compute: Compute,
    /// Public addresses, network interfaces, security groups, virtual networks.
    pub network: Network,
    /// Template deployments.
    pub deployments: Deployments,
    /// Key vaults, as far as the resource manager shows them.
    pub vaults: Vaults,
    /// User-assigned managed identities.
    pub identities: Identities,
    /// Storage accounts and their blobs.
    pub storage: Storage,
    /// Batch accounts, pools, nodes, jobs.
    pub batch: Batch,
    /// Operations, their durations, ids, faults, limits.
    pub engine: Engine,
}

impl World {
    /// Brings every resource to its state at `now`, so that what follows sees no finished operation pending.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.compute.settle(&self.engine.operations, now);
        self.network.settle(&self.engine.operations, now);
        self.deployments.settle(&self.engine.operations, now);
        self.vaults.settle(&self.engine.operations, now);
        self.storage.release(|vm| self.compute.vms.find(vm).is_some());
        let gone = self.directory.settle(&self.engine.operations, now);
        for group in gone {
            self.compute.remove_group(&group);
            self.network.remove_group(&group);
            self.deployments.remove_group(&group);
            self.vaults.remove_group(&group);
            self.identities.remove_group(&group);
            self.storage.remove_group(&group);
            self.batch.remove_group(&group);
        }
    }

    /// What the compute provider answers with.
    pub(crate) fn compute_parts(&mut self) -> compute::Parts<'_> {
        compute::Parts {
            compute: &mut self.compute,
            engine: &mut self.engine,
            network: &self.network,
            storage: &mut self.storage,
        }
    }

    /// Answers a request to a storage account's own host. Versions still being made from a blob that goes fail.
    pub(crate) fn respond_to_blobs(&mut self, call: &Call<'_>) -> Response {
        let compute = &self.compute;
        let parts = storage::Parts {
            storage: &mut self.storage,
            engine: &mut self.engine,
            entra: &self.entra,
            rights: &self.rights,
            granted: &|address| compute.granted(address),
        };
        let response = storage::respond_to_blobs(parts, call);
        if call.request.method == ::http::Method::DELETE && response.status.is_success() {
            let address = format!("https://{}{}", call.request.authority, call.request.path);
            compute::fail_copies_of(&mut self.compute_parts(), &address.to_lowercase(), call.now);
        }
        response
    }

    /// What the network provider answers with.
    pub(crate) fn network_parts(&mut self) -> network::Parts<'_> {
        network::Parts {
            machines: self.compute.machines_of_interfaces(),
            network: &mut self.network,
            engine: &mut self.engine,
        }
    }

    /// What the provider of managed identities answers with, in a subscription.
    pub(crate) fn identity_parts(&mut self, subscription: &str) -> managed_identity::Parts<'_> {
        managed_identity::Parts {
            tenant: self.directory.tenant_of(subscription).unwrap_or_default().to_owned(),
            identities: &mut self.identities,
            ids: &mut self.engine.ids,
            page_size: self.engine.page_size,
        }
    }

    /// What Batch answers with.
    pub(crate) fn batch_parts(&mut self) -> batch::Parts<'_> {
        let networks = self.network_parts().views();
        batch::Parts {
            batch: &mut self.batch,
            engine: &mut self.engine,
            compute: &self.compute,
            directory: &self.directory,
            entra: &self.entra,
            rights: &self.rights,
            networks,
        }
    }
}
