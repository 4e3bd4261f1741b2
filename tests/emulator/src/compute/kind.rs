//! The kinds of resource of the compute provider.
//!
//! What each knows and does is in a file of its own.

/// The kinds of resource here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    VirtualMachine,
    ScaleSet,
    Disk,
    DiskEncryptionSet,
    Snapshot,
    Image,
    Gallery,
    Definition,
    Version,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::VirtualMachine,
        Self::ScaleSet,
        Self::Disk,
        Self::DiskEncryptionSet,
        Self::Snapshot,
        Self::Image,
        Self::Gallery,
        Self::Definition,
        Self::Version,
    ];

    /// The kind of a lower-case type path such as `galleries/images`.
    pub(super) fn parse(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.path().eq_ignore_ascii_case(kind))
    }

    /// The type path in Azure's casing.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::VirtualMachine => "virtualMachines",
            Self::ScaleSet => "virtualMachineScaleSets",
            Self::Disk => "disks",
            Self::DiskEncryptionSet => "diskEncryptionSets",
            Self::Snapshot => "snapshots",
            Self::Image => "images",
            Self::Gallery => "galleries",
            Self::Definition => "galleries/images",
            Self::Version => "galleries/images/versions",
        }
    }

    /// The resource type, e.g. `Microsoft.Compute/disks`.
    pub(crate) fn type_name(self) -> String {
        format!("Microsoft.Compute/{}", self.path())
    }
}
