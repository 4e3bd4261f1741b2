//! Job schedules: which pool their jobs name, when the next job is due, and when they are over.
//!
//! The dates are decided here as values; `settle` carries them out. A job manager task is kept and not run, so a job
//! of a schedule ends when its tasks do or when a caller ends it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::ids::{JobId, PoolId, ScheduleId};
use super::refusal::{Refusal, SCHEDULE_BEING_DELETED, SCHEDULE_BEING_TERMINATED, SCHEDULE_COMPLETED};
use super::timeline::Timeline;
use super::wire::{Version, parse_duration, timestamp};

/// A schedule's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScheduleState {
    Active,
    Disabled,
    Terminating,
    Completed,
    Deleting,
}

/// One job schedule.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) id: ScheduleId,
    pub(crate) version: Version,
    pub(crate) created: Timestamp,
    pub(crate) settings: Map<String, Value>,
    pub(crate) life: Timeline<ScheduleState>,
    /// How many jobs it has made.
    pub(crate) made: u32,
    /// The last of them.
    pub(crate) recent: Option<JobId>,
    /// When the next one is wanted; `None` when no more are.
    pub(crate) next_run: Option<Timestamp>,
    /// The pool that its jobs share, when it was made for them.
    pub(crate) auto_pool: Option<PoolId>,
    /// When it is gone, once it is being deleted.
    pub(crate) gone: Option<Timestamp>,
}

/// The schedule's `schedule`, as far as it decides anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dates {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    window: Option<SignedDuration>,
    every: Option<SignedDuration>,
}

/// Whether the last job is still there to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recent {
    Open,
    /// It ended, or will, at that time; before there was one, when the schedule was made.
    EndsAt(Timestamp),
}

/// What a schedule does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It makes a job; the one after it is wanted at that time.
    Run { next: Option<Timestamp> },
    /// It is completed.
    Finish,
}

/// The settings that schedules keep, in the order in which they are shown.
pub(crate) const SETTINGS: &[&str] = &["displayName", "schedule", "jobSpecification", "metadata"];

/// The shortest interval that the models allow.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

impl ScheduleState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Deleting => "deleting",
        }
    }
}

impl Dates {
    /// Reads the `schedule` of a body; what is absent does not bind.
    ///
    /// # Errors
    /// A time or a duration that is none, or an interval under a minute.
    pub(crate) fn read(schedule: Option<&Value>) -> Result<Self, Refusal> {
        let Some(schedule) = schedule else {
            return Ok(Self::default());
        };
        let time = |name: &str| read(schedule, name, |text| text.parse().ok());
        let duration = |name: &str| {
            read(schedule, name, |text| {
                parse_duration(text).filter(|long| *long >= SHORTEST)
            })
        };
        Ok(Self {
            from: time("doNotRunUntil")?,
            until: time("doNotRunAfter")?,
            window: duration("startWindow")?,
            every: duration("recurrenceInterval")?,
        })
    }

    /// When the first job is wanted.
    pub(crate) fn first(self, created: Timestamp) -> Timestamp {
        self.from.map_or(created, |from| from.max(created))
    }

    /// What happens next when a job is wanted at `run` and none can be made before `free`.
    fn step(self, run: Option<Timestamp>, free: Timestamp) -> (Timestamp, Step) {
        let Some(run) = run else {
            return (free, Step::Finish);
        };
        let run = self.after_missed(run, free);
        let at = run.max(free);
        match self.until {
            Some(until) if at > until => (until.max(free), Step::Finish),
            _ => {
                let next = self.every.and_then(|every| run.checked_add(every).ok());
                (at, Step::Run { next })
            }
        }
    }

    /// Leaves out the runs whose start windows closed before `free`.
    fn after_missed(self, run: Timestamp, free: Timestamp) -> Timestamp {
        let (Some(window), Some(every)) = (self.window, self.every) else {
            return run;
        };
        let late = free.duration_since(run).checked_sub(window).unwrap_or_default();
        if !late.is_positive() {
            return run;
        }
        let missed = late.as_secs() / every.as_secs().max(1) + 1;
        let missed = i32::try_from(missed).unwrap_or(i32::MAX);
        let skipped = every.checked_mul(missed).unwrap_or(SignedDuration::MAX);
        run.checked_add(skipped).unwrap_or(Timestamp::MAX)
    }
}

