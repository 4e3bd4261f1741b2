//! What a pool is made of besides its size, agent and start task: network, identity, disks, mounts, security, containers,
//! users, packages.
//!
//! How Batch writes it is said in `rollout::spec`; reading it, in `read`.

mod read;

use std::{collections::BTreeMap, fmt, str::FromStr};

use secrecy::SecretString;

use super::{Lun, word::words_of};
use crate::ids::resource::{ManagedIdentityId, PublicAddressId, SubnetId};

pub(super) use read::read;

/// The managed identities of a pool, as the data plane shows them: a list of `resourceId`.
pub(crate) const IDENTITY: &str = "identity";

/// The tags of a pool as a resource, under the name that versions of the data plane before 2025-06-01 had.
pub(crate) const TAGS: &str = "resourceTags";

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct PoolParts {
    /// The managed identities of the pool. Only the resource manager can set them.
    pub identities: Vec<ManagedIdentityId>,
    /// Tags of the pool as a resource. Only the resource manager can set them.
    pub tags: BTreeMap<String, String>,
    /// How the nodes are reached.
    pub network: Network,
    /// The OS disk.
    pub os_disk: OsDisk,
    /// Empty data disks beside those of the image.
    pub data_disks: Vec<DataDisk>,
    /// What the nodes mount.
    pub mounts: Vec<Mount>,
    /// How the nodes boot.
    pub security: Security,
    /// The licence of Windows nodes.
    pub license: Option<License>,
    /// Disks that Batch encrypts.
    pub encrypted_disks: Vec<EncryptedDisk>,
    /// Container images that every node pulls.
    pub images: Vec<String>,
    /// Where container images come from.
    pub registries: Vec<Registry>,
    /// Users that every node gets.
    pub users: Vec<User>,
    /// Application packages that every node gets.
    pub packages: Vec<Package>,
}

/// How the nodes are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The subnet that they are in.
    pub subnet: Option<SubnetId>,
    /// Their public addresses; Batch's own way when absent.
    pub public: Option<PublicAddresses>,
    /// Whether networking is accelerated; Batch's own way when absent.
    pub accelerated: Option<bool>,
    /// Ports that are reached from outside.
    pub ports: Vec<Port>,
}

/// Public addresses of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicAddresses {
    /// Batch makes them.
    Batch,
    /// There are none.
    None,
    /// These.
    Own(Vec<PublicAddressId>),
}

/// A port of the nodes that is reached from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The port on the node.
    pub backend: u32,
    /// The first and the last port outside, of which each node gets one.
    pub frontend: (u32, u32),
}

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// The OS disk; what is absent is Batch's own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OsDisk {
    /// How it is cached.
    pub caching: Option<Caching>,
    /// Its size in GB.
    pub size_gb: Option<u32>,
    /// What it is stored on.
    pub storage: Option<DiskStorage>,
    /// Whether it is on the host's own disk.
    pub place: DiskPlace,
}

/// Where an OS disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskPlace {
    /// In storage.
    #[default]
    Remote,
    /// On the host's own disk.
    Ephemeral,
}

/// An empty data disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataDisk {
    /// Its LUN.
    pub lun: Lun,
    /// Its size in GB.
    pub size_gb: u32,
    /// How it is cached; Batch's own way when absent.
    pub caching: Option<Caching>,
    /// What it is stored on; Batch's own way when absent.
    pub storage: Option<DiskStorage>,
}

/// How a disk is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Not at all.
    None,
    /// For reads.
    ReadOnly,
    /// For reads and writes.
    ReadWrite,
}

/// What a disk is stored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskStorage {
    /// Hard disks.
    StandardLrs,
    /// Slower solid state disks.
    StandardSsdLrs,
    /// Solid state disks.
    PremiumLrs,
}

/// A file system that the nodes mount.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The folder below the nodes' folder for mounts.
    pub path: String,
    /// What is mounted.
    pub source: MountSource,
    /// Further options of the mount command.
    pub options: Option<String>,
}

