//! The options of publishing: source, destination, regions, and what may be done on the way.

use super::{IMAGE_DOORS, Kind, PUBLISH, Standard, TEMPLATE_ONLY, rows};

rows! {
    /// The block of a data disk.
    DATA_DISK [PUBLISH, IMAGE_DOORS]:
    SOURCE_DATA_DISK_LUN: "source.data_disk.lun", Source, Kind::Number, Standard::Required, [],
        "LUN that the disk gets in the image, 0 to 63.";
    SOURCE_DATA_DISK_ID: "source.data_disk.id", Source, Kind::Text, Standard::Required, [],
        "Resource id or name of the disk or snapshot.";
}

rows! {
    /// The block of a data disk's snapshot.
    DATA_SNAPSHOT [PUBLISH, IMAGE_DOORS]:
    SOURCE_DATA_SNAPSHOT_LUN: "source.data_snapshot.lun", Source, Kind::Number, Standard::Required, [],
        "LUN that the disk gets in the image, 0 to 63.";
    SOURCE_DATA_SNAPSHOT_ID: "source.data_snapshot.id", Source, Kind::Text, Standard::Required, [],
        "Resource id or name of the disk or snapshot.";
}

rows! {
    /// The block of a data disk's VHD.
    DATA_VHD [PUBLISH, IMAGE_DOORS]:
    SOURCE_DATA_VHD_LUN: "source.data_vhd.lun", Source, Kind::Number, Standard::Required, [],
        "LUN that the disk gets in the image, 0 to 63.";
    SOURCE_DATA_VHD_URI: "source.data_vhd.uri", Source, Kind::Text, Standard::Required, [],
        "Address of the page blob, in the same form as {source.os_vhd}.";
}

rows! {
    /// The block of the source.
    SOURCE_ROWS [PUBLISH, IMAGE_DOORS]:
    SOURCE_RESOURCE_GROUP: "source.resource_group", Source, Kind::Text, Standard::Absent, [],
        "Resource group of everything in this block that is given by name.";
    SOURCE_VM: "source.vm", Source, Kind::Text, Standard::Absent, [],
        "Virtual machine, with all its managed disks.";
    SOURCE_OS_DISK: "source.os_disk", Source, Kind::Text, Standard::Absent, [],
        "Managed disk with the operating system.";
    SOURCE_DATA_DISK: "source.data_disk", Source, Kind::Blocks(DATA_DISK), Standard::Absent, [],
        "A data disk, together with {source.os_disk}.";
    SOURCE_OS_SNAPSHOT: "source.os_snapshot", Source, Kind::Text, Standard::Absent, [],
        "Snapshot of the disk with the operating system.";
    SOURCE_DATA_SNAPSHOT: "source.data_snapshot", Source, Kind::Blocks(DATA_SNAPSHOT), Standard::Absent, [],
        "A snapshot of a data disk, together with {source.os_snapshot}.";
    SOURCE_MANAGED_IMAGE: "source.managed_image", Source, Kind::Text, Standard::Absent, [],
        "Managed image, of which the version is made directly. Together with {source.os_snapshot} it is the image that azure-arm captured with the snapshot: then only its LUNs and host caches are read.";
    SOURCE_DATA_SNAPSHOT_PREFIX: "source.data_snapshot_prefix", Source, Kind::Text, Standard::Absent, [],
        "First part of the names of the data disks' snapshots, as azure-arm's `managed_image_data_disk_snapshot_prefix`. The numbers 0, 1, … follow, in the order of {source.managed_image}.";
    SOURCE_OS_VHD: "source.os_vhd", Source, Kind::Text, Standard::Absent, [],
        "Address of a page blob with the VHD of a generalized machine's operating system, such as `https://account.blob.core.windows.net/vhds/os.vhd`, without a signature. The version is made of it directly.";
    SOURCE_DATA_VHD: "source.data_vhd", Source, Kind::Blocks(DATA_VHD), Standard::Absent, [],
        "The VHD of a data disk, together with {source.os_vhd}.";
    SOURCE_STORAGE_ACCOUNT: "source.storage_account", Source, Kind::Text, Standard::Rule("the account with that address, of those in the gallery's subscription"), [],
        "Resource id of the storage account that has the VHDs.";
    SOURCE_OS_TYPE: "source.os_type", Source, Kind::Text, Standard::Rule("what azure-arm's artifact says, else the definition; required when there is neither"), [],
        "What the VHD holds: `Linux` or `Windows`.";
    SOURCE_HYPER_V_GENERATION: "source.hyper_v_generation", Source, Kind::Text, Standard::Rule("what the definition says; required when it is not there yet"), [],
        "Generation of the machine that the VHD is of: `V1` or `V2`.";
    SOURCE_ARCHITECTURE: "source.architecture", Source, Kind::Text, Standard::Rule("what the definition says, else `x64`"), [],
        "Architecture of the machine that the VHD is of: `x64` or `Arm64`.";
    SOURCE_BASE_IMAGE: "source.base_image", Source, Kind::Text, Standard::Rule("after azure-arm, what it started from; else what Azure shows of the source, of what that was made of, and so on"), [],
        "The image of the marketplace that the machine was made of, as `publisher:offer:sku:version` or by its resource id; or the image version or managed image that it was made of. The node agent follows from it, and whether Batch supports it. What the source shows itself goes before.";
    SOURCE_IMAGE_VERSION: "source.image_version", Source, Kind::Text, Standard::Absent, [],
        "Resource id of a version in a gallery. A version of the definition in {shared_image_gallery_destination} is adopted: nothing is copied, and its regions, replicas, dates and tags are completed. From a version of another definition a new version is made, also from one of a community gallery (`/CommunityGalleries/…/Images/…/Versions/1.4.2`): then the first {shared_image_gallery_destination.target_region} is the region in which that is done.";
}

