//! Quotas of cores that a seed sets.
//!
//! Whether one is reached is in `usage`.

use serde::Deserialize;

/// Quotas that a seed sets.
pub(crate) type Quotas = Vec<Quota>;

/// One quota of a region.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The region in any spelling.
    pub location: String,
    /// A family such as `standardDSv5Family`, `cores` or `lowPriorityCores`.
    pub name: String,
    /// How many cores are allowed.
    pub limit: u64,
    /// How many are in use besides those of the machines that are here.
    #[serde(default)]
    pub current_value: u64,
}
