//! What a resize will bring: how long it takes, how many nodes come, which errors it leaves.
//!
//! All decided when the resize begins, from values; nothing here touches a pool or reads a clock.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::pace::Pace;

/// How many nodes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) dedicated: u32,
    pub(crate) low_priority: u32,
}

/// The two kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Dedicated,
    LowPriority,
}

/// What to do with the tasks of a node that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeallocationOption {
    #[default]
    Requeue,
    Terminate,
    TaskCompletion,
    RetainedData,
}

/// A resize that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// The nodes that are there.
    pub(crate) from: Targets,
    /// The nodes that are wanted.
    pub(crate) to: Targets,
    /// The pool's `resizeTimeout`, unscaled.
    pub(crate) timeout: SignedDuration,
}

/// The most nodes of a kind, or of both together, that the pool may have, and the error when more are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Ceiling {
    pub(crate) kind: Option<NodeKind>,
    pub(crate) most: u32,
    pub(crate) error: ResizeError,
}

/// What a script makes of a resize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Upset {
    /// The timeout passes with so many nodes come.
    TimedOut { deliver: u32, code: String },
    /// An error comes after so many nodes.
    Failed { deliver: u32, error: ResizeError },
    /// Only so many of the nodes that were to go have gone.
    NotRemoved { deliver: u32, error: ResizeError },
    /// It never ends.
    Stuck,
}

/// One of `resizeErrors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResizeError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) values: Vec<(String, String)>,
}

/// How a resize will go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Unscaled time until the pool is steady; `None` when that never comes.
    pub(crate) takes: Option<SignedDuration>,
    /// The nodes that come.
    pub(crate) grows: Targets,
    /// The nodes that go.
    pub(crate) shrinks: Targets,
    /// The errors that show once the pool is steady.
    pub(crate) errors: Vec<ResizeError>,
}

/// What is said of a resize that failed for a reason with no sentence of its own.
const NOT_ALLOCATED: &str = "Desired number of dedicated nodes could not be allocated";

/// The codes of the .NET client's `PoolResizeErrorCodes`, with the sentences that people have reported for the first
/// four and ours for the others.
pub(crate) const SENTENCES: &[(&str, &str)] = &[
    (
        "AllocationTimedOut",
        "Desired number of dedicated nodes could not be allocated as the resize timeout was reached",
    ),
    ("AllocationFailed", NOT_ALLOCATED),
    (
        "ResizeStopped",
        "Desired number of nodes could not be allocated due to a stop resize operation",
    ),
    (
        "AccountCoreQuotaReached",
        "The specified account has reached core quota",
    ),
    (
        "AccountVMSeriesCoreQuotaReached",
        "The specified account has reached VM series core quota",
    ),
    (
        "AccountLowPriorityCoreQuotaReached",
        "The specified account has reached low priority core quota",
    ),
    (
        "AccountSpotCoreQuotaReached",
        "The specified account has reached spot core quota",
    ),
    (
        "RemoveNodesFailed",
        "One or more of the nodes could not be removed from the pool",
    ),
    (
        "CommunicationEnabledPoolReachedMaxVMCount",
        "The pool with inter-node communication enabled has reached the maximum number of VMs",
    ),
    (
        "OverconstrainedAllocationRequestError",
        "No place satisfies all constraints of the allocation",
    ),
    ("UnsupportedVMSize", "The VM size is not supported in this region"),
    ("IncompatibleVMSize", "The VM size is not compatible with the image"),
    (
        "MissingPublisherPropertyInMarketPlacePlan",
        "The marketplace plan of the image lacks its publisher",
    ),
    (
        "DependentResourceNotFound",
        "A resource that the pool depends on was not found",
    ),
    ("DiskEncryptionFailure", "The disks of the nodes could not be encrypted"),
    (
        "FailedIdentityOperation",
        "The operation on the pool's identity has failed",
    ),
    (
        "OperationsRestrictedByPolicy",
        "The operation is restricted by a policy",
    ),
    (
        "OperationsOnPublicIPRestrictedByPolicy",
        "Operations on public IP addresses are restricted by a policy",
    ),
    (
        "OperationsOnImageRestrictedByPolicy",
        "Operations on the image are restricted by a policy",
    ),
    (
        "OperationsOnNetworkSecurityGroupRestrictedByPolicy",
        "Operations on network security groups are restricted by a policy",
    ),
    (
        "OperationsOnLoadBalancerRestrictedByPolicy",
        "Operations on load balancers are restricted by a policy",
    ),
    (
        "OperationsOnVirtualNetworkRestrictedByPolicy",
        "Operations on virtual networks are restricted by a policy",
    ),
    (
        "OperationsOnPrivateLinkRestrictedByPolicy",
        "Operations on private links are restricted by a policy",
    ),
    (
        "OperationsOnPrivateEndpointRestrictedByPolicy",
        "Operations on private endpoints are restricted by a policy",
    ),
    ("Unknown", "An internal error has occurred"),
];

