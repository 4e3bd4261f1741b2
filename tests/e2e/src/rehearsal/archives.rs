//! What is in the archives.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::TAG;
use crate::{
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    files,
    lab::Lab,
    process::Program,
};

/// How long unpacking or asking a program for its version may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What goes with every program.
const PAPERS: [&str; 4] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "THIRD-PARTY-LICENSES.txt",
    "sbom.cdx.json",
];

/// The programs, what makes them say their version, and a crate that each is made of.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("packer-plugin-azure-batch", "describe", "yamux"),
    ("azure-batch-pool", "--version", "clap"),
    ("azure-emulator", "--version", "axum"),
];

pub(super) fn archives_hold_a_released_program_with_its_papers(lab: &Lab<'_>) -> Result {
    for (program, asks_version, made_of) in PROGRAMS {
        let folder = super::aside(lab, program)?;
        unpack(lab, &archive(lab, program)?, &folder)?;
        for paper in PAPERS {
            ensure(folder.join(paper).is_file(), || {
                format!("the archive of {program} has no {paper}")
            })?;
        }
        ensure_help(&folder, program)?;
        let licences = files::read(&folder.join("THIRD-PARTY-LICENSES.txt"))?;
        ensure_says(
            "the licences",
            &licences,
            &["serde_json ", "Permission is hereby granted"],
        )?;
        ensure_bill(&files::read_json(&folder.join("sbom.cdx.json"))?, program, made_of)?;
        ensure_released(lab, &folder, program, asks_version)?;
    }
    Ok(())
}

/// The one archive of a program.
fn archive(lab: &Lab<'_>, program: &str) -> Result<PathBuf> {
    let of_program = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{program}_{TAG}_")) && !name.ends_with("SHA256SUMS")
    };
    let mut found = files::below(&lab.tools.released)?.into_iter().filter(of_program);
    found
        .next()
        .ok_or_else(|| Failure::unexpected(format!("the release has no archive of {program}")))
}

/// With what every machine has: `tar`, and Python for zip.
fn unpack(lab: &Lab<'_>, archive: &Path, folder: &Path) -> Result {
    let log = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let program = if log.ends_with(".zip") {
        Program::new("python3", &lab.dir, &log).args(["-m", "zipfile", "-e"])
    } else {
        Program::new("tar", &lab.dir, &log).arg("-xzf")
    };
    let program = if log.ends_with(".zip") {
        program.arg(archive).arg(folder)
    } else {
        program.arg(archive).arg("-C").arg(folder)
    };
    program.run(LIMIT)?.ended_with(0).map(drop)
}

/// The two command lines have man pages, one for each verb, and completions.
fn ensure_help(folder: &Path, program: &str) -> Result {
    if program == "azure-emulator" {
        return Ok(());
    }
    let bash = files::read(&folder.join(format!("completions/{program}.bash")))?;
    ensure_says("the completions", &bash, &[program, "plan"])?;
    let page = files::read(&folder.join(format!("man/{program}-plan.1")))?;
    ensure_says("the man page", &page, &["SYNOPSIS", "plan"])
}

fn ensure_bill(bill: &Value, program: &str, made_of: &str) -> Result {
    let text = |place: &str| {
        bill.pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    ensure_equal("the bill's form", &text("/bomFormat").as_str(), &"CycloneDX")?;
    ensure_equal(
        "the bill's subject",
        &text("/metadata/component/name").as_str(),
        &program,
    )?;
    let parts = bill.get("components").and_then(Value::as_array);
    let names: Vec<&str> = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part.get("name")?.as_str())
        .collect();
    ensure(names.contains(&made_of), || {
        format!("the bill of {program} does not name {made_of}: {names:?}")
    })?;
    // What only builds or tests it is not in it.
    ensure(
        !names.iter().any(|name| ["insta", "protox", "syn"].contains(name)),
        || format!("the bill of {program} names what is not in it: {names:?}"),
    )
}

/// It says the version without the `-dev` of other builds.
fn ensure_released(lab: &Lab<'_>, folder: &Path, program: &str, asks_version: &str) -> Result {
    let is_it = |file: &&PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        file.parent() == Some(folder) && name.starts_with(program)
    };
    let unpacked = files::below(folder)?;
    let binary = unpacked.iter().find(is_it);
    let binary = binary.ok_or_else(|| Failure::unexpected(format!("the archive has no {program}")))?;
    // Python's zipfile forgets who may run what.
    if program.starts_with("packer-") {
        let allow = Program::new("chmod", &lab.dir, "chmod").arg("+x").arg(binary);
        allow.run(LIMIT)?.ended_with(0)?;
    }
    let asked = Program::new(binary, &lab.dir, &format!("{program}-version"));
    let said = asked.arg(asks_version).run(LIMIT)?.ended_with(0)?.stdout;
    ensure_says(program, &said, &[TAG.trim_start_matches('v')])?;
    ensure(!said.contains("-dev"), || {
        format!("{program} calls itself a development build: {said}")
    })
}
