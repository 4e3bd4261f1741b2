//! From a virtual machine to a gallery image version to an Azure Batch pool.

pub mod account;
pub mod answer;
pub mod batch;
pub mod client;
pub mod clock;
pub mod cloud;
pub mod compute;
pub mod connect;
pub mod credential;
pub mod error;
pub mod ids;
mod json;
pub mod node;
pub mod operation;
pub mod pool;
pub mod progress;
pub mod publish;
pub mod replicas;
pub mod replication;
pub mod request;
pub mod retry;
pub mod rollout;
pub mod run;
pub mod settings;
pub mod transport;
