//! Generates the protobuf types of Packer's config spec, without needing `protoc`.

use std::error::Error;

const PROTO_DIR: &str = "../../proto/packer";
const PROTO_FILE: &str = "../../proto/packer/hcl_spec.proto";

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile([PROTO_FILE], [PROTO_DIR])?;
    tonic_prost_build::configure()
        // Ordered maps make the encoded spec the same in every run.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
