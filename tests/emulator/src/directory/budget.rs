//! How many requests a caller may still make, and the refusal when there are none left.
//!
//! Buckets run down and fill up by the emulator's clock, as documented. The emulator is one region of the resource
//! manager. The compute provider counts by itself, in `compute::throttle`.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::envelope::ArmError;
use crate::{
    entra::Caller,
    http::Response,
    throttling::{Rate, Throttling, WhenEmpty},
};

/// One request, in the unit that buckets are counted in: a request a second is one of these each millisecond.
const WHOLE: i64 = 1000;

/// The budget over all principals is this many times that of one.
const GLOBAL_FACTOR: i64 = 15;

/// The three kinds of request with a budget each.
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
    /// In thousandths of a request.
    level: i64,
    full: i64,
    /// Requests a second.
    refill: i64,
    at: Timestamp,
}

/// Every bucket that was ever drawn from.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    buckets: BTreeMap<(Owner, Kind), Bucket>,
}

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) caller: &'a Caller,
    /// `None` for requests to the tenant.
    pub(crate) subscription: Option<&'a str>,
    pub(crate) method: &'a Method,
}

/// What is left after a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    own: (&'static str, i64),
    /// Requests that are in no subscription have none.
    global: Option<(&'static str, i64)>,
    /// After how many seconds there is something again, when there was nothing.
    empty_for: Option<i64>,
}

