//! `cargo xtask real`: installs what it needs, builds what is tested, and runs the cases of `tests/e2e`.
//!
//! It holds no case itself.

use std::{path::Path, process::Command};

use azure_batch_e2e::{
    cases,
    failure::{Result, ensure},
    files,
    secrets::Secrets,
    suite, template,
    tools::Tools,
    world,
};

use crate::{
    build::{Checkout, step},
    lint_actions, tools,
};

/// Runs the cases whose name contains the text, all of them when it is empty.
pub(crate) fn run(case: &str) -> Result {
    let checkout = Checkout::find()?;
    let tools = gather(&checkout, "real", &checkout.programs()?)?;
    install_plugin(&tools)?;
    let result = suite::run(&cases::all(), &tools, case, &secrets(&checkout)?);
    if case.is_empty() {
        lint_actions::run()?;
    }
    result
}

/// Installs the outside tools and makes a folder of that name for the results.
pub(crate) fn gather(checkout: &Checkout, name: &str, programs: &Path) -> Result<Tools> {
    let results = checkout.target.join(name);
    files::make_empty(&results)?;
    Ok(Tools {
        checkout: checkout.root.clone(),
        released: checkout.target.join("released"),
        installed: checkout.target.join("real-plugins"),
        results,
        plugin: programs.join("packer-plugin-azure-batch"),
        pool: programs.join("azure-batch-pool"),
        emulator: programs.join("azure-emulator"),
        packer: tools::packer()?,
        older_packers: tools::older_packers()?,
        act: tools::act()?,
        browser: tools::browser(checkout)?,
        packer_sdc: tools::packer_sdc()?,
    })
}

/// Installs the plugin as a person would who has built it.
pub(crate) fn install_plugin(tools: &Tools) -> Result {
    files::make_empty(&tools.installed)?;
    let mut install = Command::new(&tools.packer);
    install
        .args(["plugins", "install", "--path"])
        .arg(&tools.plugin)
        .arg(template::ADDRESS);
    install
        .env("PACKER_PLUGIN_PATH", &tools.installed)
        .env("PACKER_CONFIG_DIR", &tools.installed);
    step(
        "install the plugin",
        install.env("HOME", &tools.installed).env("CHECKPOINT_DISABLE", "1"),
    )?;
    ensure(has_files(&tools.installed), || {
        "packer has installed nothing".to_owned()
    })
}

fn has_files(dir: &Path) -> bool {
    files::below(dir).is_ok_and(|files| !files.is_empty())
}

/// Everything in the emulator's example that must never be seen; all cases play there.
pub(crate) fn secrets(checkout: &Checkout) -> Result<Secrets> {
    let example = files::read_json(&checkout.root.join("tests/emulator/seeds/example.json"))?;
    Ok(Secrets::new(world::secrets(&example)?))
}
