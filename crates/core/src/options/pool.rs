//! The options of rolling out: which version, which pool, how patiently, and what is reported.

use super::{
    AWAITING_NODES, CHANGING_A_POOL, CHANGING_AN_IMAGE, CHANGING_POOLS, Kind, NAMING_A_VERSION, OF_POOL_PROGRAM,
    ON_ACCOUNT, ON_POOL, ON_VERSION, PATIENT, POOL_DOORS, PRICED, REPORTING, ROLLOUT, Standard, TAKING_POOL_FILES,
    TAKING_TURNS, Verb, WITH_SUBSCRIPTIONS, rows,
};

rows! {
    /// Which version, wherever it is named.
    OF_NAMED_VERSION [NAMING_A_VERSION, POOL_DOORS]:
    IMAGE_VERSION: "image_version", Version, Kind::Text, Standard::Absent, [],
        "Image version that the nodes of the pool shall run: its resource id; for a roll-out also, with the image definition, its number (`1.4.2`) or a rule. `latest`: the newest version that Azure takes for latest in the account's region. `~1.4`, `1.4.x`, `>=1.4, <1.6`: the newest of those in that range. `tag:release=stable`: the newest that has this tag, excluded from latest or not. The rule is applied once, before the first write; the plan and the report show which version it was. Give this or {manifest}.";
    MANIFEST: "manifest", Version, Kind::File, Standard::Absent, [],
        "Manifest file that the Packer post-processor wrote; it names the image version. A roll-out also needs the image definition that is expected.";
}

rows! {
    /// Which version pools shall run, and what it must be.
    OF_VERSION [ON_VERSION, POOL_DOORS]:
    DISPATCH_PAYLOAD: "dispatch_payload", Version, Kind::Json, Standard::Rule("in the Action, the payload of the `repository_dispatch` that started the workflow"), [],
        "Client payload of a `repository_dispatch` that `azure-batch-pool notify` sent; it names the image version. Give {image_definition} with it.";
    IMAGE_DEFINITION: "image_definition", Version, Kind::Text, Standard::Absent, [],
        "Resource id of the image definition that the version must belong to. Required when {image_version} is a number or a rule, and with {manifest} and {dispatch_payload}: who can change that file, or send that event, must not choose what the nodes run.";
    ANY_DEFINITION: "any_definition", Version, Kind::Bool, Standard::Value("false", "a file must not choose the image"), [],
        "Take the version that {manifest} or {dispatch_payload} names, of any definition. Only for a manifest that no other person can change, or an event that no other person can send.";
}

rows! {
    /// Which account.
    OF_ACCOUNT [ON_ACCOUNT, POOL_DOORS]:
    ACCOUNT: "account", Pool, Kind::Text, Standard::Absent, [],
        "Resource id of the Batch account. Give this or {account_endpoint}.";
    ACCOUNT_NAME: "account_name", Pool, Kind::Text, Standard::Absent, [],
        "Name of the Batch account. It is compared with {account_endpoint}.";
    ACCOUNT_ENDPOINT: "account_endpoint", Pool, Kind::Text, Standard::Absent, [],
        "Endpoint of the Batch account (`name.region.batch.azure.com`), for identities without rights in ARM.";
}

rows! {
    /// Which pool.
    OF_POOL [ON_POOL, POOL_DOORS]:
    POOL_ID: "pool_id", Pool, Kind::Text, Standard::By(&[
            (Verb::Rollout, "", "that of {pool_file}; required without it"),
            (Verb::Plan, "", "that of {pool_file}; required without it"),
            (Verb::Rollback, "", "that of {pool_file}, or all pools of the file; required without it"),
            (Verb::Migrate, "", "without it and {all_pools}, the pools on managed images are listed"),
            (Verb::Judge, "", "required"),
            (Verb::Wait, "", "required"),
            (Verb::Delete, "", "required without {expired}"),
        ]), [],
        "Id of the pool. A roll-out creates or resizes it. Of a file with many pools it names the one that is meant.";
}

rows! {
    /// A file with pools, and what it may name.
    OF_FILE [TAKING_POOL_FILES, POOL_DOORS]:
    POOL_FILE: "pool_file", Pool, Kind::File, Standard::Absent, [],
        "File with the pool in YAML or JSON: under the names of the inputs, in the form of Batch's own interface (as `az batch pool create --json-file` takes it), or in that of the resource manager. What is given as an input counts more than the file. A return takes from it only which pools there are, in which accounts, and how patiently they are changed.";
}

