//! Where the plugin's program is: the lines of its page that give it a short name, in real shells, with real Packer and
//! several releases installed.
//!
//! How `packer init` installs one is in the rehearsal of a release.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::{Failure, Result, ensure_equal},
    files,
    lab::Lab,
    pages,
    process::Program,
    suite::Case,
    template,
};

/// How long a shell may take; `packer plugins installed` starts no plugin.
const LIMIT: Duration = Duration::from_secs(60);

/// The page.
const PAGE: &str = "docs/images.md";

/// Releases before ours. As text the first one is the greater.
const OLDER: [&str; 2] = ["0.0.9", "0.0.10"];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "program_that_packer_installed_gets_a_short_name",
        run: program_that_packer_installed_gets_a_short_name,
    },
    Case {
        name: "program_that_packer_installed_gets_a_short_name_in_powershell",
        run: program_that_packer_installed_gets_a_short_name_in_powershell,
    },
];

fn program_that_packer_installed_gets_a_short_name(lab: &Lab<'_>) -> Result {
    let lines = block(lab, "sh")?;
    install_releases(lab)?;
    for shell in ["sh", "bash"] {
        let home = lab.folder(shell)?;
        // What the page asks of the `PATH`.
        let script = format!("PATH=\"$HOME/.local/bin:$PATH\"\n{lines}\npacker-plugin-azure-batch --version\n");
        let run = in_shell(lab, shell, &home)?.args(["-e", "-c", &script]);
        ensure_ours(lab, &run.run(LIMIT)?.ended_with(0)?.stdout)?;
        // The same lines after an update: the name leads to the newest again.
        let again = in_shell(lab, &format!("{shell}-again"), &home)?.args(["-e", "-c", &script]);
        ensure_ours(lab, &again.run(LIMIT)?.ended_with(0)?.stdout)?;
    }
    Ok(())
}

fn program_that_packer_installed_gets_a_short_name_in_powershell(lab: &Lab<'_>) -> Result {
    let lines = block(lab, "powershell")?;
    if Command::new("pwsh").arg("-Version").output().is_err() {
        return Err(Failure::NotRun("pwsh is not installed".to_owned()));
    }
    install_releases(lab)?;
    let script = lab.file(
        "short.ps1",
        &format!("$ErrorActionPreference = 'Stop'\n{lines}\npacker-plugin-azure-batch --version\n"),
    )?;
    let run = in_shell(lab, "pwsh", &lab.folder("home")?)?;
    let run = run.args(["-NoProfile", "-NonInteractive", "-File"]).arg(script);
    ensure_ours(lab, &run.run(LIMIT)?.ended_with(0)?.stdout)
}

/// The lines of the page for a shell.
fn block(lab: &Lab<'_>, language: &str) -> Result<String> {
    let blocks = pages::blocks(&lab.tools.checkout)?;
    let found = blocks.into_iter().find(|block| {
        block.page == PAGE && block.language == language && block.text.contains("packer plugins installed")
    });
    let missing = || Failure::unexpected(format!("{PAGE} does not say where the program is, in {language}"));
    Ok(found.ok_or_else(missing)?.text)
}

fn plugins(lab: &Lab<'_>) -> Result<PathBuf> {
    lab.folder("plugins")
}

/// Ours as the newest of three releases.
fn install_releases(lab: &Lab<'_>) -> Result {
    for version in OLDER {
        let described = format!(
            r#"{{"version":"{version}","sdk_version":"0.6.10","api_version":"x5.0","builders":[],"post_processors":["-packer-default-plugin-name-"],"provisioners":[],"datasources":[],"protocol_version":"v2"}}"#
        );
        let text = format!("#!/bin/sh\n[ \"$1\" = describe ] && echo '{described}' || echo {version}\n");
        let program = lab.dir.join(format!("older-{version}"));
        files::write_program(&program, &text)?;
        install(lab, version, &program)?;
    }
    install(lab, "ours", &lab.tools.plugin)
}

fn install(lab: &Lab<'_>, log: &str, program: &Path) -> Result {
    let packer = Program::new(&lab.tools.packer, &lab.dir, &format!("install-{log}"));
    let packer = of_packer(lab, packer, &lab.folder("home")?)?;
    let packer = packer.args(["plugins", "install", "--path"]).arg(program);
    packer.arg(template::ADDRESS).run(LIMIT)?.ended_with(0).map(drop)
}

/// A shell whose `PATH` has Packer.
fn in_shell(lab: &Lab<'_>, name: &str, home: &Path) -> Result<Program> {
    let bin = lab.folder("bin")?;
    let packer = format!("#!/bin/sh\nexec '{}' \"$@\"\n", lab.tools.packer.display());
    files::write_program(&bin.join("packer"), &packer)?;
    let mut path = OsString::from(bin);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let shell = name.trim_end_matches("-again");
    of_packer(lab, Program::new(shell, &lab.dir, name), home).map(|program| program.env("PATH", path))
}

fn of_packer(lab: &Lab<'_>, program: Program, home: &Path) -> Result<Program> {
    Ok(program
        .env("HOME", home)
        .env("PACKER_CONFIG_DIR", home)
        .env("PACKER_PLUGIN_PATH", plugins(lab)?)
        .env("CHECKPOINT_DISABLE", "1"))
}

/// What was printed is our version, and no older release's.
fn ensure_ours(lab: &Lab<'_>, printed: &str) -> Result {
    let ours = Program::new(&lab.tools.plugin, &lab.dir, "version").args(["--version"]);
    let ours = ours.run(LIMIT)?.ended_with(0)?.stdout;
    ensure_equal("the version", &printed.trim(), &ours.trim())
}
