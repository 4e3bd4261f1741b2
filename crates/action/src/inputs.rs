//! From texts to a roll-out's settings: the only validation, all faults at once, before any request.
//!
//! It reads the files that inputs name and asks no service.

mod account;
mod duration;
mod manifest;
mod reader;
mod version;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use azure_batch_core::{
    cloud::{CloudChoice, KnownCloud},
    https::Authorities,
    replicas::{NodesPerReplica, ReplicaRule},
    settings::{
        AccountRef, Elevation, Fault, Login, LoginInputs, PendingResize, PoolSpec, ROLLOUT_DEADLINE, Readiness,
        ResizePolicy, RolloutPolicy, RolloutSettings, SpotCounts, StartTask, Targets, WaitForSuccess,
    },
};
use secrecy::SecretString;
use serde_json::{Map, Value};

use self::reader::Reader;
use crate::{cli::Values, github::runner::Runner, options};

/// The shortest resize timeout that Batch accepts.
const SHORTEST_RESIZE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The most resize rounds that make sense: their pauses double, so ten of them take longer than a job may run.
const MOST_ATTEMPTS: u32 = 10;

/// A roll-out as it was asked for, valid by construction.
#[derive(Debug)]
pub struct RolloutRequest {
    /// What to roll out, and where.
    pub settings: RolloutSettings,
    /// As whom.
    pub login: Login,
    /// To which Azure.
    pub cloud: CloudChoice,
    /// Certificate authorities to trust beside the system's.
    pub authorities: Authorities,
    /// How long the run may take.
    pub deadline: Duration,
    /// The deployment in which GitHub shows it.
    pub deployment: Option<DeploymentRequest>,
    /// Where the report goes.
    pub report_path: Option<PathBuf>,
}

/// A deployment that was asked for.
#[derive(Debug)]
pub struct DeploymentRequest {
    /// The environment's name.
    pub environment: String,
    /// The token to write it with.
    pub token: SecretString,
}

/// Makes a roll-out of the given texts.
///
/// # Errors
/// All faults, each with the input's name and the remedy.
pub fn parse_rollout(values: &Values, runner: &Runner) -> Result<RolloutRequest, Vec<Fault>> {
    let mut reader = Reader::new(values);
    let manifest = version::read_manifest(&mut reader);
    let version = version::choose_version(&mut reader, manifest.as_ref());
    version::check_agent(&mut reader, manifest.as_ref());
    let account = account::choose_account(&mut reader);
    let pool = reader.required(options::POOL_ID);
    let settings = read_settings(&mut reader);
    let login = read_login(&mut reader);
    let cloud = read_cloud(&mut reader);
    let authorities = read_authorities(&mut reader);
    let deadline = reader.duration(options::DEADLINE).unwrap_or(ROLLOUT_DEADLINE);
    let deployment = read_deployment(&mut reader, runner);
    let report_path = report_path(values, runner);
    reader.finish()?;
    let (Some(version), Some(account), Some(pool), Some(login), Some(cloud)) = (version, account, pool, login, cloud)
    else {
        // Whoever found none of these has told a fault, so `finish` has returned.
        return Err(Vec::new());
    };
    Ok(RolloutRequest {
        settings: settings.into_settings(version, account, pool),
        login,
        cloud,
        authorities,
        deadline,
        deployment,
        report_path,
    })
}

/// The settings that can do without others.
struct Parts {
    vm_size: Option<azure_batch_core::ids::VmSize>,
    node_agent_sku: Option<azure_batch_core::ids::NodeAgentSku>,
    targets: Targets,
    start_task: Option<StartTask>,
    pool_json: Map<String, Value>,
    resize: ResizePolicy,
    readiness: Readiness,
    replica_rule: ReplicaRule,
}

impl Parts {
    fn into_settings(
        self,
        version: azure_batch_core::ids::resource::ImageVersionId,
        account: AccountRef,
        pool: azure_batch_core::ids::PoolId,
    ) -> RolloutSettings {
        RolloutSettings {
            account,
            pool: PoolSpec {
                id: pool,
                version,
                vm_size: self.vm_size,
                node_agent_sku: self.node_agent_sku,
                targets: self.targets,
                start_task: self.start_task,
                json: self.pool_json,
            },
            policy: RolloutPolicy {
                resize: self.resize,
                readiness: self.readiness,
                replica_rule: self.replica_rule,
            },
        }
    }
}

