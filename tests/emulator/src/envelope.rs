//! The words that every provider of the resource manager shares: paths, errors, lists, filters, tags.
//!
//! It knows no resource and no state; who answers a path is decided in `arm`.

mod error;
mod filter;
mod page;
mod path;
pub(crate) mod tags;
mod unsupported;

pub(crate) use error::Answer;
pub use error::ArmError;
pub(crate) use filter::Filter;
pub use page::page;
pub use path::ArmPath;
pub use unsupported::unsupported;
