//! The library's only way to say anything while it works.
//!
//! An event is a fact with a sentence of its own; the binaries decide how it is shown.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    error::ServiceError,
    ids::{Location, PoolId},
    settings::SignInMethod,
    words::{node_state, plural},
};

/// Something that happened during a run. `Display` is the line for a person, the serde form the one for machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// Which credential will be used, and for which cloud; no token was asked for yet.
    SigningIn {
        /// The way of signing in.
        method: SignInMethod,
        /// As whom, e.g. `the secret of application …`.
        identity: String,
        /// The cloud's name.
        cloud: String,
    },
    /// What the run is for, in one line; told again when more of it is known.
    Goal {
        /// From where to where, e.g. `vm-build → ubuntu 1.0.0: eastus2 ×4, westeurope ×1`.
        text: String,
    },
    /// A step began.
    StepStarted {
        /// The step, e.g. `snapshots`.
        step: &'static str,
        /// What it does, as a sentence.
        what: String,
        /// Which of the steps it is, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// A step ended well.
    StepDone {
        /// The step.
        step: &'static str,
        /// How long it took.
        seconds: u64,
    },
    /// A step had nothing to do.
    StepSkipped {
        /// The step.
        step: &'static str,
        /// Why.
        why: String,
    },
    /// A number or decision worth showing, such as the replica formula.
    Note {
        /// The sentence.
        text: String,
    },
    /// Something to look at that does not stop the run.
    Warning {
        /// The sentence.
        text: String,
    },
    /// A preflight check.
    Check {
        /// The check's name, as `ignore_checks` takes it.
        name: String,
        /// What it found.
        outcome: CheckOutcome,
        /// One line: what was seen, and the remedy of a failure.
        text: String,
    },
    /// A resource was created by this run.
    Created {
        /// Its id.
        id: String,
    },
    /// A resource was removed by this run.
    Removed {
        /// Its id.
        id: String,
    },
    /// A resource of ours is left on purpose.
    Kept {
        /// Its id.
        id: String,
        /// Why.
        why: String,
    },
    /// Copies that are made side by side: snapshots of disks.
    Copied {
        /// How many are complete.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// One region of an image version.
    Replication {
        /// The region.
        region: Location,
        /// The service's word: `Replicating`, `Completed`, `Failed`.
        state: String,
        /// 0 to 100.
        percent: u8,
    },
    /// A resize was asked for.
    Resize {
        /// 1 for the first.
        round: u32,
        /// How many rounds there may be.
        rounds: u32,
        /// Dedicated nodes wanted.
        dedicated: u32,
        /// Spot nodes wanted.
        spot: u32,
        /// The timeout given to the service.
        timeout_minutes: u64,
    },
    /// A resize round has brought too few nodes, and another one follows.
    RoundShort {
        /// 1 for the first.
        round: u32,
        /// Nodes of the pool after it, of those that count.
        came: u32,
        /// Nodes wanted, of those that count.
        wanted: u32,
        /// The service's words and what they mean.
        why: String,
    },
    /// A pool's allocation goes on: how many nodes it has by now.
    Allocation {
        /// The service's word: `resizing`, `stopping`, `steady`.
        state: String,
        /// Nodes wanted, of both kinds.
        wanted: u32,
        /// Nodes allocated, of both kinds.
        allocated: u32,
        /// Nodes by state, without empty states; empty where they were not counted.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        states: BTreeMap<String, u32>,
    },
    /// The pool's nodes by state.
    Nodes {
        /// Nodes wanted, dedicated and counted spot ones.
        wanted: u32,
        /// Nodes idle or running.
        ready: u32,
        /// Nodes by state, without empty states.
        states: BTreeMap<String, u32>,
    },
    /// A request is sent again.
    Retrying {
        /// What the request does.
        doing: String,
        /// Why.
        why: String,
        /// What the service answered, if it did.
        answer: Option<Answered>,
        /// After how many seconds.
        seconds: u64,
    },
    /// A pause that is part of the plan, such as the one between two resize rounds.
    Waiting {
        /// What for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// What happened to one of many pools; for machines it is the event itself with the pool's name.
    #[serde(untagged)]
    OfPool {
        /// The pool.
        pool: PoolId,
        /// What happened.
        #[serde(flatten, serialize_with = "as_object")]
        event: Box<Self>,
    },
}

/// Which of the steps that are known of a step is; their number may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// 1 for the first.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// An answer after which something is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The service's code, e.g. `TooManyRequests`; `HTTP 503` when the body has none.
    pub code: String,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
}

/// What a preflight check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// As it should be.
    Pass,
    /// Not as it should be; the run stops unless the check is ignored.
    Fail,
    /// Failed, and ignored by name.
    Ignored,
    /// This kind of source does not show it.
    CannotKnow,
}

