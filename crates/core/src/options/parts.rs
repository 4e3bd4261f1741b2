//! The options for what a pool is made of besides its size, agent and start task: network, identity, disks, mounts,
//! security, containers, users, packages.
//!
//! What most pools of public templates set has an input; the rest stands in a pool file only, under these names.

use super::{FILE_ONLY, Kind, POOL_DOORS, ROLLOUT, Standard, rows};

rows! {
    /// What is also an input and a flag.
    OF_PARTS [ROLLOUT, POOL_DOORS]:
    SUBNET_ID: "subnet_id", Pool, Kind::Text, Standard::Absent, [],
        "Resource id of the subnet that the nodes are in.";
    PUBLIC_IPS: "public_ips", Pool, Kind::Texts, Standard::Rule("`batch`, which is Batch's own"), [],
        "Public addresses of the nodes: `batch` lets Batch make them, `none` makes nodes without any, which needs {subnet_id}; or resource ids of public addresses of your own, with commas between them.";
    POOL_IDENTITY: "pool_identity", Pool, Kind::Texts, Standard::Absent, [],
        "Resource ids of the user-assigned managed identities of the pool, with commas between them. Such a pool is created through the resource manager, so {account} must be a resource id, and the caller needs the role *Managed Identity Operator* on each identity.";
    CONTAINER_IMAGES: "container_images", Pool, Kind::Texts, Standard::Absent, [],
        "Container images that every node pulls before it takes tasks, with commas between them.";
    APPLICATION_PACKAGES: "application_packages", Pool, Kind::Texts, Standard::Absent, [],
        "Application packages that every node gets: `name`, or `name#version`, with commas between them; ten at most.";
}

rows! {
    /// What stands in a pool file only.
    OF_FILE [ROLLOUT, FILE_ONLY]:
    POOL_TAGS: "pool_tags", Pool, Kind::TextMap, Standard::Absent, [],
        "Tags of the pool as a resource. They are set through the resource manager when the pool is created, as {pool_identity} is. Those of a pool that is there are compared and changed while it has nodes; tags of others stay.";
    ACCELERATED_NETWORKING: "accelerated_networking", Pool, Kind::Bool, Standard::Rule("off, which is Batch's own"), [],
        "Whether the nodes use accelerated networking; the VM size and the image must support it.";
    INBOUND_PORTS: "inbound_ports", Pool, Kind::Blocks(PORT_ROWS), Standard::Absent, [],
        "Ports of the nodes that can be reached from outside; five at most.";
    OS_DISK: "os_disk", Pool, Kind::Block(OS_DISK_ROWS), Standard::Rule("see each"), [],
        "The OS disk of the nodes.";
    DATA_DISKS: "data_disks", Pool, Kind::Blocks(DATA_DISK_ROWS), Standard::Absent, [],
        "Empty data disks that every node gets in addition to those of the image. A LUN that a disk of the image has is refused.";
    MOUNTS: "mounts", Pool, Kind::Blocks(MOUNT_ROWS), Standard::Absent, [],
        "File systems that every node mounts; ten at most. Batch does not show their keys and passwords, so these are not compared.";
    SECURITY: "security", Pool, Kind::Block(SECURITY_ROWS), Standard::Absent, [],
        "How the nodes boot, and whether their disks are encrypted on the host.";
    LICENSE_TYPE: "license_type", Pool, Kind::Text, Standard::Absent, [],
        "Licence that Windows nodes use: `Windows_Server` or `Windows_Client`.";
    ENCRYPTED_DISKS: "encrypted_disks", Pool, Kind::Texts, Standard::Absent, [],
        "Disks that Batch encrypts on each node: `osdisk`, `temporarydisk`. Batch refuses `osdisk` on Linux nodes of a gallery image.";
    CONTAINER_REGISTRIES: "container_registries", Pool, Kind::Blocks(REGISTRY_ROWS), Standard::Absent, [],
        "Registries that {container_images} and the images of tasks come from.";
    USER_ACCOUNTS: "user_accounts", Pool, Kind::Blocks(USER_ROWS), Standard::Absent, [],
        "Users that every node gets.";
}

rows! {
    /// One port.
    PORT_ROWS [ROLLOUT, FILE_ONLY]:
    PORT_NAME: "inbound_ports.name", Pool, Kind::Text, Standard::Required, [],
        "Name of the port, which tasks read as well.";
    PORT_PROTOCOL: "inbound_ports.protocol", Pool, Kind::Text, Standard::Value("tcp", "what most services speak"), [],
        "`tcp` or `udp`.";
    PORT_NUMBER: "inbound_ports.port", Pool, Kind::Number, Standard::Required, [],
        "Port on the node, 1 to 65535.";
    PORT_FIRST: "inbound_ports.first", Pool, Kind::Number, Standard::Required, [],
        "First port outside, 1 to 65534. Each node gets one of those up to {inbound_ports.last}.";
    PORT_LAST: "inbound_ports.last", Pool, Kind::Number, Standard::Required, [],
        "Last port outside; 40 or more than {inbound_ports.first}, as Batch wants.";
}

