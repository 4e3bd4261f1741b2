//! Replication of a version: one copy per region, each a function of time.
//!
//! It knows nothing of requests; `create` and `update` decide which copies there are.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::profile::Target;
use crate::{
    compute::plan::PurchasePlan,
    region,
    resource::{Doing, Facts},
};

/// What a version knows beyond what it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct VersionFacts {
    /// One per target region, in the regions' order.
    pub(crate) copies: Vec<RegionCopy>,
    /// The lower-case ids of what it is made from.
    pub(crate) sources: Vec<String>,
    /// The purchase plan of what it was made from.
    pub(crate) plan: Option<PurchasePlan>,
    /// Its keys for UEFI, as they were sent: only `$expand=UefiSettings` shows them.
    pub(crate) security: Option<Value>,
    /// How long it is kept when the deletion that is running is over; `None` when that is for good.
    pub(crate) retention: Option<Retention>,
}

/// How long a deleted version is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    pub(crate) deleted: Timestamp,
    /// Until when machines can be made from it.
    pub(crate) consumable_until: Timestamp,
    /// Until when it can be restored.
    pub(crate) recoverable_until: Timestamp,
}

/// How a copy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Completes,
    Fails,
    /// It never ends.
    Sticks,
}

/// The copy of a version in one region.
#[derive(Clone, Debug)]
pub(crate) struct RegionCopy {
    /// The region, normalised.
    pub(crate) region: String,
    pub(crate) replicas: u32,
    pub(crate) started: Timestamp,
    pub(crate) due: Timestamp,
    /// From when on machines can be made from it: when it is due, unless a fault makes it late.
    pub(crate) usable: Timestamp,
    pub(crate) fate: Fate,
    /// How many replicas were complete before a raise; they stay when it fails.
    pub(crate) kept: Option<u32>,
}

/// How a copy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyState {
    Replicating,
    Completed,
    Failed,
}

impl Facts for VersionFacts {
    fn settled(&mut self, change: Doing, succeeded: bool, at: Timestamp) {
        if change != Doing::Deleting && !succeeded {
            self.fail_unfinished(at);
        }
    }
}

impl RegionCopy {
    /// A copy that begins now and takes that long.
    pub(crate) fn begin(target: &Target, now: Timestamp, lasts: SignedDuration) -> Self {
        Self {
            region: target.region.clone(),
            replicas: target.replicas,
            started: now,
            due: now + lasts,
            usable: now + lasts,
            fate: Fate::Completes,
            kept: None,
        }
    }

    /// The same with another number of replicas. A raise is done at once, unless a fault makes it fail.
    pub(super) fn with_replicas(&self, replicas: u32) -> Self {
        Self {
            replicas,
            kept: (replicas > self.replicas).then_some(self.replicas),
            ..self.clone()
        }
    }

    /// Lets the raise that it is in fail at that time; what it had stays.
    pub(super) fn fail_raise(&mut self, at: Timestamp) {
        self.due = at;
        self.fate = Fate::Fails;
    }

    /// A copy that is there already.
    pub(crate) fn complete(target: &Target, now: Timestamp) -> Self {
        Self::begin(target, now, SignedDuration::ZERO)
    }

    fn state(&self, now: Timestamp) -> CopyState {
        match self.fate {
            Fate::Completes if now >= self.due => CopyState::Completed,
            Fate::Fails if now >= self.due => CopyState::Failed,
            Fate::Completes | Fate::Fails | Fate::Sticks => CopyState::Replicating,
        }
    }

    /// 0 to 100; a copy that is not complete never shows 100.
    fn progress(&self, now: Timestamp) -> i64 {
        if self.state(now) == CopyState::Completed {
            return 100;
        }
        let whole = self.due.duration_since(self.started).as_millis().max(1);
        let done = now.duration_since(self.started).as_millis().clamp(0, whole);
        i64::try_from(done * 100 / whole).unwrap_or(0).min(99)
    }

    /// Whether it will never be complete, not even in part.
    pub(crate) fn is_lost(&self) -> bool {
        self.fate != Fate::Completes && self.kept.is_none()
    }

    /// The replicas that machines can be made from.
    fn complete_replicas(&self, now: Timestamp) -> Option<u32> {
        if self.state(now) == CopyState::Completed && now >= self.usable {
            Some(self.replicas)
        } else {
            self.kept
        }
    }
}

impl VersionFacts {
    /// The purchase plan that machines must name: the source's, or that of the definition.
    pub(crate) fn plan_of(&self, definition: &Value) -> Option<PurchasePlan> {
        let own = self.plan.clone();
        own.or_else(|| PurchasePlan::at(definition, "/properties/purchasePlan"))
    }

    /// Whether no region ever got it: then a PUT makes it again, otherwise it repairs the regions that failed.
    pub(super) fn was_never_made(&self) -> bool {
        self.copies.iter().all(RegionCopy::is_lost)
    }

    /// `replicationStatus` as the service writes it.
    pub(super) fn status(&self, now: Timestamp) -> Value {
        let states: Vec<CopyState> = self.copies.iter().map(|copy| copy.state(now)).collect();
        let aggregated = if states.contains(&CopyState::Failed) {
            "Failed"
        } else if states.iter().all(|state| *state == CopyState::Completed) {
            "Completed"
        } else {
            "InProgress"
        };
        let summary: Vec<Value> = self
            .copies
            .iter()
            .zip(&states)
            .map(|(copy, state)| {
                let details = if *state == CopyState::Failed {
                    "Replication to this region failed."
                } else {
                    ""
                };
                json!({
                    "region": region::display_name(&copy.region).unwrap_or(&copy.region),
                    "state": format!("{state:?}"),
                    "progress": copy.progress(now),
                    "details": details,
                })
            })
            .collect();
        json!({"aggregatedState": aggregated, "summary": summary})
    }

    pub(in crate::compute) fn is_complete(&self, region: &str, now: Timestamp) -> bool {
        self.copies
            .iter()
            .any(|copy| copy.region == region && copy.complete_replicas(now).is_some())
    }

    /// The regions in which machines can be made from it, with their replica counts.
    pub(super) fn complete_regions(&self, now: Timestamp) -> Vec<(String, u32)> {
        self.copies
            .iter()
            .filter_map(|copy| Some((copy.region.clone(), copy.complete_replicas(now)?)))
            .collect()
    }

    /// Ends every unfinished copy badly.
    pub(super) fn fail_unfinished(&mut self, at: Timestamp) {
        for copy in self
            .copies
            .iter_mut()
            .filter(|copy| copy.state(at) == CopyState::Replicating)
        {
            copy.due = at;
            copy.fate = Fate::Fails;
        }
    }
}
