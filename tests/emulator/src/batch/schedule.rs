//! Job schedules, as far as roll-outs touch them: which pool they name, and whether they are on.
//!
//! They create their first job at once and no later one: recurrence is not played.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ids::{JobId, ScheduleId};
use super::timeline::Timeline;
use super::wire::{Version, timestamp};

/// A schedule's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScheduleState {
    Active,
    Disabled,
    Completed,
}

/// One job schedule.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) id: ScheduleId,
    pub(crate) version: Version,
    pub(crate) created: Timestamp,
    pub(crate) settings: Map<String, Value>,
    pub(crate) life: Timeline<ScheduleState>,
    pub(crate) job: Option<JobId>,
}

/// The settings that schedules keep, in the order in which they are shown.
pub(crate) const SETTINGS: &[&str] = &["displayName", "schedule", "jobSpecification", "metadata"];

impl ScheduleState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Completed => "completed",
        }
    }
}

impl Schedule {
    /// As the data plane shows it.
    pub(crate) fn render(&self, base: &str, now: Timestamp) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("id", json!(self.id.as_str()));
        put("url", json!(format!("{base}/jobschedules/{}", self.id)));
        put("eTag", json!(self.version.etag));
        put("lastModified", json!(timestamp(self.version.modified)));
        put("creationTime", json!(timestamp(self.created)));
        put("state", json!(self.life.at(now).word()));
        put("stateTransitionTime", json!(timestamp(self.life.since(now))));
        for name in SETTINGS {
            if let Some(value) = self.settings.get(*name) {
                put(name, value.clone());
            }
        }
        if let Some(job) = &self.job {
            let recent = json!({"id": job.as_str(), "url": format!("{base}/jobs/{job}")});
            put("executionInfo", json!({"recentJob": recent}));
        }
        Value::Object(body)
    }
}
