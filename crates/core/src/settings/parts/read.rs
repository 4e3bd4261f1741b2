//! Reads what a pool is made of, with all faults at once.
//!
//! Whether a pool JSON says the same is looked at in `rollout::spec`.

use std::collections::BTreeSet;

use super::{
    BlobSignIn, DataDisk, DiskPlace, Mount, MountSource, Network, OsDisk, Package, PoolParts, Port, PublicAddresses,
    Registry, RegistrySignIn, Security, User,
};
use crate::{
    ids::resource::ManagedIdentityId,
    options::{
        Opt,
        parts::{
            ACCELERATED_NETWORKING, APPLICATION_PACKAGES, CONTAINER_IMAGES, CONTAINER_REGISTRIES, DATA_DISK_CACHING,
            DATA_DISK_LUN, DATA_DISK_SIZE_GB, DATA_DISK_STORAGE, DATA_DISKS, ENCRYPTED_DISKS, INBOUND_PORTS,
            LICENSE_TYPE, MOUNT_ACCOUNT, MOUNT_IDENTITY, MOUNT_KEY, MOUNT_KIND, MOUNT_OPTIONS, MOUNT_PASSWORD,
            MOUNT_PATH, MOUNT_SAS, MOUNT_SOURCE, MOUNT_USER, MOUNTS, OS_DISK, OS_DISK_CACHING, OS_DISK_EPHEMERAL,
            OS_DISK_SIZE_GB, OS_DISK_STORAGE, POOL_IDENTITY, POOL_TAGS, PORT_FIRST, PORT_LAST, PORT_NAME, PORT_NUMBER,
            PORT_PROTOCOL, PUBLIC_IPS, REGISTRY_IDENTITY, REGISTRY_PASSWORD, REGISTRY_SERVER, REGISTRY_USER, SECURITY,
            SECURITY_ENCRYPTION_AT_HOST, SECURITY_SECURE_BOOT, SECURITY_TYPE, SECURITY_VTPM, SUBNET_ID, USER_ACCOUNTS,
            USER_ELEVATED, USER_NAME, USER_PASSWORD,
        },
        pool::{ACCOUNT, ACCOUNT_ENDPOINT},
    },
    settings::{Elevation, Lun, reader::Reader},
    words,
};

/// Batch takes so many application packages and mounts of a pool.
const MOST_PACKAGES: usize = 10;
/// Batch takes so many inbound ports of a pool.
const MOST_PORTS: usize = 5;
/// A range of ports outside is at least so large; Batch's own rule.
const LEAST_PORTS: u32 = 40;
/// Batch takes names of users up to this length.
const LONGEST_USER: usize = 20;

/// Reads all of it.
pub(in crate::settings) fn read(reader: &mut Reader<'_, '_>) -> PoolParts {
    let parts = PoolParts {
        identities: listed(reader, POOL_IDENTITY),
        tags: reader.map(POOL_TAGS),
        network: network(reader),
        os_disk: reader
            .block(OS_DISK)
            .map(|mut disk| os_disk(&mut disk))
            .unwrap_or_default(),
        data_disks: data_disks(reader),
        mounts: mounts(reader),
        security: reader
            .block(SECURITY)
            .map(|mut block| security(&mut block))
            .unwrap_or_default(),
        license: word(reader, LICENSE_TYPE),
        encrypted_disks: words(reader, ENCRYPTED_DISKS),
        images: reader.listed(CONTAINER_IMAGES).into_iter().map(str::to_owned).collect(),
        registries: reader.blocks(CONTAINER_REGISTRIES, |registry, _| self::registry(registry)),
        users: users(reader),
        packages: packages(reader),
    };
    refuse_without_resource_manager(reader);
    refuse_foreign_identities(reader, &parts);
    parts
}

/// What only the resource manager sets needs the account's place there.
fn refuse_without_resource_manager(reader: &mut Reader<'_, '_>) {
    for opt in [POOL_IDENTITY, POOL_TAGS] {
        if reader.has(opt) && reader.has(ACCOUNT_ENDPOINT) && !reader.has(ACCOUNT) {
            let text = words![
                "is set through the resource manager, which does not know the account by ",
                ACCOUNT_ENDPOINT,
                ": give its resource id in ",
                ACCOUNT
            ];
            reader.refuse(opt, text);
        }
    }
}

