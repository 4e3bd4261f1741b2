//! Reads everything that a roll-out needs to know. The texts of files are given already; no file is read here.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    AccountRef, Adopt, AfterFailure, Autoscale, BlueGreen, Canary, Change, Checked, Elevation, FleetSettings,
    HealNodes, Healing, ImageSecurity, Judge, MAX_PARALLEL, NewRegion, NodesPerReplica, PendingResize, PoolSpec,
    Readiness, Register, ReplicaRule, ResizePolicy, RolloutPolicy, Share, SpotCounts, SpotFallback, Spots, StartTask,
    Strategy, Targets, UnresolvedRollout, WaitForSuccess,
    autoscale::{LONGEST_FORMULA, MINUTES},
    gates, judging, luns,
    manifest::Manifest,
    node_logs, parts, prices,
    reader::Reader,
    shape,
    sign_in::known_cloud,
    wanted_version::{self, Named},
};
use crate::{
    ids::{BatchEndpoint, KnownCloud, NodeAgentSku, PoolId, VmSize},
    options::{file, judgement, pool, run, sign_in},
    words,
    words::Words,
};

/// The shortest resize timeout that Batch accepts.
const SHORTEST_RESIZE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The shortest time for which a pool can be wanted: one that ends while it is rolled out helps nobody.
const SHORTEST_LIFE: Duration = Duration::from_secs(3600);

/// The most resize rounds that make sense: their pauses double, so ten of them take longer than a job may run.
const MOST_ROUNDS: u32 = 10;

/// Reads the settings.
pub(super) fn read(reader: &mut Reader<'_, '_>, spots: &Spots) -> Option<UnresolvedRollout> {
    let Named { version, manifest } = wanted_version::read(reader);
    let account = account(reader);
    let id = reader
        .required(pool::POOL_ID, "give the id of the pool to create or resize")
        .and_then(|_| reader.parsed::<PoolId>(pool::POOL_ID));
    let vm_size = reader.parsed(pool::VM_SIZE);
    let node_agent_sku = agent(reader, manifest.as_ref());
    let targets = targets(reader);
    let autoscale = autoscale(reader);
    let start_task = start_task(reader);
    let expires_after = expires_after(reader);
    let parts = parts::read(reader);
    let json = pool_json(reader, manifest.as_ref());
    let node_agent_sku = node_agent_sku.or_else(|| inferred_agent(manifest.as_ref(), &json));
    let (resize, readiness) = (resize(reader), readiness(reader));
    let register = register(reader);
    let nodes_per_replica = nodes_per_replica(reader);
    let (new_region, adopt) = (new_region(reader), adopt(reader));
    let (most_nodes, healing) = (most_nodes(reader), healing(reader));
    let change = change(reader, Strategy::default());
    let spot_fallback = spot_fallback(reader, change.strategy);
    let fallback_vm_sizes = fallback_vm_sizes(reader, &change);
    let node_logs = node_logs::read(reader, &parts.identities);
    Some(UnresolvedRollout {
        account: account?,
        pool: PoolSpec {
            id: id?,
            version: version?,
            vm_size,
            fallback_vm_sizes,
            node_agent_sku,
            targets,
            autoscale,
            start_task,
            image_security: image_security(manifest.as_ref()),
            expires_after,
            parts,
            json: json.into(),
            spots: spots.clone(),
        },
        policy: RolloutPolicy {
            resize,
            readiness,
            register,
            replica_rule: ReplicaRule {
                nodes_per_replica: nodes_per_replica?,
                ..ReplicaRule::default()
            },
            most_nodes,
            new_region,
            adopt,
            healing,
            spot_fallback,
        },
        change,
        node_logs,
        prices: prices::read(reader),
    })
}

/// The agent that the manifest inferred; it gives way to what the user says, wherever that is said.
fn inferred_agent(manifest: Option<&Manifest>, json: &Map<String, Value>) -> Option<NodeAgentSku> {
    let machine = json.get("virtualMachineConfiguration");
    let is_named = machine.is_some_and(|machine| machine.get("nodeAgentSKUId").is_some());
    manifest?.node_agent.clone().filter(|_| !is_named)
}

