//! What a disk knows beyond what it shows.
//!
//! Its state follows from others and is in `disk`.

use jiff::Timestamp;

use crate::{
    compute::grant::{Grant, Grants},
    resource::Facts,
};

/// What a disk knows beyond what it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskFacts {
    pub(crate) grant: Grant,
}

impl Facts for DiskFacts {
    fn pass(&mut self, now: Timestamp) {
        self.grant.pass(now);
    }
}

impl Grants for DiskFacts {
    fn grant(&mut self) -> &mut Grant {
        &mut self.grant
    }
}
