//! Why a job could not be started, as the service's table of job scheduling errors has it.
//!
//! Which job that is, is for `job`.

use serde_json::{Value, json};

use super::refusal::{POOL_QUOTA_REACHED, Refusal};

/// Why a job could not be started; the job is completed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchedulingError {
    code: &'static str,
    message: &'static str,
    details: Vec<(String, String)>,
}

impl SchedulingError {
    /// The codes are those of the service's table of job scheduling errors.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        if refusal.code() == Refusal::from(POOL_QUOTA_REACHED).code() {
            return Self {
                code: "AutoPoolCreationFailedWithQuotaReached",
                message: "The pool quota for the account is reached.",
                details: Vec::new(),
            };
        }
        Self {
            code: "InvalidAutoPoolSettings",
            message: "The specified autopool settings are not valid.",
            details: refusal.values().to_vec(),
        }
    }

    /// As a job's `executionInfo` shows it.
    pub(crate) fn render(&self) -> Value {
        let details: Vec<Value> = self
            .details
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        json!({"category": "usererror", "code": self.code, "message": self.message, "details": details})
    }
}