rows! {
    /// The OS disk.
    OS_DISK_ROWS [ROLLOUT, FILE_ONLY]:
    OS_DISK_CACHING: "os_disk.caching", Pool, Kind::Text, Standard::Absent, [],
        "`none`, `readonly` or `readwrite`.";
    OS_DISK_SIZE_GB: "os_disk.size_gb", Pool, Kind::Number, Standard::Rule("the size of the image's disk"), [],
        "Size in GB. It can only be larger than the image's disk.";
    OS_DISK_STORAGE: "os_disk.storage", Pool, Kind::Text, Standard::Absent, [],
        "`standard_lrs`, `standardssd_lrs` or `premium_lrs`.";
    OS_DISK_EPHEMERAL: "os_disk.ephemeral", Pool, Kind::Bool, Standard::Value("false", "Batch's own"), [],
        "Whether the OS disk is on the host's own disk: faster, and gone with the node.";
}

rows! {
    /// One data disk.
    DATA_DISK_ROWS [ROLLOUT, FILE_ONLY]:
    DATA_DISK_LUN: "data_disks.lun", Pool, Kind::Number, Standard::Required, [],
        "LUN, 0 to 63.";
    DATA_DISK_SIZE_GB: "data_disks.size_gb", Pool, Kind::Number, Standard::Required, [],
        "Size in GB.";
    DATA_DISK_CACHING: "data_disks.caching", Pool, Kind::Text, Standard::Absent, [],
        "`none`, `readonly` or `readwrite`.";
    DATA_DISK_STORAGE: "data_disks.storage", Pool, Kind::Text, Standard::Absent, [],
        "`standard_lrs`, `standardssd_lrs` or `premium_lrs`.";
}

rows! {
    /// One mount.
    MOUNT_ROWS [ROLLOUT, FILE_ONLY]:
    MOUNT_KIND: "mounts.kind", Pool, Kind::Text, Standard::Required, [],
        "`blob` (blobfuse), `files` (Azure Files), `nfs` or `cifs`.";
    MOUNT_PATH: "mounts.path", Pool, Kind::Text, Standard::Required, [],
        "Folder below `AZ_BATCH_NODE_MOUNTS_DIR`.";
    MOUNT_SOURCE: "mounts.source", Pool, Kind::Text, Standard::Required, [],
        "What is mounted: the container of `blob`, the address of the share of `files`, or the source of `nfs` and `cifs`.";
    MOUNT_ACCOUNT: "mounts.account", Pool, Kind::Text, Standard::Absent, [],
        "Name of the storage account of `blob` and `files`.";
    MOUNT_KEY: "mounts.account_key", Pool, Kind::Secret, Standard::Absent, [],
        "Key of the storage account of `blob` and `files`.";
    MOUNT_SAS: "mounts.sas_key", Pool, Kind::Secret, Standard::Absent, [],
        "SAS of the container of `blob`.";
    MOUNT_IDENTITY: "mounts.identity", Pool, Kind::Text, Standard::Absent, [],
        "Resource id of the managed identity that reads the container of `blob`; one of {pool_identity}.";
    MOUNT_USER: "mounts.username", Pool, Kind::Text, Standard::Absent, [],
        "User of `cifs`.";
    MOUNT_PASSWORD: "mounts.password", Pool, Kind::Secret, Standard::Absent, [],
        "Password of `cifs`.";
    MOUNT_OPTIONS: "mounts.options", Pool, Kind::Text, Standard::Absent, [],
        "Further options of the mount command.";
}

rows! {
    /// Security.
    SECURITY_ROWS [ROLLOUT, FILE_ONLY]:
    SECURITY_TYPE: "security.type", Pool, Kind::Text, Standard::Absent, [],
        "`trustedlaunch` or `confidentialvm`.";
    SECURITY_SECURE_BOOT: "security.secure_boot", Pool, Kind::Bool, Standard::Absent, [],
        "Whether only signed software boots; with {security.type} only.";
    SECURITY_VTPM: "security.vtpm", Pool, Kind::Bool, Standard::Absent, [],
        "Whether the nodes have a virtual TPM; with {security.type} only.";
    SECURITY_ENCRYPTION_AT_HOST: "security.encryption_at_host", Pool, Kind::Bool, Standard::Rule("off, which is Batch's own"), [],
        "Whether temporary disk and caches are encrypted on the host too.";
}

rows! {
    /// One registry.
    REGISTRY_ROWS [ROLLOUT, FILE_ONLY]:
    REGISTRY_SERVER: "container_registries.server", Pool, Kind::Text, Standard::Rule("Docker Hub, which is Batch's own"), [],
        "Address of the registry, such as `images.azurecr.io`.";
    REGISTRY_IDENTITY: "container_registries.identity", Pool, Kind::Text, Standard::Absent, [],
        "Resource id of the managed identity that signs in there; one of {pool_identity}.";
    REGISTRY_USER: "container_registries.username", Pool, Kind::Text, Standard::Absent, [],
        "User, instead of an identity.";
    REGISTRY_PASSWORD: "container_registries.password", Pool, Kind::Secret, Standard::Absent, [],
        "Password of the user.";
}

rows! {
    /// One user.
    USER_ROWS [ROLLOUT, FILE_ONLY]:
    USER_NAME: "user_accounts.name", Pool, Kind::Text, Standard::Required, [],
        "Name, 20 letters at most.";
    USER_PASSWORD: "user_accounts.password", Pool, Kind::Secret, Standard::Required, [],
        "Password.";
    USER_ELEVATED: "user_accounts.elevated", Pool, Kind::Bool, Standard::Value("false", "least privilege"), [],
        "Whether the user is an administrator.";
}
