//! What may be done to a source VM, and what is known of its state.
//!
//! How it is read from values is in `settings/image.rs`.

use std::str::FromStr;

use crate::ids::InvalidId;

/// What may be done to a source VM, and what is known of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineHandling {
    /// What to do with a VM that is not deallocated.
    pub if_running: Stopped,
    /// How the VM comes to be generalized.
    pub generalized: Generalized,
    /// What to do with a machine that has a purchase plan.
    pub purchase_plan: PurchasePlan,
    /// With whose keys the replicas are encrypted.
    pub keys: Keys,
}

/// With whose keys the replicas of a version are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// Azure's.
    #[default]
    Azure,
    /// The user's own, by the disk encryption sets of its regions.
    Own,
    /// Those that it has: a version that is adopted.
    Kept,
}

/// What to do with a machine that was made of an image with a purchase plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PurchasePlan {
    /// Refuse it: Batch's instructions want a base image without one.
    #[default]
    Refuse,
    /// Give the plan to the definition, unchanged.
    Carry,
}

/// What to do with a VM that is not deallocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stopped {
    /// Refuse: disks of a running machine are not consistent with each other.
    #[default]
    Required,
    /// Deallocate it.
    Deallocate,
    /// Copy its disks as they are.
    AllowRunning,
}

/// How a VM comes to be generalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generalized {
    /// It must be marked so already.
    #[default]
    Required,
    /// The user declares that it is (sysprep or waagent ran), marked or not.
    Declared,
    /// Mark it; final, such a VM never starts again.
    Mark,
}

impl FromStr for PurchasePlan {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "carry" => Ok(Self::Carry),
            _ => Err(InvalidId {
                value: text.to_owned(),
                expected: "refuse or carry",
            }),
        }
    }
}
