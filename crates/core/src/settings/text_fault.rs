//! What is wrong with one setting, and what to do about it.
//!
//! It finds nothing; whoever reads settings does.

/// A fault in the user's settings: which setting, what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct Fault {
    /// The setting's name as the user writes it, with its path (`used_by[1].nodes`).
    pub setting: String,
    /// What is wrong with it and what to do.
    pub fault: String,
}

impl Fault {
    /// A fault of a setting.
    #[must_use]
    pub fn new(setting: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            fault: fault.into(),
        }
    }
}