rows! {
    /// The block of a data disk with a key of its own.
    DATA_DISK_ENCRYPTION [PUBLISH, IMAGE_DOORS]:
    DATA_DISK_ENCRYPTION_LUN: "shared_image_gallery_destination.target_region.data_disk_encryption.lun", Version, Kind::Number, Standard::Required, [],
        "LUN of the data disk.";
    DATA_DISK_ENCRYPTION_SET_ID: "shared_image_gallery_destination.target_region.data_disk_encryption.disk_encryption_set_id", Version, Kind::Text, Standard::Required, [],
        "Resource id of the disk encryption set.";
}

rows! {
    /// The block of a region.
    TARGET_REGION [PUBLISH, IMAGE_DOORS]:
    TARGET_REGION_NAME: "shared_image_gallery_destination.target_region.name", Version, Kind::Text, Standard::Required, [],
        "The region, such as `westeurope`.";
    TARGET_REGION_REPLICAS: "shared_image_gallery_destination.target_region.replicas", Version, Kind::Number, Standard::Rule("what the pools there need, one at least"), [],
        "How many replicas, 1 to 100.";
    TARGET_REGION_PHASE: "shared_image_gallery_destination.target_region.phase", Version, Kind::Number, Standard::Rule("1 for the source's region and those of {used_by}, 2 for every other"), [],
        "In which phase the version goes to this region. The regions of a phase are complete before those of the next are added; the source's region is in phase 1.";
    TARGET_REGION_STORAGE_ACCOUNT_TYPE: "shared_image_gallery_destination.target_region.storage_account_type", Version, Kind::Text, Standard::Rule("{shared_image_gallery_destination.storage_account_type}"), [],
        "Storage of the replicas in this region. It cannot be changed later.";
    TARGET_REGION_EXCLUDE_FROM_LATEST: "shared_image_gallery_destination.target_region.exclude_from_latest", Version, Kind::Bool, Standard::Rule("a region that is added is excluded where another region of the version is, unless {latest_now} is true; one that the version has stays as it is"), [],
        "Whether `latest` passes the version over in this region, also when {latest_now} admits it.";
    TARGET_REGION_DISK_ENCRYPTION_SET_ID: "shared_image_gallery_destination.target_region.disk_encryption_set_id", Version, Kind::Text, Standard::Rule("Azure's own key"), [],
        "Resource id of the disk encryption set, in this region, whose key encrypts the replicas: those of the OS disk, and of every data disk that {shared_image_gallery_destination.target_region.data_disk_encryption} does not name. Azure takes keys for all regions of a version or for none, so each region needs a block with one: the source's, those of {used_by} and the others. Keys cannot be changed later.";
    TARGET_REGION_DATA_DISK_ENCRYPTION: "shared_image_gallery_destination.target_region.data_disk_encryption", Version, Kind::Blocks(DATA_DISK_ENCRYPTION), Standard::Absent, [],
        "A data disk whose replicas in this region have another key than the OS disk's.";
}

