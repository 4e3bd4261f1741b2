//! Until when a pool is wanted: an item in its metadata, written by a roll-out and renewed by every later one.
//!
//! Pure. Nothing is deleted here, and Batch itself does not know of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{batch::pool::Pool, json as read_json, settings::RolloutSettings};

/// The metadata item's name.
pub const ITEM: &str = "azure-batch-expiry";

/// The version of this form. An item of another one is never read, and its pool never deleted by it.
const VERSION: u8 = 1;

/// A roll-out writes an expiry anew when it moves by this part of the whole, so that the same run twice in a row writes
/// nothing.
const WORTH_A_WRITE: u32 = 10;

/// Until when a pool is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    v: u8,
    /// Until when.
    pub at: Timestamp,
    /// How long that was from the roll-out that wrote it, in seconds.
    after: u64,
}

/// What a pool's metadata say of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Nothing: it stays until somebody deletes it.
    Open,
    /// It has an end.
    Until(Expiry),
    /// Something that this version cannot read.
    Unreadable,
}

impl Expiry {
    /// So long from now on, to the second.
    #[must_use]
    pub fn after(now: Timestamp, after: Duration) -> Self {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let after = Duration::from_secs(after.as_secs());
        Self {
            v: VERSION,
            // A time that cannot be told never comes.
            at: now.checked_add(after).unwrap_or(Timestamp::MAX),
            after: after.as_secs(),
        }
    }

    /// Whether the pool is not wanted any more.
    #[must_use]
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.at <= now
    }

    /// Whether this one, which is there, is so near to the one that is asked for that it can stay.
    fn stands_for(&self, asked: &Self) -> bool {
        let apart = self.at.duration_since(asked.at).unsigned_abs();
        self.after == asked.after && apart <= Duration::from_secs(asked.after) / WORTH_A_WRITE
    }

    fn parse(text: &str) -> Option<Self> {
        let expiry: Self = serde_json::from_str(text).ok()?;
        (expiry.v == VERSION).then_some(expiry)
    }
}

impl Lifetime {
    /// What a pool says.
    #[must_use]
    pub fn of(pool: &Pool) -> Self {
        match pool.metadata(ITEM) {
            None => Self::Open,
            Some(text) => Expiry::parse(text).map_or(Self::Unreadable, Self::Until),
        }
    }

    /// Its end, when it has one that can be read.
    #[must_use]
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::Until(expiry) => Some(expiry.at),
            Self::Open | Self::Unreadable => None,
        }
    }
}

/// The settings with the expiry, if one is asked for, among the metadata that the pool shall have.
pub(crate) fn stamped(settings: &RolloutSettings, now: Timestamp) -> RolloutSettings {
    let mut settings = settings.clone();
    let Some(after) = settings.pool.expires_after else {
        return settings;
    };
    let text = serde_json::to_string(&Expiry::after(now, after)).unwrap_or_default();
    let item = json!({"name": ITEM, "value": text});
    let metadata = settings.pool.json.entry("metadata").or_insert_with(|| json!([]));
    if let Some(items) = metadata.as_array_mut() {
        items.retain(|item| read_json::text(item, "/name") != Some(ITEM));
        items.push(item);
    }
    settings
}

/// Whether a pool has a metadata item that was asked for: an expiry also when it is nearly the same.
pub(crate) fn is_there(asked: &Value, found: &[Value]) -> bool {
    let expiry = |item: &Value| {
        let is_it = read_json::text(item, "/name") == Some(ITEM);
        is_it.then(|| read_json::text(item, "/value").and_then(Expiry::parse))?
    };
    match expiry(asked) {
        None => found.contains(asked),
        Some(wanted) => found.iter().filter_map(expiry).any(|own| own.stands_for(&wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-01T00:00:00.5Z";
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn item(expiry: &Expiry) -> Value {
        json!({"name": ITEM, "value": serde_json::to_string(expiry).unwrap()})
    }

    #[test]
    fn an_expiry_is_one_line_with_a_version_and_another_version_is_not_read() {
        let expiry = Expiry::after(now(), DAY);
        let text = serde_json::to_string(&expiry).unwrap();
        assert_eq!(text, r#"{"v":1,"at":"2026-11-02T00:00:00Z","after":86400}"#);
        let of = |text: &str| Lifetime::of(&Pool::new(json!({"metadata": [{"name": ITEM, "value": text}]})));
        assert_eq!(of(&text), Lifetime::Until(expiry));
        assert_eq!(of(&text.replace("\"v\":1", "\"v\":2")), Lifetime::Unreadable);
        assert_eq!(of("tomorrow"), Lifetime::Unreadable);
        assert_eq!(Lifetime::of(&Pool::new(json!({}))), Lifetime::Open);
    }

    #[test]
    fn it_is_past_from_its_second_on() {
        let expiry = Expiry::after(now(), DAY);
        assert!(!expiry.is_past(now()));
        assert!(expiry.is_past("2026-11-02T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_same_run_twice_in_a_row_keeps_it_and_a_later_one_renews_it() {
        let asked = Expiry::after(now(), DAY);
        let earlier = |hours: u64| now().checked_sub(Duration::from_secs(3600 * hours)).unwrap();
        let kept = |found: Expiry| is_there(&item(&asked), &[json!({"name": "a", "value": "b"}), item(&found)]);
        assert!(kept(asked));
        assert!(kept(Expiry::after(earlier(2), DAY)));
        assert!(!kept(Expiry::after(earlier(3), DAY)));
        assert!(!kept(Expiry::after(now(), DAY * 2)), "another length");
        assert!(!is_there(&item(&asked), &[]));
    }

    #[test]
    fn metadata_of_others_is_compared_to_the_letter() {
        let other = json!({"name": "team", "value": "x"});
        assert!(is_there(&other, std::slice::from_ref(&other)));
        assert!(!is_there(&other, &[json!({"name": "team", "value": "y"})]));
    }
}
