//! `cargo xtask dist` and `sums`: the files of a release, named as `packer init` and the Action look for them.
//!
//! It uploads nothing; the release workflow does.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
    files,
};
use sha2::{Digest as _, Sha256};

use crate::build::{Checkout, cargo, step};

/// The programs of a release and how each is packed.
const PROGRAMS: [(&str, Packing); 2] = [
    ("packer-plugin-azure-batch", Packing::PackerZip),
    ("azure-batch-pool", Packing::Plain),
];

/// The plugin API of Packer that the plugin speaks; part of the file's name and of what `describe` answers.
const PLUGIN_API: &str = "x5.0";

/// How a program is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    /// A zip whose only file has the zip's own name, as Packer demands.
    PackerZip,
    /// The program itself.
    Plain,
}

/// Builds and packs for one target.
///
/// # Errors
/// When the tag is not the workspace's version, or a build fails.
pub(crate) fn run(target: &str, tag: &str) -> Result {
    let checkout = Checkout::find()?;
    let wanted = concat!("v", env!("CARGO_PKG_VERSION"));
    ensure(tag == wanted, || {
        format!("tag {tag} is not the workspace's version {wanted}")
    })?;
    let dist = checkout.root.join("dist");
    files::make(&dist)?;
    for (program, packing) in PROGRAMS {
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
        // Without this the plugin calls itself a development build, which `packer init` refuses.
        step(
            &format!("build {program}"),
            build.env("AZURE_BATCH_RELEASE", tag).current_dir(&checkout.root),
        )?;
        let suffix = if target.contains("windows") { ".exe" } else { "" };
        let built = checkout
            .target
            .join(target)
            .join("release")
            .join(format!("{program}{suffix}"));
        pack(&built, &dist, &file_name(program, packing, tag, target)?, packing)?;
    }
    Ok(())
}

/// Writes one list of sums a program, over all targets.
///
/// # Errors
/// When there is nothing to sum.
pub(crate) fn sums(tag: &str) -> Result {
    let dist = Checkout::find()?.root.join("dist");
    for (program, _) in PROGRAMS {
        let list = sum_list(&dist, program)?;
        ensure(!list.is_empty(), || {
            format!("{} holds no file of {program}", dist.display())
        })?;
        files::write(&dist.join(format!("{program}_{tag}_SHA256SUMS")), &list)?;
        say(list);
    }
    Ok(())
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

fn file_name(program: &str, packing: Packing, tag: &str, target: &str) -> Result<String> {
    let (os, arch) = go_words(target)?;
    let suffix = if os == "windows" { ".exe" } else { "" };
    Ok(match packing {
        Packing::PackerZip => format!("{program}_{tag}_{PLUGIN_API}_{os}_{arch}{suffix}"),
        Packing::Plain => format!("{program}_{tag}_{os}_{arch}{suffix}"),
    })
}

/// A target in Go's words, which Packer's file names are made of.
fn go_words(target: &str) -> Result<(&'static str, &'static str)> {
    let arch = [("x86_64", "amd64"), ("aarch64", "arm64")]
        .into_iter()
        .find(|(rust, _)| target.starts_with(rust));
    let os = [("linux", "linux"), ("apple", "darwin"), ("windows", "windows")]
        .into_iter()
        .find(|(rust, _)| target.contains(rust));
    match (os, arch) {
        (Some((_, os)), Some((_, arch))) => Ok((os, arch)),
        _ => Err(Failure::unexpected(format!("no release is made for {target}"))),
    }
}

fn pack(built: &Path, dist: &Path, name: &str, packing: Packing) -> Result {
    let place: PathBuf = dist.join(name);
    files::copy(built, &place)?;
    if packing == Packing::Plain {
        return Ok(());
    }
    let zip = format!("{}.zip", name.trim_end_matches(".exe"));
    let mut command = Command::new("python3");
    step(
        "zip",
        command.args(["-m", "zipfile", "-c", &zip, name]).current_dir(dist),
    )?;
    std::fs::remove_file(&place).doing(|| format!("remove {}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names_that_packer_and_the_action_look_for() {
        let name = |packing, target| file_name("p", packing, "v1.2.3", target).unwrap();
        assert_eq!(
            name(Packing::PackerZip, "x86_64-unknown-linux-musl"),
            "p_v1.2.3_x5.0_linux_amd64"
        );
        assert_eq!(
            name(Packing::PackerZip, "x86_64-pc-windows-msvc"),
            "p_v1.2.3_x5.0_windows_amd64.exe"
        );
        assert_eq!(name(Packing::Plain, "aarch64-apple-darwin"), "p_v1.2.3_darwin_arm64");
        assert!(go_words("riscv64gc-unknown-linux-gnu").is_err());
    }
}
