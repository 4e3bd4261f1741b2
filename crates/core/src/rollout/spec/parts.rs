//! The typed parts of a pool in Batch's form, put into the pool JSON where that says nothing.
//!
//! Pure. Names and words are those of the data plane's models of 2025-06-01. Identity and tags stand under the names
//! that Batch shows them by, until the request is made.

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{security::word, set};
use crate::{
    json as read_json,
    options::{
        Opt,
        parts::{
            ACCELERATED_NETWORKING, APPLICATION_PACKAGES, CONTAINER_IMAGES, CONTAINER_REGISTRIES, DATA_DISKS,
            ENCRYPTED_DISKS, INBOUND_PORTS, LICENSE_TYPE, MOUNTS, OS_DISK, POOL_IDENTITY, POOL_TAGS, PUBLIC_IPS,
            SECURITY, SUBNET_ID, USER_ACCOUNTS,
        },
    },
    settings::{
        Elevation,
        fault::Fault,
        parts::{
            BlobSignIn, Caching, DataDisk, DiskPlace, DiskStorage, EncryptedDisk, IDENTITY, License, Mount,
            MountSource, Network, OsDisk, PoolParts, Port, Protocol, PublicAddresses, Registry, RegistrySignIn,
            Security, TAGS, User,
        },
        shape,
    },
    words,
};

/// What is said: where it stands, the option, and the value.
type Said = (&'static str, &'static Opt, Option<Value>);

/// Puts every part in. One that the JSON has too is a fault that names both.
pub(super) fn merge(root: &mut Value, parts: &PoolParts, faults: &mut Vec<Fault>) {
    for (pointer, option, value) in rendered(parts) {
        let given = read_json::at(root, pointer);
        if given.is_null() {
            set(root, pointer, value);
            continue;
        }
        let path = pointer.trim_start_matches('/').replace('/', ".");
        faults.push(shape::fault(
            path,
            words!["is given, and so is ", option, "; use one of the two"],
        ));
    }
    if !parts.images.is_empty() || !parts.registries.is_empty() {
        let pointer = "/virtualMachineConfiguration/containerConfiguration/type";
        if read_json::at(root, pointer).is_null() {
            set(root, pointer, json!("dockerCompatible"));
        }
    }
}

fn rendered(parts: &PoolParts) -> impl Iterator<Item = (&'static str, &'static Opt, Value)> {
    let all = of_resource(parts)
        .into_iter()
        .chain(of_network(&parts.network))
        .chain(of_machine(parts))
        .chain(of_containers(parts))
        .chain(of_work(parts));
    all.filter_map(|(pointer, option, value)| Some((pointer, option, value?)))
}

fn of_resource(parts: &PoolParts) -> [Said; 2] {
    let identities = parts.identities.iter().map(|id| json!({"resourceId": id}));
    let tags = (!parts.tags.is_empty()).then(|| json!(parts.tags));
    debug_assert_eq!((IDENTITY, TAGS), ("identity", "resourceTags"), "names of both files");
    [
        ("/identity", POOL_IDENTITY, list(identities).map(assigned)),
        ("/resourceTags", POOL_TAGS, tags),
    ]
}

fn of_network(network: &Network) -> [Said; 4] {
    let subnet = network.subnet.as_ref().map(|id| json!(id));
    let (public, accelerated) = (
        network.public.as_ref().map(public),
        network.accelerated.map(Value::Bool),
    );
    [
        ("/networkConfiguration/subnetId", SUBNET_ID, subnet),
        ("/networkConfiguration/publicIPAddressConfiguration", PUBLIC_IPS, public),
        (
            "/networkConfiguration/enableAcceleratedNetworking",
            ACCELERATED_NETWORKING,
            accelerated,
        ),
        (
            "/networkConfiguration/endpointConfiguration/inboundNATPools",
            INBOUND_PORTS,
            list(network.ports.iter().map(port)),
        ),
    ]
}

fn of_machine(parts: &PoolParts) -> [Said; 5] {
    [
        (
            "/virtualMachineConfiguration/osDisk",
            OS_DISK,
            object(os_disk(parts.os_disk)),
        ),
        (
            "/virtualMachineConfiguration/dataDisks",
            DATA_DISKS,
            list(parts.data_disks.iter().map(data_disk)),
        ),
        (
            "/virtualMachineConfiguration/securityProfile",
            SECURITY,
            object(security(parts.security)),
        ),
        (
            "/virtualMachineConfiguration/licenseType",
            LICENSE_TYPE,
            parts.license.map(license),
        ),
        (
            "/virtualMachineConfiguration/diskEncryptionConfiguration/targets",
            ENCRYPTED_DISKS,
            list(parts.encrypted_disks.iter().map(encrypted)),
        ),
    ]
}

fn of_containers(parts: &PoolParts) -> [Said; 2] {
    let images = parts.images.iter().map(|image| json!(image));
    [
        (
            "/virtualMachineConfiguration/containerConfiguration/containerImageNames",
            CONTAINER_IMAGES,
            list(images),
        ),
        (
            "/virtualMachineConfiguration/containerConfiguration/containerRegistries",
            CONTAINER_REGISTRIES,
            list(parts.registries.iter().map(registry)),
        ),
    ]
}

fn of_work(parts: &PoolParts) -> [Said; 3] {
    [
        ("/mountConfiguration", MOUNTS, list(parts.mounts.iter().map(mount))),
        ("/userAccounts", USER_ACCOUNTS, list(parts.users.iter().map(user))),
        (
            "/applicationPackageReferences",
            APPLICATION_PACKAGES,
            list(parts.packages.iter().map(package)),
        ),
    ]
}

