//! Every command of az that an error may print, with `{name}` where a value goes.
//!
//! It does not run them. The judge `az` types every one of them on the local Azure.

/// All of them, each with a name.
pub const ALL: &[(&str, &str)] = &[
    ("start-task-output", START_TASK_OUTPUT),
    ("release-nodes", RELEASE_NODES),
    ("stop-resize", STOP_RESIZE),
    ("unusable-nodes", UNUSABLE_NODES),
    ("busy-nodes", BUSY_NODES),
    ("resize-errors", RESIZE_ERRORS),
    ("image-versions", IMAGE_VERSIONS),
    ("vm-sizes", VM_SIZES),
    ("vm-zones", VM_ZONES),
    ("pool-sizes", POOL_SIZES),
    ("pool-state", POOL_STATE),
    ("node-agents", NODE_AGENTS),
    ("assign-role", ASSIGN_ROLE),
    ("custom-role", CUSTOM_ROLE),
    ("account-quotas", ACCOUNT_QUOTAS),
    ("accounts", ACCOUNTS),
    ("identities", IDENTITIES),
    ("subscription-usage", SUBSCRIPTION_USAGE),
    ("locks", LOCKS),
    ("policy-assignment", POLICY_ASSIGNMENT),
    ("provider-registration", REGISTER_PROVIDER),
    ("convert-disks", CONVERT_DISKS),
    ("trust", TRUST),
    ("new-secret", NEW_SECRET),
    ("vm-skus", VM_SKUS),
    ("subnet", SUBNET),
    ("locations", LOCATIONS),
    ("resource-groups", RESOURCE_GROUPS),
    ("subscriptions", SUBSCRIPTIONS),
    ("vms", VMS),
    ("disks", DISKS),
    ("snapshots", SNAPSHOTS),
    ("managed-images", MANAGED_IMAGES),
    ("disable-job", DISABLE_JOB),
    ("point-job", POINT_JOB),
    ("enable-job", ENABLE_JOB),
];

/// What the start task of a node wrote.
pub const START_TASK_OUTPUT: &str = "az batch node file download --account-name {account} \
     --account-endpoint {endpoint} --pool-id {pool} --node-id {node} --file-path startup/stderr.txt \
     --destination ./stderr.txt";

/// All nodes of a pool go, and are billed no more.
pub const RELEASE_NODES: &str = "az batch pool resize --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --target-dedicated-nodes 0 --target-low-priority-nodes 0";

/// A resize ends where it is.
pub const STOP_RESIZE: &str =
    "az batch pool resize --account-name {account} --account-endpoint {endpoint} --pool-id {pool} --abort";

/// Which nodes are unusable, and why.
pub const UNUSABLE_NODES: &str = "az batch node list --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query \"[?state=='unusable'].[id,errors]\"";

/// Which nodes run tasks, and how many each.
pub const BUSY_NODES: &str = "az batch node list --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query \"[?state=='running'].[id,runningTasksCount]\" --output tsv";

/// What the last resize failed with.
pub const RESIZE_ERRORS: &str = "az batch pool show --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query resizeErrors";

/// Which versions a definition has.
pub const IMAGE_VERSIONS: &str = "az sig image-version list --subscription {subscription} --resource-group {group} \
     --gallery-name {gallery} --gallery-image-definition {definition} --query \"[].name\" --output tsv";

/// Which VM sizes a region offers to Batch.
pub const VM_SIZES: &str = "az batch location list-skus --subscription {subscription} --location {location} \
     --query \"[].name\" --output tsv";

/// In which zones a region has a VM size, and what of it the subscription may not use there.
pub const VM_ZONES: &str = "az vm list-skus --subscription {subscription} --location {location} --size {size} \
     --zone --all --output table";

/// Which pools hold the cores of an account.
pub const POOL_SIZES: &str = "az batch pool list --account-name {account} --account-endpoint {endpoint} \
     --query \"[].[id,vmSize,currentDedicatedNodes,currentLowPriorityNodes]\" --output table";

/// Whether a pool is there, and what it does.
pub const POOL_STATE: &str = "az batch pool show --account-name {account} --account-endpoint {endpoint} \
     --pool-id {pool} --query \"[state,allocationState,currentDedicatedNodes,currentLowPriorityNodes]\"";

/// Which node agents Batch has.
pub const NODE_AGENTS: &str = "az batch pool supported-images list --account-name {account} \
     --account-endpoint {endpoint} --query \"[].[nodeAgentSkuId,imageReference.offer,imageReference.sku]\" --output tsv";

/// An identity gets a role.
pub const ASSIGN_ROLE: &str = "az role assignment create --assignee {identity} --role {role} --scope {scope}";

