//! Faults: what is scripted to go wrong, on which request, and how often it did.
//!
//! Faults are data, so that a script can be written in JSON. This file decides which fault a request
//! meets; what it does is up to whoever asked.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pattern;

/// One scripted fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// A name for the journal; the fault's place in the script when absent.
    #[serde(default)]
    pub name: String,
    /// The verb it applies to; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path it applies to, with `*` for any run of characters; case does not matter. Any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For faults of Batch's allocation: `account/pool`, with `*`. Any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number of the request since the start, from 1, instead of counting matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// Which of the matches it hits; the first when absent.
    #[serde(default)]
    pub occurrence: Occurrence,
    /// What happens.
    #[serde(flatten)]
    pub effect: Effect,
    /// How many requests matched so far.
    #[serde(default, skip_deserializing)]
    pub matches: u64,
    /// How many times it took effect so far.
    #[serde(default, skip_deserializing)]
    pub hits: u64,
}

/// Which matches of a fault it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Occurrence {
    /// Each one.
    Every,
    /// The n-th alone, from 1.
    Nth(u64),
    /// The first n.
    First(u64),
}

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
    Status {
        /// The status code.
        status: u16,
        /// The service's error code.
        #[serde(default = "default_code")]
        code: String,
        /// The message.
        #[serde(default = "default_message")]
        message: String,
        /// A body of its own instead of the service's envelope.
        #[serde(default)]
        body: Option<Value>,
        /// Seconds in `Retry-After`.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The connection is reset and nothing has happened.
    ResetBeforeEffect,
    /// The connection is reset, but what was asked for happens.
    ResetAfterEffect,
    /// No answer ever; nothing has happened.
    Hang,
    /// What was asked for happens; the answer is 200 with this text.
    WrongBody {
        /// The body as sent.
        body: String,
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

/// The script.
#[derive(Debug, Default)]
pub struct Faults {
    script: Vec<Fault>,
    /// The fault of the running request that waits for its operation.
    armed: Option<usize>,
    /// The fault that the running request was hit by.
    hit: Option<String>,
}

impl Default for Occurrence {
    fn default() -> Self {
        Self::Nth(1)
    }
}

impl Effect {
    /// Where it takes effect.
    #[must_use]
    pub fn moment(&self) -> Moment {
        match self {
            Self::Throttle { .. }
            | Self::Status { .. }
            | Self::ResetBeforeEffect
            | Self::ResetAfterEffect
            | Self::Hang
            | Self::WrongBody { .. } => Moment::Request,
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
            | Self::WrongImage { .. } => Moment::Nodes,
        }
    }
}

impl Fault {
    /// A fault that hits the first request it matches.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            name: String::new(),
            method: None,
            path: None,
            target: None,
            request: None,
            occurrence: Occurrence::default(),
            effect,
            matches: 0,
            hits: 0,
        }
    }

    /// The same for one verb and a path pattern.
    #[must_use]
    pub fn on(mut self, method: &Method, path: &str) -> Self {
        self.method = Some(method.to_string());
        self.path = Some(path.to_owned());
        self
    }

    /// The same for the request with that number since the start.
    #[must_use]
    pub fn at_request(mut self, number: u64) -> Self {
        self.request = Some(number);
        self
    }

    /// The same for those matches.
    #[must_use]
    pub fn occurring(mut self, occurrence: Occurrence) -> Self {
        self.occurrence = occurrence;
        self
    }

    /// Counts a match and says whether it is one to hit.
    fn is_due(&mut self) -> bool {
        self.matches += 1;
        self.request.is_some()
            || match self.occurrence {
                Occurrence::Every => true,
                Occurrence::Nth(n) => self.matches == n,
                Occurrence::First(n) => self.matches <= n,
            }
    }
}

impl Faults {
    /// Adds a fault to the end of the script.
    pub fn add(&mut self, mut fault: Fault) {
        if fault.name.is_empty() {
            fault.name = format!("fault-{}", self.script.len() + 1);
        }
        self.script.push(fault);
    }

    /// Empties the script.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The script with its counts.
    #[must_use]
    pub fn script(&self) -> &[Fault] {
        &self.script
    }

    /// The next fault of that kind for a target, e.g. `Moment::Allocation` and `acct1/pool1`; counts its hit.
    pub fn next(&mut self, moment: Moment, target: &str) -> Option<Fault> {
        let due = self.script.iter_mut().find_map(|fault| {
            let applies = fault.effect.moment() == moment && pattern::matches(fault.target.as_deref(), target);
            (applies && fault.is_due()).then_some(fault)
        })?;
        due.hits += 1;
        Some(due.clone())
    }

    /// The fault that a request meets, if any; one for its operation is kept until that is started.
    pub(crate) fn meet(&mut self, number: u64, method: &Method, path: &str) -> Option<Effect> {
        self.armed = None;
        self.hit = None;
        let due = self.script.iter_mut().position(|fault| {
            let moment = fault.effect.moment();
            matches!(moment, Moment::Request | Moment::Operation)
                && fault.request.is_none_or(|wanted| wanted == number)
                && fault
                    .method
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
                && pattern::matches(fault.path.as_deref(), path)
                && fault.is_due()
        })?;
        let fault = self.script.get_mut(due)?;
        if fault.effect.moment() == Moment::Operation {
            self.armed = Some(due);
            return None;
        }
        fault.hits += 1;
        self.hit = Some(fault.name.clone());
        Some(fault.effect.clone())
    }

    /// The running request's fault for the operation it starts.
    pub(crate) fn take_operation(&mut self) -> Option<Effect> {
        self.take_armed(|effect| matches!(effect, Effect::OperationFailed { .. } | Effect::OperationStuck))
    }

    /// For how many seconds the version that the running request writes is late to be used.
    pub(crate) fn take_lateness(&mut self) -> Option<u32> {
        match self.take_armed(|effect| matches!(effect, Effect::LateImage { .. }))? {
            Effect::LateImage { seconds } => Some(seconds),
            _ => None,
        }
    }

    /// The one of those regions in which the version that the running request writes cannot be replicated.
    pub(crate) fn take_region(&mut self, regions: &[&str]) -> Option<String> {
        let among = |region: &str| regions.contains(&crate::region::normalise(region).as_str());
        match self.take_armed(|effect| matches!(effect, Effect::RegionFailed { region } if among(region)))? {
            Effect::RegionFailed { region } => Some(crate::region::normalise(&region)),
            _ => None,
        }
    }

    /// The name of the fault that the running request was hit by.
    pub(crate) fn take_hit(&mut self) -> Option<String> {
        self.armed = None;
        self.hit.take()
    }

    fn take_armed(&mut self, wanted: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let fault = self.script.get_mut(self.armed?).filter(|fault| wanted(&fault.effect))?;
        fault.hits += 1;
        self.armed = None;
        self.hit = Some(fault.name.clone());
        Some(fault.effect.clone())
    }
}

#[cfg(test)]
mod tests;