rows! {
    /// Where accounts may be, or are looked for.
    OF_SUBSCRIPTIONS [WITH_SUBSCRIPTIONS, POOL_DOORS]:
    SUBSCRIPTIONS: "subscriptions", Pool, Kind::Texts, Standard::By(&[
            (Verb::Rollout, "", "none"),
            (Verb::Plan, "", "none"),
            (Verb::Rollback, "", "none"),
            (Verb::Status, "", "every account in sight"),
            (Verb::Migrate, "", "for the list every account in sight"),
            (Verb::Delete, "", "with {expired} every account in sight"),
        ]), [],
        "Ids of subscriptions, with commas between them. A roll-out, and a return: those whose Batch accounts a pool file may name. Status, the list of pools to migrate, and the deletion of expired pools: those whose accounts are looked at. Not needed when {account} names the account.";
}

rows! {
    /// Which pool that is changed, what happens to what runs on it, and how patiently.
    OF_CHANGE [CHANGING_A_POOL, POOL_DOORS]:
    RUNNING_TASKS: "running_tasks", Change, Kind::Text, Standard::Value("wait", "nothing that runs is lost"), [],
        "What happens to the tasks that run on a pool which must be emptied. Its jobs are disabled first and enabled at the end. `wait`: the tasks run to their end, then the pool is emptied. `taskcompletion`: each node goes once its tasks have ended. `requeue`: the tasks end and start again later. `terminate`: the tasks end and count as failed.";

    RESIZE_ROUNDS: "resize_rounds", Waiting, Kind::Number, Standard::Value("5", "with pauses of 1, 2, 4 and 8 minutes between them"), [],
        "How many resize rounds there may be, the first included: 1 to 10.";
    RESIZE_TIMEOUT: "resize_timeout", Waiting, Kind::Duration, Standard::Rule("by target size: 15 minutes per 1,000 nodes begun, at least 30 above 300 nodes"), [],
        "Timeout of the first resize round, 5 minutes at least; later rounds get longer ones.";
    STOP_PENDING_RESIZE: "stop_pending_resize", Waiting, Kind::Bool, Standard::Value("false", "another user may need it"), [],
        "Stop a resize to another target that is in progress. Without this the run waits for its end.";
}

rows! {
    /// How many pools take turns.
    OF_TURNS [TAKING_TURNS, POOL_DOORS]:
    MAX_PARALLEL: "max_parallel", Waiting, Kind::Number, Standard::Value("4", "what the request limits of one account take easily"), [],
        "When there are many pools, how many of them are changed at one time, once the first one is good. In a return no pool goes first.";
}

rows! {
    /// What the failure of one pool means for the others.
    OF_FLEET [CHANGING_POOLS, POOL_DOORS]:
    CONTINUE_AFTER_FAILURE: "continue_after_failure", Waiting, Kind::Bool, Standard::Value("false", "what fails on one pool often fails on all"), [],
        "When there are many pools, whether further ones have their turn after one has failed. Those under way always go on to their end.";
}

rows! {
    /// What the pool is made of.
    OF_MACHINES [ROLLOUT, POOL_DOORS]:
    VM_SIZE: "vm_size", Pool, Kind::Text, Standard::Absent, [],
        "VM size of the nodes, such as `Standard_D4s_v5`. Needed to create the pool; compared when the pool exists.";
    NODE_AGENT_SKU_ID: "node_agent_sku_id", Pool, Kind::Text, Standard::Absent, [],
        "Batch node agent SKU, such as `batch.node.ubuntu 22.04`. Needed to create the pool, unless the manifest names the agent for the image; compared when the pool exists.";
    TARGET_DEDICATED_NODES: "target_dedicated_nodes", Pool, Kind::Number, Standard::Value("0", "Batch's own"), [],
        "How many dedicated nodes the pool shall have.";
    TARGET_SPOT_NODES: "target_spot_nodes", Pool, Kind::Number, Standard::Value("0", "Batch's own"), [],
        "How many spot nodes the pool shall have.";
    AUTOSCALE_FORMULA: "autoscale_formula", Pool, Kind::TextOrFile, Standard::Absent, [],
        "Batch autoscale formula that decides how many nodes the pool has, instead of {target_dedicated_nodes} and {target_spot_nodes}: the formula, or `@` and the path of a file. On a pool that follows a formula already, Batch evaluates this one first. Such a pool is never resized.";
    AUTOSCALE_MINUTES: "autoscale_minutes", Pool, Kind::Number, Standard::Rule("15 for a new pool, which is Batch's own; a pool that follows a formula keeps its own"), [],
        "How many minutes Batch lets pass between two evaluations of {autoscale_formula}: 5 to 10080.";
    AUTOSCALE_MAX_NODES: "autoscale_max_nodes", Replicas, Kind::Number, Standard::Rule("as many as the formula said last"), [],
        "The greatest number of nodes that {autoscale_formula} may ask for. The image version gets the replicas for so many before the pool follows the formula.";
}

