//! `cargo xtask release-rehearsal`: makes a release of this checkout for this machine and runs the cases of
//! `tests/e2e/src/rehearsal.rs` on it.
//!
//! It reaches no network but loopback once the tools are there, and uploads nothing. The programs are compiled as tests
//! compile them, since what is rehearsed is how the files fit together; the release workflow compiles them as released.

use std::{path::Path, process::Command};

use azure_batch_e2e::{
    failure::{Doing as _, Failure, Result},
    files, rehearsal, suite,
    tools::Tools,
};

use crate::{
    build::Checkout,
    dist::{self, Order},
    real,
};

/// Runs the cases whose name contains the text, all of them when it is empty, on the files that are given or on new ones.
pub(crate) fn run(case: &str, files: Option<&Path>) -> Result {
    let checkout = Checkout::find()?;
    let programs = checkout.programs_with(&[(dist::RELEASE, dist::TAG)])?;
    let mut tools = real::gather(&checkout, "rehearsal", &programs)?;
    match files {
        Some(files) => files.clone_into(&mut tools.released),
        None => make(&checkout, &tools, &programs)?,
    }
    suite::run(rehearsal::CASES, &tools, case, &real::secrets(&checkout)?)
}

/// Makes the files of a release for this machine.
fn make(checkout: &Checkout, tools: &Tools, programs: &Path) -> Result {
    files::make_empty(&tools.released)?;
    let help = dist::write_help(checkout, programs)?;
    let order = Order {
        target: &host()?,
        tag: dist::TAG,
        help: &help,
        dist: &tools.released,
    };
    dist::pack(checkout, &order, programs)?;
    dist::sums(&tools.released, dist::TAG)
}

/// Rust's name of this machine.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.doing(|| "run rustc -vV".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::unexpected("rustc -vV names no host"))
}
