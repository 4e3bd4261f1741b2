//! Generates the protobuf types of Packer's config spec and of our own service, without needing `protoc`.

use std::{
    error::Error,
    io::{Write as _, stdout},
};

const PROTO_DIR: &str = "../../proto";
const PROTO_FILES: [&str; 3] = [
    "../../proto/packer/hcl_spec.proto",
    "../../proto/azure_batch/imaging/v1/imaging.proto",
    "../../proto/google/rpc/status.proto",
];

/// What a user's configuration is read into.
const SETTINGS: [&str; 7] = [
    "Settings",
    "Source",
    "SourceDisk",
    "Destination",
    "TargetRegion",
    "UsedBy",
    "Definition",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(PROTO_FILES, [PROTO_DIR])?;
    let mut builder = tonic_prost_build::configure()
        // Ordered maps make the encoded spec the same in every run.
        .btree_map(".")
        // Holds secrets.
        .skip_debug([".azure_batch.imaging.v1.Settings"])
        // Many times larger than the other events, of which there are many.
        .boxed(".azure_batch.imaging.v1.PublishEvent.event.published");
    for message in SETTINGS {
        builder = builder.type_attribute(
            format!(".azure_batch.imaging.v1.{message}"),
            "#[derive(serde::Deserialize)] #[serde(default, deny_unknown_fields)]",
        );
    }
    builder.compile_fds(descriptors)?;
    for file in PROTO_FILES {
        writeln!(stdout(), "cargo::rerun-if-changed={file}")?;
    }
    Ok(())
}
