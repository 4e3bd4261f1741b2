//! Resources of every provider: their table, the rules of writing them, and changes that take time.
//!
//! It knows no kind of resource.

mod rules;
mod table;
mod write;

pub(crate) use rules::{changed, require_idle, require_same_location, required_location, write_body};
pub(crate) use table::{Change, Doing, Facts, Item, Table};
pub(crate) use write::{Beginning, begin, delete};
