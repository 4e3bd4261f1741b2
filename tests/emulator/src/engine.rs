//! What every provider works with besides its own resources: operations and how long they take, ids, scripted faults,
//! limits.
//!
//! It knows no resource and no request by itself.

use crate::{
    call::Call,
    fault::Faults,
    guess::Guesses,
    ids::IdSource,
    operation::{Operations, Plan, Started},
    throttling::Throttling,
    timing::Timing,
};

/// The mechanics of one emulated Azure.
#[derive(Debug)]
pub struct Engine {
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

impl Engine {
    /// Nothing has begun; Azure's own limits. Poll URLs are unsigned if `unsigned`.
    pub(crate) fn new(timing: Timing, page_size: usize, unsigned: bool) -> Self {
        Self {
            operations: Operations::new(unsigned),
            timing,
            guesses: Guesses::default(),
            throttling: Throttling::default(),
            faults: Faults::default(),
            ids: IdSource::default(),
            page_size,
        }
    }

    /// Starts an operation at the request's time, under whatever fault the request met.
    pub(crate) fn begin(&mut self, call: &Call<'_>, plan: Plan) -> Started {
        let id = self.ids.guid();
        let upset = self.faults.take_operation();
        self.operations.start(call, id, plan, (upset, self.timing.retry_after))
    }
}
