//! The names of a release's files, as Packer and `install.sh` look for them. Pure.

use azure_batch_e2e::failure::{Failure, Result};

/// The programs of a release and how each is packed.
pub(super) const PROGRAMS: [(&str, Packing); 3] = [
    ("packer-plugin-azure-batch", Packing::PackerZip),
    ("azure-batch-pool", Packing::TarGz),
    ("azure-emulator", Packing::TarGz),
];

/// The plugin API of Packer that the plugin speaks; part of the file's name and of what `describe` answers.
const PLUGIN_API: &str = "x5.0";

/// How a program is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// A zip, as Packer demands.
    PackerZip,
    /// What the `tar` of every system unpacks.
    TarGz,
}

impl Packing {
    /// The end of the archive's name.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::PackerZip => ".zip",
            Self::TarGz => ".tar.gz",
        }
    }
}

/// The name of an archive without its ending.
///
/// # Errors
/// When no release is made for that target.
pub(super) fn file_name(program: &str, packing: Packing, tag: &str, target: &str) -> Result<String> {
    let (os, arch) = go_words(target)?;
    Ok(match packing {
        Packing::PackerZip => format!("{program}_{tag}_{PLUGIN_API}_{os}_{arch}"),
        Packing::TarGz => format!("{program}_{tag}_{os}_{arch}"),
    })
}

/// The file that cargo makes of a program.
pub(super) fn program_name(program: &str, target: &str) -> String {
    format!("{program}{}", suffix(target))
}

/// What ends the name of a program on the target.
pub(super) fn suffix(target: &str) -> &'static str {
    if target.contains("windows") { ".exe" } else { "" }
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
            name(Packing::PackerZip, "aarch64-pc-windows-msvc"),
            "p_v1.2.3_x5.0_windows_arm64"
        );
        assert_eq!(name(Packing::TarGz, "aarch64-apple-darwin"), "p_v1.2.3_darwin_arm64");
        assert_eq!(program_name("p", "x86_64-pc-windows-msvc"), "p.exe");
        assert!(go_words("riscv64gc-unknown-linux-gnu").is_err());
    }
}