rows! {
    /// The block of the destination.
    DESTINATION_ROWS [PUBLISH, IMAGE_DOORS]:
    DESTINATION_SUBSCRIPTION: "shared_image_gallery_destination.subscription", Version, Kind::Text, Standard::Rule("{subscription_id}"), [],
        "Subscription of the gallery.";
    DESTINATION_RESOURCE_GROUP: "shared_image_gallery_destination.resource_group", Version, Kind::Text, Standard::Required, [],
        "Resource group of the gallery.";
    DESTINATION_GALLERY_NAME: "shared_image_gallery_destination.gallery_name", Version, Kind::Text, Standard::Required, [],
        "The gallery.";
    DESTINATION_IMAGE_NAME: "shared_image_gallery_destination.image_name", Version, Kind::Text, Standard::Required, [],
        "The image definition.";
    DESTINATION_IMAGE_VERSION: "shared_image_gallery_destination.image_version", Version, Kind::Text, Standard::Value("next-patch", "the same template can run every night"), [],
        "Number of the version: `1.4.2`, `next-patch` for the next number of 1.0, `next-patch 1.4` for the next number of 1.4, `next-minor` for `1.N.0` with the next N, `next-minor 2` for `2.N.0`. For a number that follows the build write `1.0.<run>` with the number of the CI run. Each of the three parts is at most 2147483647, too small for a date with a time. A number that a version from another source has is refused, also under `-force`. A version that is adopted keeps its own number.";
    DESTINATION_STORAGE_ACCOUNT_TYPE: "shared_image_gallery_destination.storage_account_type", Version, Kind::Text, Standard::Value("Standard_LRS", "Azure's own"), [],
        "Storage of the replicas: `Standard_LRS`, `Standard_ZRS`, `Premium_LRS` or `PremiumV2_LRS`. It cannot be changed later.";
    DESTINATION_REPLICATION_MODE: "shared_image_gallery_destination.replication_mode", Version, Kind::Text, Standard::Value("Full", "Azure's own"), [],
        "How the version is replicated: `Full`, or `Shallow` for a test: made in minutes, in the source's region only, with one replica, and never changed later.";
    DESTINATION_USE_SHALLOW_REPLICATION: "shared_image_gallery_destination.use_shallow_replication", Version, Kind::Bool, Standard::Absent, [],
        "azure-arm's word: `true` is {shared_image_gallery_destination.replication_mode} `Shallow`, `false` is `Full`.";
    DESTINATION_REPLICATION_REGIONS: "shared_image_gallery_destination.replication_regions", Version, Kind::Texts, Standard::Absent, [],
        "azure-arm's word: regions by name, each the same as a block {shared_image_gallery_destination.target_region} with nothing but the name. The source's region and those of {used_by} need not be in it. Refused together with such blocks, as by azure-arm.";
    DESTINATION_TARGET_REGION: "shared_image_gallery_destination.target_region", Version, Kind::Blocks(TARGET_REGION), Standard::Absent, [],
        "A region in addition to the source's and those of {used_by}, or more replicas in one of them.";
}

rows! {
    /// The block of a pool that will run the version.
    USED_BY_ROWS [PUBLISH, IMAGE_DOORS]:
    USED_BY_BATCH_ACCOUNT: "used_by.batch_account", Replicas, Kind::Text, Standard::Required, [],
        "Resource id of the pool's Batch account.";
    USED_BY_NODES: "used_by.nodes", Replicas, Kind::Number, Standard::Required, [],
        "The greatest number of nodes that the pool will have.";
    USED_BY_VM_SIZE: "used_by.vm_size", Replicas, Kind::Text, Standard::Absent, [],
        "The pool's VM size, such as `Standard_D4ds_v6`. A definition whose images this size cannot boot is then refused before anything is copied: generation, architecture, security type and disk controller are compared.";
}

