//! What a resize error means: one table of codes and texts, and how all that an error says is looked up in it.
//!
//! Rounds follow the class; `docs/failures.md` has this table, and a test keeps it so.

mod evidence;
mod named;
mod table;

use std::fmt;

use crate::{
    batch::pool::ResizeError,
    error::{Error, ErrorKind},
    failure::PAGE,
    one_line::one_line,
    words::Words,
};

pub(in crate::rollout) use named::{ASSIGNMENTS, Named};
pub(in crate::rollout) use table::{Cause, Class};

use evidence::Evidence;

/// The codes after which it is looked what is gone.
const MISSING: [&str; 6] = [
    "AllocationFailed",
    "DependentResourceNotFound",
    "GalleryImageNotFound",
    "ImageNotFound",
    "ResourceNotFound",
    "SubnetNotFound",
];

/// The codes that say that there is no room for nodes of that size, so that another size may have some: no capacity, or no
/// quota. That of all cores is among them, since a smaller size may still fit.
const NO_ROOM: [&str; 14] = [
    "AllocationFailed",
    "AllocationTimedOut",
    "ZonalAllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedAllocationRequestError",
    "SkuNotAvailable",
    "UnsupportedVMSize",
    "BatchOutOfCapacity",
    "insufficient capacity",
    "AccountCoreQuotaReached",
    "AccountVMSeriesCoreQuotaReached",
    "AccountLowPriorityCoreQuotaReached",
    "AccountSpotCoreQuotaReached",
    "QuotaExceeded",
];

/// What an error of a resize means for the next round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Judgement {
    /// What to do.
    pub(in crate::rollout) class: Class,
    /// The code of the table's row, or the part of a text that it is about.
    pub(in crate::rollout) code: &'static str,
    /// Whose code it is.
    pub(in crate::rollout) origin: Origin,
    /// How the run ends when it ends on this.
    pub(in crate::rollout) kind: ErrorKind,
    /// The service's own words on one line.
    pub(in crate::rollout) said: String,
    /// What they mean.
    pub(in crate::rollout) meaning: &'static str,
    /// What to do about it.
    pub(in crate::rollout) remedy: &'static str,
    /// What they name.
    pub(in crate::rollout) named: Named,
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Origin {
    /// Batch's.
    Batch,
    /// The compute provider's.
    Provider,
    /// No code, but a text that Batch or the compute provider gives as the reason.
    Text,
}

impl Origin {
    /// The heading of a code on the page, under which both may have the same one.
    fn heading(self, code: &str) -> String {
        match self {
            Self::Batch => code.to_owned(),
            Self::Provider => format!("Compute provider: {code}"),
            Self::Text => format!("Reason: {code}"),
        }
    }

    /// The anchor that GitHub gives to the heading.
    fn anchor(self, code: &str) -> String {
        let heading = self.heading(code).to_ascii_lowercase();
        heading.replace(':', "").replace(' ', "-")
    }
}

impl Judgement {
    /// Whether something that the pool needs may be gone: which, the error does not say.
    pub(in crate::rollout) fn may_miss_something(&self) -> bool {
        MISSING.contains(&self.code)
    }

    /// Whether a quota of the Batch account is used up.
    pub(in crate::rollout) fn is_quota_of_account(&self) -> bool {
        self.kind == ErrorKind::Quota && self.code.starts_with("Account")
    }

    /// Whether the time of the resize was over before it had come to its end.
    pub(in crate::rollout) fn is_timeout(&self) -> bool {
        self.code == "AllocationTimedOut"
    }

    /// Whether another VM size may have room.
    pub(in crate::rollout) fn leaves_other_sizes(&self) -> bool {
        NO_ROOM.contains(&self.code)
    }

    /// The page about it.
    pub(in crate::rollout) fn page(&self) -> String {
        format!("{PAGE}#{}", self.origin.anchor(self.code))
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said, self.meaning)
    }
}

#[cfg(test)]
mod tests;

/// Judges one error by all that it says.
pub(in crate::rollout) fn judge(error: &ResizeError) -> Judgement {
    let evidence = Evidence::read(error);
    let (origin, cause) = Cause::of(&evidence);
    Judgement {
        class: cause.class,
        code: cause.code,
        origin,
        kind: cause.kind,
        said: one_line(&evidence.said()),
        meaning: cause.meaning,
        remedy: cause.remedy,
        named: evidence.named,
    }
}

/// All codes of the table, and what distinguishes the message of one from that of another.
pub(in crate::rollout) fn codes() -> impl Iterator<Item = (Origin, &'static str, &'static str)> {
    let rows = table::TABLES.into_iter();
    rows.flat_map(|(origin, table)| table.iter().map(move |cause| (origin, cause)))
        .map(|(origin, cause)| (origin, cause.code, cause.message.unwrap_or_default()))
}

/// Judges all errors of a round: the one that allows least decides. Errors of spot nodes decide nothing when spot
/// nodes do not count.
pub(in crate::rollout) fn judge_all(errors: &[ResizeError], counts_spot: bool) -> Option<Judgement> {
    errors
        .iter()
        .filter(|error| counts_spot || !concerns_spot_alone(error))
        .map(judge)
        .max_by_key(|judgement| judgement.class)
}

/// The failure of a pool that got none of its dedicated nodes, from the errors of its resize; nothing without any.
pub(crate) fn resize_failure(errors: &[ResizeError]) -> Option<Error> {
    let judged = judge_all(errors, false)?;
    Some(Error::new(judged.kind, judged.to_string()).with_hint(Words::naming(judged.remedy)))
}

fn concerns_spot_alone(error: &ResizeError) -> bool {
    let code = error.code.to_ascii_lowercase();
    let message = error.message.to_ascii_lowercase();
    code.contains("lowpriority")
        || code.contains("spot")
        || message.contains("low priority nodes")
        || message.contains("low-priority nodes")
}
