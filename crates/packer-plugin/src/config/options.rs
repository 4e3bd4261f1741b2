//! Every attribute and block of the post-processor, once: name, type, default, description.
//!
//! Packer's spec, the reading of values, the page in `.web-docs` and the comments of the
//! service's `Settings` follow from this table or are checked against it. What a value must
//! look like is not here: `service::convert` is the only validation.

/// An attribute or a block.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Its name as the user writes it; azure-arm's where azure-arm has one.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is for, in full sentences.
    pub doc: &'static str,
    /// What counts when it is left out, with the figure's source.
    pub default: &'static str,
    /// Who it is meant for.
    pub reader: Reader,
}

/// What an attribute or block holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A whole number from 0.
    Number,
    /// True or false.
    Bool,
    /// A list of texts.
    Texts,
    /// A map from text to text.
    TextMap,
    /// A block that may stand once.
    Block(&'static [Opt]),
    /// A block that may be repeated.
    Blocks(&'static [Opt]),
}

/// Who reads a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The imaging service, as the field of that name in its `Settings`.
    Service,
    /// The post-processor itself.
    PostProcessor,
    /// The imaging service; the environment may give it instead of the template.
    ServiceOrEnvironment,
}

/// The default of what has to be given.
pub const NEEDED: &str = "none: must be given";

/// The default of what is simply absent.
const NOTHING: &str = "nothing";

/// The default of a switch.
const OFF: &str = "`false`";