fn list(items: impl Iterator<Item = Value>) -> Option<Value> {
    let items: Vec<Value> = items.collect();
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(fields: Map<String, Value>) -> Option<Value> {
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn assigned(identities: Value) -> Value {
    json!({"type": "UserAssigned", "userAssignedIdentities": identities})
}

fn public(addresses: &PublicAddresses) -> Value {
    match addresses {
        PublicAddresses::Batch => json!({"provision": "batchmanaged"}),
        PublicAddresses::None => json!({"provision": "nopublicipaddresses"}),
        PublicAddresses::Own(ids) => json!({"provision": "usermanaged", "ipAddressIds": ids}),
    }
}

fn port(port: &Port) -> Value {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let (first, last) = port.frontend;
    json!({"name": port.name, "protocol": protocol, "backendPort": port.backend,
        "frontendPortRangeStart": first, "frontendPortRangeEnd": last})
}

fn os_disk(disk: OsDisk) -> Map<String, Value> {
    let mut fields = Map::new();
    if disk.place == DiskPlace::Ephemeral {
        fields.insert("ephemeralOSDiskSettings".to_owned(), json!({"placement": "cachedisk"}));
    }
    if let Some(size) = disk.size_gb {
        fields.insert("diskSizeGB".to_owned(), json!(size));
    }
    fields.extend(stored(disk.caching, disk.storage));
    fields
}

fn data_disk(disk: &DataDisk) -> Value {
    let mut fields = Map::new();
    fields.insert("lun".to_owned(), json!(disk.lun));
    fields.insert("diskSizeGB".to_owned(), json!(disk.size_gb));
    fields.extend(stored(disk.caching, disk.storage));
    Value::Object(fields)
}

fn stored(caching: Option<Caching>, storage: Option<DiskStorage>) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(caching) = caching {
        let word = match caching {
            Caching::None => "none",
            Caching::ReadOnly => "readonly",
            Caching::ReadWrite => "readwrite",
        };
        fields.insert("caching".to_owned(), json!(word));
    }
    if let Some(storage) = storage {
        let word = match storage {
            DiskStorage::StandardLrs => "standard_lrs",
            DiskStorage::StandardSsdLrs => "standardssd_lrs",
            DiskStorage::PremiumLrs => "premium_lrs",
        };
        fields.insert("managedDisk".to_owned(), json!({"storageAccountType": word}));
    }
    fields
}

fn mount(mount: &Mount) -> Value {
    let (name, options, mut fields) = match &mount.source {
        MountSource::Blob {
            account,
            container,
            sign_in,
        } => {
            let mut fields = json!({"accountName": account, "containerName": container});
            match sign_in {
                BlobSignIn::Key(key) => set(&mut fields, "/accountKey", json!(key.expose_secret())),
                BlobSignIn::Sas(sas) => set(&mut fields, "/sasKey", json!(sas.expose_secret())),
                BlobSignIn::Identity(id) => set(&mut fields, "/identityReference", json!({"resourceId": id})),
            }
            ("azureBlobFileSystemConfiguration", "/blobfuseOptions", fields)
        }
        MountSource::Files { account, address, key } => (
            "azureFileShareConfiguration",
            "/mountOptions",
            json!({"accountName": account, "azureFileUrl": address, "accountKey": key.expose_secret()}),
        ),
        MountSource::Nfs { source } => ("nfsMountConfiguration", "/mountOptions", json!({"source": source})),
        MountSource::Cifs { source, user, password } => (
            "cifsMountConfiguration",
            "/mountOptions",
            json!({"source": source, "username": user, "password": password.expose_secret()}),
        ),
    };
    set(&mut fields, "/relativeMountPath", json!(mount.path));
    if let Some(text) = &mount.options {
        set(&mut fields, options, json!(text));
    }
    json!({ name: fields })
}

fn security(security: Security) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(kind) = security.kind {
        fields.insert("securityType".to_owned(), json!(word(kind)));
    }
    if let Some(is_on) = security.encryption_at_host {
        fields.insert("encryptionAtHost".to_owned(), json!(is_on));
    }
    let mut boot = Map::new();
    for (name, is_on) in [
        ("secureBootEnabled", security.secure_boot),
        ("vTpmEnabled", security.vtpm),
    ] {
        if let Some(is_on) = is_on {
            boot.insert(name.to_owned(), json!(is_on));
        }
    }
    if !boot.is_empty() {
        fields.insert("uefiSettings".to_owned(), Value::Object(boot));
    }
    fields
}

fn license(license: License) -> Value {
    json!(match license {
        License::WindowsServer => "Windows_Server",
        License::WindowsClient => "Windows_Client",
    })
}

fn encrypted(disk: &EncryptedDisk) -> Value {
    json!(match disk {
        EncryptedDisk::Os => "osdisk",
        EncryptedDisk::Temporary => "temporarydisk",
    })
}

fn registry(registry: &Registry) -> Value {
    let mut fields = match &registry.sign_in {
        RegistrySignIn::Identity(id) => json!({"identityReference": {"resourceId": id}}),
        RegistrySignIn::User { name, password } => json!({"username": name, "password": password.expose_secret()}),
    };
    if let Some(server) = &registry.server {
        set(&mut fields, "/registryServer", json!(server));
    }
    fields
}

fn user(user: &User) -> Value {
    let level = match user.elevation {
        Elevation::Admin => "admin",
        Elevation::NonAdmin => "nonadmin",
    };
    json!({"name": user.name, "password": user.password.expose_secret(), "elevationLevel": level})
}

fn package(package: &crate::settings::parts::Package) -> Value {
    let mut fields = json!({"applicationId": package.application});
    if let Some(version) = &package.version {
        set(&mut fields, "/version", json!(version));
    }
    fields
}

#[cfg(test)]
mod tests;
