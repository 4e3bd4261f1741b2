//! The messages and stubs of our gRPC service, generated from `proto/azure_batch/imaging/v1`.
//!
//! Nothing is written by hand here but what the generator must not derive.

use std::fmt;

/// Version 1 of the service.
pub mod v1 {
    #![expect(
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::missing_errors_doc,
        clippy::must_use_candidate,
        clippy::too_many_lines,
        reason = "generated from proto/azure_batch/imaging/v1/imaging.proto"
    )]
    tonic::include_proto!("azure_batch.imaging.v1");
}

impl fmt::Debug for v1::Connection {
    /// Names the cloud only: the rest may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("metadata_host", &self.metadata_host)
            .finish_non_exhaustive()
    }
}

/// gRPC's model of errors with details.
pub mod rpc {
    tonic::include_proto!("google.rpc");
}

#[cfg(test)]
pub(crate) mod sample {
    //! A result to show in tests.

    use super::v1;

    pub(crate) const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu";

    pub(crate) fn published() -> v1::Published {
        let region = |name: &str, replicas| v1::PublishedRegion {
            name: name.to_owned(),
            replicas,
            state: "Completed".to_owned(),
        };
        v1::Published {
            image_version_id: format!("{DEFINITION}/versions/1.4.2"),
            image_version: "1.4.2".to_owned(),
            image_definition_id: DEFINITION.to_owned(),
            source: "virtual machine vm1".to_owned(),
            source_image_id: "/Subscriptions/s/Providers/Microsoft.Compute/Locations/eastus2/Publishers/p/…".to_owned(),
            fingerprint: "5b1f".to_owned(),
            os_type: "Linux".to_owned(),
            hyper_v_generation: "V2".to_owned(),
            architecture: "x64".to_owned(),
            security_type: "Standard".to_owned(),
            data_disk_luns: vec![0, 1],
            regions: vec![region("eastus2", 4), region("westeurope", 1)],
            kept: Vec::new(),
            steps: Vec::new(),
            run_id: "6f2a9d1c".to_owned(),
            outcome: v1::Outcome::Created.into(),
            base_image: Some("Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202601010".to_owned()),
            node_agent_sku_id: Some("batch.node.ubuntu 22.04".to_owned()),
            node_agent_end_of_life: Some(prost_types::Timestamp {
                seconds: 1_814_313_600,
                nanos: 0,
            }),
            base_image_end_of_life: None,
            remaining: Vec::new(),
            mount_script: Some("#!/bin/sh\nmount…\n".to_owned()),
            test_output: None,
        }
    }
}
