//! `cargo xtask lint-actions`: `action.yml`, the workflows, those of the examples and the pages, and the shell scripts under
//! four linters that see different things.
//!
//! actionlint knows workflows and the inputs of `uses: ./`, action-validator knows `action.yml`, zizmor knows attacks,
//! shellcheck knows shells.

use std::{path::Path, process::Command};

use azure_batch_e2e::{
    failure::{Doing as _, Result, ensure},
    files, pages,
};

use crate::{
    build::{Checkout, step},
    tools,
};

/// The npm packages of action-validator: its rules and its command.
const ACTION_VALIDATOR: [&str; 2] = ["@action-validator/core@0.6.0", "@action-validator/cli@0.6.0"];

/// How many workflows examples and pages have at least: seven files and three blocks.
const LEAST_SHOWN: usize = 10;

/// The shell scripts: what installs the Action's program, what mounts data disks on nodes, and what tries that.
const SCRIPTS: [&str; 3] = [
    "crates/action/install.sh",
    "crates/core/src/mount/linux.sh",
    "tests/e2e/src/cases/mount.sh",
];

/// Runs all four.
pub(crate) fn run() -> Result {
    let Checkout { root, target } = Checkout::find()?;
    step("actionlint", Command::new(tools::actionlint()?).current_dir(&root))?;
    let shown = target.join("lint-actions");
    write_shown(&root, &shown)?;
    step(
        "actionlint on examples and pages",
        Command::new(tools::actionlint()?).current_dir(&shown),
    )?;
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

/// Writes a repository with the workflows that users copy. They take our action from its own folder there, so that
/// actionlint holds their inputs and outputs against `action.yml`.
fn write_shown(root: &Path, folder: &Path) -> Result {
    files::make_empty(folder)?;
    let workflows = folder.join(".github").join("workflows");
    for folder in [&folder.join(".git"), &workflows] {
        files::make(folder)?;
    }
    files::copy(&root.join("action.yml"), &folder.join("action.yml"))?;
    let write = |name: &str, text: &str| -> Result {
        ensure(
            text.contains(pages::USES) || !text.contains("azure-batch-tools/"),
            || format!("{name} does not name the action of this version, {}", pages::USES),
        )?;
        files::write(&workflows.join(name), text.replace(pages::USES, "./"))
    };
    for example in files::below(&root.join("examples"))? {
        let name = example.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = files::read(&example)?;
        // The rest are templates and a pool file.
        if text.lines().any(|line| line == "jobs:") {
            write(&name, &text)?;
        }
    }
    for block in pages::blocks(root)?.iter().filter(|block| pages::is_of_workflow(block)) {
        write(&format!("{}.yml", block.name()), &pages::workflow(&block.text))?;
    }
    let written = std::fs::read_dir(&workflows)
        .doing(|| "list the workflows".to_owned())?
        .count();
    ensure(written >= LEAST_SHOWN, || {
        format!("only {written} workflows were found in examples and pages")
    })
}

fn validate_action(action: &Path) -> Result {
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