/// A role is made with exactly the actions of a definition.
pub const CUSTOM_ROLE: &str = "az role definition create --role-definition {actions}";

/// The quotas of an account, and of each VM family; versions of az spell the list's name in two ways.
pub const ACCOUNT_QUOTAS: &str = "az batch account show --subscription {subscription} --resource-group {group} \
     --name {account} --output yaml";

/// Which accounts a subscription has.
pub const ACCOUNTS: &str = "az batch account list --subscription {subscription} --query \"[].id\" --output tsv";

/// Which user-assigned managed identities a subscription has.
pub const IDENTITIES: &str = "az identity list --subscription {subscription} --query \"[].id\" --output tsv";

/// What of the cores of a region is used.
pub const SUBSCRIPTION_USAGE: &str = "az vm list-usage --location {location} --output table";

/// Which locks a group has.
pub const LOCKS: &str = "az lock list --resource-group {group} --output table";

/// Which policy an assignment applies, and with which parameters.
pub const POLICY_ASSIGNMENT: &str =
    "az policy assignment show --name {name} --scope {scope} --query parameters --output json";

/// A subscription may use a resource provider from then on.
pub const REGISTER_PROVIDER: &str = "az provider register --namespace {namespace} --subscription {subscription}";

/// The disks of a machine become managed ones.
pub const CONVERT_DISKS: &str = "az vm convert --ids {vm}";

/// An application trusts the tokens of a CI system.
pub const TRUST: &str = "az ad app federated-credential create --id {client} --parameters {parameters}";

/// An application gets one more secret, which is printed.
pub const NEW_SECRET: &str = "az ad app credential reset --id {client} --append --query password --output tsv";

/// Which VM sizes a region has.
pub const VM_SKUS: &str = "az vm list-skus --location {location} --query \"[].name\" --output tsv";

/// Whether a subnet is there.
pub const SUBNET: &str = "az network vnet subnet show --ids {subnet}";

/// Which regions there are.
pub const LOCATIONS: &str =
    "az account list-locations --query \"[?metadata.regionType=='Physical'].name\" --output tsv";

/// Which resource groups a subscription has.
pub const RESOURCE_GROUPS: &str = "az group list --subscription {subscription} --query \"[].name\" --output tsv";

/// Which subscriptions az is signed in to.
pub const SUBSCRIPTIONS: &str = "az account list --query \"[].id\" --output tsv";

/// Which machines a group has.
pub const VMS: &str =
    "az vm list --subscription {subscription} --resource-group {group} --query \"[].name\" --output tsv";

/// Which disks a group has.
pub const DISKS: &str =
    "az disk list --subscription {subscription} --resource-group {group} --query \"[].name\" --output tsv";

/// Which snapshots a group has.
pub const SNAPSHOTS: &str =
    "az snapshot list --subscription {subscription} --resource-group {group} --query \"[].name\" --output tsv";

/// Which managed images a group has.
pub const MANAGED_IMAGES: &str =
    "az image list --subscription {subscription} --resource-group {group} --query \"[].name\" --output tsv";

/// A job starts no task; those that run go back into the queue.
pub const DISABLE_JOB: &str = "az batch job disable --account-name {account} --account-endpoint {endpoint} \
     --job-id {job} --disable-tasks requeue";

/// A disabled job gets another pool.
pub const POINT_JOB: &str = "az batch job set --account-name {account} --account-endpoint {endpoint} \
     --job-id {job} --pool-id {pool}";

/// A disabled job starts tasks again.
pub const ENABLE_JOB: &str = "az batch job enable --account-name {account} --account-endpoint {endpoint} \
     --job-id {job}";

#[cfg(test)]
mod tests {
    use super::*;

    /// What the judge types.
    const TYPED: &str = include_str!("../../../../tests/judges/printed.txt");

    /// With `UPDATE_DOCS=1` in the environment the list is brought up to the table instead.
    #[test]
    fn the_judge_types_every_command() {
        let lines: Vec<String> = ALL
            .iter()
            .map(|(name, template)| {
                let words: Vec<&str> = template.split_whitespace().collect();
                format!("{name}\t{}\n", words.join(" "))
            })
            .collect();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/judges/printed.txt");
            std::fs::write(path, lines.concat()).unwrap();
            return;
        }
        assert!(
            TYPED == lines.concat(),
            "tests/judges/printed.txt lags behind the table; UPDATE_DOCS=1 brings it up to it"
        );
    }

    /// The constants of this file, by its own text: one that is not in the list would be printed and never tried.
    #[test]
    fn every_command_of_this_file_is_in_the_list() {
        let (code, _) = include_str!("az.rs").split_once("#[cfg(test)]").unwrap();
        let constants = code.matches(": &str =").count();
        assert_eq!(ALL.len(), constants);
    }
}
