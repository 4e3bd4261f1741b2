//! Tools written in Go, built through the Go module proxy at exactly one version.
//!
//! Nothing is downloaded ready-made: the proxy's checksum database vouches for the sources.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
    files,
    tools::OlderPacker,
};
use serde_json::Value;

use super::cache;
use crate::build::step;

/// The Packer under which the plugin is tested: the newest release.
const PACKER: &str = "1.16.0";

/// Older ones under which it is tested, too: the last that speaks gob alone, and the last of the first line that installs
/// plugins. What both do, those between them do.
const OLDER_PACKERS: [&str; 2] = ["1.11.2", "1.7.10"];

/// The SDK whose plugin check the HashiCorp integration pages ask for.
const PACKER_SDK: &str = "0.6.10";

/// The newest of HashiCorp's azure plugins that is a Go module anybody can require: 2.x lacks the `/v2` in its path.
const AZURE_BUILDER: &str = "1.4.5";

/// actionlint's newest release.
const ACTIONLINT: &str = "1.7.12";

/// The newest Packer.
pub(crate) fn packer() -> Result<PathBuf> {
    packer_of(PACKER)
}

/// The older Packers.
pub(crate) fn older_packers() -> Result<Vec<OlderPacker>> {
    let of = |version| {
        let program = packer_of(version)?;
        Ok(OlderPacker { version, program })
    };
    OLDER_PACKERS.into_iter().map(of).collect()
}

/// Packer, built inside its own downloaded module, so that its own go.mod and go.sum apply.
fn packer_of(version: &'static str) -> Result<PathBuf> {
    let binary = cache()?.join(format!("packer-{version}")).join("packer");
    let wanted = format!("Packer v{version}");
    if says(&binary, "version", &wanted) {
        return Ok(binary);
    }
    let dir = fresh_folder(&binary)?;
    let source = module(&dir, "github.com/hashicorp/packer", version)?;
    say(format!(
        "building Packer {version}: two to five minutes on two cores, once"
    ));
    let mut build = go(&source);
    build
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(&binary)
        .arg(".");
    step("build packer", &mut build)?;
    ensure(says(&binary, "version", &wanted), || {
        format!("{} is not {wanted}", binary.display())
    })?;
    Ok(binary)
}

/// HashiCorp's `packer-sdc`. `go install` refuses it, since its go.mod replaces modules; as a tool of a module of our
/// own it builds.
pub(crate) fn packer_sdc() -> Result<PathBuf> {
    const MODULE: &str = "github.com/hashicorp/packer-plugin-sdk";
    let binary = cache()?.join(format!("packer-sdc-{PACKER_SDK}")).join("packer-sdc");
    if says(&binary, "--version", PACKER_SDK) {
        return Ok(binary);
    }
    let dir = fresh_folder(&binary)?;
    let module =
        format!("module tools\n\ngo 1.25.11\n\ntool {MODULE}/cmd/packer-sdc\n\nrequire {MODULE} v{PACKER_SDK}\n");
    files::write(&dir.join("go.mod"), module)?;
    step("resolve packer-sdc", go(&dir).args(["mod", "tidy"]))?;
    let mut build = go(&dir);
    build
        .args(["build", "-o"])
        .arg(&binary)
        .arg(format!("{MODULE}/cmd/packer-sdc"));
    step("build packer-sdc", &mut build)?;
    Ok(binary)
}

/// HashiCorp's `packer-plugin-azure`, with the azure-arm builder: a minute on two cores, once.
pub(crate) fn azure_builder() -> Result<PathBuf> {
    const MODULE: &str = "github.com/hashicorp/packer-plugin-azure";
    let binary = cache()?
        .join(format!("packer-plugin-azure-{AZURE_BUILDER}"))
        .join("packer-plugin-azure");
    if says(&binary, "describe", AZURE_BUILDER) {
        return Ok(binary);
    }
    let dir = fresh_folder(&binary)?;
    let module = format!("module tools\n\ngo 1.25.11\n\ntool {MODULE}\n\nrequire {MODULE} v{AZURE_BUILDER}\n");
    files::write(&dir.join("go.mod"), module)?;
    step("resolve packer-plugin-azure", go(&dir).args(["mod", "tidy"]))?;
    let mut build = go(&dir);
    build
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(&binary)
        .arg(MODULE);
    step("build packer-plugin-azure", &mut build)?;
    Ok(binary)
}

/// actionlint.
pub(crate) fn actionlint() -> Result<PathBuf> {
    let binary = cache()?.join(format!("actionlint-{ACTIONLINT}")).join("actionlint");
    if says(&binary, "-version", ACTIONLINT) {
        return Ok(binary);
    }
    let dir = fresh_folder(&binary)?;
    let mut install = go(&dir);
    install.args([
        "install",
        &format!("github.com/rhysd/actionlint/cmd/actionlint@v{ACTIONLINT}"),
    ]);
    step("build actionlint", install.env("GOBIN", &dir))?;
    Ok(binary)
}

fn go(dir: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(dir)
        .env("GOFLAGS", "-buildvcs=false -modcacherw")
        .env("CGO_ENABLED", "0");
    command
}

/// Where a module's source is after downloading it.
fn module(dir: &Path, name: &str, version: &str) -> Result<PathBuf> {
    let output = go(dir)
        .args(["mod", "download", "-json", &format!("{name}@v{version}")])
        .output();
    let output = output.doing(|| "run go mod download; is go installed?".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let facts = files::parse("go mod download -json", &said)?;
    let source = facts.get("Dir").and_then(Value::as_str);
    source
        .map(PathBuf::from)
        .ok_or_else(|| Failure::unexpected(format!("cannot download {name} {version}: {said}")))
}

fn fresh_folder(binary: &Path) -> Result<PathBuf> {
    let dir = binary.parent().unwrap_or(binary).to_owned();
    files::make_empty(&dir)?;
    Ok(dir)
}

/// Whether the program runs and names its version.
pub(super) fn says(binary: &Path, argument: &str, wanted: &str) -> bool {
    let output = Command::new(binary)
        .arg(argument)
        .env("CHECKPOINT_DISABLE", "1")
        .output();
    // Some print it on stderr.
    output.is_ok_and(|output| {
        [output.stdout, output.stderr]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(wanted))
    })
}
