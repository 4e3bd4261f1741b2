//! What a fault does, as a script writes it in JSON.
//!
//! It is data: which request a fault hits is decided in `fault`, and who acts on it is said at each kind.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a fault does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// 429 in the service's form.
    Throttle {
        /// Seconds in `Retry-After`; no header when absent.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Any error status.
    Status(Refusal),
    /// 401 as for a token that the service does not take any more, with the challenge.
    TokenRefused {
        /// What is wrong with it.
        #[serde(default)]
        reason: TokenFault,
    },
    /// The connection is reset and nothing has happened.
    ResetBeforeEffect,
    /// The connection is reset, but what was asked for happens.
    ResetAfterEffect,
    /// No answer ever.
    Hang {
        /// Whether what was asked for happens.
        #[serde(default)]
        when: When,
    },
    /// What was asked for happens; the answer carries this text instead of its body.
    WrongBody {
        /// The body as sent; empty for none.
        body: String,
        /// The status; 200 when absent.
        #[serde(default)]
        status: Option<u16>,
        /// The content type; that of the true answer when absent.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// What was asked for happens; the answer's body is followed by so many spaces, which JSON allows.
    HugeBody {
        /// How many bytes are added.
        bytes: usize,
    },
    /// What was asked for happens; the answer begins, and its body never ends.
    EndlessBody,
    /// The page of a list names itself as the next page.
    EndlessList,
    /// Another caller with the same rights writes just before the request is answered, or just after. It counts when
    /// that write is taken.
    Rival {
        /// What the other caller writes.
        write: RivalWrite,
        /// Whether the request has its effect first.
        #[serde(default)]
        when: When,
    },
    /// The world changes just before the request is answered: this seed is added, e.g. a VM that is rebuilt.
    Seed {
        /// The seed.
        seed: Value,
    },
    /// The long operation that the request starts ends as `Failed`.
    OperationFailed {
        /// Azure's code.
        #[serde(default = "default_code")]
        code: String,
        /// The message.
        #[serde(default = "default_message")]
        message: String,
    },
    /// The long operation that the request starts never ends.
    OperationStuck,
    /// Replication of the image version that the request writes fails in that region.
    RegionFailed {
        /// The region in any spelling.
        region: String,
    },
    /// The image version that the request writes cannot be used for a while after it is replicated, though it says so.
    LateImage {
        /// For how many seconds on the emulated clock.
        seconds: u32,
    },
    /// A pool's resize times out with fewer nodes than asked for.
    AllocationTimeout {
        /// How many nodes it gets.
        #[serde(default)]
        deliver: u32,
        /// The code, as Batch has been seen to write it in two casings.
        #[serde(default = "default_timeout_code")]
        code: String,
    },
    /// A pool's resize fails, with an error of the compute provider or with any other of Batch's codes.
    AllocationFailed {
        /// How many nodes it gets, or lets go.
        #[serde(default)]
        deliver: u32,
        /// Batch's code; `RemoveNodesFailed` hits the next shrink instead of the next growth.
        #[serde(default = "default_allocation_code")]
        code: String,
        /// The message; the one that goes with the code when absent.
        #[serde(default)]
        message: Option<String>,
        /// The provider's error, put into `Provider Error Json`.
        #[serde(default)]
        provider: Option<Value>,
        /// More of the error's `values`, by name, e.g. `Reason`.
        #[serde(default)]
        values: BTreeMap<String, String>,
        /// Whether the provider's error is cut off in the middle.
        #[serde(default)]
        truncated: bool,
    },
    /// Some nodes of a resize end up `unusable`.
    UnusableNodes {
        /// How many.
        count: u32,
        /// The code in the node's `errors`; an empty list when absent.
        #[serde(default)]
        code: Option<String>,
        /// The `errorDetails` of that error, by name.
        #[serde(default)]
        details: BTreeMap<String, String>,
    },
    /// Batch loses contact with some nodes of a resize: they end up `unknown`.
    UnknownNodes {
        /// How many.
        count: u32,
    },
    /// Nothing is scheduled on some nodes of a resize: they end up `offline`.
    OfflineNodes {
        /// How many.
        count: u32,
    },
    /// Azure takes some spot nodes of a resize away, and gives them back later.
    Preempted {
        /// How many of the spot nodes.
        count: u32,
        /// How many seconds after the node shows, before the time scale.
        #[serde(default = "default_preemption")]
        after: u32,
        /// How many seconds later it comes back, before the time scale; never when null.
        #[serde(default = "default_return")]
        returns_after: Option<u32>,
    },
    /// The start task fails on some nodes of a resize.
    StartTaskFailed {
        /// How many.
        count: u32,
        /// The start task's exit code.
        #[serde(default = "default_exit_code")]
        exit_code: i32,
        /// What it wrote to standard error; absent, a line that names the exit code.
        #[serde(default)]
        output: Option<String>,
    },
    /// Some of the tasks fail that run on the nodes of a resize.
    TasksFail {
        /// Part of the image id that these nodes have; every node's when absent.
        #[serde(default)]
        image: Option<String>,
        /// How many of the tasks, from 0 to 1.
        rate: f64,
        /// Their exit code.
        #[serde(default = "default_exit_code")]
        exit_code: i32,
        /// Other seeds let other tasks fail.
        #[serde(default)]
        seed: u64,
    },
    /// Some nodes of a resize run another image than the pool's.
    WrongImage {
        /// How many.
        count: u32,
        /// The image version's id that they show.
        image: String,
    },
    /// A quota stops a pool's resize.
    Quota {
        /// How many nodes it gets.
        #[serde(default)]
        deliver: u32,
        /// The code, e.g. `AccountCoreQuotaReached`.
        #[serde(default = "default_quota_code")]
        code: String,
    },
}

/// Whether what was asked for happens although it is not answered as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// It does not happen.
    #[default]
    BeforeEffect,
    /// It has happened.
    AfterEffect,
}

