//! The compute provider's own request budgets, by windows of three and thirty minutes, and its refusal.
//!
//! The limits are those of a client alone in its subscription, as recorded. The resource manager's are in `arm::budget`.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::kind::Kind;
use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
    throttling::{Throttling, WhenEmpty},
};

/// The budget that a kind of request is drawn from.
#[derive(Clone, Copy, Debug)]
struct Policy {
    name: &'static str,
    /// Requests in three minutes.
    short: u32,
    /// Requests in thirty minutes, where the recorded answers name them.
    long: Option<u32>,
}

/// The windows that budgets are counted in, in minutes.
const SHORT: i64 = 3;
const LONG: i64 = 30;

/// How many requests were made, by subscription, budget and window.
#[derive(Debug, Default)]
pub(super) struct Spent {
    counts: BTreeMap<(String, &'static str, i64), (i64, u32)>,
}

/// What a request leaves of its budget.
#[derive(Debug)]
pub(super) struct Left {
    /// The value of `x-ms-ratelimit-remaining-resource`.
    pub(super) header: String,
    /// The first window in which there was nothing left.
    empty: Option<Empty>,
}

/// A window that is used up.
#[derive(Debug)]
struct Empty {
    group: String,
    limit: u32,
    count: u32,
    begins: Timestamp,
    ends: Timestamp,
}

impl Spent {
    /// Counts a request; `None` for requests whose budget was never recorded.
    pub(super) fn count(
        &mut self,
        method: &Method,
        path: &ArmPath,
        (limits, now): (&Throttling, Timestamp),
    ) -> Option<Left> {
        let policy = policy(method, path)?;
        let mut left = Left {
            header: String::new(),
            empty: None,
        };
        let windows = [(Some(policy.short), SHORT), (policy.long, LONG)];
        for (recorded, minutes) in windows
            .into_iter()
            .filter_map(|(limit, minutes)| Some((limit?, minutes)))
        {
            let group = format!("{}{minutes}Min", policy.name);
            let limit = limits.compute.get(&group).copied().unwrap_or(recorded);
            let length = minutes * 60;
            let window = now.as_second().div_euclid(length);
            let key = (path.subscription.to_lowercase(), policy.name, minutes);
            let (current, count) = self.counts.entry(key).or_default();
            if *current != window {
                (*current, *count) = (window, 0);
            }
            *count += 1;
            let separator = if left.header.is_empty() { "" } else { "," };
            let rest = limit.saturating_sub(*count);
            left.header
                .push_str(&format!("{separator}Microsoft.Compute/{group};{rest}"));
            if *count > limit && left.empty.is_none() {
                let at = |window: i64| Timestamp::from_second(window * length).unwrap_or(now);
                left.empty = Some(Empty {
                    group,
                    limit,
                    count: *count,
                    begins: at(window),
                    ends: at(window + 1),
                });
            }
        }
        Some(left)
    }
}

impl Left {
    /// 429 when there was nothing left, in the documented form: JSON within a message of `details`
    /// (<https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/troubleshooting-throttling-errors>).
    ///
    /// # Errors
    ///
    /// The refusal, with the rest of the window as `Retry-After`.
    pub(super) fn permit(&self, limits: &Throttling, now: Timestamp) -> Result<(), ArmError> {
        let (Some(empty), WhenEmpty::Refuse) = (&self.empty, limits.when_empty) else {
            return Ok(());
        };
        let measured = json!({
            "operationGroup": empty.group,
            "startTime": edit::time(empty.begins),
            "endTime": edit::time(empty.ends),
            "allowedRequestCount": empty.limit,
            "measuredRequestCount": empty.count,
        });
        let details = json!([{"code": "TooManyRequests", "target": empty.group, "message": measured.to_string()}]);
        let message =
            "The server rejected the request because too many requests have been received for this subscription.";
        let error = ArmError::new(StatusCode::TOO_MANY_REQUESTS, "OperationNotAllowed", message)
            .with("details", details)
            .with("innererror", json!({"internalErrorCode": "TooManyRequestsReceived"}));
        Err(error.after(empty.ends.duration_since(now).as_secs().max(1)))
    }
}

const fn budget(name: &'static str, short: u32, long: Option<u32>) -> Policy {
    Policy { name, short, long }
}

/// Limits are one more than what the recorded answers had left.
fn policy(method: &Method, path: &ArmPath) -> Option<Policy> {
    let kind = path.kind();
    if let ("locations/diskoperations" | "locations/operations" | "locations/capsoperations", &Method::GET) =
        (kind.as_str(), method)
    {
        return path
            .is_in("Microsoft.Compute")
            .then(|| budget("GetOperationStatus", 5000, None));
    }
    let kind = Kind::parse(&kind)?;
    Some(match (kind, method, path.action().as_str()) {
        (Kind::VirtualMachine | Kind::Disk, &Method::GET, "") => budget("LowCostGet", 4000, Some(32_000)),
        (Kind::VirtualMachine, &Method::POST, "generalize") => budget("UpdateVM", 240, Some(1200)),
        (Kind::VirtualMachine, &Method::POST, "deallocate") => budget("DeleteVM", 240, Some(1200)),
        (Kind::Disk | Kind::Snapshot, &Method::PUT, _) => budget("CreateUpdateDisks", 1000, Some(8000)),
        (Kind::Image, &Method::PUT, _) => budget("CreateImages", 40, Some(200)),
        (Kind::Gallery, &Method::PUT, _) => budget("CreateUpdateGallery", 50, Some(299)),
        (Kind::Definition, &Method::PUT, _) => budget("CreateUpdateGalleryImage", 149, None),
        (Kind::Version, &Method::PUT, _) => budget("CreateUpdateGalleryImageVersion", 375, Some(1199)),
        (Kind::Version, &Method::DELETE, _) => budget("DeleteGalleryImageVersion", 150, Some(1000)),
        (Kind::Version, &Method::GET, _) => budget("GetGalleryImageVersion", 2000, None),
        _ => return None,
    })
}