/// How nodes boot from the image, as its manifest says.
fn image_security(manifest: Option<&Manifest>) -> ImageSecurity {
    ImageSecurity {
        feature: manifest.map(|manifest| manifest.security).unwrap_or_default(),
        ..ImageSecurity::default()
    }
}

/// How long the pool is wanted; nothing after a fault.
fn expires_after(reader: &mut Reader<'_, '_>) -> Option<Duration> {
    let after = reader.duration(pool::EXPIRES_AFTER)?;
    if after < SHORTEST_LIFE {
        let text = "is too short: a roll-out itself takes minutes; write 1h or more";
        reader.refuse(pool::EXPIRES_AFTER, text);
        return None;
    }
    Some(after)
}

/// The pool JSON, with its faults, also against the manifest.
fn pool_json(reader: &mut Reader<'_, '_>, manifest: Option<&Manifest>) -> Map<String, Value> {
    let json = reader.json_object(pool::POOL_JSON);
    let misshapen = shape::faults(&json);
    // What is of no use as JSON of a pool has no disks to compare.
    if let (true, Some(manifest)) = (misshapen.is_empty(), manifest) {
        reader.refuse_all(luns::clashes(&manifest.data_disks, &Value::Object(json.clone())));
    }
    reader.refuse_all(misshapen);
    json
}

/// Reads how many pools take turns.
pub(super) fn read_fleet(reader: &mut Reader<'_, '_>, pools: Vec<Checked<UnresolvedRollout>>) -> FleetSettings {
    let (max_parallel, after_failure) = turns(reader);
    FleetSettings {
        pools,
        max_parallel,
        after_failure,
    }
}

/// How many pools are changed at one time, and what the failure of one means for the others.
pub(super) fn turns(reader: &mut Reader<'_, '_>) -> (usize, AfterFailure) {
    let max_parallel = max_parallel(reader);
    let after_failure = if reader.is_on(pool::CONTINUE_AFTER_FAILURE) {
        AfterFailure::Continue
    } else {
        AfterFailure::Stop
    };
    (max_parallel, after_failure)
}

/// How many pools are changed at one time.
pub(super) fn max_parallel(reader: &mut Reader<'_, '_>) -> usize {
    let max_parallel = reader.number(pool::MAX_PARALLEL).unwrap_or(MAX_PARALLEL);
    if max_parallel == 0 {
        reader.refuse(pool::MAX_PARALLEL, "0 pools at a time would never end; write 1 or more");
    }
    usize::try_from(max_parallel).unwrap_or(usize::MAX)
}

/// One pool takes no turns: what is said of them has no effect. `many` says how many pools are given.
pub(super) fn refuse_turns(reader: &mut Reader<'_, '_>, many: &Words) {
    for opt in file::of_all() {
        if reader.has(opt) {
            let text = many.clone().after("is only for many pools; leave it out, or ");
            reader.refuse(opt, text);
        }
    }
}

