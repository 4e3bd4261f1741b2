//! What the program can be asked to do: one file a verb.
//!
//! What all verbs share is in `run`.

pub mod rollout;
