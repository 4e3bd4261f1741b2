//! `cargo xtask dist` and `sums`: the files of a release, named as `packer init` and the Action look for them.
//!
//! It uploads nothing; the release workflow does.

mod archive;
mod crates;
mod names;
mod notes;
mod papers;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Result, ensure},
    files,
};
use sha2::{Digest as _, Sha256};

use self::{
    archive::Entry,
    names::{PROGRAMS, Packing, file_name, program_name},
};
use crate::build::{Checkout, cargo, step};

/// Without this in the environment of its build the plugin calls itself a development build, which `packer init` refuses.
pub(crate) const RELEASE: &str = "AZURE_BATCH_RELEASE";

/// What to pack and where to put it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    /// Rust's name of the target.
    pub(crate) target: &'a str,
    /// The release's tag.
    pub(crate) tag: &'a str,
    /// The folder with man pages and completions, by program.
    pub(crate) help: &'a Path,
    /// Where the files go.
    pub(crate) dist: &'a Path,
}

/// The tag of this checkout's version.
pub(crate) const TAG: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Builds and packs all programs for one target.
///
/// # Errors
/// When the tag is not the workspace's version, or a build fails.
pub(crate) fn run(target: &str, tag: &str) -> Result {
    let checkout = Checkout::find()?;
    for (program, _) in PROGRAMS {
        let mut build = cargo();
        build.args([
            "build",
            "--release",
            "--locked",
            "--target",
            target,
            "--package",
            program,
        ]);
        build.env(RELEASE, tag).current_dir(&checkout.root);
        step(&format!("build {program}"), &mut build)?;
    }
    let dist = checkout.root.join("dist");
    let help = write_help(&checkout, &checkout.programs()?)?;
    let order = Order {
        target,
        tag,
        help: &help,
        dist: &dist,
    };
    pack(&checkout, &order, &checkout.target.join(target).join("release"))
}

/// Writes man pages and completions with the example beside the programs that tests use, and gives their folder.
///
/// # Errors
/// When the example fails.
pub(crate) fn write_help(checkout: &Checkout, programs: &Path) -> Result<PathBuf> {
    let folder = checkout.target.join("help");
    files::make_empty(&folder)?;
    let mut write = Command::new(programs.join("examples").join("help_files"));
    step("write man pages and completions", write.arg(&folder))?;
    Ok(folder)
}

/// Packs the programs in a folder.
///
/// # Errors
/// When the tag is not the workspace's version, or a program is not there.
pub(crate) fn pack(checkout: &Checkout, order: &Order<'_>, built: &Path) -> Result {
    ensure(order.tag == TAG, || {
        format!("tag {} is not the workspace's version {TAG}", order.tag)
    })?;
    files::make(order.dist)?;
    let metadata = crates::metadata(checkout, order.target)?;
    for (program, packing) in PROGRAMS {
        let binary = built.join(program_name(program, order.target));
        let name = file_name(program, packing, order.tag, order.target)?;
        let papers = papers::of(&checkout.root, &crates::of(&metadata, program)?, order)?;
        let bytes = std::fs::read(&binary).doing(|| format!("read {}", binary.display()))?;
        // Packer demands that the zip's program has the zip's own name.
        let inside = match packing {
            Packing::PackerZip => name.clone() + names::suffix(order.target),
            Packing::TarGz => program_name(program, order.target),
        };
        let mut entries = vec![Entry::program(inside, bytes)];
        entries.extend(papers);
        archive::write(&order.dist.join(name + packing.ending()), packing, &entries)?;
    }
    Ok(())
}

/// Writes one list of sums a program, over everything that lies there.
///
/// # Errors
/// When there is nothing to sum.
pub(crate) fn sums(dist: &Path, tag: &str) -> Result {
    for (program, _) in PROGRAMS {
        let list = sum_list(dist, program)?;
        ensure(!list.is_empty(), || {
            format!("{} holds no file of {program}", dist.display())
        })?;
        files::write(&dist.join(format!("{program}_{tag}_SHA256SUMS")), &list)?;
        say(list);
    }
    Ok(())
}

/// Prints what the changelog says of a version: the text of its release.
///
/// # Errors
/// When the tag is not the workspace's version, or the changelog has no section of it.
pub(crate) fn notes(tag: &str) -> Result {
    ensure(tag == TAG, || format!("tag {tag} is not the workspace's version {TAG}"))?;
    let changelog = files::read(&Checkout::find()?.root.join("CHANGELOG.md"))?;
    say(notes::of(&changelog, tag.trim_start_matches('v'))?);
    Ok(())
}

/// The folder of a release's files in this checkout.
///
/// # Errors
/// When cargo does not say where the checkout is.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(Checkout::find()?.root.join("dist"))
}

/// `<sum>  <name>` a line, with a newline after the last: without it Packer overlooks that line.
fn sum_list(dist: &Path, program: &str) -> Result<String> {
    let mut list = String::new();
    for file in files::below(dist)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with(&format!("{program}_")) || name.ends_with("SHA256SUMS") {
            continue;
        }
        let bytes = std::fs::read(&file).doing(|| format!("read {}", file.display()))?;
        for byte in Sha256::digest(&bytes) {
            // Writing to a String cannot fail.
            let _written = write!(list, "{byte:02x}");
        }
        let _written = writeln!(list, "  {name}");
    }
    Ok(list)
}
