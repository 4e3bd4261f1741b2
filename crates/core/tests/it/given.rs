//! Settings as a user gives them: every flow test goes through the values of options, and so through the only
//! validation there is.
//!
//! Tests write settings down as fields, since that is short; here they become values, as at a door.

use azure_batch_core::{
    ids::resource::DiskEncryptionSetId,
    options::{self, Opt, fleet, gate, image, judgement, parts, pool, run},
    publish::CHECK_NAMES,
    settings::{
        self, AccountRef, Adopt, Asked, BlueGreen, Change, Checked, Consent, Elevation, EndsWhen, Gates, Generalized,
        HealNodes, ImageTest, Judge, Judging, KeptKind, Latest, LogsSignIn, ManagedImagePolicy, NewRegion, NodeLogs,
        NodesPerReplica, OnBad, OnCancel, OnFailure, OnInconclusive, PendingResize, PoolSpec, ProfileJson,
        PublishContext, PublishSettings, PurchasePlan, Readiness, Register, ReplicaRule, ReplicaStorage, ResizePolicy,
        RollbackSettings, RolloutPolicy, RolloutSettings, RunningTasks, ShallowBy, Source, SourceDisk, SpotCounts,
        Stopped, Strategy, Temporaries, UnresolvedRollout, Values, VersionSettings, Vhds, WaitForSuccess,
        fault::{Fault, lines},
        parts::PublicAddresses,
    },
};

/// Settings that can be written as values of options.
pub(crate) trait Given {
    /// What the flow takes.
    type Settings;

    fn read(&self) -> Result<Asked<Self::Settings>, Vec<Fault>>;
}

impl Given for PublishSettings {
    type Settings = Self;

    fn read(&self) -> Result<Asked<Self::Settings>, Vec<Fault>> {
        settings::publish(&image_values(self), &context(self))
    }
}

impl Given for RolloutSettings {
    type Settings = UnresolvedRollout;

    fn read(&self) -> Result<Asked<Self::Settings>, Vec<Fault>> {
        settings::rollout(&rollout_values(self))
    }
}

impl Given for RollbackSettings {
    type Settings = Self;

    fn read(&self) -> Result<Asked<Self::Settings>, Vec<Fault>> {
        let mut values = account(&self.account).with(pool::POOL_ID, self.pool.to_string());
        values.set(pool::RUNNING_TASKS, running_tasks(self.running_tasks));
        values.set(fleet::PLAN_ONLY, self.plan_only == Consent::Yes);
        patience_values(&mut values, &self.resize, &self.readiness);
        settings::rollback(&values)
    }
}

/// The settings as the flows take them.
pub(crate) fn checked<S: Given>(given: &S) -> Checked<S::Settings> {
    match given.read() {
        Ok(asked) => asked.settings,
        Err(faults) => panic!("no user could ask for this: {}", lines(&faults, options::Door::Request)),
    }
}

/// The settings of a plan with prices, which come as the text of a file.
pub(crate) fn priced(given: &RolloutSettings, prices: &str) -> Checked<UnresolvedRollout> {
    let asked = settings::plan(&rollout_values(given).with(pool::PRICE_FILE, prices));
    asked.map(|asked| asked.settings).unwrap()
}

/// The settings of a publish's plan with prices, which come as the text of a file.
pub(crate) fn priced_publish(given: &PublishSettings, prices: &str) -> Checked<PublishSettings> {
    let values = image_values(given).with(pool::PRICE_FILE, prices);
    let asked = settings::publish(&values, &context(given));
    asked.map(|asked| asked.settings).unwrap()
}

fn context(given: &PublishSettings) -> PublishContext<'_> {
    PublishContext {
        run_id: &given.run_id,
        reuse: given.reuse,
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        checks: &CHECK_NAMES,
    }
}

/// A roll-out as values of options.
pub(crate) fn rollout_values(given: &RolloutSettings) -> Values {
    let mut values = account(&given.account);
    pool_values(&mut values, &given.pool);
    patience_values(&mut values, &given.policy.resize, &given.policy.readiness);
    policy_values(&mut values, &given.policy);
    change_values(&mut values, &given.change);
    if let Some(logs) = &given.node_logs {
        node_logs(&mut values, logs);
    }
    values
}

