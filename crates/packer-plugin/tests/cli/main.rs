//! The built program as people and CI systems use it, on a local Azure over real sockets.
//!
//! What Packer does with it is tested in `program` and `protocol`. The modules are marked as tests so that their helpers
//! may fail by panicking, too.

#[cfg(test)]
mod gc;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod list;
#[cfg(test)]
mod promote;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod sign_in;
mod wait;
