//! How many requests callers may make: Azure's own numbers, unless a seed says otherwise.
//!
//! What was made is counted where it is answered: the resource manager's buckets in `arm::budget`, the compute provider's
//! windows in `compute::throttle`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The limits, as a seed writes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttling {
    /// What a request is answered with that comes when nothing is left.
    pub when_empty: WhenEmpty,
    /// The resource manager's bucket for GET and HEAD.
    pub reads: Rate,
    /// The same for DELETE.
    pub deletes: Rate,
    /// The same for all other verbs.
    pub writes: Rate,
    /// Other limits of the compute provider than the recorded ones, by name, e.g. `CreateImages3Min`.
    pub compute: BTreeMap<String, u32>,
}

/// What a request is answered with that comes when nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WhenEmpty {
    /// 429 with `Retry-After`.
    #[default]
    Refuse,
    /// What it would be answered otherwise.
    Answer,
}

/// A bucket of requests that fills up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// How many requests it holds.
    pub size: u32,
    /// How many come back each second.
    pub per_second: u32,
}

/// The resource manager's limits since 2024 for one principal in one subscription and region:
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.
impl Default for Throttling {
    fn default() -> Self {
        let write = Rate {
            size: 200,
            per_second: 10,
        };
        Self {
            when_empty: WhenEmpty::Refuse,
            reads: Rate {
                size: 250,
                per_second: 25,
            },
            deletes: write,
            writes: write,
            compute: BTreeMap::new(),
        }
    }
}