rows! {
    /// How many nodes are enough.
    OF_READINESS [AWAITING_NODES, POOL_DOORS]:
    COUNT_SPOT_NODES: "count_spot_nodes", Pool, Kind::Bool, Standard::Rule("only in a pool without dedicated nodes, as Azure takes spot nodes away at any time"), [],
        "Whether spot nodes must be ready too for success.";
    MIN_READY: "min_ready", Pool, Kind::Text, Standard::Rule("all dedicated nodes up to 100, 98 % of them above: in a large allocation single nodes fail"), [],
        "How many dedicated nodes must be ready for success: a number, or a percentage such as `95%`. Nodes that are missing then are named in a warning.";
    MIN_READY_SPOT: "min_ready_spot", Pool, Kind::Text, Standard::Rule("as for dedicated nodes when {count_spot_nodes} says that they count or the pool has no others, else 0"), [],
        "How many spot nodes must be ready for success: a number, or a percentage such as `50%`.";
}

rows! {
    /// What runs on the nodes, how patiently, and what is reported.
    ROWS [ROLLOUT, POOL_DOORS]:
    START_TASK: "start_task", Pool, Kind::Text, Standard::Absent, [],
        "Command line of the start task; run by `/bin/bash -c` or `cmd /c`.";
    START_TASK_ELEVATED: "start_task_elevated", Pool, Kind::Bool, Standard::Value("false", "least privilege"), [],
        "Whether the start task runs as administrator.";
    START_TASK_WAIT_FOR_SUCCESS: "start_task_wait_for_success", Pool, Kind::Bool, Standard::Value("true", "Batch's own when a pool is created"), [],
        "Whether a node takes tasks only after its start task has succeeded.";
    START_TASK_MAX_RETRIES: "start_task_max_retries", Pool, Kind::Number, Standard::Value("0", "Batch's own"), [],
        "How often Batch repeats a start task that failed.";

    EXPIRES_AFTER: "expires_after", Pool, Kind::Duration, Standard::Rule("none; a pool that has an expiry keeps it"), [],
        "How long the pool is wanted from this roll-out on, `1h` or more. Its end is written into the pool's metadata (`azure-batch-expiry`), `status` shows it, and every later roll-out with this option moves it. The verb `delete` can delete all pools past their expiry that no job uses; nothing else deletes them.";
    ADOPT: "adopt", Pool, Kind::Bool, Standard::Value("false", "another tool or person may need the pool as it is"), [],
        "Whether this roll-out may change a pool that no roll-out has made. The pool gets our mark, so later roll-outs change it without this option; it stays a pool of others, which no roll-out deletes. Without this such a pool is compared and waited for, and never written to.";
    FALLBACK_VM_SIZES: "fallback_vm_sizes", Pool, Kind::Texts, Standard::Rule("none: a pool for which Azure has no room stays without nodes"), [],
        "VM sizes that may take the place of {vm_size}, in the order in which they are tried. One is tried only when Azure has no room or the quota is too small, for a pool that a roll-out has made and that has neither nodes nor jobs. Each must boot the image, and costs what it costs: log, summary and report say which one the pool has. The same roll-out again takes a pool of any of them for the same pool. Not with {autoscale_formula}, {canary_nodes} or a second pool.";
    SPOT_FALLBACK: "spot_fallback", Pool, Kind::Text, Standard::Rule("none: spot nodes that do not come are missing, with a warning"), [],
        "How many dedicated nodes may stand in for spot nodes that do not come: a number, or a percentage of {target_spot_nodes}. The pool gets so many more dedicated nodes and so many fewer spot nodes; log, summary and report say so. The same roll-out again leaves it at that; one without this option asks for the spot nodes again.";
    SPOT_FALLBACK_AFTER: "spot_fallback_after", Pool, Kind::Duration, Standard::Rule("15m, which a resize of a small pool may take"), [],
        "How long spot nodes may be missing before dedicated ones stand in, counted from when the other nodes are ready.";
    HEAL_NODES: "heal_nodes", Pool, Kind::Bool, Standard::Value("false", "a node that is removed takes with it what tasks have left on its disk"), [],
        "Whether ill nodes of a pool of a fixed size are healed: a node whose start task failed is rebooted once, and removed when it fails again; a node that is unusable with an error, or without one for 20 minutes, is removed. The pool then grows to its size again. No node that runs a task is touched.";
    MAX_UNHEALTHY: "max_unhealthy", Pool, Kind::Text, Standard::Value("40%", "with more, the trouble is the image's or the network's, and new nodes would be no better"), [],
        "With more ill nodes than this, {heal_nodes} does nothing, and the run says why: a number, or a percentage of the pool's nodes. Nodes that this run has removed count.";
    MAX_IN_FLIGHT: "max_in_flight", Pool, Kind::Text, Standard::Value("10%", "the others go on working"), [],
        "How many nodes {heal_nodes} reboots or removes at once: a number, or a percentage of the pool's nodes; one at least.";
    NODE_LOGS_CONTAINER: "node_logs_container", Pool, Kind::Text, Standard::Rule("none: the logs of a node go with it"), [],
        "Address of a blob container (`https://ACCOUNT.blob.core.windows.net/CONTAINER`) into which Batch writes the logs of its agent from ill nodes: from each that {heal_nodes} reboots or removes, and from the first one when the run ends because nodes are ill. Report and log name the folder. Batch signs in there with {node_logs_sas} or as {node_logs_identity}.";
    NODE_LOGS_SAS: "node_logs_sas", Pool, Kind::Secret, Standard::Absent, ["AZURE_BATCH_NODE_LOGS_SAS"],
        "SAS of {node_logs_container} that lets Batch write there (`sp` with `w`).";
    NODE_LOGS_IDENTITY: "node_logs_identity", Pool, Kind::Text, Standard::Absent, [],
        "Resource id of the managed identity that writes into {node_logs_container}; one of the pool's identities.";
}