rows! {
    /// The block of a test.
    TEST_ROWS [PUBLISH, IMAGE_DOORS]:
    TEST_BATCH_ACCOUNT: "test.batch_account", Version, Kind::Text, Standard::Required, [],
        "Resource id of the Batch account that has the node, in the region of the source.";
    TEST_VM_SIZE: "test.vm_size", Version, Kind::Text, Standard::Required, [],
        "Size of the node, such as `Standard_D2s_v5`.";
    TEST_COMMAND: "test.command", Version, Kind::Text, Standard::Required, [],
        "What has to end with exit code 0 on the node, for example a script that the image brings. A shell runs it: bash, on Windows cmd.";
    TEST_NODE_AGENT_SKU_ID: "test.node_agent_sku_id", Version, Kind::Text, Standard::Rule("the one that Batch has for the base image; required when that is not known"), [],
        "Node agent of the node. One that contradicts the base image is refused.";
    TEST_SUBNET_ID: "test.subnet_id", Version, Kind::Text, Standard::Rule("a network of the pool's own"), [],
        "Resource id of the subnet that the node is in, in the region of the Batch account. Needed where policies forbid public addresses, or when the test reaches something private.";
    TEST_POOL_IDENTITY: "test.pool_identity", Version, Kind::Texts, Standard::Absent, [],
        "Resource ids of the user-assigned managed identities of the node, for a test that reads from storage or from a container registry. The pool of the test is then created through the resource manager, and the caller needs the role *Managed Identity Operator* on each identity.";
    TEST_MINUTES: "test.minutes", Version, Kind::Number, Standard::Value("30", "longer than tests of images take"), [],
        "How many minutes the command may run.";
}

rows! {
    /// The block of the definition.
    DEFINITION_ROWS [PUBLISH, IMAGE_DOORS]:
    DEFINITION_PUBLISHER: "definition.publisher", Version, Kind::Text, Standard::Rule("the gallery's name"), [],
        "Publisher in the definition's identifier.";
    DEFINITION_OFFER: "definition.offer", Version, Kind::Text, Standard::Rule("the definition's name"), [],
        "Offer in the definition's identifier.";
    DEFINITION_SKU: "definition.sku", Version, Kind::Text, Standard::Rule("the definition's name"), [],
        "SKU in the definition's identifier.";
    DEFINITION_DESCRIPTION: "definition.description", Version, Kind::Text, Standard::Absent, [],
        "Description of the definition.";
    DEFINITION_FEATURES: "definition.features", Version, Kind::TextMap, Standard::Rule("what the source's OS disk says that it supports"), [],
        "Features by name, such as `DiskControllerTypes = \"SCSI, NVMe\"`: `SecurityType`, `DiskControllerTypes`, `IsAcceleratedNetworkSupported`, `IsHibernateSupported`. They decide which VM sizes can boot the image, so a definition that exists and has other values is refused.";
    DEFINITION_RELEASE_NOTE_URI: "definition.release_note_uri", Version, Kind::Text, Standard::Absent, [],
        "Address of the release notes.";
    DEFINITION_EULA: "definition.eula", Version, Kind::Text, Standard::Absent, [],
        "End user licence agreement, or its address.";
    DEFINITION_PRIVACY_STATEMENT_URI: "definition.privacy_statement_uri", Version, Kind::Text, Standard::Absent, [],
        "Address of the privacy statement.";
    DEFINITION_MIN_VCPUS: "definition.min_recommended_vcpu_count", Version, Kind::Number, Standard::Absent, [],
        "Least number of virtual CPUs that is recommended, 1 to 80.";
    DEFINITION_MAX_VCPUS: "definition.max_recommended_vcpu_count", Version, Kind::Number, Standard::Absent, [],
        "Greatest number of virtual CPUs that is recommended, 1 to 80.";
    DEFINITION_MIN_MEMORY: "definition.min_recommended_memory_in_gb", Version, Kind::Number, Standard::Absent, [],
        "Least memory that is recommended, 1 to 640 GB.";
    DEFINITION_MAX_MEMORY: "definition.max_recommended_memory_in_gb", Version, Kind::Number, Standard::Absent, [],
        "Greatest memory that is recommended, 1 to 640 GB.";
    DEFINITION_DISK_TYPES_NOT_ALLOWED: "definition.disk_types_not_allowed", Version, Kind::Texts, Standard::Absent, [],
        "Storage types that machines may not use, such as `Standard_LRS`.";
}