impl Kind {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Reads,
            Method::DELETE => Self::Deletes,
            _ => Self::Writes,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Reads => "read",
            Self::Writes => "write",
            Self::Deletes => "delete",
        }
    }

    fn rate(self, limits: &Throttling) -> Rate {
        match self {
            Self::Reads => limits.reads,
            Self::Writes => limits.writes,
            Self::Deletes => limits.deletes,
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

impl Bucket {
    fn new(rate: Rate, factor: i64, now: Timestamp) -> Self {
        let full = i64::from(rate.size) * factor * WHOLE;
        Self {
            level: full,
            full,
            refill: i64::from(rate.per_second) * factor,
            at: now,
        }
    }

    /// Adds what came back since the last request.
    fn fill(&mut self, now: Timestamp) {
        // Parts of a millisecond stay for the next time, as requests may follow each other faster than that.
        let passed = i64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        let passed = passed.max(0);
        self.at += jiff::SignedDuration::from_millis(passed);
        self.level = self
            .level
            .saturating_add(passed.saturating_mul(self.refill))
            .min(self.full);
    }

    /// For how many seconds nothing can be drawn; `None` when something can.
    fn empty_for(&self) -> Option<i64> {
        let lacking = WHOLE - self.level;
        // A bucket that nothing flows back into stays empty; an hour is as good as any time.
        (lacking > 0).then(|| {
            if self.refill == 0 {
                3600
            } else {
                lacking.div_euclid(self.refill * WHOLE) + 1
            }
        })
    }

    /// Takes one request and returns how many whole ones are left.
    fn draw(&mut self) -> i64 {
        if self.level >= WHOLE {
            self.level -= WHOLE;
        }
        self.level / WHOLE
    }
}

impl Budgets {
    /// Takes one request out of the caller's budgets, if there is one in all of them.
    pub(crate) fn spend(&mut self, asking: Asking<'_>, limits: &Throttling, now: Timestamp) -> Left {
        let kind = Kind::of(asking.method);
        let [own, global, tenant] = kind.names();
        let subscription = asking.subscription.map(str::to_lowercase);
        let principal = Owner::Principal {
            subscription: subscription.clone().unwrap_or_default(),
            principal: asking.caller.object_id.to_lowercase(),
        };
        let rate = kind.rate(limits);
        let mut first = self.bucket((principal.clone(), kind), (rate, 1), now);
        let everyone = subscription.map(|subscription| Owner::Everyone { subscription });
        let mut second = everyone
            .clone()
            .map(|owner| self.bucket((owner, kind), (rate, GLOBAL_FACTOR), now));
        let empty_for = first.empty_for().max(second.and_then(|bucket| bucket.empty_for()));
        let left = match empty_for {
            None => Left {
                own: (if second.is_some() { own } else { tenant }, first.draw()),
                global: second.as_mut().map(|bucket| (global, bucket.draw())),
                empty_for,
            },
            Some(_) => Left {
                own: (if second.is_some() { own } else { tenant }, first.level / WHOLE),
                global: second.map(|bucket| (global, bucket.level / WHOLE)),
                empty_for,
            },
        };
        self.buckets.insert((principal, kind), first);
        if let (Some(owner), Some(bucket)) = (everyone, second) {
            self.buckets.insert((owner, kind), bucket);
        }
        left
    }

    fn bucket(&self, key: (Owner, Kind), (rate, factor): (Rate, i64), now: Timestamp) -> Bucket {
        let known = self.buckets.get(&key).copied();
        let mut bucket = known.unwrap_or_else(|| Bucket::new(rate, factor, now));
        bucket.fill(now);
        bucket
    }
}

impl Left {
    pub(crate) fn announce(self, response: Response) -> Response {
        let response = response.with_header(self.own.0, &self.own.1.to_string());
        match self.global {
            Some((name, left)) => response.with_header(name, &left.to_string()),
            None => response,
        }
    }

    /// 429 when there was nothing left to take.
    ///
    /// # Errors
    ///
    /// The refusal in the documented words; its code for a tenant is a guess.
    pub(crate) fn permit(self, asking: Asking<'_>, limits: &Throttling) -> Result<(), ArmError> {
        let (Some(seconds), WhenEmpty::Refuse) = (self.empty_for, limits.when_empty) else {
            return Ok(());
        };
        let actor = &asking.caller.object_id;
        let (code, place) = match asking.subscription {
            Some(subscription) => (
                "SubscriptionRequestsThrottled",
                format!("subscription '{subscription}'"),
            ),
            None => ("TenantRequestsThrottled", format!("tenant '{}'", asking.caller.tenant)),
        };
        let message = format!(
            "Number of '{}' requests for {place} actor '{actor}' exceeded. Please try again after '{seconds}' seconds after \
             additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.",
            Kind::of(asking.method).word()
        );
        Err(ArmError::new(StatusCode::TOO_MANY_REQUESTS, code, message).after(seconds))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn caller() -> Caller {
        Caller {
            tenant: "t".to_owned(),
            app_id: "a".to_owned(),
            object_id: "o".to_owned(),
        }
    }

    /// Budgets, and how many milliseconds after the start a request is made.
    struct Spender {
        budgets: Budgets,
        caller: Caller,
    }

    impl Spender {
        fn spend(&mut self, method: &Method, subscription: Option<&str>, milliseconds: i64) -> Left {
            let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
            let now = start + SignedDuration::from_millis(milliseconds);
            let asking = Asking {
                caller: &self.caller,
                subscription,
                method,
            };
            self.budgets.spend(asking, &Throttling::default(), now)
        }
    }

    fn spender() -> Spender {
        Spender {
            budgets: Budgets::default(),
            caller: caller(),
        }
    }

    #[test]
    fn runs_down_with_each_request_and_fills_up_with_time() {
        let mut spender = spender();
        let mut spend = |method: Method, subscription: Option<&str>, seconds: i64| {
            let left = spender.spend(&method, subscription, seconds * 1000);
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

    #[test]
    fn an_empty_bucket_refuses_until_a_request_has_come_back() {
        let mut spender = spender();
        let emptied = (0..251).map(|_| spender.spend(&Method::GET, Some("s"), 0).empty_for);
        let refusals: Vec<Option<i64>> = emptied.collect();
        assert_eq!(refusals.iter().filter(|empty| empty.is_some()).count(), 1);
        assert_eq!(refusals.last(), Some(&Some(1)));
        // 25 a second are one in 40 ms; what is refused takes nothing.
        for milliseconds in [13, 26, 39] {
            assert!(spender.spend(&Method::GET, Some("s"), milliseconds).empty_for.is_some());
        }
        assert_eq!(spender.spend(&Method::GET, Some("s"), 40).empty_for, None);
        assert_eq!(spender.spend(&Method::PUT, Some("s"), 40).empty_for, None);
    }
}
