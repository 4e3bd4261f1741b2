//! Every command of az that an error may print, with `{name}` where a value goes.
//!
//! It does not run them. That each is one that az takes was read in az's own reference and is not yet tried by a judge.

/// All of them, each with a name.
pub const ALL: &[(&str, &str)] = &[
    ("start-task-output", START_TASK_OUTPUT),
    ("release-nodes", RELEASE_NODES),
    ("stop-resize", STOP_RESIZE),
    ("unusable-nodes", UNUSABLE_NODES),
    ("delete-nodes", DELETE_NODES),
    ("resize-errors", RESIZE_ERRORS),
    ("image-versions", IMAGE_VERSIONS),
    ("vm-sizes", VM_SIZES),
    ("node-agents", NODE_AGENTS),
    ("assign-role", ASSIGN_ROLE),
    ("account-quotas", ACCOUNT_QUOTAS),
    ("accounts", ACCOUNTS),
    ("subscription-usage", SUBSCRIPTION_USAGE),
    ("locks", LOCKS),
    ("subnet", SUBNET),
    ("locations", LOCATIONS),
];

/// What the start task of a node wrote.
pub const START_TASK_OUTPUT: &str = "az batch node file download --account-name {account} \
     --account-endpoint {endpoint} --pool-id {pool} --node-id {node} --file-path startup/stderr.txt \
     --destination stderr.txt";

/// All nodes of a pool go, and are billed no more.
pub const RELEASE_NODES: &str = "az batch pool resize --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --target-dedicated-nodes 0 --target-low-priority-nodes 0";

/// A resize ends where it is.
pub const STOP_RESIZE: &str =
    "az batch pool resize --account-name {account} --account-endpoint {endpoint} --pool-id {pool} --abort";

/// Which nodes are unusable, and why.
pub const UNUSABLE_NODES: &str = "az batch node list --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query \"[?state=='unusable'].[id,errors]\"";

/// Single nodes go.
pub const DELETE_NODES: &str = "az batch node delete --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --node-list {node}";

/// What the last resize failed with.
pub const RESIZE_ERRORS: &str = "az batch pool show --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query resizeErrors";

/// Which versions a definition has.
pub const IMAGE_VERSIONS: &str = "az sig image-version list --subscription {subscription} --resource-group {group} \
     --gallery-name {gallery} --gallery-image-definition {definition} --query \"[].name\" --output tsv";

/// Which VM sizes a region offers to Batch.
pub const VM_SIZES: &str = "az batch location list-skus --location {location} --query \"[].name\" --output tsv";

/// Which node agents Batch has.
pub const NODE_AGENTS: &str = "az batch pool supported-images list --account-name {account} \
     --account-endpoint {endpoint} --query \"[].nodeAgentSkuId\" --output tsv";

/// An identity gets a role.
pub const ASSIGN_ROLE: &str = "az role assignment create --assignee {identity} --role {role} --scope {scope}";

/// The quotas of an account.
pub const ACCOUNT_QUOTAS: &str = "az batch account show --subscription {subscription} --resource-group {group} \
     --name {account} --query \"[dedicatedCoreQuota,lowPriorityCoreQuota]\"";

/// Which accounts a subscription has.
pub const ACCOUNTS: &str =
    "az batch account list --subscription {subscription} --query \"[].[name,resourceGroup]\" --output tsv";

/// What of the cores of a region is used.
pub const SUBSCRIPTION_USAGE: &str = "az vm list-usage --location {location} --output table";

/// Which locks a group has.
pub const LOCKS: &str = "az lock list --resource-group {group} --output table";

/// Whether a subnet is there.
pub const SUBNET: &str = "az network vnet subnet show --ids {subnet}";

/// Which regions there are.
pub const LOCATIONS: &str = "az account list-locations --query \"[].name\" --output tsv";
