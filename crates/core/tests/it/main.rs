//! Core's flows on the in-memory emulator with a paused clock: hours in milliseconds.

mod publish;
mod publish_sweep;
mod support;
mod sweep;
