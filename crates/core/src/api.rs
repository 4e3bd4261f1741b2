//! Which api-version of the resource manager each kind of resource is asked with, by cloud: one table.
//!
//! The data plane of Batch and blobs have one version each in every cloud; they say it themselves.

/// A kind of resource with an api-version of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Galleries, image definitions, community galleries and versions that were deleted.
    Galleries,
    /// Image versions.
    ImageVersions,
    /// Disks and snapshots.
    Disks,
    /// Machines, managed images, marketplace images and what is used of quotas.
    Machines,
    /// Sizes of machines.
    Sizes,
    /// Batch accounts and what the resource manager does with their pools.
    BatchAccounts,
    /// Managed identities.
    Identities,
    /// Virtual networks.
    Networks,
    /// Storage accounts.
    StorageAccounts,
    /// Providers and their registration.
    Providers,
    /// What a caller may do.
    Permissions,
    /// Subscriptions and their regions.
    Subscriptions,
    /// This one, in every cloud.
    Exactly(&'static str),
}

/// Which api-versions a cloud has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apis {
    /// The newest: Microsoft's public cloud.
    Newest,
    /// Those that have been there for long: US Government, China, and every cloud that a metadata host describes under
    /// another name. They get the newest months later.
    Settled,
}

impl From<&'static str> for Api {
    fn from(version: &'static str) -> Self {
        Self::Exactly(version)
    }
}

impl Api {
    /// The api-version for a cloud that has those.
    ///
    /// The first of a row is the one that the newest SDK sends, so that what others wrote with it is read, and goes back.
    /// The second is the oldest one with all that we use. Where both are one, it is old enough for every cloud, or nothing
    /// was compared with an older one.
    #[must_use]
    pub const fn version(self, apis: Apis) -> &'static str {
        let (newest, settled) = match self {
            // azure-mgmt-compute 39.0.0. 2024-03-03 brought soft deletion and the list of what was deleted.
            Self::Galleries => ("2026-03-03", "2024-03-03"),
            // Not the newest: from 2026-03-03 on a version that is written without an end of life gets one in six months,
            // and Azure refuses to delete it before (az announces it for `sig image-version create` and `update`).
            // 2024-03-03 brought the block of a deletion before the end of life, more replica sets and keys for UEFI.
            Self::ImageVersions => ("2025-03-03", "2024-03-03"),
            // azure-mgmt-compute 39.0.0. 2023-10-02 brought `LastOwnershipUpdateTime`, a part of our fingerprint.
            Self::Disks => ("2026-03-02", "2023-10-02"),
            // azure-mgmt-compute 39.0.0. 2022-08-01 brought `diskControllerType` of machines.
            Self::Machines => ("2026-04-01", "2022-08-01"),
            // azure-mgmt-compute 39.0.0; there is no newer one.
            Self::Sizes => ("2021-07-01", "2021-07-01"),
            // azure-mgmt-batch 19.0.0. Bodies of pools were compared with this one alone.
            Self::BatchAccounts => ("2025-06-01", "2025-06-01"),
            // azure-mgmt-msi 7.0.0. All that we read of an identity is in 2018-11-30.
            Self::Identities => ("2023-01-31", "2018-11-30"),
            // azure-mgmt-network 30. All that we read of a subnet is older than 2022-07-01.
            Self::Networks => ("2024-10-01", "2022-07-01"),
            // What azure-mgmt-storage 23 sends; one that carries an account's endpoints is enough.
            Self::StorageAccounts => ("2023-01-01", "2023-01-01"),
            // azure-mgmt-resource 23.
            Self::Providers => ("2021-04-01", "2021-04-01"),
            // azure-mgmt-authorization 4.0.0.
            Self::Permissions => ("2022-04-01", "2022-04-01"),
            // azure-mgmt-resource-subscriptions 1.0.0.
            Self::Subscriptions => ("2022-12-01", "2022-12-01"),
            Self::Exactly(version) => (version, version),
        };
        match apis {
            Apis::Newest => newest,
            Apis::Settled => settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Api; 12] = [
        Api::Galleries,
        Api::ImageVersions,
        Api::Disks,
        Api::Machines,
        Api::Sizes,
        Api::BatchAccounts,
        Api::Identities,
        Api::Networks,
        Api::StorageAccounts,
        Api::Providers,
        Api::Permissions,
        Api::Subscriptions,
    ];

    #[test]
    fn a_cloud_that_follows_later_is_never_asked_with_a_newer_version_than_the_public_one() {
        for api in ALL {
            let [newest, settled] = [Apis::Newest, Apis::Settled].map(|apis| api.version(apis));
            assert!(settled <= newest, "{api:?}");
            for version in [newest, settled] {
                assert!(version.parse::<jiff::civil::Date>().is_ok(), "{api:?}: {version}");
            }
        }
    }

    #[test]
    fn no_image_version_gets_an_end_of_life_by_default() {
        for apis in [Apis::Newest, Apis::Settled] {
            assert!(Api::ImageVersions.version(apis) < "2026-03-03");
        }
    }
}
