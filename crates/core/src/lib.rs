//! From a virtual machine to a gallery image version to an Azure Batch pool.

pub mod answer;
pub mod batch;
pub mod client;
pub mod clock;
pub mod cloud;
pub mod credential;
pub mod error;
pub mod ids;
mod json;
pub mod operation;
pub mod progress;
pub mod request;
pub mod retry;
pub mod run;
pub mod transport;
