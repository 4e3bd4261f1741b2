//! The forms that poll URLs have, one for each provider that starts operations.
//!
//! How each is written is in `url`.

/// Which of Azure's forms a poll URL has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Disks and snapshots: `DiskOperations`, signed, body with `properties.output`.
    Disk,
    /// VMs and images: `operations`, unsigned.
    Compute,
    /// Galleries, definitions, versions: `capsOperations`, signed.
    Gallery,
    /// The resource manager's own, e.g. deleting a group: `operationresults`.
    Resources,
    /// Networks: `operations` of their own provider, unsigned.
    Network,
    /// Template deployments: `operationStatuses` below the deployment itself.
    Deployment,
}

impl Form {
    /// What the operation is about, for people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Disk => "disk or snapshot",
            Self::Compute => "machine or image",
            Self::Gallery => "gallery",
            Self::Resources => "resource group",
            Self::Network => "network",
            Self::Deployment => "deployment",
        }
    }
}
