//! What GitHub gives to a run and what it is told: the runner's variables, the event, the deployment, a new version.
//!
//! Workflow commands are `console`'s, the files for later steps are `report`'s.

pub mod api;
pub mod deployment;
pub mod event;
pub mod notify;
pub mod runner;

#[cfg(test)]
mod testing;