fn image_values(given: &PublishSettings) -> Values {
    let mut values = Values::default()
        .with(image::SOURCE, source_and_base(given))
        .with(image::SHARED_IMAGE_GALLERY_DESTINATION, destination(given))
        .with(image::USED_BY, used_by(given))
        .with(image::CREATE_GALLERY, given.create_gallery)
        .with(image::NO_WAIT, given.ends == EndsWhen::Accepted)
        .with(image::REGISTER_PROVIDER, given.register == Register::Yes)
        .with(
            image::IGNORE_CHECKS,
            given.ignore_checks.iter().cloned().collect::<Vec<_>>(),
        )
        .with(image::MANAGED_IMAGE, managed_image(given.managed_image))
        .with(image::DEALLOCATE, given.machine.if_running == Stopped::Deallocate)
        .with(
            image::ALLOW_RUNNING_VM,
            given.machine.if_running == Stopped::AllowRunning,
        )
        .with(image::GENERALIZE, given.machine.generalized == Generalized::Mark)
        .with(image::GENERALIZED, given.machine.generalized == Generalized::Declared)
        .with(image::PURCHASE_PLAN, purchase_plan(given.machine.purchase_plan))
        .with(image::REPLICA_HEADROOM_PERCENT, given.replica_rule.headroom_percent);
    nodes_per_replica(&mut values, given.replica_rule);
    temporary_values(&mut values, &given.temporaries);
    version_values(&mut values, &given.version_settings);
    if let Some(test) = &given.test {
        values.set(image::TEST, image_test(test));
    }
    if !given.traits.features.is_empty() {
        let features = Values::default().with(image::DEFINITION_FEATURES, given.traits.features.clone());
        values.set(image::DEFINITION, features);
    }
    values
}

fn image_test(test: &ImageTest) -> Values {
    let values = Values::default()
        .with(image::TEST_BATCH_ACCOUNT, test.account.to_string())
        .with(image::TEST_VM_SIZE, test.vm_size.to_string())
        .with(image::TEST_COMMAND, test.command.as_str())
        .with(image::TEST_MINUTES, (test.longest.as_secs() / 60).to_string());
    let values = match &test.node_agent {
        Some(agent) => values.with(image::TEST_NODE_AGENT_SKU_ID, agent.to_string()),
        None => values,
    };
    let identities: Vec<String> = test.identities.iter().map(ToString::to_string).collect();
    let values = values.with(image::TEST_POOL_IDENTITY, identities);
    match &test.subnet {
        Some(subnet) => values.with(image::TEST_SUBNET_ID, subnet.to_string()),
        None => values,
    }
}

fn source_and_base(given: &PublishSettings) -> Values {
    let values = source(&given.source);
    match &given.made_from {
        Some(said) => values.with(image::SOURCE_BASE_IMAGE, said.to_string()),
        None => values,
    }
}

fn source(source: &Source) -> Values {
    let values = Values::default();
    match source {
        Source::Vm(id) => values.with(image::SOURCE_VM, id.to_string()),
        Source::Disks { os, data } => values.with(image::SOURCE_OS_DISK, os.to_string()).with(
            image::SOURCE_DATA_DISK,
            disks(data, image::SOURCE_DATA_DISK_LUN, image::SOURCE_DATA_DISK_ID),
        ),
        Source::Snapshots { os, data } => values.with(image::SOURCE_OS_SNAPSHOT, os.to_string()).with(
            image::SOURCE_DATA_SNAPSHOT,
            disks(data, image::SOURCE_DATA_SNAPSHOT_LUN, image::SOURCE_DATA_SNAPSHOT_ID),
        ),
        Source::Captured { image, os, data_prefix } => {
            let values = values
                .with(image::SOURCE_MANAGED_IMAGE, image.to_string())
                .with(image::SOURCE_OS_SNAPSHOT, os.to_string());
            match data_prefix {
                Some(prefix) => values.with(image::SOURCE_DATA_SNAPSHOT_PREFIX, prefix.as_str()),
                None => values,
            }
        }
        Source::ManagedImage(id) => values.with(image::SOURCE_MANAGED_IMAGE, id.to_string()),
        Source::ImageVersion(id) => values.with(image::SOURCE_IMAGE_VERSION, id.to_string()),
        Source::Community(id) => values.with(image::SOURCE_IMAGE_VERSION, id.to_string()),
        Source::Vhds(vhds) => of_vhds(vhds),
    }
}