impl Targets {
    pub(crate) fn of(self, kind: NodeKind) -> u32 {
        match kind {
            NodeKind::Dedicated => self.dedicated,
            NodeKind::LowPriority => self.low_priority,
        }
    }

    pub(crate) fn total(self) -> u32 {
        self.dedicated.saturating_add(self.low_priority)
    }

    /// What is more than `other` has, kind by kind.
    pub(crate) fn beyond(self, other: Self) -> Self {
        Self {
            dedicated: self.dedicated.saturating_sub(other.dedicated),
            low_priority: self.low_priority.saturating_sub(other.low_priority),
        }
    }

    /// The first `count` of these nodes; dedicated ones come first.
    pub(crate) fn first(self, count: u32) -> Self {
        let dedicated = self.dedicated.min(count);
        Self {
            dedicated,
            low_priority: self.low_priority.min(count - dedicated),
        }
    }

    fn capped(self, ceiling: &Ceiling, from: Self) -> Self {
        let room = |present: u32| ceiling.most.saturating_sub(present);
        match ceiling.kind {
            None => self.first(room(from.total())),
            Some(NodeKind::Dedicated) => Self {
                dedicated: self.dedicated.min(room(from.dedicated)),
                ..self
            },
            Some(NodeKind::LowPriority) => Self {
                low_priority: self.low_priority.min(room(from.low_priority)),
                ..self
            },
        }
    }
}

impl NodeKind {
    pub(crate) const BOTH: [Self; 2] = [Self::Dedicated, Self::LowPriority];

    /// As resize errors speak of it.
    /// What the ids of such nodes end with: recorded for dedicated ones, a guess for the others.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Dedicated => "_d",
            Self::LowPriority => "_p",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::LowPriority => "low priority",
        }
    }
}

impl DeallocationOption {
    /// Reads the service's word in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "requeue" => Self::Requeue,
            "terminate" => Self::Terminate,
            "taskcompletion" => Self::TaskCompletion,
            "retaineddata" => Self::RetainedData,
            _ => return None,
        })
    }

    /// ARM's word.
    pub(crate) fn arm_word(self) -> &'static str {
        match self {
            Self::Requeue => "Requeue",
            Self::Terminate => "Terminate",
            Self::TaskCompletion => "TaskCompletion",
            Self::RetainedData => "RetainedData",
        }
    }
}

impl ResizeError {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            values: Vec::new(),
        }
    }

    /// An error with the sentence that goes with its code, in any case.
    pub(crate) fn coded(code: &str) -> Self {
        let known = SENTENCES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code));
        let sentence = known.map_or(NOT_ALLOCATED, |(_, sentence)| *sentence);
        Self::new(code, sentence)
    }

    /// The same in other words, if there are any.
    pub(crate) fn saying(self, message: Option<String>) -> Self {
        Self {
            message: message.unwrap_or(self.message),
            ..self
        }
    }

    /// An error of the compute provider, packed as Batch packs it; cut off in the middle if asked.
    pub(crate) fn of_provider(code: &str, provider: &Value, truncated: bool) -> Self {
        let whole = provider.to_string();
        let half = whole
            .char_indices()
            .nth(whole.chars().count() / 2)
            .map_or(whole.len(), |(at, _)| at);
        let text = if truncated {
            whole.get(..half).unwrap_or_default().to_owned()
        } else {
            whole
        };
        let flag = if truncated { "True" } else { "False" };
        let mut error = Self::coded(code);
        error.values.push(("Provider Error Json".to_owned(), text));
        error
            .values
            .push(("Provider Error Json Truncated".to_owned(), flag.to_owned()));
        error
    }

    /// The data plane's form.
    pub(crate) fn render(&self) -> Value {
        let values: Vec<Value> = self
            .values
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        json!({"code": self.code, "message": self.message, "values": values})
    }

    /// Reads the data plane's form, for pools that a seed describes.
    pub(crate) fn read(value: &Value) -> Self {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let values = crate::json::list(value, "/values");
        Self {
            code: text(value, "code"),
            message: text(value, "message"),
            values: values
                .iter()
                .map(|pair| (text(pair, "name"), text(pair, "value")))
                .collect(),
        }
    }
}

