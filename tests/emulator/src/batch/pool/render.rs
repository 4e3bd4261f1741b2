//! How a pool is shown on the data plane.
//!
//! Names stand in the recorded order. ARM's form is in `arm_plane/pools`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Pool, Scale};
use crate::batch::allocation::NodeKind;
use crate::batch::autoscale;
use crate::batch::node::NodeState;
use crate::batch::wire::{format_duration, timestamp};

/// What nodecounts counts, in its own words.
const COUNTED: [(&str, NodeState); 16] = [
    ("creating", NodeState::Creating),
    ("idle", NodeState::Idle),
    ("offline", NodeState::Offline),
    ("preempted", NodeState::Preempted),
    ("rebooting", NodeState::Rebooting),
    ("reimaging", NodeState::Reimaging),
    ("running", NodeState::Running),
    ("starting", NodeState::Starting),
    ("startTaskFailed", NodeState::StartTaskFailed),
    ("leavingPool", NodeState::LeavingPool),
    ("unknown", NodeState::Unknown),
    ("unusable", NodeState::Unusable),
    ("waitingForStartTask", NodeState::WaitingForStartTask),
    ("deallocated", NodeState::Deallocated),
    ("deallocating", NodeState::Deallocating),
    ("upgradingOS", NodeState::UpgradingOs),
];

impl Pool {
    /// The pool's address on the data plane.
    pub(crate) fn url(&self, base: &str) -> String {
        format!("{base}/pools/{}", self.id)
    }

    /// As the data plane shows it. `base` is the account's URL.
    pub(crate) fn render(&self, base: &str, now: Timestamp) -> Value {
        let mut body = Map::new();
        body.insert("id".to_owned(), json!(self.id.as_str()));
        self.put_setting(&mut body, "displayName");
        body.insert("url".to_owned(), json!(self.url(base)));
        self.put_states(&mut body, now);
        self.put_sizes(&mut body, now);
        for name in super::body::SETTINGS.iter().filter(|name| **name != "displayName") {
            self.put_setting(&mut body, name);
        }
        let errors = self.resize_errors(now);
        if !errors.is_empty() {
            body.insert(
                "resizeErrors".to_owned(),
                errors.iter().map(super::ResizeError::render).collect(),
            );
        }
        if let Some(identity) = &self.identity {
            body.insert("identity".to_owned(), data_plane_identity(identity));
        }
        Value::Object(body)
    }

    fn put_setting(&self, body: &mut Map<String, Value>, name: &str) {
        if let Some(value) = self.settings.get(name) {
            body.insert(name.to_owned(), value.clone());
        }
    }

    fn put_states(&self, body: &mut Map<String, Value>, now: Timestamp) {
        let (state, since) = match self.deletion {
            Some((asked, _)) => ("deleting", asked),
            None => ("active", self.created),
        };
        for (name, value) in [
            ("eTag", self.version.etag.clone()),
            ("lastModified", timestamp(self.version.modified)),
            ("creationTime", timestamp(self.created)),
            ("state", state.to_owned()),
            ("stateTransitionTime", timestamp(since)),
            ("allocationState", self.allocation_state(now).word().to_owned()),
            ("allocationStateTransitionTime", timestamp(self.allocation.since(now))),
            ("vmSize", self.vm_size.to_ascii_lowercase()),
        ] {
            body.insert(name.to_owned(), json!(value));
        }
    }

    fn put_sizes(&self, body: &mut Map<String, Value>, now: Timestamp) {
        let current = self.current(now);
        for (name, value) in [
            ("resizeTimeout", json!(format_duration(self.resize_timeout))),
            ("currentDedicatedNodes", json!(current.dedicated)),
            ("targetDedicatedNodes", json!(self.targets.dedicated)),
            ("currentLowPriorityNodes", json!(current.low_priority)),
            ("targetLowPriorityNodes", json!(self.targets.low_priority)),
            ("enableAutoScale", json!(self.scale != Scale::Fixed)),
        ] {
            body.insert(name.to_owned(), value);
        }
        if let Scale::Auto {
            formula,
            interval,
            failure,
            ..
        } = &self.scale
        {
            body.insert("autoScaleFormula".to_owned(), json!(formula));
            body.insert(
                "autoScaleEvaluationInterval".to_owned(),
                json!(format_duration(*interval)),
            );
            if let Some(at) = self.last_evaluation(now) {
                let mut run = json!({"timestamp": timestamp(at), "results": autoscale::results(self.targets)});
                if let Some(failure) = failure {
                    crate::json::set(&mut run, &["error"], autoscale::run_error(failure));
                }
                body.insert("autoScaleRun".to_owned(), run);
            }
        }
    }

    /// When the formula was last evaluated: every interval since it was enabled.
    pub(crate) fn last_evaluation(&self, now: Timestamp) -> Option<Timestamp> {
        let Scale::Auto { interval, since, .. } = &self.scale else {
            return None;
        };
        let elapsed = now.duration_since(*since).as_secs().max(0);
        let every = interval.as_secs().max(1);
        since
            .checked_add(jiff::SignedDuration::from_secs(elapsed / every * every))
            .ok()
    }

    /// The pool's entry in nodecounts.
    pub(crate) fn node_counts(&self, now: Timestamp) -> Value {
        json!({
            "poolId": self.id.as_str(),
            "dedicated": self.counts_of(NodeKind::Dedicated, now),
            "lowPriority": self.counts_of(NodeKind::LowPriority, now)
        })
    }

    fn counts_of(&self, kind: NodeKind, now: Timestamp) -> Value {
        let states: Vec<NodeState> = self
            .present(now)
            .filter(|node| node.kind == kind)
            .map(|node| node.state(now))
            .collect();
        let count = |wanted: NodeState| states.iter().filter(|state| **state == wanted).count();
        let counts = COUNTED
            .into_iter()
            .map(|(name, state)| (name.to_owned(), json!(count(state))));
        counts
            .chain([("total".to_owned(), json!(states.len()))])
            .collect::<Map<_, _>>()
            .into()
    }
}

/// ARM's map of identities as the data plane's list.
fn data_plane_identity(identity: &Value) -> Value {
    let kind = identity.get("type").cloned().unwrap_or_else(|| json!("None"));
    let ids = identity.get("userAssignedIdentities").and_then(Value::as_object);
    let list: Vec<Value> = ids.map_or_else(Vec::new, |ids| ids.keys().map(|id| json!({"resourceId": id})).collect());
    json!({"type": kind, "userAssignedIdentities": list})
}