fn read_settings(reader: &mut Reader<'_>) -> Parts {
    Parts {
        vm_size: reader.parsed(options::VM_SIZE),
        node_agent_sku: reader.parsed(options::NODE_AGENT_SKU_ID),
        targets: read_targets(reader),
        start_task: read_start_task(reader),
        pool_json: reader.json_object(options::POOL_JSON),
        resize: read_resize(reader),
        readiness: read_readiness(reader),
        replica_rule: read_replica_rule(reader),
    }
}

fn read_targets(reader: &mut Reader<'_>) -> Targets {
    let dedicated = reader.number(options::TARGET_DEDICATED_NODES);
    let spot = reader.number(options::TARGET_SPOT_NODES);
    let is_well_formed = |spec, number: Option<u32>| number.is_some() || !reader.is_given(spec);
    let both_read =
        is_well_formed(options::TARGET_DEDICATED_NODES, dedicated) && is_well_formed(options::TARGET_SPOT_NODES, spot);
    let targets = Targets {
        dedicated: dedicated.unwrap_or(0),
        spot: spot.unwrap_or(0),
        spot_counts: match reader.flag(options::COUNT_SPOT_NODES) {
            Some(true) => SpotCounts::Yes,
            Some(false) | None => SpotCounts::No,
        },
    };
    if both_read && targets.dedicated == 0 && targets.spot == 0 {
        reader.refuse(
            options::TARGET_DEDICATED_NODES,
            "no nodes are asked for; give a number above 0 here or in target-spot-nodes",
        );
    }
    targets
}

fn read_start_task(reader: &mut Reader<'_>) -> Option<StartTask> {
    let elevated = reader.flag(options::START_TASK_ELEVATED);
    let waits = reader.flag(options::START_TASK_WAIT_FOR_SUCCESS);
    let max_retries = reader.number(options::START_TASK_MAX_RETRIES);
    let Some(command) = reader.text(options::START_TASK) else {
        for spec in [
            options::START_TASK_ELEVATED,
            options::START_TASK_WAIT_FOR_SUCCESS,
            options::START_TASK_MAX_RETRIES,
        ] {
            if reader.is_given(spec) {
                reader.refuse(
                    spec,
                    "there is no start-task for it; give the command line in start-task",
                );
            }
        }
        return None;
    };
    Some(StartTask {
        command: command.to_owned(),
        elevation: if elevated == Some(true) {
            Elevation::Admin
        } else {
            Elevation::NonAdmin
        },
        wait_for_success: if waits == Some(false) {
            WaitForSuccess::No
        } else {
            WaitForSuccess::Yes
        },
        max_retries: max_retries.unwrap_or(0),
    })
}

fn read_resize(reader: &mut Reader<'_>) -> ResizePolicy {
    let standard = ResizePolicy::default();
    let rounds = reader.number(options::ATTEMPTS).unwrap_or(standard.rounds);
    if !(1..=MOST_ATTEMPTS).contains(&rounds) {
        reader.refuse(
            options::ATTEMPTS,
            format!("{rounds} is out of range; give 1 to {MOST_ATTEMPTS}"),
        );
    }
    let timeout = reader.duration(options::RESIZE_TIMEOUT);
    if timeout.is_some_and(|timeout| timeout < SHORTEST_RESIZE_TIMEOUT) {
        reader.refuse(options::RESIZE_TIMEOUT, "is too short for Batch; give 5m or more");
    }
    let pending = match reader.flag(options::STOP_PENDING_RESIZE) {
        Some(true) => PendingResize::Stop,
        Some(false) | None => PendingResize::Wait,
    };
    ResizePolicy {
        rounds,
        timeout,
        pending,
    }
}

fn read_readiness(reader: &mut Reader<'_>) -> Readiness {
    let standard = Readiness::default();
    let node_timeout = reader.duration(options::NODE_READY_TIMEOUT);
    Readiness {
        node_timeout: node_timeout.unwrap_or(standard.node_timeout),
    }
}

