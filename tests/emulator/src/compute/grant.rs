//! A grant to read a disk or snapshot, and until when it holds.
//!
//! Giving and ending one is in `access`.

use jiff::Timestamp;

use crate::resource::Facts;

/// A grant on a disk or a snapshot, while it is active.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(super) until: Option<Timestamp>,
    /// The address that its holder was given.
    pub(super) address: String,
}

/// What access can be granted to.
pub(super) trait Grants: Facts {
    /// The grant.
    fn grant(&mut self) -> &mut Grant;
}

impl Grant {
    /// A grant until that time, whose address nobody knows; none without a time.
    pub(super) fn until(until: Option<Timestamp>) -> Self {
        Self {
            until,
            address: String::new(),
        }
    }

    /// Whether access is granted.
    pub(super) fn is_active(&self) -> bool {
        self.until.is_some()
    }

    /// Whether that address lets its holder read now.
    pub(super) fn opens(&self, address: &str) -> bool {
        self.is_active() && self.address == address
    }

    /// Ends a grant whose time is over.
    pub(super) fn pass(&mut self, now: Timestamp) {
        self.until = self.until.filter(|until| now < *until);
    }
}
