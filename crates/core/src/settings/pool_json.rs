//! Batch's own pool JSON as the user gave it. It holds passwords and keys, so `Debug` shows its names alone.
//!
//! What the names mean is Batch's; `shape` looks at their form.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use serde_json::{Map, Value};

/// The JSON.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PoolJson(Map<String, Value>);

impl From<Map<String, Value>> for PoolJson {
    fn from(json: Map<String, Value>) -> Self {
        Self(json)
    }
}

impl From<PoolJson> for Map<String, Value> {
    fn from(json: PoolJson) -> Self {
        json.0
    }
}

impl Deref for PoolJson {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for PoolJson {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl fmt::Debug for PoolJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
