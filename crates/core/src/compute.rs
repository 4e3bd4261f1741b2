//! What ARM's compute provider holds, one resource kind a file: requests, and small views of what is read.
//!
//! Bodies that go back to the service are edited as JSON, so fields we do not know survive.

pub mod boot;
pub mod community;
pub mod disk;
pub mod encryption_set;
pub mod gallery;
pub mod image;
pub mod machines;
pub mod marketplace;
pub mod sku;
pub mod snapshot;
pub mod soft_deleted;
pub mod usage;
pub mod version;
pub mod vm;
