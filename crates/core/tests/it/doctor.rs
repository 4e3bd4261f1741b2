//! What a doctor finds: everything in one run, and what to type where something is missing.

use azure_batch_core::{
    doctor::{self, DoctorReport, State},
    error::ErrorKind,
    options::pool,
    settings::{self, ROLLOUT_DEADLINE, Values},
    telling::hung,
};
use serde_json::{Value, json};

use crate::{
    rollout::{client, foreign_pool, image, world},
    support::{APPLICATION, Azure, GROUP},
};

fn account(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}")
}

async fn examined(azure: &Azure, account: &str) -> DoctorReport {
    let values = Values::default()
        .with(pool::ACCOUNT, account)
        .with(pool::IMAGE_VERSION, image("1.0.0"));
    let asked = settings::doctor(&values).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let report = doctor::run(&client, &asked.settings).await;
    report.unwrap_or_else(|error| panic!("{}", error.report()))
}

fn states(report: &DoctorReport) -> Vec<(String, State)> {
    report
        .checks
        .iter()
        .map(|check| (check.check.clone(), check.state))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_sound_identity_passes_every_check_and_nothing_is_written() {
    let azure = world(|_| ());
    let report = examined(&azure, &account("acct1")).await;
    assert!(
        states(&report).iter().all(|(_, state)| *state == State::Good),
        "{:?}",
        states(&report)
    );
    assert_eq!(report.checks.len(), 15);
    assert!(report.failure().is_none() && report.remedy.is_none() && azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_pool_is_one_pool() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 1)]));
    let report = examined(&azure, &account("acct1")).await;
    let batch = report.checks.iter().find(|check| check.check == "sign-in to Batch");
    assert_eq!(batch.unwrap().text, "token accepted; 1 pool");
}

#[tokio::test(start_paused = true)]
async fn every_missing_right_is_shown_at_once_with_what_gives_it() {
    let azure = world(|seed| {
        seed["roleAssignments"] = json!([{"principal": APPLICATION, "scope": GROUP, "actions": ["*/read"]}]);
    });
    let report = examined(&azure, &account("acct1")).await;
    let missing: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.text.starts_with("missing: "))
        .filter_map(|check| check.text.split(' ').nth(1))
        .collect();
    assert_eq!(
        missing,
        [
            "Microsoft.Batch/batchAccounts/pools/write",
            "Microsoft.Batch/batchAccounts/jobs/read",
            "Microsoft.Batch/batchAccounts/jobs/write",
            "Microsoft.Batch/batchAccounts/jobs/delete",
            "Microsoft.Batch/batchAccounts/jobSchedules/read",
            "Microsoft.Batch/batchAccounts/pools/delete",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Compute/galleries/images/versions/write",
        ]
    );
    assert_eq!(report.failure(), Some(ErrorKind::NoRights));
    let commands = report.remedy.unwrap().commands;
    assert!(commands[0].contains("\"Azure Batch Data Contributor\""), "{commands:?}");
}

/// All of the resource manager, and of Batch's data plane the pools alone.
fn without_jobs() -> Azure {
    world(|seed| {
        seed["roleAssignments"] = json!([{"principal": APPLICATION, "scope": GROUP, "actions": ["*"],
            "dataActions": ["Microsoft.Batch/batchAccounts/pools/*"]}]);
    })
}

#[tokio::test(start_paused = true)]
async fn what_only_some_roll_outs_need_is_lacking_by_what_needs_it() {
    let report = examined(&without_jobs(), &account("acct1")).await;
    let lacking = report.checks.iter().filter(|check| check.state == State::Limited);
    let lacking: Vec<String> = lacking
        .map(|check| {
            let action = check.text.split(' ').nth(1).unwrap();
            format!("{}: {}", check.check, action.rsplit_once("batchAccounts/").unwrap().1)
        })
        .collect();
    assert_eq!(
        lacking,
        [
            "right to change a pool that has jobs: jobs/read",
            "right to change a pool that has jobs: jobs/write",
            "right to try an image by a command: jobs/delete",
            "right to move work to a second pool: jobSchedules/read",
        ]
    );
    assert_eq!(report.failure(), None);
    let remedy = report.remedy.unwrap();
    assert_eq!(remedy.custom_role["DataActions"].as_array().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_role_of_exactly_what_is_missing_can_be_typed_from_a_narrow_terminal() {
    let remedy = examined(&without_jobs(), &account("acct1")).await.remedy.unwrap();
    let shown = hung("", &remedy.to_string(), Some(80));
    let begin = "    az role definition create \\\n      --role-definition '";
    let (_, rest) = shown.split_once(begin).unwrap_or_else(|| panic!("{shown}"));
    let (role, after) = rest.split_once('\'').unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(role).unwrap(),
        remedy.custom_role,
        "{shown}"
    );
    let widest = role.lines().map(|line| line.matches("Microsoft.").count()).max();
    assert_eq!(widest, Some(1), "one action a line: {shown}");
    assert!(after.contains("--role \"Azure Batch images\""), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_entra_may_not_use_is_one_finding_among_others() {
    let azure = world(|seed| seed["batchAccounts"][0]["allowedAuthenticationModes"] = json!(["SharedKey"]));
    let report = examined(&azure, &account("acct1")).await;
    let bad: Vec<String> = states(&report)
        .into_iter()
        .filter(|(_, state)| *state == State::Bad)
        .map(|(check, _)| check)
        .collect();
    assert_eq!(bad, ["Batch account"]);
    assert_eq!(report.failure(), Some(ErrorKind::Refused));
    let checks: Vec<String> = states(&report).into_iter().map(|(check, _)| check).collect();
    assert!(
        checks.contains(&"right".to_owned()),
        "it goes on after a failure: {checks:?}"
    );
}
