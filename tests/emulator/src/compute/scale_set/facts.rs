//! What a scale set knows beyond what it shows.
//!
//! How it is shown is in `scale_set`.

use serde_json::Value;

use crate::resource::Facts;

/// What a scale set knows beyond what it shows: its instances.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScaleSetFacts {
    pub(crate) instances: Vec<Value>,
}

impl Facts for ScaleSetFacts {}
