//! What becomes of a request: an answer, or what happens to a connection without one.
//!
//! Carrying it out is `host`'s, or that of whoever asks in memory.

use jiff::Timestamp;

use crate::http::Response;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is answered.
    Answer(Response),
    /// The connection is reset and nothing has happened.
    ResetBeforeEffect,
    /// The connection is reset, but what was asked for has happened.
    ResetAfterEffect,
    /// It is never answered. What was asked for has happened only if the fault says so.
    Hang,
    /// The answer begins, with this body, and goes on for ever: spaces without end. What was asked for has happened.
    EndlessBody(Response),
}

impl Outcome {
    /// The same, with the time in what is answered.
    pub(crate) fn dated(self, now: Timestamp) -> Self {
        match self {
            Self::Answer(answer) => Self::Answer(answer.dated(now)),
            Self::EndlessBody(answer) => Self::EndlessBody(answer.dated(now)),
            unanswered @ (Self::ResetBeforeEffect | Self::ResetAfterEffect | Self::Hang) => unanswered,
        }
    }
}
