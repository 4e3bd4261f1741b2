//! The emulator asked as clients ask it: requests in, answers out, time moved by hand.
//!
//! `azure` is the small client that the other files share.

mod arm;
mod authorization;
mod azure;
mod building;
mod certificate;
mod entra;
mod facts;
mod faults;
mod gallery;
mod honesty;
mod host;
mod life;
mod machines;
mod managed_identity;
mod operations;
mod page;
mod plans;
mod random;
mod scale_sets;
mod shared;
mod snapshots;
mod soft_delete;
mod storage;
mod sweep;
mod vault;
mod versions;
