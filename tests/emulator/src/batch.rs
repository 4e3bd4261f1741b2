//! The place of Batch: accounts, pools, nodes, jobs. Until it is there, everything answers 501.

use serde_json::{Value, json};

use crate::{
    entra::Caller,
    http::Response,
    world::{Call, World},
};

/// Everything Batch knows.
#[derive(Debug, Default)]
pub struct Batch {}

impl Batch {
    /// Reads the seed's `batchAccounts`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the value.
    pub fn seed(&mut self, _value: &Value) -> Result<(), String> {
        Ok(())
    }

    pub(crate) fn resources(&self) -> Value {
        json!({})
    }
}

pub(crate) fn respond(_world: &mut World, call: &Call<'_>) -> Response {
    crate::unsupported(call.request).response()
}

pub(crate) fn respond_arm(_world: &mut World, call: &Call<'_>, _caller: &Caller) -> Response {
    crate::unsupported(call.request).response()
}
