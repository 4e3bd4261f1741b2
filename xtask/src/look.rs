//! `cargo xtask look`: plays what people see, checks that it can be read, and keeps pictures of it for people.
//!
//! The cases are in `tests/e2e/src/look`. `UPDATE_SNAPSHOTS=1` rewrites the texts that they compare with.

use azure_batch_e2e::{console::say, failure::Result, look, suite};

use crate::{build::Checkout, real};

/// Runs the cases whose name contains the text, all of them when it is empty.
pub(crate) fn run(case: &str) -> Result {
    let checkout = Checkout::find()?;
    let tools = real::gather(&checkout, "look", &checkout.programs()?)?;
    real::install_plugin(&tools)?;
    let result = suite::run(&look::cases(), &tools, case, &real::secrets(&checkout)?);
    let page = look::album::write(&tools.results)?;
    say(format!("look at {}", page.display()));
    result
}