/// Decides how a resize goes. `hindrance` is the reason why no node can come, if there is one.
pub(crate) fn plan(
    ask: &Ask,
    ceilings: &[Ceiling],
    hindrance: Option<ResizeError>,
    upset: Option<Upset>,
    pace: &Pace,
) -> Plan {
    let wanted = ask.to.beyond(ask.from);
    let shrinks = ask.from.beyond(ask.to);
    let (shrinks, errors) = match &upset {
        Some(Upset::NotRemoved { deliver, error }) => (shrinks.first(*deliver), vec![error.clone()]),
        _ => (shrinks, Vec::new()),
    };
    if upset == Some(Upset::Stuck) {
        return Plan {
            takes: None,
            grows: Targets::default(),
            shrinks,
            errors,
        };
    }
    if wanted.total() == 0 {
        return Plan {
            takes: Some(shrink_time(shrinks.total(), pace)),
            grows: wanted,
            shrinks,
            errors,
        };
    }
    let mut plan = match (hindrance, upset) {
        (Some(error), _) => failed(Targets::default(), error, pace),
        (None, Some(Upset::TimedOut { deliver, code })) => {
            let grows = wanted.first(deliver);
            Plan {
                takes: Some(ask.timeout),
                grows,
                shrinks: Targets::default(),
                errors: timeouts(wanted, grows, &code),
            }
        }
        (None, Some(Upset::Failed { deliver, error })) => failed(wanted.first(deliver), error, pace),
        (None, _) => unhindered(ask, wanted, ceilings, pace),
    };
    plan.shrinks = shrinks;
    plan.errors.extend(errors);
    plan
}

fn failed(grows: Targets, error: ResizeError, pace: &Pace) -> Plan {
    Plan {
        takes: Some(growth_time(grows.total(), pace)),
        grows,
        shrinks: Targets::default(),
        errors: vec![error],
    }
}

/// Quotas first, since Batch knows them at once; then the timeout.
fn unhindered(ask: &Ask, wanted: Targets, ceilings: &[Ceiling], pace: &Pace) -> Plan {
    let mut grows = wanted;
    let mut errors = Vec::new();
    for ceiling in ceilings {
        let capped = grows.capped(ceiling, ask.from);
        if capped != grows {
            errors.push(ceiling.error.clone());
            grows = capped;
        }
    }
    let takes = growth_time(grows.total(), pace);
    if takes <= ask.timeout {
        return Plan {
            takes: Some(takes),
            grows,
            shrinks: Targets::default(),
            errors,
        };
    }
    let arrived = grows.first(arrived_by(ask.timeout, pace));
    errors.extend(timeouts(grows, arrived, "AllocationTimedOut"));
    Plan {
        takes: Some(ask.timeout),
        grows: arrived,
        shrinks: Targets::default(),
        errors,
    }
}

fn timeouts(wanted: Targets, grows: Targets, code: &str) -> Vec<ResizeError> {
    let short = |kind: &NodeKind| grows.of(*kind) < wanted.of(*kind);
    let error = |kind: NodeKind| {
        let word = kind.word();
        let message =
            format!("Desired number of {word} nodes could not be allocated as the resize timeout was reached");
        ResizeError::new(code, message)
    };
    NodeKind::BOTH.into_iter().filter(short).map(error).collect()
}

/// The error of a shrink that waited for tasks until its timeout. That it ends so is a guess: the models call the timeout
/// one of allocation and of removal.
pub(crate) fn kept_by_tasks() -> ResizeError {
    ResizeError::coded("AllocationTimedOut")
}

/// The error of a resize that was stopped short of its target.
pub(crate) fn stopped() -> ResizeError {
    ResizeError::coded("ResizeStopped")
}

fn growth_time(nodes: u32, pace: &Pace) -> SignedDuration {
    pace.allocation_base + per_node(nodes, pace)
}

fn shrink_time(nodes: u32, pace: &Pace) -> SignedDuration {
    pace.leaving + per_node(nodes, pace)
}

fn per_node(nodes: u32, pace: &Pace) -> SignedDuration {
    let nodes = i32::try_from(nodes).unwrap_or(i32::MAX);
    pace.allocation_per_node
        .checked_mul(nodes)
        .unwrap_or(SignedDuration::MAX)
}

/// How many nodes of a growing pool have come when so much (unscaled) time has passed.
pub(crate) fn arrived_by(elapsed: SignedDuration, pace: &Pace) -> u32 {
    let after_base = elapsed.as_millis() - pace.allocation_base.as_millis();
    let each = pace.allocation_per_node.as_millis().max(1);
    u32::try_from(after_base.max(0) / each).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
