//! `cargo xtask deny`: licences, duplicates and sources of what the product is built from, as `deny.toml` has them, and the
//! advisories where their database can be reached.
//!
//! Where it cannot, that is said and nothing fails: the ci workflow's own job asks for all of it.

use std::process::Command;

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Result, ensure},
};

use crate::{
    build::{Checkout, cargo, step},
    tools,
};

/// What needs no network once every crate is there.
const HERE: [&str; 6] = ["--offline", "--locked", "check", "licenses", "bans", "sources"];

/// What cargo-deny says when the database is not to be had.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Runs cargo-deny.
///
/// # Errors
/// When something is denied.
pub(crate) fn run() -> Result {
    let root = Checkout::find()?.root;
    let deny = tools::cargo_deny()?;
    // A build here fetches the crates of this platform only; those of the others are judged too.
    step(
        "fetch the crates",
        cargo().args(["fetch", "--locked", "--quiet"]).current_dir(&root),
    )?;
    step("cargo deny", Command::new(&deny).args(HERE).current_dir(&root))?;
    let asked = Command::new(&deny)
        .args(["--locked", "check", "advisories"])
        .current_dir(&root)
        .output();
    let asked = asked.doing(|| "run cargo-deny".to_owned())?;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    if said.contains(UNREACHABLE) {
        say("  advisories: not checked, their database cannot be reached from here");
        return Ok(());
    }
    ensure(asked.status.success(), || {
        format!("cargo-deny found an advisory:\n{said}")
    })?;
    say("  advisories: ok");
    Ok(())
}
