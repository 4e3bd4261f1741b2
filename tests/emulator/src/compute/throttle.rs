//! What the compute provider says is left of its own request budgets.
//!
//! The limits are those of a client alone in its subscription, as recorded; an empty budget refuses nothing.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;

use super::Kind;
use crate::arm::ArmPath;

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

impl Spent {
    /// Counts a request and returns the value of `x-ms-ratelimit-remaining-resource`; `None` for requests of which none
    /// was recorded.
    pub(super) fn count(&mut self, method: &Method, path: &ArmPath, now: Timestamp) -> Option<String> {
        let policy = policy(method, path)?;
        let subscription = path.subscription.to_lowercase();
        let mut left = |limit: u32, minutes: i64| {
            let window = now.as_second().div_euclid(minutes * 60);
            let key = (subscription.clone(), policy.name, minutes);
            let (current, count) = self.counts.entry(key).or_default();
            if *current != window {
                (*current, *count) = (window, 0);
            }
            *count += 1;
            format!(
                "Microsoft.Compute/{}{minutes}Min;{}",
                policy.name,
                limit.saturating_sub(*count)
            )
        };
        let short = left(policy.short, SHORT);
        Some(match policy.long.map(|limit| left(limit, LONG)) {
            Some(long) => format!("{short},{long}"),
            None => short,
        })
    }
}

const fn budget(name: &'static str, short: u32, long: Option<u32>) -> Policy {
    Policy { name, short, long }
}

/// Limits are one more than what the recorded answers had left.
fn policy(method: &Method, path: &ArmPath) -> Option<Policy> {
    let kind = Kind::parse(&path.kind())?;
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
