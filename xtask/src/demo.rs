//! `cargo xtask demo`: the whole way on the local Azure, told as a story.

use azure_batch_e2e::failure::{Failure, Result};

/// Runs it.
pub(crate) fn run() -> Result {
    Err(Failure::unexpected("the demo is not there yet"))
}