/// How long a step took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepTime {
    /// The step's name.
    pub step: String,
    /// Seconds.
    pub seconds: u64,
}

/// Takes events; cheap to clone. Without a listener events are dropped.
#[derive(Clone, Debug)]
pub struct Progress {
    sender: Option<mpsc::UnboundedSender<Event>>,
    /// Of which of many pools all of it is.
    pool: Option<PoolId>,
}

/// Seconds as people say them: `42 s`, `7 min 5 s`, `2 h 10 min`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub u64);

/// The time since the start of a run, as it stands before a line: `[ 27:04]`.
#[derive(Clone, Copy, Debug)]
pub struct Stamp(pub Duration);

struct Counts<'a>(&'a BTreeMap<String, u32>);

impl Progress {
    /// A channel for events.
    #[must_use]
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sender = Some(sender);
        (Self { sender, pool: None }, receiver)
    }

    /// Drops all events.
    #[must_use]
    pub const fn silent() -> Self {
        Self {
            sender: None,
            pool: None,
        }
    }

    /// The same for what concerns one of many pools.
    #[must_use]
    pub fn of_pool(&self, pool: &PoolId) -> Self {
        Self {
            sender: self.sender.clone(),
            pool: Some(pool.clone()),
        }
    }

    /// Reports an event.
    pub fn tell(&self, event: Event) {
        if let Some(sender) = &self.sender {
            let event = match self.pool.clone() {
                Some(pool) => Event::OfPool {
                    pool,
                    event: Box::new(event),
                },
                None => event,
            };
            // A listener that went away has chosen not to hear the rest.
            drop(sender.send(event));
        }
    }

    /// Reports a note.
    pub fn note(&self, text: impl Into<String>) {
        self.tell(Event::Note { text: text.into() });
    }

    /// Reports a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.tell(Event::Warning { text: text.into() });
    }
}