/// How a pool that is there is changed; the strategy is this one when none is given.
pub(super) fn change(reader: &mut Reader<'_, '_>, usual: Strategy) -> Change {
    let strategy = reader.parsed(pool::STRATEGY).unwrap_or(usual);
    let judging = judging::read(reader);
    if judging.judge != Judge::No && strategy == Strategy::CreateOnly {
        let text = words![
            "compares new nodes with former ones, and there are none; give blue-green, in-place or auto in ",
            pool::STRATEGY
        ];
        reader.refuse(judgement::JUDGE_TASKS, text);
    }
    let canary = Canary {
        nodes: reader.parsed(pool::CANARY_NODES),
        command: reader.text(pool::CANARY_COMMAND).map(str::to_owned),
        bake: Duration::from_secs(60 * u64::from(reader.number(pool::CANARY_MINUTES).unwrap_or(0))),
    };
    let gates = gates::read(reader);
    // What a fault hides is not said to be missing.
    let has_first_nodes = canary.of(1) > 0 || reader.has(pool::CANARY_NODES) && canary.nodes.is_none();
    if strategy == Strategy::CreateOnly && !has_first_nodes {
        gates::refuse(reader);
    }
    Change {
        strategy,
        judging,
        gates,
        running_tasks: reader.parsed_or_default(pool::RUNNING_TASKS).unwrap_or_default(),
        canary,
        on_cancel: reader.parsed_or_default(pool::ON_CANCEL).unwrap_or_default(),
        on_failure: reader.parsed_or_default(pool::ON_FAILURE).unwrap_or_default(),
        blue_green: BlueGreen {
            new_pool: reader.parsed(pool::NEW_POOL_ID),
            max_surge: reader.parsed(pool::MAX_SURGE),
            pause: Duration::from_secs(60 * u64::from(reader.number(pool::STEP_MINUTES).unwrap_or(0))),
            keep_old: reader.duration(pool::KEEP_OLD).unwrap_or(BlueGreen::default().keep_old),
        },
    }
}

/// Reads how many nodes a replica serves; nothing after a fault.
pub(super) fn nodes_per_replica(reader: &mut Reader<'_, '_>) -> Option<NodesPerReplica> {
    let opt = run::NODES_PER_REPLICA;
    match reader.number(opt) {
        None => Some(NodesPerReplica::default()),
        Some(300) => Some(NodesPerReplica::ThreeHundred),
        Some(600) => Some(NodesPerReplica::SixHundred),
        Some(other) => {
            reader.refuse(opt, format!("{other} is not allowed; write 300 or 600"));
            None
        }
    }
}

/// The account; nothing after a fault.
pub(super) fn account(reader: &mut Reader<'_, '_>) -> Option<AccountRef> {
    match (reader.has(pool::ACCOUNT), reader.has(pool::ACCOUNT_ENDPOINT)) {
        (true, true) => {
            let text = words![pool::ACCOUNT_ENDPOINT, " names an account too; give one of the two"];
            reader.refuse(pool::ACCOUNT, text);
            None
        }
        (true, false) => reader.parsed(pool::ACCOUNT).map(AccountRef::Id),
        (false, true) => endpoint(reader),
        (false, false) if reader.has(pool::ACCOUNT_NAME) => {
            let text = words![
                "is needed with ",
                pool::ACCOUNT_NAME,
                "; give the account's endpoint, name.region.batch.azure.com"
            ];
            reader.refuse(pool::ACCOUNT_ENDPOINT, text);
            None
        }
        (false, false) => {
            let text = words![
                "is missing: give the resource id of the Batch account, or its endpoint in ",
                pool::ACCOUNT_ENDPOINT
            ];
            reader.refuse(pool::ACCOUNT, text);
            None
        }
    }
}

fn endpoint(reader: &mut Reader<'_, '_>) -> Option<AccountRef> {
    let text = reader.text(pool::ACCOUNT_ENDPOINT)?;
    let endpoint = reader.checked(pool::ACCOUNT_ENDPOINT, BatchEndpoint::parse(text))?;
    if let Some(suffix) = known_cloud(reader).map(KnownCloud::batch_suffix)
        && !endpoint.is_below(suffix)
    {
        let text = words![
            format!(
                "{endpoint} does not end in {suffix}, and a token for Batch would go there; correct it, or name the cloud in "
            ),
            sign_in::CLOUD_ENVIRONMENT_NAME,
            " or ",
            sign_in::METADATA_HOST
        ];
        reader.refuse(pool::ACCOUNT_ENDPOINT, text);
        return None;
    }
    let name = reader.text(pool::ACCOUNT_NAME);
    if let Some(name) = name.filter(|name| !is_named(&endpoint, name)) {
        let text = format!("{name:?} is not the account of {endpoint}; correct one of the two");
        reader.refuse(pool::ACCOUNT_NAME, text);
        return None;
    }
    Some(AccountRef::Endpoint(endpoint))
}

