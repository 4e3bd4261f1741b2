//! Generates the protobuf types of Packer's config spec and of our own service, without needing `protoc`; lets the
//! linker fold equal functions in release builds.

use std::{
    env::var_os,
    error::Error,
    io::{Write as _, stdout},
    path::PathBuf,
    process::Command,
};

/// The target whose Rust toolchain links with its own lld, which knows how to fold equal functions (40 kB of them).
const LLD_TARGET: &str = "x86_64-unknown-linux-gnu";

const PROTO_DIR: &str = "../../proto";
const PROTO_FILES: [&str; 3] = [
    "../../proto/packer/hcl_spec.proto",
    "../../proto/azure_batch/imaging/v1/imaging.proto",
    "../../proto/google/rpc/status.proto",
];

/// What a user's configuration is read into.
const SETTINGS: [&str; 11] = [
    "Connection",
    "Image",
    "Source",
    "SourceDisk",
    "SourceVhd",
    "Destination",
    "TargetRegion",
    "DataDiskEncryption",
    "UsedBy",
    "Definition",
    "Test",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(PROTO_FILES, [PROTO_DIR])?;
    let mut builder = tonic_prost_build::configure()
        // Ordered maps make the encoded spec the same in every run.
        .btree_map(".")
        // Holds secrets.
        .skip_debug([".azure_batch.imaging.v1.Connection"])
        // Many times larger than the other events, of which there are many.
        .boxed(".azure_batch.imaging.v1.Event.kind.published");
    for message in SETTINGS {
        builder = builder.type_attribute(
            format!(".azure_batch.imaging.v1.{message}"),
            "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default, deny_unknown_fields)]",
        );
    }
    builder.compile_fds(descriptors)?;
    for file in PROTO_FILES {
        writeln!(stdout(), "cargo::rerun-if-changed={file}")?;
    }
    if var_os("PROFILE").is_some_and(|profile| profile == "release") && links_with_lld()? {
        writeln!(stdout(), "cargo::rustc-link-arg-bins=-Wl,--icf=all")?;
    }
    Ok(())
}

/// Whether the toolchain brings lld: a distribution's own may not, and its linker would refuse the option.
fn links_with_lld() -> Result<bool, Box<dyn Error>> {
    if var_os("TARGET").is_none_or(|target| target != LLD_TARGET) {
        return Ok(false);
    }
    let rustc = var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output()?.stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot)?.trim());
    let linker = sysroot.join("lib/rustlib").join(LLD_TARGET).join("bin/gcc-ld/ld.lld");
    Ok(linker.exists())
}
