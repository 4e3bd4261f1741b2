//! How many requests a caller has left before the resource manager would throttle it.
//!
//! Budgets run down and fill up as documented, but an empty one refuses nothing: throttling is scripted.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;

use crate::{entra::Caller, http::Response};

/// A budget in thousandths of a request.
const WHOLE: i64 = 1000;

/// The budget over all principals is this many times that of one.
const GLOBAL_FACTOR: i64 = 15;

/// The three kinds of request with a budget each: how many at once, and how many more each second, since 2024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads,
    Writes,
    Deletes,
}

/// Whose budget it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Principal { subscription: String, principal: String },
    Everyone { subscription: String },
}

/// One bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: i64,
    at: Timestamp,
}

/// Every bucket that was ever drawn from.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    buckets: BTreeMap<(Owner, Kind), Bucket>,
}

/// What is left after a request, as headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    own: (&'static str, i64),
    /// Requests that are in no subscription have none.
    global: Option<(&'static str, i64)>,
}

impl Kind {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Reads,
            Method::DELETE => Self::Deletes,
            _ => Self::Writes,
        }
    }

    /// The size of the bucket of one principal.
    fn size(self) -> i64 {
        match self {
            Self::Reads => 250,
            Self::Writes | Self::Deletes => 200,
        }
    }

    /// Requests a second.
    fn refill(self) -> i64 {
        match self {
            Self::Reads => 25,
            Self::Writes | Self::Deletes => 10,
        }
    }

    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Reads => [
                "x-ms-ratelimit-remaining-subscription-reads",
                "x-ms-ratelimit-remaining-subscription-global-reads",
                "x-ms-ratelimit-remaining-tenant-reads",
            ],
            Self::Writes => [
                "x-ms-ratelimit-remaining-subscription-writes",
                "x-ms-ratelimit-remaining-subscription-global-writes",
                "x-ms-ratelimit-remaining-tenant-writes",
            ],
            // Nothing is deleted in a tenant itself; it counts as a write.
            Self::Deletes => [
                "x-ms-ratelimit-remaining-subscription-deletes",
                "x-ms-ratelimit-remaining-subscription-global-deletes",
                "x-ms-ratelimit-remaining-tenant-writes",
            ],
        }
    }
}

impl Budgets {
    /// Takes one request out of the caller's budgets; `subscription` is `None` for requests to the tenant.
    pub(super) fn spend(
        &mut self,
        caller: &Caller,
        subscription: Option<&str>,
        method: &Method,
        now: Timestamp,
    ) -> Left {
        let kind = Kind::of(method);
        let [own, global, tenant] = kind.names();
        let subscription = subscription.map(str::to_lowercase);
        let principal = Owner::Principal {
            subscription: subscription.clone().unwrap_or_default(),
            principal: caller.object_id.to_lowercase(),
        };
        let left = self.draw((principal, kind), 1, now);
        let Some(subscription) = subscription else {
            return Left {
                own: (tenant, left),
                global: None,
            };
        };
        let all = self.draw((Owner::Everyone { subscription }, kind), GLOBAL_FACTOR, now);
        Left {
            own: (own, left),
            global: Some((global, all)),
        }
    }

    /// One request less in a bucket; how many whole ones are left.
    fn draw(&mut self, key: (Owner, Kind), factor: i64, now: Timestamp) -> i64 {
        let kind = key.1;
        let full = kind.size() * factor * WHOLE;
        let bucket = self.buckets.entry(key).or_insert(Bucket { level: full, at: now });
        let passed = i64::try_from(now.duration_since(bucket.at).as_millis()).unwrap_or(i64::MAX);
        // Thousandths of a request each millisecond are requests each second.
        let refill = passed.max(0).saturating_mul(kind.refill() * factor);
        bucket.level = bucket.level.saturating_add(refill).min(full);
        bucket.level = (bucket.level - WHOLE).max(0);
        bucket.at = now;
        bucket.level / WHOLE
    }
}

impl Left {
    pub(super) fn announce(self, response: Response) -> Response {
        let response = response.with_header(self.own.0, &self.own.1.to_string());
        match self.global {
            Some((name, left)) => response.with_header(name, &left.to_string()),
            None => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn runs_down_with_each_request_and_fills_up_with_time() {
        let caller = Caller {
            tenant: "t".to_owned(),
            app_id: "a".to_owned(),
            object_id: "o".to_owned(),
        };
        let mut budgets = Budgets::default();
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let mut spend = |method: Method, subscription: Option<&str>, seconds: i64| {
            let now = start + SignedDuration::from_secs(seconds);
            let left = budgets.spend(&caller, subscription, &method, now);
            (left.own.1, left.global.map(|(_, left)| left))
        };
        assert_eq!(spend(Method::PUT, Some("s"), 0), (199, Some(2999)));
        assert_eq!(spend(Method::POST, Some("S"), 0), (198, Some(2998)));
        assert_eq!(
            spend(Method::GET, Some("s"), 0),
            (249, Some(3749)),
            "a budget of its own"
        );
        assert_eq!(spend(Method::PUT, Some("other"), 0), (199, Some(2999)));
        assert_eq!(spend(Method::GET, None, 0), (249, None));
        assert_eq!(spend(Method::PUT, Some("s"), 60), (199, Some(2999)));
        for _ in 0..300 {
            spend(Method::DELETE, Some("s"), 60);
        }
        assert_eq!(spend(Method::DELETE, Some("s"), 60).0, 0, "never below nothing");
        assert_eq!(spend(Method::DELETE, Some("s"), 61).0, 9);
    }
}
