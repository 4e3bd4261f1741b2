//! Where it is not known what Azure does: what the emulator does, unless a seed says otherwise.
//!
//! Each field is one question. The page of the emulator lists them as guesses.

use serde::Deserialize;

/// The answers, as a seed writes them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Guesses {
    /// Whether a target region whose copy failed can be removed without `allowDeletionOfReplicatedLocations`.
    pub failed_region_removal: Removal,
}

/// Whether something can be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Removal {
    /// It is refused.
    #[default]
    Refuse,
    /// It is done.
    Permit,
}