/// What is wrong with a token that is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenFault {
    /// `ExpiredAuthenticationToken`.
    #[default]
    Expired,
    /// `InvalidAuthenticationToken`.
    Invalid,
}

/// An error answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// The service's error code.
    #[serde(default = "default_code")]
    pub code: String,
    /// The message.
    #[serde(default = "default_message")]
    pub message: String,
    /// ARM's `additionalInfo`, e.g. which policy refused.
    #[serde(default)]
    pub additional_info: Option<Value>,
    /// A body of its own instead of the service's envelope.
    #[serde(default)]
    pub body: Option<Value>,
    /// Seconds in `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// More headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Whether what was asked for happens.
    #[serde(default)]
    pub when: When,
}

/// A request of another caller. It goes to the same host with the same token and api-version, and is in no journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RivalWrite {
    /// The verb.
    pub method: String,
    /// The path, with a query if it needs one; that of the request when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// The body; that of the request when absent.
    #[serde(default)]
    pub body: Option<Value>,
}

/// Where a fault takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// On the request itself: an answer, a reset, silence.
    Request,
    /// In the long operation that a request starts.
    Operation,
    /// In the outcome of a pool's growth: timeout, failed allocation, quota.
    Allocation,
    /// In the outcome of a pool's shrink.
    Removal,
    /// On the nodes that a resize brings: unusable ones, failed start tasks, preemptions.
    Nodes,
}

impl Effect {
    /// Where it takes effect.
    #[must_use]
    pub fn moment(&self) -> Moment {
        match self {
            Self::Throttle { .. }
            | Self::Status(_)
            | Self::TokenRefused { .. }
            | Self::ResetBeforeEffect
            | Self::ResetAfterEffect
            | Self::Hang { .. }
            | Self::WrongBody { .. }
            | Self::HugeBody { .. }
            | Self::EndlessBody
            | Self::EndlessList
            | Self::Rival { .. }
            | Self::Seed { .. } => Moment::Request,
            Self::OperationFailed { .. }
            | Self::OperationStuck
            | Self::RegionFailed { .. }
            | Self::LateImage { .. } => Moment::Operation,
            Self::AllocationFailed { code, .. } if code.eq_ignore_ascii_case("RemoveNodesFailed") => Moment::Removal,
            Self::AllocationTimeout { .. } | Self::AllocationFailed { .. } | Self::Quota { .. } => Moment::Allocation,
            Self::UnusableNodes { .. }
            | Self::UnknownNodes { .. }
            | Self::OfflineNodes { .. }
            | Self::Preempted { .. }
            | Self::StartTaskFailed { .. }
            | Self::TasksFail { .. }
            | Self::WrongImage { .. } => Moment::Nodes,
        }
    }
}

impl Refusal {
    /// That status with that code, before any effect.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            message: message.to_owned(),
            additional_info: None,
            body: None,
            retry_after: None,
            headers: BTreeMap::new(),
            when: When::BeforeEffect,
        }
    }
}

fn default_code() -> String {
    "InternalServerError".to_owned()
}
fn default_message() -> String {
    "An unexpected error occurred while processing the request.".to_owned()
}
fn default_timeout_code() -> String {
    "AllocationTimedOut".to_owned()
}
fn default_allocation_code() -> String {
    "AllocationFailed".to_owned()
}
fn default_quota_code() -> String {
    "AccountCoreQuotaReached".to_owned()
}
/// Long enough for a node to have become idle.
fn default_preemption() -> u32 {
    300
}
#[expect(
    clippy::unnecessary_wraps,
    reason = "the field is absent for a default and null for never"
)]
fn default_return() -> Option<u32> {
    Some(300)
}
fn default_exit_code() -> i32 {
    1
}