fn of_vhds(vhds: &Vhds) -> Values {
    let data = disks(&vhds.data, image::SOURCE_DATA_VHD_LUN, image::SOURCE_DATA_VHD_URI);
    let mut values = Values::default()
        .with(image::SOURCE_OS_VHD, vhds.os.to_string())
        .with(image::SOURCE_DATA_VHD, data);
    for (opt, said) in [
        (
            image::SOURCE_STORAGE_ACCOUNT,
            vhds.account.as_ref().map(ToString::to_string),
        ),
        (image::SOURCE_OS_TYPE, vhds.traits.os_type.map(|it| it.to_string())),
        (
            image::SOURCE_HYPER_V_GENERATION,
            vhds.traits.generation.map(|it| it.to_string()),
        ),
        (
            image::SOURCE_ARCHITECTURE,
            vhds.traits.architecture.map(|it| it.to_string()),
        ),
    ] {
        if let Some(said) = said {
            values.set(opt, said);
        }
    }
    values
}

fn disks<Id: ToString>(data: &[SourceDisk<Id>], lun: &'static Opt, id: &'static Opt) -> Vec<Values> {
    let disk = |disk: &SourceDisk<Id>| {
        Values::default()
            .with(lun, u32::from(disk.lun))
            .with(id, disk.id.to_string())
    };
    data.iter().map(disk).collect()
}

fn destination(given: &PublishSettings) -> Values {
    let gallery = given.definition.gallery();
    let regions: Vec<Values> = given.target_regions.iter().map(target_region).collect();
    let storage = given.version_settings.storage;
    // A strategy in the JSON contradicts a type, the default too when it is written down.
    let storage = Some(storage.as_str()).filter(|_| storage != ReplicaStorage::default());
    let values = Values::default();
    let values = match storage {
        Some(storage) => values.with(image::DESTINATION_STORAGE_ACCOUNT_TYPE, storage),
        None => values,
    };
    let values = match given.version_settings.shallow_by {
        ShallowBy::ReplicationMode => values.with(
            image::DESTINATION_REPLICATION_MODE,
            given.version_settings.replication.as_str(),
        ),
        ShallowBy::UseShallowReplication => values.with(image::DESTINATION_USE_SHALLOW_REPLICATION, true),
    };
    values
        .with(image::DESTINATION_SUBSCRIPTION, gallery.group().subscription())
        .with(image::DESTINATION_RESOURCE_GROUP, gallery.group().name())
        .with(image::DESTINATION_GALLERY_NAME, gallery.name())
        .with(image::DESTINATION_IMAGE_NAME, given.definition.name())
        .with(image::DESTINATION_IMAGE_VERSION, given.version.to_string())
        .with(image::DESTINATION_TARGET_REGION, regions)
}

fn target_region(region: &settings::TargetRegion) -> Values {
    let mut values = Values::default().with(image::TARGET_REGION_NAME, region.location.as_str());
    if let Some(replicas) = region.replicas {
        values.set(image::TARGET_REGION_REPLICAS, replicas);
    }
    if let Some(storage) = region.storage {
        values.set(image::TARGET_REGION_STORAGE_ACCOUNT_TYPE, storage.as_str());
    }
    if let Some(phase) = region.phase {
        values.set(image::TARGET_REGION_PHASE, phase);
    }
    if let Some(exclude) = region.latest.is_excluded() {
        values.set(image::TARGET_REGION_EXCLUDE_FROM_LATEST, exclude);
    }
    if let Some(keys) = &region.keys {
        values.set(image::TARGET_REGION_DISK_ENCRYPTION_SET_ID, keys.os.to_string());
        let disk = |(lun, set): (&settings::Lun, &DiskEncryptionSetId)| {
            Values::default()
                .with(image::DATA_DISK_ENCRYPTION_LUN, u32::from(*lun))
                .with(image::DATA_DISK_ENCRYPTION_SET_ID, set.to_string())
        };
        let data: Vec<Values> = keys.data.iter().map(disk).collect();
        values.set(image::TARGET_REGION_DATA_DISK_ENCRYPTION, data);
    }
    values
}