/// What is mounted.
#[derive(Clone, Debug)]
pub enum MountSource {
    /// A container of blobs.
    Blob {
        /// The storage account's name.
        account: String,
        /// The container's name.
        container: String,
        /// As whom.
        sign_in: BlobSignIn,
    },
    /// A share of Azure Files.
    Files {
        /// The storage account's name.
        account: String,
        /// The share's address.
        address: String,
        /// The account's key.
        key: SecretString,
    },
    /// NFS.
    Nfs {
        /// Server and folder.
        source: String,
    },
    /// CIFS.
    Cifs {
        /// Server and share.
        source: String,
        /// The user.
        user: String,
        /// The user's password.
        password: SecretString,
    },
}

/// As whom a container is mounted.
#[derive(Clone, Debug)]
pub enum BlobSignIn {
    /// With the account's key.
    Key(SecretString),
    /// With a SAS.
    Sas(SecretString),
    /// As an identity of the pool.
    Identity(ManagedIdentityId),
}

/// How the nodes boot, and what is encrypted on the host; what is absent is Batch's own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// What guards the boot.
    pub kind: Option<SecurityType>,
    /// Whether only signed software boots.
    pub secure_boot: Option<bool>,
    /// Whether there is a virtual TPM.
    pub vtpm: Option<bool>,
    /// Whether temporary disk and caches are encrypted on the host.
    pub encryption_at_host: Option<bool>,
}

/// What guards the boot of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityType {
    /// Trusted Launch.
    TrustedLaunch,
    /// Confidential machines.
    ConfidentialVm,
}

/// The licence of Windows nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum License {
    /// Of a server.
    WindowsServer,
    /// Of a client.
    WindowsClient,
}

/// A disk that Batch encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedDisk {
    /// The OS disk.
    Os,
    /// The temporary disk.
    Temporary,
}

/// A container registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its address; Docker Hub when absent.
    pub server: Option<String>,
    /// As whom images are pulled.
    pub sign_in: RegistrySignIn,
}

/// As whom images are pulled.
#[derive(Clone, Debug)]
pub enum RegistrySignIn {
    /// As an identity of the pool.
    Identity(ManagedIdentityId),
    /// As a user.
    User {
        /// The user.
        name: String,
        /// The user's password.
        password: SecretString,
    },
}

/// A user of the nodes.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: SecretString,
    /// With which rights.
    pub elevation: Elevation,
}

/// The rights of a start task or of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elevation {
    /// A pool-scoped user without rights.
    #[default]
    NonAdmin,
    /// A pool-scoped administrator.
    Admin,
}

/// An application package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The application.
    pub application: String,
    /// Its version; the account's default version when absent.
    pub version: Option<String>,
}

/// Why a text is not an application package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an application package; write name, or name#version")]
pub struct InvalidPackage(String);

impl PoolParts {
    /// Whether only the resource manager can make such a pool.
    #[must_use]
    pub fn need_resource_manager(&self) -> bool {
        !self.identities.is_empty() || !self.tags.is_empty()
    }
}

impl Security {
    /// Whether anything is said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        *self != Self::default()
    }
}

impl FromStr for Package {
    type Err = InvalidPackage;

    fn from_str(text: &str) -> Result<Self, InvalidPackage> {
        let (application, version) = match text.split_once('#') {
            Some((application, version)) => (application, Some(version)),
            None => (text, None),
        };
        let is_name = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        if !is_name(application) || version.is_some_and(|version| !is_name(version)) {
            return Err(InvalidPackage(text.to_owned()));
        }
        Ok(Self {
            application: application.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}#{version}", self.application),
            None => f.write_str(&self.application),
        }
    }
}

words_of!(Protocol, "tcp or udp": "tcp" => Tcp, "udp" => Udp);
words_of!(Caching, "none, readonly or readwrite": "none" => None, "readonly" => ReadOnly, "readwrite" => ReadWrite);
words_of!(DiskStorage, "standard_lrs, standardssd_lrs or premium_lrs":
    "standard_lrs" => StandardLrs, "standardssd_lrs" => StandardSsdLrs, "premium_lrs" => PremiumLrs);
words_of!(SecurityType, "trustedlaunch or confidentialvm":
    "trustedlaunch" => TrustedLaunch, "confidentialvm" => ConfidentialVm);
words_of!(License, "Windows_Server or Windows_Client": "windows_server" => WindowsServer, "windows_client" => WindowsClient);
words_of!(EncryptedDisk, "osdisk or temporarydisk": "osdisk" => Os, "temporarydisk" => Temporary);