const fn opt(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Opt {
    let reader = Reader::Service;
    Opt {
        name,
        kind,
        doc,
        default,
        reader,
    }
}

const fn login(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Opt {
    let reader = Reader::ServiceOrEnvironment;
    Opt {
        reader,
        ..opt(name, kind, default, doc)
    }
}

const fn ours(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Opt {
    let reader = Reader::PostProcessor;
    Opt {
        reader,
        ..opt(name, kind, default, doc)
    }
}

/// All attributes and blocks, in the order in which the reference page shows them.
pub const OPTIONS: &[Opt] = &[
    opt(
        "source",
        Kind::Block(SOURCE),
        "behind azure-arm, what its artifact names: a version of the definition, else the snapshots, else the managed image, else a version of another definition; else none: must be given",
        "What the image is made of: exactly one of `vm`, `os_disk`, `os_snapshot`, `managed_image` and `image_version`. Each is a resource id, or, but for `image_version`, a name in `resource_group` of the subscription `subscription_id`.",
    ),
    opt(
        "shared_image_gallery_destination",
        Kind::Block(DESTINATION),
        NEEDED,
        "Where the version goes: gallery, definition, number and regions. The definition is created when it is missing.",
    ),
    opt(
        "used_by",
        Kind::Blocks(USED_BY),
        NOTHING,
        "A pool that will run the version, once for each. Regions and replicas follow from these blocks: the region of every account named gets the sum over its pools of `nodes` / `nodes_per_replica`, each rounded up, plus the headroom.",
    ),
    login(
        "subscription_id",
        Kind::Text,
        "`ARM_SUBSCRIPTION_ID` or `AZURE_SUBSCRIPTION_ID`",
        "Subscription of everything that is given by name and not by id.",
    ),
    login(
        "tenant_id",
        Kind::Text,
        "`ARM_TENANT_ID` or `AZURE_TENANT_ID`",
        "Entra tenant of the application that signs in.",
    ),
    login(
        "client_id",
        Kind::Text,
        "`ARM_CLIENT_ID` or `AZURE_CLIENT_ID`",
        "Application (client) id to sign in as, or the client id of a user-assigned managed identity.",
    ),
    login(
        "client_secret",
        Kind::Secret,
        "`ARM_CLIENT_SECRET` or `AZURE_CLIENT_SECRET`",
        "Secret of the application.",
    ),
    login(
        "client_jwt",
        Kind::Secret,
        "`ARM_OIDC_TOKEN`",
        "Signed assertion for the application, made before the build. It serves until it expires, minutes as a rule: prefer `oidc_request_url`, which fetches a new one at every renewal.",
    ),
    login(
        "oidc_request_url",
        Kind::Text,
        "`ARM_OIDC_REQUEST_URL` or `ACTIONS_ID_TOKEN_REQUEST_URL`",
        "Address at which the CI job asks for its identity token (OIDC).",
    ),
    login(
        "oidc_request_token",
        Kind::Secret,
        "`ARM_OIDC_REQUEST_TOKEN` or `ACTIONS_ID_TOKEN_REQUEST_TOKEN`",
        "Bearer token for `oidc_request_url`.",
    ),
    login(
        "federated_token_file",
        Kind::Text,
        "`AZURE_FEDERATED_TOKEN_FILE` or `ARM_OIDC_TOKEN_FILE_PATH`",
        "File with the token of a workload identity, renewed by whoever put it there.",
    ),
    login(
        "use_azure_cli_auth",
        Kind::Bool,
        OFF,
        "Sign in as whoever is signed in to az.",
    ),
    login(
        "cloud_environment_name",
        Kind::Text,
        "`ARM_ENVIRONMENT`, else `Public`",
        "Which of Microsoft's clouds: `Public`, `USGovernment` or `China`. Not looked at beside `metadata_host`.",
    ),
    login(
        "metadata_host",
        Kind::Text,
        "`ARM_METADATA_URL` or `ARM_METADATA_HOST`",
        "Host that describes another cloud at `/metadata/endpoints`, such as `https://127.0.0.1:8443`. When it does not answer the build fails; the public cloud is never asked instead.",
    ),
    opt(
        "ca_file",
        Kind::Text,
        "the system's certificates",
        "PEM file with certificates to trust beside the system's.",
    ),
    opt(
        "managed_image",
        Kind::Text,
        "`auto`",
        "Whether a managed image stands between snapshots and version: `auto` makes one where it can represent the machine, `always` refuses a machine that it cannot represent, `never` publishes from the snapshots. Not looked at when the source is an image already.",
    ),
    opt(
        "deallocate",
        Kind::Bool,
        OFF,
        "Deallocate the source VM when it is not. Without this a VM that is not deallocated is refused.",
    ),
    opt(
        "allow_running_vm",
        Kind::Bool,
        OFF,
        "Copy the disks of a VM that is not deallocated as they are. Disks of a running machine are not consistent with each other.",
    ),
    opt(
        "generalize",
        Kind::Bool,
        OFF,
        "Mark the source VM as generalized. This is final: such a VM never starts again.",
    ),
    opt(
        "generalized",
        Kind::Bool,
        OFF,
        "Declare that the source is generalized (sysprep or `waagent -deprovision` ran in it), marked or not. Disks and snapshots always need this, since they carry no mark; images carry one.",
    ),
    opt(
        "ignore_checks",
        Kind::Texts,
        NOTHING,
        "Names of preflight checks whose failure is only told. A failing check prints its name.",
    ),
    opt(
        "nodes_per_replica",
        Kind::Number,
        "`300`, as Microsoft's page for Batch pools says since the end of 2020",
        "How many nodes one replica carries: 300, or 600 as the 2019 edition of that page has it.",
    ),
    opt(
        "replica_headroom_percent",
        Kind::Number,
        "`10`, and one replica at least: the page says to keep more than the minimum",
        "How many percent of replicas are added.",
    ),
    opt(
        "create_gallery",
        Kind::Bool,
        OFF,
        "Create the gallery when it is missing. A resource group is never created.",
    ),
    opt(
        "definition",
        Kind::Block(DEFINITION),
        "see each",
        "What an image definition says of itself when it is created; one that exists is not changed.",
    ),
    opt(
        "exclude_from_latest",
        Kind::Bool,
        "a version that exists stays as it is; a new one is not excluded",
        "Whether `latest` passes the version over: `true` excludes it, `false` admits it, whether the version is created, found or adopted.",
    ),
    opt(
        "end_of_life_date",
        Kind::Text,
        NOTHING,
        "When the version's life ends, as `2027-06-30` or `2027-06-30T12:00:00Z`. That of a version that is adopted is only put off.",
    ),
    opt(
        "azure_tags",
        Kind::TextMap,
        NOTHING,
        "Tags for the version and for what the build makes on the way. A version that is adopted gets them in place of its own of the same names, which compare without case.",
    ),
    opt(
        "temp_resource_group_name",
        Kind::Text,
        "the source's resource group",
        "Existing resource group for snapshots and managed image, in the source's subscription.",
    ),
    opt(
        "temp_name_prefix",
        Kind::Text,
        "`azure-batch`",
        "Beginning of the names of snapshots and managed image.",
    ),
    opt(
        "keep",
        Kind::Texts,
        NOTHING,
        "What stays after a success: `snapshots`, `managed_image`.",
    ),
    opt(
        "on_failure",
        Kind::Text,
        "`delete`; `keep` under `packer build -on-error=abort`",
        "What becomes of snapshots and managed image when the build fails before the version is asked for: `delete` or `keep`.",
    ),
    opt(
        "timeout",
        Kind::Text,
        "`6h`: replication of large images took that long",
        "How long the build may take, such as `90m` or `6h`. When it passes nothing is lost: the same build again goes on from there.",
    ),
    ours(
        "manifest",
        Kind::Text,
        "`azure-batch-manifest.json`",
        "Path of the JSON file that tells the GitHub Action and others what was published. Builds side by side need one each: `manifest-${source.name}.json`.",
    ),
    ours(
        "destroy_deletes_version",
        Kind::Bool,
        OFF,
        "Ask for the version's deletion when a following post-processor does not keep it. This release cannot see which pools use a version: it refuses, and names the command. Without this the version stays.",
    ),
];

const SOURCE: &[Opt] = &[
    opt(
        "resource_group",
        Kind::Text,
        NOTHING,
        "Resource group of whatever is given by name.",
    ),
    opt(
        "vm",
        Kind::Text,
        NOTHING,
        "Virtual machine, with all its managed disks.",
    ),
    opt(
        "os_disk",
        Kind::Text,
        NOTHING,
        "Managed disk with the operating system.",
    ),
    opt(
        "data_disk",
        Kind::Blocks(SOURCE_DISK),
        NOTHING,
        "A data disk beside `os_disk`.",
    ),
    opt(
        "os_snapshot",
        Kind::Text,
        NOTHING,
        "Snapshot of the disk with the operating system.",
    ),
    opt(
        "data_snapshot",
        Kind::Blocks(SOURCE_DISK),
        NOTHING,
        "A snapshot of a data disk beside `os_snapshot`.",
    ),
    opt(
        "managed_image",
        Kind::Text,
        NOTHING,
        "Managed image, of which the version is made directly. Beside `os_snapshot`, the one that azure-arm captured with it: it only tells LUNs and host caches then.",
    ),
    opt(
        "data_snapshot_prefix",
        Kind::Text,
        NOTHING,
        "What the names of the data disks' snapshots begin with, as azure-arm's managed_image_data_disk_snapshot_prefix; they go on with 0, 1, … in the order of `managed_image`.",
    ),
    opt(
        "image_version",
        Kind::Text,
        NOTHING,
        "Resource id of a version in a gallery. One of the definition in `shared_image_gallery_destination` is adopted: nothing is copied, its regions, replicas, dates and tags are completed. Of one of another definition a version is made.",
    ),
];

const SOURCE_DISK: &[Opt] = &[
    opt(
        "lun",
        Kind::Number,
        NEEDED,
        "LUN that the disk gets in the image, 0 to 63.",
    ),
    opt("id", Kind::Text, NEEDED, "The disk or snapshot."),
];

const DESTINATION: &[Opt] = &[
    opt(
        "subscription",
        Kind::Text,
        "`subscription_id`",
        "Subscription of the gallery.",
    ),
    opt("resource_group", Kind::Text, NEEDED, "Resource group of the gallery."),
    opt("gallery_name", Kind::Text, NEEDED, "The gallery."),
    opt("image_name", Kind::Text, NEEDED, "The image definition."),
    opt(
        "image_version",
        Kind::Text,
        "`next-patch`",
        "Number of the version: `1.4.2`, `next-patch` for the next one of 1.0, `next-patch 1.4` for the next one of 1.4. An explicit number that is taken by another source is refused, also under `-force`. A version that is adopted keeps its own number.",
    ),
    opt(
        "storage_account_type",
        Kind::Text,
        "`Standard_LRS`",
        "Storage of the replicas: `Standard_LRS`, `Standard_ZRS` or `Premium_LRS`. It cannot be changed later.",
    ),
    opt(
        "target_region",
        Kind::Blocks(TARGET_REGION),
        NOTHING,
        "A region beside the source's and those of `used_by`, or more replicas in one of them.",
    ),
];

const TARGET_REGION: &[Opt] = &[
    opt("name", Kind::Text, NEEDED, "The region, such as `westeurope`."),
    opt(
        "replicas",
        Kind::Number,
        "what the pools there need, one at least",
        "How many replicas, 1 to 100.",
    ),
];

const USED_BY: &[Opt] = &[
    opt(
        "batch_account",
        Kind::Text,
        NEEDED,
        "Resource id of the pool's Batch account.",
    ),
    opt(
        "nodes",
        Kind::Number,
        NEEDED,
        "The greatest number of nodes that the pool will have.",
    ),
];

const DEFINITION: &[Opt] = &[
    opt(
        "publisher",
        Kind::Text,
        "the gallery's name",
        "Publisher in the definition's identifier.",
    ),
    opt(
        "offer",
        Kind::Text,
        "the definition's name",
        "Offer in the definition's identifier.",
    ),
    opt(
        "sku",
        Kind::Text,
        "the definition's name",
        "SKU in the definition's identifier.",
    ),
    opt("description", Kind::Text, NOTHING, "Description of the definition."),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that Packer keeps for itself: they never reach a plugin.
    const PACKERS_OWN: [&str; 5] = ["name", "only", "except", "keep_input_artifact", "type"];

    #[test]
    fn no_option_has_a_name_that_packer_keeps_for_itself() {
        for option in OPTIONS {
            assert!(!PACKERS_OWN.contains(&option.name), "{}", option.name);
            assert!(!option.name.starts_with("packer_"), "{}", option.name);
        }
    }

    #[test]
    fn every_option_is_described_in_a_sentence() {
        fn check(options: &[Opt]) {
            for option in options {
                assert!(option.doc.ends_with('.'), "{}", option.name);
                assert!(!option.default.is_empty(), "{}", option.name);
                if let Kind::Block(nested) | Kind::Blocks(nested) = option.kind {
                    check(nested);
                }
            }
        }
        check(OPTIONS);
    }
}
