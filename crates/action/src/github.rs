//! What GitHub gives to a run and what it shows of it: the runner's variables, the deployment.
//!
//! Workflow commands are `console`'s, the files for later steps are `report`'s.

pub mod deployment;
pub mod runner;
