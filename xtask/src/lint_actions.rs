//! `cargo xtask lint-actions`: `action.yml`, the workflows and the shell scripts under four linters that see different
//! things.
//!
//! actionlint knows workflows and the inputs of `uses: ./`, action-validator knows `action.yml`, zizmor knows attacks,
//! shellcheck knows shells.

use std::process::Command;

use azure_batch_e2e::{failure::Result, files};

use crate::{
    build::{Checkout, step},
    tools,
};

/// The npm packages of action-validator: its rules and its command.
const ACTION_VALIDATOR: [&str; 2] = ["@action-validator/core@0.6.0", "@action-validator/cli@0.6.0"];

/// The shell scripts: what installs the Action's program, what mounts data disks on nodes, and what tries that.
const SCRIPTS: [&str; 3] = [
    "crates/action/install.sh",
    "crates/core/src/mount/linux.sh",
    "tests/e2e/src/cases/mount.sh",
];

/// Runs all four.
pub(crate) fn run() -> Result {
    let root = Checkout::find()?.root;
    step("actionlint", Command::new(tools::actionlint()?).current_dir(&root))?;
    validate_action(&root.join("action.yml"))?;
    step(
        "shellcheck",
        Command::new(tools::shellcheck()?).args(SCRIPTS).current_dir(&root),
    )?;
    step(
        "zizmor",
        Command::new(tools::zizmor()?)
            .args(["--offline", "--no-progress", "."])
            .current_dir(&root),
    )
}

fn validate_action(action: &std::path::Path) -> Result {
    let dir = tools::cache()?.join("action-validator-0.6.0");
    let program = dir.join("node_modules").join(".bin").join("action-validator");
    if !program.exists() {
        files::make_empty(&dir)?;
        let mut install = Command::new("npm");
        install
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&dir)
            .args(ACTION_VALIDATOR);
        step("install action-validator", &mut install)?;
    }
    step("action-validator", Command::new(program).arg(action))
}
