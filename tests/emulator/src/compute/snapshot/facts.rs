//! What a snapshot knows beyond what it shows.
//!
//! How it is made and shown is in `snapshot`.

use jiff::Timestamp;

use crate::{
    compute::grant::{Grant, Grants},
    resource::Facts,
};

/// What a snapshot knows beyond what it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct SnapshotFacts {
    pub(crate) grant: Grant,
    /// When it was asked for.
    pub(crate) taken: Timestamp,
    /// The background copy, if it has one: its start and end.
    pub(crate) copy: Option<(Timestamp, Timestamp)>,
    /// Whether that copy is over.
    pub(crate) is_copied: bool,
}

impl Facts for SnapshotFacts {
    fn pass(&mut self, now: Timestamp) {
        self.grant.pass(now);
        self.is_copied |= self.copy.is_some_and(|(_, end)| end <= now);
    }
}

impl SnapshotFacts {
    /// Whether its content still arrives.
    pub(crate) fn is_copying(&self) -> bool {
        self.copy.is_some() && !self.is_copied
    }
}

impl Grants for SnapshotFacts {
    fn grant(&mut self) -> &mut Grant {
        &mut self.grant
    }
}