impl From<&ServiceError> for Answered {
    fn from(refusal: &ServiceError) -> Self {
        Self {
            status: refusal.status,
            code: refusal.code.clone(),
            request_id: refusal.request_id.clone(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SigningIn { identity, cloud, .. } => write!(f, "signing in to {cloud} with {identity}"),
            Self::Goal { text } => f.write_str(text),
            Self::StepStarted { what, place, .. } => match place {
                Some(Place { number, of }) => write!(f, "step {number} of {of}: {what}"),
                None => f.write_str(what),
            },
            Self::StepDone { step, seconds } => write!(f, "{step}: done in {}", Span(*seconds)),
            Self::StepSkipped { step, why } => write!(f, "{step}: nothing to do, {why}"),
            Self::Note { text } => f.write_str(text),
            Self::Warning { text } => write!(f, "warning: {text}"),
            Self::Check { name, outcome, text } => write!(f, "check {name}: {outcome}: {text}"),
            Self::Created { id } => write!(f, "created {id}"),
            Self::Removed { id } => write!(f, "removed {id}"),
            Self::Kept { id, why } => write!(f, "kept {id}: {why}"),
            Self::Copied { done, total } => write!(f, "snapshots complete: {done} of {total}"),
            Self::Replication { region, state, percent } => write!(f, "{region}: {state} {percent} %"),
            Self::Resize {
                round,
                rounds,
                dedicated,
                spot,
                timeout_minutes,
            } => {
                write!(
                    f,
                    "resize round {round} of {rounds}: {dedicated} dedicated and {}, timeout {timeout_minutes} min",
                    plural(*spot, "spot node")
                )
            }
            Self::RoundShort {
                round,
                came,
                wanted,
                why,
            } => write!(f, "round {round} brought {came} of {}: {why}", plural(*wanted, "node")),
            Self::Allocation {
                state,
                wanted,
                allocated,
                states,
            } => write!(
                f,
                "pool {state}: {allocated} of {wanted} nodes allocated{}",
                Counts(states)
            ),
            Self::Nodes { wanted, ready, states } => {
                write!(f, "{ready} of {wanted} nodes ready{}", Counts(states))
            }
            Self::Retrying {
                doing, why, seconds, ..
            } => write!(f, "will {doing} again in {}: {why}", Span(*seconds)),
            Self::Waiting { what, seconds } => write!(f, "waiting {} {what}", Span(*seconds)),
            Self::OfPool { pool, event } => write!(f, "{pool}: {event}"),
        }
    }
}

impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Ignored => "ignored",
            Self::CannotKnow => "cannot be known",
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 3600, self.0 / 60 % 60, self.0 % 60) {
            (0, 0, seconds) => write!(f, "{seconds} s"),
            (0, minutes, 0) => write!(f, "{minutes} min"),
            (0, minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
            (hours, 0, _) => write!(f, "{hours} h"),
            (hours, minutes, _) => write!(f, "{hours} h {minutes} min"),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(f, "[{:>3}:{:02}]", seconds / 60, seconds % 60)
    }
}

impl fmt::Display for Counts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = " (";
        for (state, count) in self.0 {
            write!(f, "{before}{count} {}", node_state(state))?;
            before = ", ";
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// An event within another one: by way of its JSON, since a type that is flattened into itself has no end.
fn as_object<S: serde::Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    let object = serde_json::to_value(event).map_err(serde::ser::Error::custom)?;
    object.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let texts = [42, 60, 425, 7800, 14_400].map(|seconds| Span(seconds).to_string());
        assert_eq!(texts, ["42 s", "1 min", "7 min 5 s", "2 h 10 min", "4 h"]);
    }

    #[test]
    fn states_of_nodes_read_as_words() {
        let nodes = Event::Nodes {
            wanted: 20,
            ready: 16,
            states: [("idle".to_owned(), 16), ("starttaskfailed".to_owned(), 4)].into(),
        };
        assert_eq!(nodes.to_string(), "16 of 20 nodes ready (16 idle, 4 start task failed)");
    }

    #[test]
    fn stamps_have_one_width_for_sixteen_hours() {
        let texts = [0, 64, 1624, 59_999].map(|seconds| Stamp(Duration::from_secs(seconds)).to_string());
        assert_eq!(texts, ["[  0:00]", "[  1:04]", "[ 27:04]", "[999:59]"]);
    }

    #[test]
    fn an_event_of_one_of_many_pools_says_which() {
        let (progress, mut events) = Progress::channel();
        let pool: PoolId = "render".parse().unwrap();
        progress.of_pool(&pool).note("x");
        let event = events.try_recv().unwrap();
        assert_eq!(event.to_string(), "render: x");
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"pool":"render","event":"note","text":"x"}"#
        );
    }

    #[test]
    fn events_have_a_line_and_a_stable_machine_form() {
        let event = Event::Nodes {
            wanted: 700,
            ready: 690,
            states: [("idle".to_owned(), 690), ("starting".to_owned(), 10)].into(),
        };
        assert_eq!(event.to_string(), "690 of 700 nodes ready (690 idle, 10 starting)");
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"event":"nodes","wanted":700,"ready":690,"states":{"idle":690,"starting":10}}"#
        );
    }
}
