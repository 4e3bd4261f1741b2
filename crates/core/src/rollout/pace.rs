//! How long a pool takes to be steady and its nodes to be idle: a part of the report of a migration.
//!
//! It is measured in `migration`.

use serde::Serialize;

use crate::progress::Span;

/// How long a pool and its nodes took. What Batch does not show is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// From the request for its nodes to steady, in seconds, all resize rounds together; absent when a formula asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steady_seconds: Option<u64>,
    /// From the allocation of a node to idle, in seconds, the middle of the new nodes of which it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
    /// The same of the nodes that were there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds_before: Option<u64>,
}

impl Pace {
    /// All that is known of it; nothing when nothing is.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let steady = self
            .steady_seconds
            .map(|it| format!("{} from asked to steady", Span(it)));
        let idle = |seconds: u64| format!("nodes {} from allocation to idle", Span(seconds));
        let nodes = match (self.idle_seconds, self.idle_seconds_before) {
            (Some(now), Some(before)) => Some(format!("{}, {} before", idle(now), Span(before))),
            (Some(now), None) => Some(idle(now)),
            (None, Some(before)) => Some(format!("{} before", idle(before))),
            (None, None) => None,
        };
        let parts: Vec<String> = steady.into_iter().chain(nodes).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_times_is_said_and_nothing_else() {
        let said = |steady_seconds, idle_seconds, idle_seconds_before| {
            let pace = Pace {
                steady_seconds,
                idle_seconds,
                idle_seconds_before,
            };
            pace.sentence()
        };
        assert_eq!(said(None, None, None), None);
        assert_eq!(
            said(Some(240), Some(90), Some(130)).as_deref(),
            Some("4 min from asked to steady; nodes 1 min 30 s from allocation to idle, 2 min 10 s before")
        );
        assert_eq!(
            said(None, None, Some(60)).as_deref(),
            Some("nodes 1 min from allocation to idle before")
        );
    }
}