/// An identity that a mount or a registry uses is one of the pool's.
fn refuse_foreign_identities(reader: &mut Reader<'_, '_>, parts: &PoolParts) {
    let mounts = parts.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Blob {
            sign_in: BlobSignIn::Identity(id),
            ..
        } => Some((MOUNT_IDENTITY, id)),
        _ => None,
    });
    let registries = parts.registries.iter().filter_map(|registry| match &registry.sign_in {
        RegistrySignIn::Identity(id) => Some((REGISTRY_IDENTITY, id)),
        RegistrySignIn::User { .. } => None,
    });
    let foreign: Vec<(&'static Opt, ManagedIdentityId)> = mounts
        .chain(registries)
        .filter(|(_, id)| !parts.identities.contains(id))
        .map(|(opt, id)| (opt, id.clone()))
        .collect();
    for (opt, id) in foreign {
        let text = words![
            format!("{id} is not an identity of the pool: add it to "),
            POOL_IDENTITY
        ];
        reader.refuse(opt, text);
    }
}

/// The items of a list, each as a type.
fn listed<T: std::str::FromStr<Err: std::fmt::Display>>(reader: &mut Reader<'_, '_>, opt: &'static Opt) -> Vec<T> {
    let items = reader.listed(opt);
    let parsed = items.into_iter().filter_map(|text| reader.checked(opt, text.parse()));
    parsed.collect()
}

/// Azure's own words in any letter case.
fn word<T: std::str::FromStr<Err: std::fmt::Display>>(reader: &mut Reader<'_, '_>, opt: &'static Opt) -> Option<T> {
    let text = reader.text(opt)?;
    reader.checked(opt, text.to_ascii_lowercase().parse())
}

fn words<T: std::str::FromStr<Err: std::fmt::Display>>(reader: &mut Reader<'_, '_>, opt: &'static Opt) -> Vec<T> {
    let items = reader.listed(opt);
    let parsed = items
        .into_iter()
        .filter_map(|text| reader.checked(opt, text.to_ascii_lowercase().parse()));
    parsed.collect()
}

fn network(reader: &mut Reader<'_, '_>) -> Network {
    let subnet = reader.parsed(SUBNET_ID);
    let public = public(reader);
    if public == Some(PublicAddresses::None) && !reader.has(SUBNET_ID) {
        let text = words!["is none, and such nodes need a subnet of yours: give it in ", SUBNET_ID];
        reader.refuse(PUBLIC_IPS, text);
    }
    let ports = reader.blocks(INBOUND_PORTS, |port, _| self::port(port));
    if ports.len() > MOST_PORTS {
        let text = format!("{} ports are too many; Batch takes {MOST_PORTS}", ports.len());
        reader.refuse(INBOUND_PORTS, text);
    }
    Network {
        subnet,
        public,
        accelerated: reader.switch(ACCELERATED_NETWORKING),
        ports,
    }
}

fn public(reader: &mut Reader<'_, '_>) -> Option<PublicAddresses> {
    let items = reader.listed(PUBLIC_IPS);
    match items.as_slice() {
        [] => None,
        [word] if word.eq_ignore_ascii_case("none") => Some(PublicAddresses::None),
        [word] if word.eq_ignore_ascii_case("batch") => Some(PublicAddresses::Batch),
        [word] if !word.starts_with('/') => {
            let text = format!("{word:?} is not known; write batch, none, or resource ids of public addresses");
            reader.refuse(PUBLIC_IPS, text);
            None
        }
        _ => Some(PublicAddresses::Own(listed(reader, PUBLIC_IPS))),
    }
}

fn port(reader: &mut Reader<'_, '_>) -> Option<Port> {
    let name = reader.required(PORT_NAME, "give the port a name")?.to_owned();
    let protocol = word(reader, PORT_PROTOCOL).unwrap_or_default();
    let (backend, first, last) = (
        port_number(reader, PORT_NUMBER, 65_535)?,
        port_number(reader, PORT_FIRST, 65_534)?,
        port_number(reader, PORT_LAST, 65_534)?,
    );
    if last < first || last - first + 1 < LEAST_PORTS {
        let text = format!("{first} to {last} are too few ports outside; Batch wants {LEAST_PORTS} or more");
        reader.refuse(PORT_LAST, text);
    }
    Some(Port {
        name,
        protocol,
        backend,
        frontend: (first, last),
    })
}

fn port_number(reader: &mut Reader<'_, '_>, opt: &'static Opt, most: u32) -> Option<u32> {
    if !reader.has(opt) {
        reader.refuse(opt, "is missing: give a port");
        return None;
    }
    let number = reader.number(opt)?;
    if !(1..=most).contains(&number) {
        reader.refuse(opt, format!("{number} is out of range; write 1 to {most}"));
        return None;
    }
    Some(number)
}

fn os_disk(reader: &mut Reader<'_, '_>) -> OsDisk {
    OsDisk {
        caching: word(reader, OS_DISK_CACHING),
        size_gb: size(reader, OS_DISK_SIZE_GB),
        storage: word(reader, OS_DISK_STORAGE),
        place: if reader.is_on(OS_DISK_EPHEMERAL) {
            DiskPlace::Ephemeral
        } else {
            DiskPlace::Remote
        },
    }
}

