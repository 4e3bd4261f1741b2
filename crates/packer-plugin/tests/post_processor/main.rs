//! The post-processor between a scripted Packer and a scripted publisher, and the service by itself.
//!
//! All but `artifacts`, `azure` and `azure_arm` runs in memory with a paused clock; real Packer is not in it. The
//! modules are marked as tests so that their helpers may fail by panicking, too.

#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod azure_arm;
#[cfg(test)]
mod build;
#[cfg(test)]
mod packer;
#[cfg(test)]
mod publisher;
#[cfg(test)]
mod service;
