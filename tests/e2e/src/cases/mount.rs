//! The script that mounts data disks, really run on loop devices; that for Windows is run on disks that are only played,
//! where there is PowerShell.
//!
//! What is tried is in `mount.sh`, since only a shell as root can try it, and in `mount.ps1`.

use std::{path::Path, process::Command, time::Duration};

use serde_json::json;

use crate::{
    failure::{Failure, Result, ensure_says},
    image,
    lab::Lab,
    process::Program,
    suite::Case,
    world,
};

/// How long the file systems of small disks may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What `mount.sh` ends with where there are no loop devices.
const NO_LOOP_DEVICES: i32 = 77;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "data_disks_are_mounted_and_only_empty_ones_formatted",
        run: data_disks_are_mounted_and_only_empty_ones_formatted,
    },
    Case {
        name: "mount_script_for_windows_is_powershell",
        run: mount_script_for_windows_is_powershell,
    },
];

fn data_disks_are_mounted_and_only_empty_ones_formatted(lab: &Lab<'_>) -> Result {
    let script = lab.file("mount-data-disks.sh", &script(lab, "Linux")?)?;
    let trial = lab.file("trial.sh", include_str!("mount.sh"))?;
    let disks = lab.folder("disks")?;
    let shell = as_root(lab, "trial").arg("sh").arg(trial).arg(script).arg(&disks);
    let ended = shell.run(LIMIT)?;
    if ended.code == NO_LOOP_DEVICES {
        return Err(without_loop_devices(&ended.said()));
    }
    ensure_says("the trial", &ended.ended_with(0)?.stdout, &["all as it should be"])
}

fn mount_script_for_windows_is_powershell(lab: &Lab<'_>) -> Result {
    let script = lab.file("mount-data-disks.ps1", &script(lab, "Windows")?)?;
    if Command::new("pwsh").arg("-Version").output().is_err() {
        return Err(Failure::NotRun("pwsh is not installed".to_owned()));
    }
    parse(lab, &script)?;
    let trial = lab.file("trial.ps1", include_str!("mount.ps1"))?;
    let pwsh = Program::new("pwsh", &lab.dir, "trial").env("HOME", &lab.dir);
    let pwsh = pwsh
        .args(["-NoProfile", "-NonInteractive", "-File"])
        .arg(trial)
        .arg(script);
    let ended = pwsh.run(LIMIT)?.ended_with(0)?;
    ensure_says("the trial", &ended.stdout, &["all as it should be"])
}

/// PowerShell reads the whole script and runs none of it.
fn parse(lab: &Lab<'_>, script: &Path) -> Result {
    let command = format!(
        "$faults = $null; [void][System.Management.Automation.Language.Parser]::ParseFile('{}', [ref]$null, [ref]$faults); $faults; exit $faults.Count",
        script.display()
    );
    let pwsh = Program::new("pwsh", &lab.dir, "pwsh").env("HOME", &lab.dir);
    let pwsh = pwsh.args(["-NoProfile", "-NonInteractive", "-Command", &command]);
    pwsh.run(LIMIT)?.ended_with(0).map(drop)
}

/// The script as a person gets it: from the plan for a machine with two data disks.
fn script(lab: &Lab<'_>, os_type: &str) -> Result<String> {
    let azure = lab.azure(world::with_machine(lab, |machine| machine["osType"] = json!(os_type))?)?;
    let settings = lab.file("image.yaml", &image::settings("with-data"))?;
    let plan = image::command(lab, &azure, "plan", "plan")?
        .arg("--json")
        .arg("--settings")
        .arg(settings);
    let plan = image::document(&plan.run(image::LIMIT)?.ended_with(10)?.stdout)?;
    let script = plan
        .get("mount_script")
        .and_then(serde_json::Value::as_str)
        .map(str::to_owned);
    script.ok_or_else(|| Failure::unexpected("the plan for a machine with data disks has no mount_script"))
}

/// A program that runs another one as root: CI's user may become root without a password.
fn as_root(lab: &Lab<'_>, log: &str) -> Program {
    let name = Command::new("id").arg("-u").output().map(|output| output.stdout);
    match name.as_deref() {
        Ok(b"0\n") => Program::new("env", &lab.dir, log),
        _ => Program::new("sudo", &lab.dir, log).arg("--non-interactive"),
    }
}

/// CI's machine has loop devices, so there the case has failed.
fn without_loop_devices(why: &str) -> Failure {
    let why = format!("no loop device: {}", why.trim());
    match std::env::var_os("CI") {
        Some(_) => Failure::Unexpected(why),
        None => Failure::NotRun(why),
    }
}
