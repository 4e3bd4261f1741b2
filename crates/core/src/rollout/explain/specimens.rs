//! Every error of a pool that is not good, made of the tables: for tests of those who show errors.

use std::time::Duration;

use serde_json::json;

use super::{At, Back, Disks, Ending, Within, kept, other_size, refused, unready};
use crate::{
    batch::{
        account::{Account, Allocation, Quotas},
        node::Node,
        pool::ResizeError,
    },
    error::{Error, ErrorKind},
    ids::{BatchEndpoint, NodeCounts, PoolId, resource::BatchAccountId},
    quota::Standing,
    rollout::{
        decide::{REMEDIES, Refusal},
        parts::{Part, PartKind, PartState},
        size::{
            classify::{self, Origin, judge},
            rounds::End,
        },
        verdict::{Census, Goal, Verdict, Waited},
    },
    settings::{Readiness, SpotCounts, Targets},
};

const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-pools/providers/Microsoft.Batch/batchAccounts/acct1";
const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.0.0";
const SIZE: &str = "Standard_D4s_v5";
const ROOM: &str = "dedicated cores of the account: 40 in all; pool nightly uses 20, this pool 20 of the 80 it needs";
const OUTPUT: &str = "./install.sh: line 12: mount: /mnt/data: special device /dev/sdc1 does not exist.\n";
const SUBNET: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-pools/providers/Microsoft.Network/virtualNetworks/net/subnets/pools";

/// All of them, each with a name.
pub(in crate::rollout) fn all() -> Vec<(String, Error)> {
    let site = site();
    let Some((pool, account)) = &site else {
        return Vec::new();
    };
    let at = At {
        pool,
        endpoint: &account.endpoint,
        account: Some(account),
    };
    let mut all = of_tables(at);
    all.extend(of_parts(at));
    all.extend(of_nodes(at));
    let bad = Error::plain(
        ErrorKind::PartlyReached,
        "the new nodes are worse: more tasks fail on them",
    );
    all.push((
        "kept".to_owned(),
        kept(at, bad, ("its jobs run on the new image", Back::Possible, "")),
    ));
    all.extend(REMEDIES.iter().enumerate().map(|(number, remedy)| {
        let why = "differs from what is asked for".to_owned();
        (format!("refusal {number}"), refused(at, Refusal { why, remedy }))
    }));
    all
}

fn site() -> Option<(PoolId, Account)> {
    let id: BatchAccountId = ACCOUNT.parse().ok()?;
    let endpoint: BatchEndpoint = "acct1.eastus2.batch.azure.com".parse().ok()?;
    let account = Account {
        id,
        endpoint,
        location: "eastus2".parse().ok()?,
        allocation: Allocation::BatchService,
        quotas: Quotas {
            dedicated_cores: Some(40),
            ..Quotas::default()
        },
    };
    Some(("render-2026-11".parse().ok()?, account))
}

fn goal() -> Goal {
    let targets = Targets {
        dedicated: 20,
        spot: 0,
        spot_counts: SpotCounts::No,
    };
    Goal::new(targets, Readiness::default())
}

/// One for each code, after which some nodes are there, and none.
fn of_tables(at: At<'_>) -> Vec<(String, Error)> {
    let mut all = Vec::new();
    for (origin, code, part) in classify::codes() {
        let message = format!("The operation failed. {part}");
        let (name, error) = match origin {
            Origin::Batch => ("resize", resize_error(code, message, None)),
            Origin::Text => {
                let mut error = resize_error("AllocationFailed", String::new(), None);
                error
                    .values
                    .push(("Reason".to_owned(), format!("The operation failed: {code}.")));
                ("reason", error)
            }
            Origin::Provider => {
                let provider = json!({ "error": { "code": code, "message": message } });
                (
                    "provider",
                    resize_error("AllocationFailed", String::new(), Some(provider.to_string())),
                )
            }
        };
        let judged = judge(&error);
        let shrink = (code == "RemoveNodesFailed").then_some((25, End::Fruitless));
        for (dedicated, end) in [(5, End::Stopped), (0, End::UsedUp)].into_iter().chain(shrink) {
            let room = match judged.is_quota_of_account() && end == End::Stopped {
                true => Standing {
                    lines: vec![ROOM.to_owned()],
                    ask_for: Some((100, 60, "dedicated cores of the account".to_owned())),
                },
                false => Standing::default(),
            };
            let ending = Ending {
                end,
                judged: Some(&judged),
                rounds: 1,
                parts: Vec::new(),
                room,
                size: SIZE,
                placement: None,
                versions: Vec::new(),
            };
            let error = other_size(at, goal(), NodeCounts { dedicated, spot: 0 }, &ending);
            all.push((format!("{name} {code} {part}"), error));
        }
    }
    all
}

