//! The whole way with real programs: Packer, an Actions runner, our built binaries, the local Azure.
//!
//! The first half of the crate is a laboratory: it starts programs, watches them, signals them and reads what they
//! leave. The second half, [`cases`] and [`rehearsal`], is lists of named cases that `cargo xtask real` and
//! `release-rehearsal` run. Nothing here knows how Azure works, and nothing links the product: only its binaries are run.

pub mod browser;
#[cfg(test)]
mod capabilities;
pub mod cases;
pub mod console;
pub mod emulator;
pub mod failure;
pub mod failures;
pub mod faster;
pub mod files;
pub mod github;
pub mod hcp;
pub mod http;
pub mod image;
pub mod journal;
pub mod lab;
pub mod left;
pub mod look;
mod loopback;
pub mod packer;
pub mod pages;
#[cfg(test)]
mod papers;
pub mod pool;
pub mod process;
pub mod rehearsal;
pub mod runner;
pub mod secrets;
pub mod suite;
pub mod template;
pub mod terminal;
pub mod time;
pub mod tools;
pub mod world;