rows! {
    /// How a pool that is there gets another image, and what it needs for that.
    OF_IMAGE [CHANGING_AN_IMAGE, POOL_DOORS]:
    POOL_JSON: "pool_json", Pool, Kind::Json, Standard::Absent, [],
        "Everything else of Batch's pool JSON (body of `POST /pools`), inline or `@file`; passed on as it is.";
    ADD_REGION: "add_region", Replicas, Kind::Bool, Standard::Value("false", "a version is shared, and every region of it costs"), [],
        "Whether the region of the Batch account is added to the image version when the version has no replica there.";
    REGISTER_PROVIDER: "register_provider", Pool, Kind::Bool, Standard::Value("false", "it changes the subscription"), [],
        "Register `Microsoft.Batch` in the image's subscription when it is not registered there. Without this the roll-out is refused.";

    STRATEGY: "strategy", Change, Kind::Text, Standard::By(&[
            (Verb::Rollout, "create-only", "no pool is emptied unless you say so"),
            (Verb::Plan, "create-only", "no pool is emptied unless you say so"),
            (Verb::Migrate, "auto", "a second pool loses no time, where there is room for it"),
        ]), [],
        "What happens to a pool that is there and needs another image, or another setting that Batch changes only while a pool has no nodes. `create-only`: it is refused. `in-place`: its jobs are disabled, it is emptied as {running_tasks} says, changed, filled again, and its jobs are enabled. `blue-green`: a second pool is made, and nodes and jobs move there in as many steps as the quotas need. `auto`: blue-green where it is possible, else in place where that is; the plan says why.";
    NEW_POOL_ID: "new_pool_id", Change, Kind::Text, Standard::Rule("{pool_id}, a hyphen and the version with hyphens, such as `render-1-4-2`"), [],
        "Id of the second pool of a blue-green roll-out.";
    MAX_SURGE: "max_surge", Change, Kind::Text, Standard::Rule("as many as the quotas hold"), [],
        "How many nodes both pools of a blue-green roll-out may have beyond the larger of the two: a number, or a percentage such as `20%`.";
    STEP_MINUTES: "step_minutes", Change, Kind::Number, Standard::Value("0", "the start of the nodes says enough"), [],
        "How many minutes the nodes of the second pool must stay ready after each step but the last.";
    KEEP_OLD: "keep_old", Change, Kind::Duration, Standard::Value("168h", "a week, in which a return takes minutes"), [],
        "How long the former pool is kept without nodes after a blue-green roll-out. A later roll-out under the same {pool_id} deletes it, if a roll-out has made it.";
    CANARY_NODES: "canary_nodes", Change, Kind::Text, Standard::Rule("1 when {canary_command} or {canary_minutes} is given, else none"), [],
        "How many nodes get the image first, in a pool that is made or that gets another image: a number, or a percentage of the dedicated nodes such as `2%`. The pool grows only when they are good.";
    CANARY_COMMAND: "canary_command", Change, Kind::Text, Standard::Absent, [],
        "Command that must succeed as a task on each of the first nodes; run by `/bin/bash -c` or `cmd /c`. The end of what it writes is in the report.";
    CANARY_MINUTES: "canary_minutes", Change, Kind::Number, Standard::Value("0", "the command and the start of the nodes say enough"), [],
        "How many minutes the first nodes must stay ready before the pool grows.";
    ON_CANCEL: "on_cancel", Change, Kind::Text, Standard::Value("leave", "a run that was stopped by mistake goes on where it was"), [],
        "What a run that is asked to stop still does in Azure, within a second. `leave`: nothing; a resize that has begun goes on. `stop-resize`: it stops the resize of the pool that grows; nodes that are there stay. `return`: it writes into the pool's metadata that the change goes back, and stops the growth; the next run of the same, or a rollback, brings the pool back. The last lines of the log say what goes on in Azure, and what to type.";
    ON_FAILURE: "on_failure", Change, Kind::Text, Standard::Value("return", "a pool without nodes does no work"), [],
        "What happens when the image turns out bad. `return`: a pool that is changed in place gets its former image, size and jobs; a new pool whose first nodes are bad gets 0 nodes; the run ends with exit code 9. `keep`: the pool stays as it is, in place with its jobs disabled, until the same run or a rollback goes on; the run ends with exit code 5.";
}

