//! A local Azure: Entra ID, ARM compute, galleries and Batch, for tests and for trying things without an account.
//!
//! [`Emulator::respond`] is the whole service as a function of a request and the time. It opens no socket,
//! reads no clock and starts no task: `host` does that. What is faithful and what is simplified is listed in
//! `docs/emulator.md`.

pub mod http;
