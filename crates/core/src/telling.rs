//! What a run says to a person: which events become a line, and how often. Pure.
//!
//! Both programs show a run through it, and each brings only its writer. It prints nothing and reads no clock: the
//! caller passes the time since the run's start. What a terminal shows meanwhile is in `frame`.

mod gathered;
mod hung;
mod regions;
mod teller;

pub use hung::hung;
pub(crate) use regions::Regions;
pub use teller::Teller;

use crate::{
    progress::{CheckOutcome, Event},
    words::plural,
};

/// An event as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The sentence.
    pub text: String,
    /// What the sentence is to the reader.
    pub role: Role,
}

/// What a sentence is to the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is about the whole run.
    Headline,
    /// The run has reached what it was for; how long it took is added.
    Result,
    /// A step begins; what follows belongs to it.
    StepBegins {
        /// The step's name.
        step: String,
        /// What it does.
        what: String,
    },
    /// The step ends.
    StepEnds {
        /// How long it took.
        seconds: u64,
    },
    /// It belongs to the step.
    Detail,
    /// It belongs to the step, and is of interest only while it lasts.
    Meanwhile,
    /// Something to look at that does not stop the run.
    Warning {
        /// What it is about, when the event says.
        about: Option<String>,
    },
    /// A resize round has brought too few nodes, and another one follows.
    Round {
        /// Which round, and how many nodes.
        about: String,
    },
    /// A check found everything as it should be.
    CheckPassed {
        /// The check.
        check: String,
    },
    /// A resource was created.
    Created {
        /// Its id.
        id: String,
    },
    /// A resource was removed.
    Removed {
        /// Its id.
        id: String,
    },
    /// Something that is counted and goes on for long has moved.
    Moved(Sight),
    /// A region of an image version has moved.
    Replicates(Replica),
}

/// How far something that goes on for long is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What it is; unique within a run.
    pub name: String,
    /// The service's words for its state; a change is worth a line.
    pub state: String,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// Whether there is more to come.
    pub phase: Phase,
    /// A further line comes after so many percent.
    every: u64,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Moving,
    /// It has ended, well or not.
    Ended,
}

/// How far an image version is in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The region.
    pub region: String,
    /// The service's word: `Replicating`, `Completed`, `Failed`.
    pub state: String,
    /// 0 to 100.
    pub percent: u64,
}

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A line about the whole run.
    Headline(String),
    /// A step begins.
    StepBegins {
        /// The step's name.
        step: String,
        /// What it does, and which of the steps it is.
        what: String,
    },
    /// The step ends.
    StepEnds(String),
    /// A line that belongs to the step.
    Detail(String),
    /// A line about how far it is. A reader who sees that all the time does not need it.
    Meanwhile(String),
    /// Something to look at.
    Warning {
        /// What it is about, when the event says.
        about: Option<String>,
        /// The sentence.
        text: String,
    },
    /// A resize round that brought too few nodes. A run has many of them, and the last one says enough.
    Round {
        /// Which round, and how many nodes.
        about: String,
        /// The sentence.
        text: String,
    },
}