fn size(reader: &mut Reader<'_, '_>, opt: &'static Opt) -> Option<u32> {
    let size = reader.number(opt)?;
    if size == 0 {
        reader.refuse(opt, "0 is not a size; write a number of GB");
        return None;
    }
    Some(size)
}

fn data_disks(reader: &mut Reader<'_, '_>) -> Vec<DataDisk> {
    let mut taken = BTreeSet::new();
    reader.blocks(DATA_DISKS, |disk, _| {
        let lun = required_number(disk, DATA_DISK_LUN, "is missing: give the LUN, 0 to 63")
            .and_then(|number| disk.checked(DATA_DISK_LUN, Lun::try_from(number)));
        if let Some(lun) = lun.filter(|lun| !taken.insert(*lun)) {
            let text = format!(
                "{} is the LUN of another disk too: give each disk its own",
                lun.number()
            );
            disk.refuse(DATA_DISK_LUN, text);
        }
        if !disk.has(DATA_DISK_SIZE_GB) {
            disk.refuse(DATA_DISK_SIZE_GB, "is missing: give the size in GB");
        }
        Some(DataDisk {
            size_gb: size(disk, DATA_DISK_SIZE_GB)?,
            caching: word(disk, DATA_DISK_CACHING),
            storage: word(disk, DATA_DISK_STORAGE),
            lun: lun?,
        })
    })
}

fn required_number(reader: &mut Reader<'_, '_>, opt: &'static Opt, remedy: &'static str) -> Option<u32> {
    if !reader.has(opt) {
        reader.refuse(opt, remedy);
    }
    reader.number(opt)
}

fn mounts(reader: &mut Reader<'_, '_>) -> Vec<Mount> {
    let mounts = reader.blocks(MOUNTS, |mount, _| {
        let path = mount.required(MOUNT_PATH, "give the folder below AZ_BATCH_NODE_MOUNTS_DIR");
        let kind = mount.required(MOUNT_KIND, "write blob, files, nfs or cifs");
        let from = mount.required(MOUNT_SOURCE, "give the container, the share, or the server and folder");
        let source = match kind?.to_ascii_lowercase().as_str() {
            "blob" => blob(mount, from?),
            "files" => files(mount, from?),
            "nfs" => nfs(mount, from?),
            "cifs" => cifs(mount, from?),
            _ => {
                let text = format!("{:?} is not known; write blob, files, nfs or cifs", kind?);
                mount.refuse(MOUNT_KIND, text);
                None
            }
        };
        Some(Mount {
            path: path?.to_owned(),
            source: source?,
            options: mount.text(MOUNT_OPTIONS).map(str::to_owned),
        })
    });
    if mounts.len() > MOST_PACKAGES {
        let text = format!("{} mounts are too many; Batch takes {MOST_PACKAGES}", mounts.len());
        reader.refuse(MOUNTS, text);
    }
    mounts
}

fn blob(reader: &mut Reader<'_, '_>, container: &str) -> Option<MountSource> {
    let account = reader.required(MOUNT_ACCOUNT, "give the name of the storage account");
    refuse_others(reader, &[MOUNT_USER, MOUNT_PASSWORD], "blob");
    let ways = [MOUNT_KEY, MOUNT_SAS, MOUNT_IDENTITY];
    let given = ways.iter().filter(|opt| reader.has(opt)).count();
    if given != 1 {
        let text = words![
            format!(
                "{} are given; give one of ",
                if given == 0 { "none" } else { "several" }
            ),
            MOUNT_KEY,
            ", ",
            MOUNT_SAS,
            " and ",
            MOUNT_IDENTITY
        ];
        reader.refuse(MOUNT_SOURCE, text.after("to sign in there, "));
        return None;
    }
    let sign_in = if let Some(key) = reader.secret(MOUNT_KEY) {
        BlobSignIn::Key(key)
    } else if let Some(sas) = reader.secret(MOUNT_SAS) {
        BlobSignIn::Sas(sas)
    } else {
        BlobSignIn::Identity(reader.parsed(MOUNT_IDENTITY)?)
    };
    Some(MountSource::Blob {
        account: account?.to_owned(),
        container: container.to_owned(),
        sign_in,
    })
}