impl Schedule {
    /// Whether it is gone at `now`.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|gone| gone <= now)
    }

    /// When it is over, if that is known.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        let completed = self
            .life
            .entries()
            .find(|(_, state)| *state == ScheduleState::Completed);
        completed.map(|(at, _)| at).or(self.gone)
    }

    /// What it does next, and when; `None` while it waits for its job or is not active.
    pub(crate) fn due(&self, recent: Recent) -> Option<(Timestamp, Step)> {
        let (since, ScheduleState::Active) = self.life.last() else {
            return None;
        };
        let Recent::EndsAt(ended) = recent else {
            return None;
        };
        let dates = Dates::read(self.settings.get("schedule")).unwrap_or_default();
        Some(dates.step(self.next_run, ended.max(since)))
    }

    /// # Errors
    /// It is completed, or on its way there or out.
    pub(crate) fn ensure_open(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.life.at(now) {
            ScheduleState::Active | ScheduleState::Disabled => Ok(()),
            ScheduleState::Terminating => Err(SCHEDULE_BEING_TERMINATED.into()),
            ScheduleState::Completed => Err(SCHEDULE_COMPLETED.into()),
            ScheduleState::Deleting => Err(SCHEDULE_BEING_DELETED.into()),
        }
    }

    /// The `poolInfo` of its jobs.
    pub(crate) fn pool_info(&self) -> Option<&Value> {
        self.settings.get("jobSpecification")?.get("poolInfo")
    }

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
        if let Some((since, state)) = self.life.before(now) {
            put("previousState", json!(state.word()));
            put("previousStateTransitionTime", json!(timestamp(since)));
        }
        for name in SETTINGS {
            if let Some(value) = self.settings.get(*name) {
                put(name, value.clone());
            }
        }
        put("executionInfo", self.execution(base, now));
        Value::Object(body)
    }

    fn execution(&self, base: &str, now: Timestamp) -> Value {
        let mut body = Map::new();
        let active = self.life.at(now) == ScheduleState::Active;
        if let Some(next) = self.next_run.filter(|_| active) {
            body.insert("nextRunTime".to_owned(), json!(timestamp(next)));
        }
        if let Some(job) = &self.recent {
            let recent = json!({"id": job.as_str(), "url": format!("{base}/jobs/{job}")});
            body.insert("recentJob".to_owned(), recent);
        }
        if let Some(ended) = self.life.latest(ScheduleState::Completed, now) {
            body.insert("endTime".to_owned(), json!(timestamp(ended)));
        }
        Value::Object(body)
    }
}

fn read<T>(schedule: &Value, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    let Some(value) = schedule.get(name) else {
        return Ok(None);
    };
    let parsed = value.as_str().and_then(parse);
    let refusal = || {
        Refusal::property(
            &format!("schedule.{name}"),
            &value.to_string(),
            "The value is not valid.",
        )
    };
    parsed.map(Some).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn dates(schedule: Value) -> Dates {
        Dates::read(Some(&schedule)).unwrap()
    }

    #[test]
    fn a_job_is_due_when_the_one_before_it_is_over_and_its_window_is_open() {
        let hourly = dates(json!({"recurrenceInterval": "PT1H"}));
        let narrow = dates(json!({"recurrenceInterval": "PT1H", "startWindow": "PT10M"}));
        let until = dates(json!({"recurrenceInterval": "PT1H", "doNotRunAfter": "1970-01-01T03:00:00Z"}));
        let once = Dates::default();
        let run = |next: i64| Step::Run { next: Some(at(next)) };
        for (name, dates, wanted, free, expected) in [
            ("in time", hourly, Some(3_600), 100, (3_600, run(7_200))),
            ("late", hourly, Some(3_600), 5_000, (5_000, run(7_200))),
            (
                "late within the window",
                narrow,
                Some(3_600),
                4_200,
                (4_200, run(7_200)),
            ),
            (
                "late beyond the window",
                narrow,
                Some(3_600),
                4_201,
                (7_200, run(10_800)),
            ),
            (
                "late by several runs",
                narrow,
                Some(3_600),
                12_000,
                (14_400, run(18_000)),
            ),
            ("after the last date", until, Some(14_400), 100, (10_800, Step::Finish)),
            (
                "ending after the last date",
                until,
                Some(14_400),
                20_000,
                (20_000, Step::Finish),
            ),
            ("once", once, Some(50), 50, (50, Step::Run { next: None })),
            ("once and over", once, None, 70, (70, Step::Finish)),
        ] {
            let (when, step) = dates.step(wanted.map(at), at(free));
            assert_eq!((when, step), (at(expected.0), expected.1), "{name}");
        }
    }

    #[test]
    fn a_schedule_that_cannot_be_read_is_refused() {
        for schedule in [
            json!({"recurrenceInterval": "PT30S"}),
            json!({"recurrenceInterval": 60}),
            json!({"doNotRunUntil": "tomorrow"}),
        ] {
            assert!(Dates::read(Some(&schedule)).is_err(), "{schedule}");
        }
    }
}
