//! Runs cargo and finds what it built.
//!
//! It decides nothing about what is built or why.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
    files,
    time::Stopwatch,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// So often it is said that a silent build goes on.
const STILL_BUILDING: Duration = Duration::from_secs(60);

/// How many digits of the hash a folder's name has: enough that two sets of pins never meet.
const DIGITS: usize = 12;

/// Where things are in this checkout.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

impl Checkout {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output();
        let output = output.doing(|| "run cargo metadata".to_owned())?;
        let said = || format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        ensure(output.status.success(), said)?;
        let metadata = files::parse("cargo metadata", &String::from_utf8_lossy(&output.stdout))?;
        let path = |name: &str| {
            let value = metadata.get(name).and_then(Value::as_str).map(PathBuf::from);
            value.ok_or_else(|| Failure::unexpected(format!("cargo metadata has no {name}")))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
        })
    }

    /// Builds all programs of the workspace at once and gives their folder. The examples come along so that the
    /// features of tests are on, as in `cargo test`: nothing is built twice.
    pub(crate) fn programs(&self) -> Result<PathBuf> {
        self.programs_with(&[])
    }

    /// The same with variables for the build.
    pub(crate) fn programs_with(&self, variables: &[(&str, &str)]) -> Result<PathBuf> {
        let mut command = cargo();
        command.args(["build", "--locked", "--workspace", "--bins", "--examples"]);
        command.envs(variables.iter().copied());
        step("build", command.current_dir(&self.root))?;
        Ok(self.target.join("debug"))
    }

    /// As [`Self::programs`], but says nothing except how long it takes, every minute, unless it fails.
    pub(crate) fn programs_quietly(&self, waiting: impl Fn(Duration)) -> Result<PathBuf> {
        let mut command = cargo();
        command.args(["build", "--quiet", "--locked", "--workspace", "--bins", "--examples"]);
        command.current_dir(&self.root);
        let watch = Stopwatch::start();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || drop(sender.send(command.output())));
        let output = loop {
            match receiver.recv_timeout(STILL_BUILDING) {
                Ok(output) => break output.doing(|| "run cargo build".to_owned())?,
                Err(mpsc::RecvTimeoutError::Timeout) => waiting(watch.passed()),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(Failure::unexpected("cargo build has no end".to_owned()));
                }
            }
        };
        ensure(output.status.success(), || {
            format!("cargo build failed:\n{}", String::from_utf8_lossy(&output.stderr))
        })?;
        Ok(self.target.join("debug"))
    }

    /// Builds one program as it is released and gives its path.
    pub(crate) fn released(&self, package: &str) -> Result<PathBuf> {
        let mut command = cargo();
        command.args(["build", "--locked", "--release", "--package", package]);
        step(&format!("build {package}"), command.current_dir(&self.root))?;
        Ok(self.target.join("release").join(package))
    }
}

/// Variables that `cargo run` sets for the program that it runs. Build scripts look at these. If we handed them on, each
/// build script and everything above it would be built again whenever cargo is called by us and by hand in turn.
const SET_BY_CARGO: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// The cargo that runs us, so that a toolchain chosen by hand stays chosen.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    let is_set = |name: &OsString| {
        let name = name.to_string_lossy();
        SET_BY_CARGO.iter().any(|start| name.starts_with(start))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_set(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Runs a command with our own terminal; says what it is before and how long it took after.
pub(crate) fn step(name: &str, command: &mut Command) -> Result {
    say(format!("▸ {name}: {}", shown(command)));
    let watch = Stopwatch::start();
    let status = command.status().doing(|| format!("run {}", shown(command)))?;
    ensure(status.success(), || {
        format!("{name} failed: {} ended with {status}", shown(command))
    })?;
    say(format!("  {name}: ok ({:.1} s)", watch.passed().as_secs_f32()));
    Ok(())
}

/// What tells the folder of one set of pins from that of another.
pub(crate) fn key(pins: &str) -> String {
    let hash = Sha256::digest(pins.as_bytes());
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().chars().take(DIGITS).collect()
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pin_is_another_folder() {
        assert_eq!(key("a==1\n").len(), DIGITS);
        assert_ne!(key("a==1\n"), key("a==2\n"));
    }

    #[test]
    fn a_command_is_shown_as_typed_without_its_folder() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["fmt", "--check"]);
        assert_eq!(shown(&command), "cargo fmt --check");
    }
}