fn used_by(given: &PublishSettings) -> Vec<Values> {
    let pool = |pool: &settings::UsedBy| {
        let values = Values::default()
            .with(image::USED_BY_BATCH_ACCOUNT, pool.account.to_string())
            .with(image::USED_BY_NODES, pool.nodes);
        match &pool.vm_size {
            Some(size) => values.with(image::USED_BY_VM_SIZE, size.to_string()),
            None => values,
        }
    };
    given.used_by.iter().map(pool).collect()
}

const fn managed_image(policy: ManagedImagePolicy) -> &'static str {
    match policy {
        ManagedImagePolicy::Auto => "auto",
        ManagedImagePolicy::Always => "always",
        ManagedImagePolicy::Never => "never",
    }
}

const fn purchase_plan(given: PurchasePlan) -> &'static str {
    match given {
        PurchasePlan::Refuse => "refuse",
        PurchasePlan::Carry => "carry",
    }
}

fn temporary_values(values: &mut Values, given: &Temporaries) {
    let kept = |kind: &KeptKind| match kind {
        KeptKind::Snapshots => "snapshots".to_owned(),
        KeptKind::ManagedImage => "managed_image".to_owned(),
    };
    values.set(image::KEEP, given.keep.iter().map(kept).collect::<Vec<_>>());
    values.set(image::AZURE_TAGS, given.tags.clone());
    values.set(image::TEMP_NAME_PREFIX, given.name_prefix.as_str());
    let on_failure = match given.on_failure {
        OnFailure::Delete => "delete",
        OnFailure::Keep => "keep",
    };
    values.set(image::ON_FAILURE, on_failure);
    if let Some(group) = &given.group {
        values.set(image::TEMP_RESOURCE_GROUP_NAME, group.name());
    }
}

fn version_values(values: &mut Values, given: &VersionSettings) {
    match given.latest {
        Latest::Keep => {}
        Latest::Exclude => values.set(image::LATEST_NOW, false),
        Latest::Admit => values.set(image::LATEST_NOW, true),
    }
    if let Some(end) = given.end_of_life {
        values.set(image::END_OF_LIFE_DATE, end.to_string());
    }
    if let Some(block) = given.early_deletion.is_blocked() {
        values.set(image::BLOCK_DELETION_BEFORE_END_OF_LIFE, block);
    }
    if given.profile != ProfileJson::default() {
        let mut profile = serde_json::Value::Object(given.profile.whole.clone());
        let regions = given.profile.regions.iter().map(|(location, more)| {
            let mut region = serde_json::Value::Object(more.clone());
            region["name"] = serde_json::Value::from(location.as_str());
            region
        });
        profile["targetRegions"] = regions.collect();
        values.set(image::PUBLISHING_PROFILE_JSON, profile.to_string());
    }
}

fn nodes_per_replica(values: &mut Values, rule: ReplicaRule) {
    let nodes: u32 = match rule.nodes_per_replica {
        NodesPerReplica::ThreeHundred => 300,
        NodesPerReplica::SixHundred => 600,
    };
    values.set(run::NODES_PER_REPLICA, nodes);
}