rows! {
    /// What the imaging service takes.
    OF_SERVICE [PUBLISH, IMAGE_DOORS]:
    SOURCE: "source", Source, Kind::Block(SOURCE_ROWS), Standard::Rule("after azure-arm and azure-chroot, what the artifact names: a version of the definition, else the snapshots, else the managed image, else a version of another definition, else its VHDs; otherwise required"), [],
        "What the image is made of: exactly one of {source.vm}, {source.os_disk}, {source.os_snapshot}, {source.managed_image}, {source.os_vhd} and {source.image_version}. Each is a resource id or a name in {source.resource_group} of the subscription {subscription_id}; an image version is always a resource id, and a VHD an address. A block with nothing but {source.base_image}, {source.os_type}, {source.hyper_v_generation}, {source.architecture} and {source.storage_account} adds to what the builder's artifact names.";
    SUBSCRIPTION_ID: "subscription_id", Source, Kind::Text, Standard::Absent, ["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"],
        "Subscription of everything that is given by name and not by resource id. The gallery's is that of the source when the source is a resource id.";
    DEALLOCATE: "deallocate", Source, Kind::Bool, Standard::Value("false", "a machine is stopped only on request"), [],
        "Deallocate the source VM if it is not deallocated. Without this such a VM is refused.";
    ALLOW_RUNNING_VM: "allow_running_vm", Source, Kind::Bool, Standard::Value("false", "disks of a running machine are not consistent with each other"), [],
        "Copy the disks of a VM that is not deallocated as they are.";
    GENERALIZE: "generalize", Source, Kind::Bool, Standard::Value("false", "it is final: such a VM never starts again"), [],
        "Mark the source VM as generalized.";
    GENERALIZED: "generalized", Source, Kind::Bool, Standard::Value("false", "only the user can know it"), [],
        "Declare that the source is generalized (sysprep or `waagent -deprovision` ran in it), marked or not. Disks, snapshots and VHDs always need this, because they carry no mark; images carry one.";
    PURCHASE_PLAN: "purchase_plan", Source, Kind::Text, Standard::Value("refuse", "Batch's instructions want a base image without one"), [],
        "What happens with a machine whose base image has a purchase plan: `refuse`, or `carry` to give the plan to the definition unchanged. The plan's terms must be accepted in the pools' subscription.";
    IGNORE_CHECKS: "ignore_checks", Source, Kind::Texts, Standard::Absent, [],
        "Names of preflight checks whose failure is only a warning. A check that fails prints its name.";

    SHARED_IMAGE_GALLERY_DESTINATION: "shared_image_gallery_destination", Version, Kind::Block(DESTINATION_ROWS), Standard::Required, [],
        "Where the version goes: gallery, definition, number and regions. The definition is created when it is missing.";
    CREATE_GALLERY: "create_gallery", Version, Kind::Bool, Standard::Value("false", "a misspelt name shall not make a gallery"), [],
        "Create the gallery when it is missing. A resource group is never created.";
    DEFINITION: "definition", Version, Kind::Block(DEFINITION_ROWS), Standard::Rule("see each"), [],
        "What an image definition says of itself when it is created. A definition that exists is not changed.";
    LATEST_NOW: "latest_now", Version, Kind::Bool, Standard::Rule("a new version is excluded from `latest`, until it is promoted; one that exists stays as it is"), [],
        "Whether `latest` may be this version: `true` admits it, `false` excludes it, whether the version is created, found or adopted. Pools that name the definition take what is latest with their next nodes, and pools with automatic OS upgrade replace their nodes' OS by it.";
    END_OF_LIFE_DATE: "end_of_life_date", Version, Kind::Text, Standard::Absent, [],
        "When the version's life ends, as `2027-06-30` or `2027-06-30T12:00:00Z`. The date of an adopted version is only moved to a later day.";
    SHARED_GALLERY_IMAGE_VERSION_EXCLUDE_FROM_LATEST: "shared_gallery_image_version_exclude_from_latest", Version, Kind::Bool, Standard::Absent, [],
        "azure-arm's word: the opposite of {latest_now}.";
    SHARED_GALLERY_IMAGE_VERSION_END_OF_LIFE_DATE: "shared_gallery_image_version_end_of_life_date", Version, Kind::Text, Standard::Absent, [],
        "azure-arm's word for {end_of_life_date}.";
    BLOCK_DELETION_BEFORE_END_OF_LIFE: "block_deletion_before_end_of_life", Version, Kind::Bool, Standard::Rule("a new version may be deleted at any time, which is Azure's own; one that exists stays as it is"), [],
        "Whether Azure refuses to delete the version before {end_of_life_date}.";
    PUBLISHING_PROFILE_JSON: "publishing_profile_json", Version, Kind::Json, Standard::Absent, [],
        "What else the version's `publishingProfile` shall say, in Azure's own JSON: `storageAccountStrategy`, `targetExtendedLocations`, and in entries of `targetRegions` with the `name` of a region of the version `additionalReplicaSets` and the security profiles in `encryption`. What an option says is refused here by the option's name, and so is what Azure's schema does not have.";
    TEST: "test", Version, Kind::Block(TEST_ROWS), Standard::Absent, [],
        "Test the version before it is spread: it is made in the source's region with one replica and excluded from `latest`, one node of a Batch pool of its own runs {test.command}, and only after exit code 0 it goes to the other regions and gets its replicas. Otherwise the run ends with exit code 9 and the version stays as it is. The pool and its job are always removed. A version that has passed once is not tested again with the same command.";
    AZURE_TAGS: "azure_tags", Version, Kind::TextMap, Standard::Absent, [],
        "Tags for the version and for everything the run creates, 42 at most. On an adopted version they replace tags of the same names; upper and lower case are the same.";

    USED_BY: "used_by", Replicas, Kind::Blocks(USED_BY_ROWS), Standard::Absent, [],
        "A pool that will run the version; one block for each pool. Regions and replicas follow from these blocks: the region of every account gets the sum over its pools of {used_by.nodes} / {nodes_per_replica}, each rounded up, and the headroom.";
    REGISTER_PROVIDER: "register_provider", Replicas, Kind::Bool, Standard::Value("false", "it changes the subscription"), [],
        "Register `Microsoft.Batch` in the gallery's subscription when it is not registered there, which the pools of {used_by} and {test} need. Without this the publish is refused.";
    SHARED_IMAGE_GALLERY_REPLICA_COUNT: "shared_image_gallery_replica_count", Replicas, Kind::Number, Standard::Absent, [],
        "azure-arm's word: how many replicas each region of {shared_image_gallery_destination.replication_regions} gets at least, 1 to 100. Where pools need more, it gets more.";
    REPLICA_HEADROOM_PERCENT: "replica_headroom_percent", Replicas, Kind::Number, Standard::Value("10", "and one replica at least: Microsoft's page says to keep more than the minimum"), [],
        "How many percent of replicas are added.";

    NO_WAIT: "no_wait", Waiting, Kind::Bool, Standard::Value("false", "what follows needs a version that is complete"), [],
        "End as soon as Azure has accepted the version, in the regions of its first phase, and do not wait until it is complete. The result says what is left; `packer-plugin-azure-batch wait` waits, and the same run again does the rest: further regions, and the removal of snapshots. With a version that is there the next change of it is accepted and not waited for.";

    MANAGED_IMAGE: "managed_image", Temporaries, Kind::Text, Standard::Value("auto", "a managed image is made where it can represent the machine"), [],
        "Whether a managed image is made between snapshots and version: `auto` makes one where it can represent the machine, `always` refuses a machine that it cannot represent, `never` publishes from the snapshots. It has no effect when the source is already an image. VHDs are published directly, and through a managed image with `always` alone.";
    TEMP_RESOURCE_GROUP_NAME: "temp_resource_group_name", Temporaries, Kind::Text, Standard::Rule("the source's resource group"), [],
        "Existing resource group for snapshots and managed image, in the source's subscription.";
    TEMP_NAME_PREFIX: "temp_name_prefix", Temporaries, Kind::Text, Standard::Value("azure-batch", "they say whose they are"), [],
        "First part of the names of snapshots and managed image, 57 letters at most.";
    KEEP: "keep", Temporaries, Kind::Texts, Standard::Absent, [],
        "What is kept after a success: `snapshots`, `managed_image`.";
    ON_FAILURE: "on_failure", Temporaries, Kind::Text, Standard::Value("delete", "`keep` under `packer build -on-error=abort`"), [],
        "What happens to snapshots and managed image when the run fails before the version is asked for: `delete` or `keep`.";
}

rows! {
    /// What the post-processor keeps for itself.
    OF_POST_PROCESSOR [PUBLISH, TEMPLATE_ONLY]:
    DESTROY_DELETES_VERSION: "destroy_deletes_version", Version, Kind::Bool, Standard::Value("false", "pools may use the version"), [],
        "Delete the version when a following post-processor does not keep it. It stays, with the reasons, when it is latest, when something uses it, when not everything that may use it can be seen, or when the tag `azure-batch-numbers` of its definition lacks its number. The rights are those of the verb `prune`. Without this the version stays.";
    MANIFEST: "manifest", Report, Kind::File, Standard::Value("azure-batch-manifest.json", "in the current folder, under a name that says whose it is"), [],
        "Path of the JSON file that says what was published, for the GitHub Action and others; `none` for no file. Parallel builds need one each: `manifest-${source.name}.json`.";
}
