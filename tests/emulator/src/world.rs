//! Everything the emulated Azure knows: one value that a request changes.
//!
//! Each part owns its state and its rules; this file only holds them together.

use jiff::Timestamp;

use crate::{batch::Batch, compute::Compute, entra::Entra, fault::Faults, ids::IdSource, timing::Timing};

/// The state of one emulated Azure.
#[derive(Debug)]
pub struct World {
    /// Tenants, applications and their secrets, signing keys.
    pub entra: Entra,
    /// Resource groups, VMs, disks, snapshots, images, galleries.
    pub compute: Compute,
    /// Batch accounts, pools, nodes, jobs.
    pub batch: Batch,
    /// How long operations take.
    pub timing: Timing,
    /// What is scripted to go wrong.
    pub faults: Faults,
    /// The source of request ids, operation ids and ETags.
    pub ids: IdSource,
}

/// What one request is answered with: the world, the request's time, nothing else.
#[derive(Debug)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a crate::http::Request,
    /// The emulated time.
    pub now: Timestamp,
}