fn pool_values(values: &mut Values, given: &PoolSpec) {
    values.set(pool::POOL_ID, given.id.to_string());
    values.set(pool::IMAGE_VERSION, given.version.to_string());
    if let Some(size) = &given.vm_size {
        values.set(pool::VM_SIZE, size.to_string());
    }
    if let Some(subnet) = &given.parts.network.subnet {
        values.set(parts::SUBNET_ID, subnet.to_string());
    }
    if let Some(PublicAddresses::Own(ids)) = &given.parts.network.public {
        let ids = ids.iter().map(ToString::to_string);
        values.set(parts::PUBLIC_IPS, ids.collect::<Vec<_>>());
    }
    if !given.fallback_vm_sizes.is_empty() {
        let sizes = given.fallback_vm_sizes.iter().map(ToString::to_string);
        values.set(pool::FALLBACK_VM_SIZES, sizes.collect::<Vec<_>>());
    }
    if let Some(agent) = &given.node_agent_sku {
        values.set(pool::NODE_AGENT_SKU_ID, agent.to_string());
    }
    match &given.autoscale {
        Some(scale) => {
            values.set(pool::AUTOSCALE_FORMULA, scale.formula.as_str());
            if let Some(minutes) = scale.minutes {
                values.set(pool::AUTOSCALE_MINUTES, minutes);
            }
        }
        None => {
            values.set(pool::TARGET_DEDICATED_NODES, given.targets.dedicated);
            values.set(pool::TARGET_SPOT_NODES, given.targets.spot);
        }
    }
    if let Some(after) = given.expires_after {
        values.set(pool::EXPIRES_AFTER, format!("{}s", after.as_secs()));
    }
    match given.targets.spot_counts {
        SpotCounts::WhenAlone => {}
        SpotCounts::No => values.set(pool::COUNT_SPOT_NODES, false),
        SpotCounts::Yes => values.set(pool::COUNT_SPOT_NODES, true),
    }
    if let Some(task) = &given.start_task {
        values.set(pool::START_TASK, task.command.as_str());
        values.set(pool::START_TASK_ELEVATED, task.elevation == Elevation::Admin);
        values.set(
            pool::START_TASK_WAIT_FOR_SUCCESS,
            task.wait_for_success == WaitForSuccess::Yes,
        );
        values.set(pool::START_TASK_MAX_RETRIES, task.max_retries);
    }
    if !given.json.is_empty() {
        values.set(
            pool::POOL_JSON,
            serde_json::Value::Object(given.json.clone().into()).to_string(),
        );
    }
}

fn node_logs(values: &mut Values, given: &NodeLogs) {
    values.set(pool::NODE_LOGS_CONTAINER, given.container.to_string());
    match &given.sign_in {
        LogsSignIn::Sas(sas) => values.set(pool::NODE_LOGS_SAS, sas.clone()),
        LogsSignIn::Identity(id) => values.set(pool::NODE_LOGS_IDENTITY, id.to_string()),
    }
}

fn account(given: &AccountRef) -> Values {
    match given {
        AccountRef::Id(id) => Values::default().with(pool::ACCOUNT, id.to_string()),
        AccountRef::Endpoint(endpoint) => Values::default().with(pool::ACCOUNT_ENDPOINT, endpoint.to_string()),
    }
}

fn patience_values(values: &mut Values, resize: &ResizePolicy, readiness: &Readiness) {
    values.set(pool::RESIZE_ROUNDS, resize.rounds);
    if let Some(timeout) = resize.timeout {
        values.set(pool::RESIZE_TIMEOUT, format!("{}s", timeout.as_secs()));
    }
    values.set(pool::STOP_PENDING_RESIZE, resize.pending == PendingResize::Stop);
    let node_timeout = format!("{}s", readiness.node_timeout.as_secs());
    values.set(pool::NODE_READY_TIMEOUT, node_timeout);
    if let Some(share) = readiness.min_dedicated {
        values.set(pool::MIN_READY, share.to_string());
    }
    if let Some(share) = readiness.min_spot {
        values.set(pool::MIN_READY_SPOT, share.to_string());
    }
}