fn resize_error(code: &str, message: String, provider: Option<String>) -> ResizeError {
    ResizeError {
        code: code.to_owned(),
        message,
        values: provider
            .map(|json| ("Provider Error Json".to_owned(), json))
            .into_iter()
            .collect(),
    }
}

/// One for each kind of thing that may be gone.
fn of_parts(at: At<'_>) -> Vec<(String, Error)> {
    let judged = judge(&resize_error(
        "DependentResourceNotFound",
        "It was not found.".to_owned(),
        None,
    ));
    let kinds = [
        (PartKind::Version, VERSION),
        (PartKind::Definition, VERSION),
        (PartKind::Subnet, SUBNET),
        (PartKind::Address, SUBNET),
    ];
    let one = |(kind, id): (PartKind, &str)| {
        let ending = Ending {
            end: End::Stopped,
            judged: Some(&judged),
            rounds: 1,
            parts: vec![Part {
                kind,
                id: id.to_owned(),
                state: PartState::Gone,
            }],
            room: Standing::default(),
            size: SIZE,
            placement: None,
            versions: Vec::new(),
        };
        let error = other_size(at, goal(), NodeCounts::default(), &ending);
        (format!("resize without its {}", kind.word()), error)
    };
    kinds.into_iter().map(one).collect()
}

/// One for each way in which nodes are not ready.
fn of_nodes(at: At<'_>) -> Vec<(String, Error)> {
    let of_image = |state: &str, image: &str| {
        json!({"id": "tvmps_1_d", "state": state, "isDedicated": true,
            "virtualMachineInfo": {"imageReference": {"virtualMachineImageId": image}}})
    };
    let mut failed = of_image("starttaskfailed", VERSION);
    let mut with_code = of_image("unusable", VERSION);
    if let (Some(failed), Some(unusable)) = (failed.as_object_mut(), with_code.as_object_mut()) {
        let info = json!({"state": "completed", "exitCode": 4, "result": "failure", "failureInfo": {
            "category": "usererror", "code": "FailureExitCode", "message": "The task exited with an exit code"}});
        failed.insert("startTaskInfo".to_owned(), info);
        let errors = json!([{"code": "DiskFull", "message": "There is not enough disk space on the node"}]);
        unusable.insert("errors".to_owned(), errors);
    }
    let other = VERSION.replace("1.0.0", "0.9.0");
    let lists = [
        ("on another image", vec![of_image("idle", &other)]),
        ("whose start task failed", vec![failed]),
        ("that are unusable with a code", vec![with_code]),
        ("that are unusable without a code", vec![of_image("unusable", VERSION)]),
        ("that are not there", Vec::new()),
        ("that are lost", vec![of_image("unknown", VERSION)]),
        ("that are slow", vec![of_image("starting", VERSION)]),
    ];
    let disks = Disks {
        size: SIZE.to_owned(),
        temporary_mb: Some(10_240),
        os_gb: Some(30),
    };
    let one = |(name, list): (&str, Vec<serde_json::Value>)| {
        let nodes: Vec<Node> = list.iter().map(Node::new).collect();
        let waited = Waited {
            census: Census::of(&nodes, |image| image.eq_ignore_ascii_case(VERSION)),
            nodes,
            goal: goal(),
            verdict: Verdict::Pending,
        };
        let error = unready(at, &waited, (Duration::from_secs(1800), Within::Pool), (OUTPUT, &disks));
        (format!("nodes {name}"), error)
    };
    lists.into_iter().map(one).collect()
}