rows! {
    /// What is reported where.
    OF_REPORT [REPORTING, POOL_DOORS]:
    DEPLOYMENT_ENVIRONMENT: "deployment_environment", Report, Kind::Text, Standard::Absent, [],
        "Environment in which the roll-out is shown as a deployment.";
}

rows! {
    /// With which prices.
    OF_PRICES [PRICED, POOL_DOORS]:
    PRICE_FILE: "price_file", Report, Kind::File, Standard::Rule("the plan shows hours and GiB only"), [],
        "File with your own prices, in YAML or JSON: an hour of a node by VM size and region, a GiB for a month by storage type and region. The plan then says what it costs. No prices are asked for anywhere; one that is missing is named.";
}

rows! {
    /// The report of every verb.
    OF_FILES [OF_POOL_PROGRAM, POOL_DOORS]:
    REPORT_PATH: "report_path", Report, Kind::File, Standard::Rule("a file named after pool and step in the runner's temporary folder; on the command line only when given"), [],
        "Where the report is written, as JSON.";
}

rows! {
    /// How long nothing may happen.
    OF_PATIENCE [PATIENT, POOL_DOORS]:
    NODE_READY_TIMEOUT: "node_ready_timeout", Waiting, Kind::Duration, Standard::Value("30m", "start tasks that install software"), [],
        "How long a node may stay in one state of its way to being ready; a node that is lost and tried again has this long in all. The wait ends when the other nodes are not enough. For the verb `wait` and for autoscale pools: when for this long no more nodes got ready.";
}