impl News {
    /// An event of core as a reader sees it.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let role = match event {
            Event::SigningIn { .. } | Event::Goal { .. } => Role::Headline,
            Event::StepStarted { step, what, .. } => Role::StepBegins {
                step: (*step).to_owned(),
                what: what.clone(),
            },
            Event::StepDone { seconds, .. } => Role::StepEnds { seconds: *seconds },
            Event::Warning { text } => return Self::warning(None, text),
            Event::RoundShort {
                round,
                came,
                wanted,
                why,
            } => {
                return Self {
                    text: why.clone(),
                    role: Role::Round {
                        about: format!("round {round} brought {came} of {}", plural(*wanted, "node")),
                    },
                };
            }
            Event::Check { name, outcome, text } => return Self::of_check(event, name, *outcome, text),
            Event::Created { id } => Role::Created { id: id.clone() },
            Event::Removed { id } => Role::Removed { id: id.clone() },
            Event::Replication { region, state, percent } => {
                Role::Replicates(Replica::new(region.as_str(), state, u64::from(*percent)))
            }
            Event::Copied { .. } | Event::Allocation { .. } | Event::Nodes { .. } => {
                Sight::of(event).map_or(Role::Detail, Role::Moved)
            }
            Event::Waiting { .. } => Role::Meanwhile,
            Event::StepSkipped { .. }
            | Event::Note { .. }
            | Event::Kept { .. }
            | Event::Resize { .. }
            | Event::Retrying { .. } => Role::Detail,
            Event::OfPool { pool, event } => return Self::of_pool(pool.as_str(), Self::of(event)),
        };
        Self {
            text: event.to_string(),
            role,
        }
    }

    /// Something to look at.
    #[must_use]
    pub fn warning(about: Option<String>, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            role: Role::Warning { about },
        }
    }

    /// What is told of one of many pools. Steps of several pools overlap, so they are lines and no groups.
    fn of_pool(pool: &str, inner: Self) -> Self {
        let role = match inner.role {
            // Its subject stands before its text.
            Role::Round { about } => {
                return Self {
                    text: inner.text,
                    role: Role::Round {
                        about: format!("{pool}: {about}"),
                    },
                };
            }
            Role::CheckPassed { check } => Role::CheckPassed {
                check: format!("{check} of {pool}"),
            },
            Role::Moved(sight) => Role::Moved(Sight {
                name: format!("{pool}: {}", sight.name),
                ..sight
            }),
            Role::StepEnds { .. } | Role::Meanwhile => Role::Meanwhile,
            Role::Warning { about } => Role::Warning { about },
            Role::Headline
            | Role::Result
            | Role::StepBegins { .. }
            | Role::Detail
            | Role::Created { .. }
            | Role::Removed { .. }
            | Role::Replicates(_) => Role::Detail,
        };
        Self {
            text: format!("{pool}: {}", inner.text),
            role,
        }
    }

    fn of_check(event: &Event, name: &str, outcome: CheckOutcome, text: &str) -> Self {
        let role = match outcome {
            CheckOutcome::Pass => Role::CheckPassed { check: name.to_owned() },
            CheckOutcome::Fail => return Self::warning(Some(format!("check {name}")), text),
            CheckOutcome::Ignored | CheckOutcome::CannotKnow => Role::Detail,
        };
        Self {
            text: event.to_string(),
            role,
        }
    }
}

impl Replica {
    /// A region; `state` is the service's word.
    #[must_use]
    pub fn new(region: &str, state: &str, percent: u64) -> Self {
        Self {
            region: region.to_owned(),
            state: state.to_owned(),
            percent: percent.min(100),
        }
    }

    /// Whether the service says that it is usable there.
    pub(crate) fn is_complete(&self) -> bool {
        self.state.eq_ignore_ascii_case("Completed")
    }

    /// Whether there is more to come.
    pub(crate) fn goes_on(&self) -> bool {
        !self.is_complete() && !self.state.eq_ignore_ascii_case("Failed")
    }
}

impl Sight {
    /// Copies that are made at the same time.
    #[must_use]
    pub fn copies(done: u64, total: u64) -> Self {
        Self {
            every: 25,
            ..Self::count("snapshots", "", done, total)
        }
    }

    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Copied { done, total } => {
                let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                Some(Self::copies(number(*done), number(*total)))
            }
            Event::Allocation {
                state,
                wanted,
                allocated,
                ..
            } => {
                let mut sight = Self::count("nodes allocated", state, (*allocated).into(), (*wanted).into());
                if state != "steady" {
                    sight.phase = Phase::Moving;
                }
                Some(sight)
            }
            Event::Nodes { wanted, ready, states } => {
                let names: Vec<&str> = states.keys().map(String::as_str).collect();
                Some(Self::count(
                    "nodes ready",
                    &names.join(", "),
                    (*ready).into(),
                    (*wanted).into(),
                ))
            }
            _ => None,
        }
    }

    fn count(name: &str, state: &str, done: u64, total: u64) -> Self {
        Self {
            name: name.to_owned(),
            state: state.to_owned(),
            done: done.min(total),
            total,
            phase: if done < total { Phase::Moving } else { Phase::Ended },
            every: 10,
        }
    }

    fn percent(&self) -> u64 {
        (self.done.saturating_mul(100)).checked_div(self.total).unwrap_or(100)
    }
}

/// The type and name of a resource, which distinguish it from the others of its group.
#[must_use]
pub fn short(id: &str) -> &str {
    id.split_once("/providers/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(id, |(_, short)| short)
}

#[cfg(test)]
mod tests;