fn policy_values(values: &mut Values, given: &RolloutPolicy) {
    nodes_per_replica(values, given.replica_rule);
    if let Some(most) = given.most_nodes {
        values.set(pool::AUTOSCALE_MAX_NODES, most);
    }
    values.set(pool::ADD_REGION, given.new_region == NewRegion::Add);
    values.set(pool::HEAL_NODES, given.healing.nodes == HealNodes::Yes);
    values.set(pool::MAX_UNHEALTHY, given.healing.max_unhealthy.to_string());
    values.set(pool::MAX_IN_FLIGHT, given.healing.max_in_flight.to_string());
    values.set(pool::ADOPT, given.adopt == Adopt::Yes);
    if let Some(fallback) = given.spot_fallback {
        values.set(pool::SPOT_FALLBACK, fallback.most.to_string());
        values.set(pool::SPOT_FALLBACK_AFTER, format!("{}s", fallback.after.as_secs()));
    }
    values.set(pool::REGISTER_PROVIDER, given.register == Register::Yes);
}

fn change_values(values: &mut Values, given: &Change) {
    let strategy = match given.strategy {
        Strategy::CreateOnly => "create-only",
        Strategy::InPlace => "in-place",
        Strategy::BlueGreen => "blue-green",
        Strategy::Auto => "auto",
    };
    values.set(pool::STRATEGY, strategy);
    values.set(pool::RUNNING_TASKS, running_tasks(given.running_tasks));
    if let Some(nodes) = given.canary.nodes {
        values.set(pool::CANARY_NODES, nodes.to_string());
    }
    if let Some(command) = &given.canary.command {
        values.set(pool::CANARY_COMMAND, command.as_str());
    }
    let minutes = given.canary.bake.as_secs() / 60;
    values.set(pool::CANARY_MINUTES, minutes.to_string());
    let on_cancel = match given.on_cancel {
        OnCancel::Leave => "leave",
        OnCancel::StopResize => "stop-resize",
        OnCancel::Return => "return",
    };
    values.set(pool::ON_CANCEL, on_cancel);
    let on_failure = match given.on_failure {
        OnBad::Return => "return",
        OnBad::Keep => "keep",
    };
    values.set(pool::ON_FAILURE, on_failure);
    blue_green_values(values, &given.blue_green);
    gate_values(values, &given.gates);
    if given.judging.judge != Judge::No {
        judging_values(values, &given.judging);
    }
}

fn gate_values(values: &mut Values, given: &Gates) {
    if let Some(command) = &given.command {
        values.set(gate::GATE_COMMAND, command.as_str());
    }
    if let Some(url) = &given.url {
        values.set(gate::GATE_URL, url.address().as_str());
    }
    if given.ask_anything() {
        values.set(gate::GATE_MINUTES, (given.patience.as_secs() / 60).to_string());
    }
}

fn judging_values(values: &mut Values, given: &Judging) {
    let judge = match given.judge {
        Judge::No => "no",
        Judge::Report => "report",
        Judge::Act => "act",
    };
    let on_inconclusive = match given.on_inconclusive {
        OnInconclusive::Wait => "wait",
        OnInconclusive::Proceed => "proceed",
        OnInconclusive::Return => "return",
    };
    values.set(judgement::JUDGE_TASKS, judge);
    values.set(judgement::ON_INCONCLUSIVE, on_inconclusive);
    values.set(judgement::WINDOW, format!("{}s", given.window.as_secs()));
    values.set(judgement::MIN_TASKS, given.rule.min_tasks.to_string());
    values.set(judgement::CONFIDENCE, format!("{}%", given.rule.confidence * 100.0));
    let increase = format!("{}%", given.rule.max_increase * 100.0);
    values.set(judgement::MAX_FAILURE_INCREASE, increase);
}

fn blue_green_values(values: &mut Values, given: &BlueGreen) {
    if let Some(pool) = &given.new_pool {
        values.set(pool::NEW_POOL_ID, pool.as_str());
    }
    if let Some(surge) = given.max_surge {
        values.set(pool::MAX_SURGE, surge.to_string());
    }
    values.set(pool::STEP_MINUTES, (given.pause.as_secs() / 60).to_string());
    values.set(pool::KEEP_OLD, format!("{}s", given.keep_old.as_secs()));
}

const fn running_tasks(given: RunningTasks) -> &'static str {
    match given {
        RunningTasks::Wait => "wait",
        RunningTasks::TaskCompletion => "taskcompletion",
        RunningTasks::Requeue => "requeue",
        RunningTasks::Terminate => "terminate",
    }
}