fn files(reader: &mut Reader<'_, '_>, address: &str) -> Option<MountSource> {
    let account = reader.required(MOUNT_ACCOUNT, "give the name of the storage account");
    refuse_others(
        reader,
        &[MOUNT_SAS, MOUNT_IDENTITY, MOUNT_USER, MOUNT_PASSWORD],
        "files",
    );
    let key = secret(reader, MOUNT_KEY, "is missing: give the key of the storage account");
    Some(MountSource::Files {
        account: account?.to_owned(),
        address: address.to_owned(),
        key: key?,
    })
}

fn nfs(reader: &mut Reader<'_, '_>, source: &str) -> Option<MountSource> {
    let others = [
        MOUNT_ACCOUNT,
        MOUNT_KEY,
        MOUNT_SAS,
        MOUNT_IDENTITY,
        MOUNT_USER,
        MOUNT_PASSWORD,
    ];
    refuse_others(reader, &others, "nfs");
    Some(MountSource::Nfs {
        source: source.to_owned(),
    })
}

fn cifs(reader: &mut Reader<'_, '_>, source: &str) -> Option<MountSource> {
    refuse_others(reader, &[MOUNT_ACCOUNT, MOUNT_KEY, MOUNT_SAS, MOUNT_IDENTITY], "cifs");
    let user = reader.required(MOUNT_USER, "give the user of the share");
    let password = secret(reader, MOUNT_PASSWORD, "is missing: give the password of the user");
    Some(MountSource::Cifs {
        source: source.to_owned(),
        user: user?.to_owned(),
        password: password?,
    })
}

fn refuse_others(reader: &mut Reader<'_, '_>, others: &[&'static Opt], kind: &str) {
    for opt in others {
        if reader.has(opt) {
            reader.refuse(opt, format!("means nothing for a mount of kind {kind}: leave it out"));
        }
    }
}

fn secret(reader: &mut Reader<'_, '_>, opt: &'static Opt, missing: &'static str) -> Option<secrecy::SecretString> {
    let secret = reader.secret(opt);
    if secret.is_none() {
        reader.refuse(opt, missing);
    }
    secret
}

fn security(reader: &mut Reader<'_, '_>) -> Security {
    let security = Security {
        kind: word(reader, SECURITY_TYPE),
        secure_boot: reader.switch(SECURITY_SECURE_BOOT),
        vtpm: reader.switch(SECURITY_VTPM),
        encryption_at_host: reader.switch(SECURITY_ENCRYPTION_AT_HOST),
    };
    for opt in [SECURITY_SECURE_BOOT, SECURITY_VTPM] {
        if reader.has(opt) && !reader.has(SECURITY_TYPE) {
            let text = words!["means nothing without ", SECURITY_TYPE, ": give that too"];
            reader.refuse(opt, text);
        }
    }
    security
}

fn registry(reader: &mut Reader<'_, '_>) -> Option<Registry> {
    let server = reader.text(REGISTRY_SERVER).map(str::to_owned);
    let sign_in = match (reader.has(REGISTRY_IDENTITY), reader.has(REGISTRY_USER)) {
        (true, false) => RegistrySignIn::Identity(reader.parsed(REGISTRY_IDENTITY)?),
        (false, true) => RegistrySignIn::User {
            name: reader.text(REGISTRY_USER)?.to_owned(),
            password: secret(reader, REGISTRY_PASSWORD, "is missing: give the password of the user")?,
        },
        (true, true) => {
            reader.refuse_both(REGISTRY_USER, REGISTRY_IDENTITY);
            return None;
        }
        (false, false) => {
            let text = words![
                "is missing: give the managed identity that signs in, or the user in ",
                REGISTRY_USER
            ];
            reader.refuse(REGISTRY_IDENTITY, text);
            return None;
        }
    };
    Some(Registry { server, sign_in })
}

fn users(reader: &mut Reader<'_, '_>) -> Vec<User> {
    reader.blocks(USER_ACCOUNTS, |user, _| {
        let name = user.required(USER_NAME, "give the user's name");
        let password = secret(user, USER_PASSWORD, "is missing: give the user's password");
        if let Some(name) = name.filter(|name| name.chars().count() > LONGEST_USER) {
            let text = format!("{name:?} is too long; Batch takes {LONGEST_USER} letters");
            user.refuse(USER_NAME, text);
        }
        Some(User {
            elevation: if user.is_on(USER_ELEVATED) {
                Elevation::Admin
            } else {
                Elevation::NonAdmin
            },
            name: name?.to_owned(),
            password: password?,
        })
    })
}

fn packages(reader: &mut Reader<'_, '_>) -> Vec<Package> {
    let packages: Vec<Package> = listed(reader, APPLICATION_PACKAGES);
    if packages.len() > MOST_PACKAGES {
        let text = format!("{} packages are too many; Batch takes {MOST_PACKAGES}", packages.len());
        reader.refuse(APPLICATION_PACKAGES, text);
    }
    packages
}