fn read_replica_rule(reader: &mut Reader<'_>) -> ReplicaRule {
    let standard = ReplicaRule::default();
    let nodes_per_replica = match reader.number(options::NODES_PER_REPLICA) {
        None => standard.nodes_per_replica,
        Some(300) => NodesPerReplica::ThreeHundred,
        Some(600) => NodesPerReplica::SixHundred,
        Some(other) => {
            reader.refuse(
                options::NODES_PER_REPLICA,
                format!("{other} is not a figure of Batch's; give 300 or 600"),
            );
            standard.nodes_per_replica
        }
    };
    ReplicaRule {
        nodes_per_replica,
        ..standard
    }
}

fn read_login(reader: &mut Reader<'_>) -> Option<Login> {
    let text = |spec| reader.text(spec).map(str::to_owned);
    let secret = |spec| reader.secret(spec).cloned();
    let inputs = LoginInputs {
        tenant_id: text(options::TENANT_ID),
        client_id: text(options::CLIENT_ID),
        client_secret: secret(options::CLIENT_SECRET),
        client_jwt: secret(options::CLIENT_JWT),
        oidc_request_url: text(options::OIDC_REQUEST_URL),
        oidc_request_token: secret(options::OIDC_REQUEST_TOKEN),
        federated_token_file: text(options::FEDERATED_TOKEN_FILE).map(PathBuf::from),
        use_azure_cli_auth: reader.flag(options::USE_AZURE_CLI_AUTH).unwrap_or(false),
    };
    match inputs.resolve() {
        Ok(login) => Some(login),
        Err(faults) => {
            reader.take_faults(faults);
            None
        }
    }
}

fn read_cloud(reader: &mut Reader<'_>) -> Option<CloudChoice> {
    let known: Option<KnownCloud> = reader.parsed(options::CLOUD);
    if let Some(host) = reader.text(options::METADATA_HOST) {
        return reader.checked(options::METADATA_HOST, CloudChoice::metadata_host(host));
    }
    if reader.is_given(options::CLOUD) {
        return known.map(CloudChoice::Known);
    }
    Some(CloudChoice::Known(KnownCloud::Public))
}

fn read_authorities(reader: &mut Reader<'_>) -> Authorities {
    let Some(path) = reader.text(options::CA_FILE) else {
        return Authorities::default();
    };
    let read = Authorities::of_file(Path::new(path.trim()));
    let read = read.map_err(|error| error.report().replace("\n ", ","));
    reader.checked(options::CA_FILE, read).unwrap_or_default()
}

fn read_deployment(reader: &mut Reader<'_>, runner: &Runner) -> Option<DeploymentRequest> {
    let environment = reader.text(options::DEPLOYMENT_ENVIRONMENT)?;
    if runner.repository.is_none() {
        reader.refuse(
            options::DEPLOYMENT_ENVIRONMENT,
            "there is no repository to show it in; leave it out outside GitHub Actions",
        );
    }
    let Some(token) = reader.secret(options::GITHUB_TOKEN) else {
        reader.refuse(
            options::GITHUB_TOKEN,
            "is needed with deployment-environment; pass github.token and give the job deployments: write",
        );
        return None;
    };
    Some(DeploymentRequest {
        environment: environment.to_owned(),
        token: token.clone(),
    })
}

/// Where the report goes: as said, else into the runner's temporary folder, else nowhere. It needs no valid input, so
/// that a refused run leaves a report too. The file is named after pool and step, since a job may roll out many times.
#[must_use]
pub fn report_path(values: &Values, runner: &Runner) -> Option<PathBuf> {
    let in_temp = || {
        let pool = values.text(options::POOL_ID).map(str::trim);
        let parts = ["azure-batch-pool-report"]
            .into_iter()
            .chain(pool)
            .chain(runner.step.as_deref());
        let name = parts.collect::<Vec<_>>().join("-");
        // A pool id that is not usable may hold anything, also what leads out of the folder.
        let is_harmless = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = name.replace(|letter| !is_harmless(letter), "_");
        Some(runner.temp.as_ref()?.join(format!("{name}.json")))
    };
    let given = values.text(options::REPORT_PATH);
    given.map(|path| PathBuf::from(path.trim())).or_else(in_temp)
}

#[cfg(test)]
mod tests;
