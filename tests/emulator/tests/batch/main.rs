//! Batch as its clients see it: whole requests against an emulator in memory, at chosen times.
//!
//! It opens no socket; the clock is a value that tests move.

mod harness;
mod jobs;
mod life;
mod planes;
mod recorded;
mod refusals;
mod wire;
