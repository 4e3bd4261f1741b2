//! The cases of `cargo xtask real`, by name.
//!
//! Each file below holds cases about one thing; this file is only the list.

use crate::suite::Case;

/// Every case.
pub const ALL: &[Case] = &[];
