//! `cargo xtask check`: everything that must hold before a change is taken, with nothing but cargo.
//!
//! It runs no outside tools; `cargo xtask real` does.

use azure_batch_e2e::{console::say, failure::Result, time::Stopwatch};

use crate::{
    build::{Checkout, cargo, step},
    code,
};

/// The cargo commands, in the order in which they are quickest to fail.
const COMMANDS: [(&str, &[&str]); 4] = [
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("tests", &["test", "--locked", "--workspace"]),
    (
        "documentation",
        &[
            "doc",
            "--locked",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
    ),
];

/// Runs all of it.
pub(crate) fn run() -> Result {
    let checkout = Checkout::find()?;
    let watch = Stopwatch::start();
    code::check(&checkout.root)?;
    for (name, arguments) in COMMANDS {
        let mut command = cargo();
        command.args(arguments).current_dir(&checkout.root);
        if name == "documentation" {
            command.env("RUSTDOCFLAGS", "-D warnings");
        }
        step(name, &mut command)?;
    }
    say(format!("check passed in {:.0} s", watch.passed().as_secs_f32()));
    Ok(())
}

/// Only what is read and counted.
pub(crate) fn code() -> Result {
    code::check(&Checkout::find()?.root)
}