/// An account's name is the first label of its host; behind one shared host it is the last part of the path.
fn is_named(endpoint: &BatchEndpoint, name: &str) -> bool {
    let text = endpoint.to_string();
    let found = match text.split_once('/') {
        Some((_, path)) => path.rsplit('/').next(),
        None => text.split('.').next(),
    };
    found.is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// The node agent; one for the other operating system can never start on the image.
fn agent(reader: &mut Reader<'_, '_>, manifest: Option<&Manifest>) -> Option<NodeAgentSku> {
    let agent: NodeAgentSku = reader.parsed(pool::NODE_AGENT_SKU_ID)?;
    if let Some(os_type) = manifest.and_then(|manifest| manifest.os_type.as_deref()) {
        let is_windows_agent = agent.as_str().to_ascii_lowercase().contains("windows");
        if is_windows_agent != os_type.eq_ignore_ascii_case("windows") {
            let text = format!(
                "{:?} does not run on the image, whose OS is {os_type}; give an agent for {os_type}",
                agent.as_str()
            );
            reader.refuse(pool::NODE_AGENT_SKU_ID, text);
        }
    }
    Some(agent)
}

fn targets(reader: &mut Reader<'_, '_>) -> Targets {
    let (dedicated_opt, spot_opt) = (pool::TARGET_DEDICATED_NODES, pool::TARGET_SPOT_NODES);
    let (dedicated, spot) = (reader.number(dedicated_opt), reader.number(spot_opt));
    let both_read = (dedicated.is_some() || !reader.has(dedicated_opt)) && (spot.is_some() || !reader.has(spot_opt));
    let targets = Targets {
        dedicated: dedicated.unwrap_or(0),
        spot: spot.unwrap_or(0),
        spot_counts: spot_counts(reader),
    };
    if both_read && dedicated.is_none() && spot.is_none() && !reader.has(pool::AUTOSCALE_FORMULA) {
        let text = words![
            "is missing: give a number of nodes here or in ",
            spot_opt,
            "; 0 makes a pool without nodes, and ",
            pool::AUTOSCALE_FORMULA,
            " lets a formula decide"
        ];
        reader.refuse(dedicated_opt, text);
    }
    targets
}

/// Whether spot nodes must be ready.
pub(super) fn spot_counts(reader: &mut Reader<'_, '_>) -> SpotCounts {
    match reader.switch(pool::COUNT_SPOT_NODES) {
        Some(true) => SpotCounts::Yes,
        Some(false) => SpotCounts::No,
        None => SpotCounts::WhenAlone,
    }
}

/// A formula and what goes with it. What a formula decides cannot be said beside it.
fn autoscale(reader: &mut Reader<'_, '_>) -> Option<Autoscale> {
    let minutes = reader.number(pool::AUTOSCALE_MINUTES);
    if let Some(minutes) = minutes.filter(|minutes| !MINUTES.contains(minutes)) {
        let text = format!(
            "{minutes} is out of range; write {} to {}",
            MINUTES.start(),
            MINUTES.end()
        );
        reader.refuse(pool::AUTOSCALE_MINUTES, text);
    }
    let Some(formula) = reader.text(pool::AUTOSCALE_FORMULA) else {
        if minutes.is_some() {
            let text = words!["there is no formula; give it in ", pool::AUTOSCALE_FORMULA];
            reader.refuse(pool::AUTOSCALE_MINUTES, text);
        }
        return None;
    };
    let length = formula.chars().count();
    if length > LONGEST_FORMULA {
        let text = format!("has {length} characters, and Batch takes {LONGEST_FORMULA}");
        reader.refuse(pool::AUTOSCALE_FORMULA, text);
    }
    for opt in [
        pool::TARGET_DEDICATED_NODES,
        pool::TARGET_SPOT_NODES,
        pool::RESIZE_TIMEOUT,
    ] {
        if reader.has(opt) {
            reader.refuse_both(opt, pool::AUTOSCALE_FORMULA);
        }
    }
    for opt in [pool::MIN_READY, pool::MIN_READY_SPOT] {
        if let Some(Share::Nodes(nodes)) = reader.text(opt).and_then(|text| text.parse().ok()) {
            let text = words![
                format!("is {nodes}, but "),
                pool::AUTOSCALE_FORMULA,
                " decides how many nodes there are; give a percentage"
            ];
            reader.refuse(opt, text);
        }
    }
    Some(Autoscale {
        formula: formula.to_owned(),
        minutes,
    })
}

fn start_task(reader: &mut Reader<'_, '_>) -> Option<StartTask> {
    let elevated = reader.switch(pool::START_TASK_ELEVATED);
    let waits = reader.switch(pool::START_TASK_WAIT_FOR_SUCCESS);
    let max_retries = reader.number(pool::START_TASK_MAX_RETRIES);
    let Some(command) = reader.text(pool::START_TASK) else {
        for opt in [
            pool::START_TASK_ELEVATED,
            pool::START_TASK_WAIT_FOR_SUCCESS,
            pool::START_TASK_MAX_RETRIES,
        ] {
            if reader.has(opt) {
                let text = words!["there is no start task; give its command line in ", pool::START_TASK];
                reader.refuse(opt, text);
            }
        }
        return None;
    };
    Some(StartTask {
        command: command.to_owned(),
        elevation: match elevated {
            Some(true) => Elevation::Admin,
            Some(false) | None => Elevation::NonAdmin,
        },
        wait_for_success: match waits {
            Some(false) => WaitForSuccess::No,
            Some(true) | None => WaitForSuccess::Yes,
        },
        max_retries: max_retries.unwrap_or(0),
    })
}

pub(super) fn resize(reader: &mut Reader<'_, '_>) -> ResizePolicy {
    let rounds = reader
        .number(pool::RESIZE_ROUNDS)
        .unwrap_or(ResizePolicy::default().rounds);
    if !(1..=MOST_ROUNDS).contains(&rounds) {
        let text = format!("{rounds} is out of range; write 1 to {MOST_ROUNDS}");
        reader.refuse(pool::RESIZE_ROUNDS, text);
    }
    let timeout = reader.duration(pool::RESIZE_TIMEOUT);
    if timeout.is_some_and(|timeout| timeout < SHORTEST_RESIZE_TIMEOUT) {
        reader.refuse(pool::RESIZE_TIMEOUT, "is too short for Batch; give 5m or more");
    }
    let pending = if reader.is_on(pool::STOP_PENDING_RESIZE) {
        PendingResize::Stop
    } else {
        PendingResize::Wait
    };
    ResizePolicy {
        rounds,
        timeout,
        pending,
    }
}

/// When a pool is good.
pub(super) fn readiness(reader: &mut Reader<'_, '_>) -> Readiness {
    Readiness {
        node_timeout: reader
            .duration(pool::NODE_READY_TIMEOUT)
            .unwrap_or(Readiness::default().node_timeout),
        min_dedicated: reader.parsed(pool::MIN_READY),
        min_spot: reader.parsed(pool::MIN_READY_SPOT),
    }
}

/// What happens to nodes that are ill.
fn healing(reader: &mut Reader<'_, '_>) -> Healing {
    let usual = Healing::default();
    Healing {
        nodes: if reader.is_on(pool::HEAL_NODES) {
            HealNodes::Yes
        } else {
            HealNodes::No
        },
        max_unhealthy: reader.parsed(pool::MAX_UNHEALTHY).unwrap_or(usual.max_unhealthy),
        max_in_flight: reader.parsed(pool::MAX_IN_FLIGHT).unwrap_or(usual.max_in_flight),
    }
}

/// Whether dedicated nodes stand in for spot nodes. In a pool that is changed in place or by a second one the record of
/// the change decides the sizes, and where a formula decides, it can do so itself.
fn spot_fallback(reader: &mut Reader<'_, '_>, strategy: Strategy) -> Option<SpotFallback> {
    let after = reader.duration(pool::SPOT_FALLBACK_AFTER);
    let most: Option<Share> = reader.parsed(pool::SPOT_FALLBACK);
    if after.is_some() && !reader.has(pool::SPOT_FALLBACK) {
        let text = words![
            "no node stands in for a spot node; say how many may in ",
            pool::SPOT_FALLBACK
        ];
        reader.refuse(pool::SPOT_FALLBACK_AFTER, text);
    }
    let most = most?;
    if reader.has(pool::AUTOSCALE_FORMULA) {
        reader.refuse_both(pool::SPOT_FALLBACK, pool::AUTOSCALE_FORMULA);
    }
    if strategy != Strategy::CreateOnly {
        let text = words![
            "works only with ",
            pool::STRATEGY,
            " create-only: remove one of the two"
        ];
        reader.refuse(pool::SPOT_FALLBACK, text);
    }
    let usual = SpotFallback::of(most);
    Some(SpotFallback {
        after: after.unwrap_or(usual.after),
        ..usual
    })
}

/// The sizes that may take the place of the first one. A trial on first nodes and a second pool have records of their own,
/// which name no other size, and a formula asks again by itself.
fn fallback_vm_sizes(reader: &mut Reader<'_, '_>, change: &Change) -> Vec<VmSize> {
    let opt = pool::FALLBACK_VM_SIZES;
    if !reader.has(opt) {
        return Vec::new();
    }
    if !reader.has(pool::VM_SIZE) {
        let text = words![
            "takes the place of a size, and none is named; give it in ",
            pool::VM_SIZE
        ];
        reader.refuse(opt, text);
    }
    if reader.has(pool::AUTOSCALE_FORMULA) {
        reader.refuse_both(opt, pool::AUTOSCALE_FORMULA);
    }
    if change.canary.of(1) > 0 {
        reader.refuse_both(opt, pool::CANARY_NODES);
    }
    if matches!(change.strategy, Strategy::BlueGreen | Strategy::Auto) {
        let text = words![
            "works only with ",
            pool::STRATEGY,
            " create-only or in-place: remove one of the two"
        ];
        reader.refuse(opt, text);
    }
    let first = reader.text(pool::VM_SIZE).map(str::to_ascii_lowercase);
    let mut sizes: Vec<VmSize> = Vec::new();
    for name in reader.listed(opt) {
        let is_known = |size: &VmSize| size.as_str().eq_ignore_ascii_case(name);
        match name.parse::<VmSize>() {
            Ok(_) if first.as_deref() == Some(&name.to_ascii_lowercase()) || sizes.iter().any(is_known) => {
                reader.refuse(
                    opt,
                    format!("names {name} twice, as one of them or as the first size: name each once"),
                );
            }
            Ok(size) => sizes.push(size),
            Err(fault) => reader.refuse(opt, fault.to_string()),
        }
    }
    sizes
}

/// The most nodes of a pool that follows a formula.
fn most_nodes(reader: &mut Reader<'_, '_>) -> Option<u32> {
    let most = reader.number(pool::AUTOSCALE_MAX_NODES)?;
    if !reader.has(pool::AUTOSCALE_FORMULA) {
        let text = words!["there is no formula; give it in ", pool::AUTOSCALE_FORMULA];
        reader.refuse(pool::AUTOSCALE_MAX_NODES, text);
    }
    Some(most)
}

/// Whether Batch may be registered.
pub(super) fn register(reader: &mut Reader<'_, '_>) -> Register {
    if reader.is_on(pool::REGISTER_PROVIDER) {
        Register::Yes
    } else {
        Register::No
    }
}

/// Whether a region may be added to the version.
pub(super) fn new_region(reader: &mut Reader<'_, '_>) -> NewRegion {
    if reader.is_on(pool::ADD_REGION) {
        NewRegion::Add
    } else {
        NewRegion::Refuse
    }
}

/// Whether a pool of others may be changed.
fn adopt(reader: &mut Reader<'_, '_>) -> Adopt {
    if reader.is_on(pool::ADOPT) {
        Adopt::Yes
    } else {
        Adopt::No
    }
}
