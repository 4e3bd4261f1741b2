//! What a VM knows beyond what a plain GET shows.
//!
//! How it is shown and changed is in `vm`.

use jiff::Timestamp;

use crate::resource::{Doing, Facts};

/// The power states of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Stopped,
    Deallocated,
}

/// What a VM knows beyond what a plain GET shows.
#[derive(Clone, Debug)]
pub(crate) struct VmFacts {
    pub(crate) power: Power,
    /// The state that a running operation leads to.
    pub(crate) becoming: Option<Power>,
    pub(crate) generalized: bool,
    /// `V1` or `V2`.
    pub(crate) generation: String,
    /// `x64` or `Arm64`.
    pub(crate) architecture: String,
    /// When it was made, shown in statuses.
    pub(crate) created: Timestamp,
    /// Counts changes; the ETag shows it.
    pub(crate) revision: u32,
}

impl Facts for VmFacts {
    fn settled(&mut self, _change: Doing, succeeded: bool, _at: Timestamp) {
        if let (Some(power), true) = (self.becoming.take(), succeeded) {
            self.power = power;
            self.revision += 1;
        }
    }
}

impl VmFacts {
    /// Whether it uses cores: a machine does until it is deallocated, and from when it begins to start.
    pub(crate) fn has_host(&self) -> bool {
        self.power != Power::Deallocated || self.becoming == Some(Power::Running)
    }

    /// Quoted, and a number, as the provider's examples have it.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }

    pub(crate) fn power_code(&self) -> (&'static str, &'static str) {
        match (self.becoming, self.power) {
            (Some(Power::Running), _) => ("PowerState/starting", "VM starting"),
            (Some(Power::Stopped), _) => ("PowerState/stopping", "VM stopping"),
            (Some(Power::Deallocated), _) => ("PowerState/deallocating", "VM deallocating"),
            (None, Power::Running) => ("PowerState/running", "VM running"),
            (None, Power::Stopped) => ("PowerState/stopped", "VM stopped"),
            (None, Power::Deallocated) => ("PowerState/deallocated", "VM deallocated"),
        }
    }
}
