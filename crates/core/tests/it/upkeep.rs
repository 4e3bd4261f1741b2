//! Waiting for a pool that is there, and deleting one: nothing that is not ours, nothing in use, nothing unasked.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    batch,
    deletion::{
        self, DeletionReport,
        expired::{self, ExpiredReport, Fate},
    },
    error::{Error, ErrorKind},
    options::{
        Door, Opt,
        fleet::{ANY_POOL, EXPIRED, WITH_JOBS, YES},
        pool as pool_options,
    },
    request::Request,
    rollout,
    settings::{self, ROLLOUT_DEADLINE, Values},
};
use azure_emulator::seed::Seed;
use http::Method;
use serde_json::{Value, json};

use crate::{
    estate::{by_id, pool},
    rights::held,
    rollout::{client, good, image, roll_out, settings as rolling_out, world},
    support::{APPLICATION, Azure, GROUP},
};

/// Pool p1 of acct1.
fn of_pool() -> Values {
    Values::default()
        .with(
            pool_options::ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(pool_options::POOL_ID, "p1")
}

/// Deletes p1, or shows the plan, with these consents.
async fn delete(azure: &Azure, consents: &[&'static Opt]) -> Result<DeletionReport, Error> {
    let values = consents.iter().fold(of_pool(), |values, opt| values.with(opt, true));
    let asked = settings::deletion(&values).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    held(azure, "delete", deletion::run(&client, &asked.settings)).await
}

/// A world in which a roll-out has made p1.
async fn rolled_out() -> Azure {
    let azure = world(|_| ());
    good(roll_out(&azure, &rolling_out("acct1", 5)).await);
    azure.turn_the_page();
    azure
}

async fn add_job(azure: &Azure) {
    let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
    let body = json!({"id": "nightly", "poolInfo": {"poolId": "p1"}});
    let request = Request::batch(&endpoint, Method::POST, "/jobs", batch::API_VERSION, "add a job").with_body(body);
    client(azure, ROLLOUT_DEADLINE).await.send(&request).await.unwrap();
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_shows_its_plan_first_and_waits_until_the_pool_is_gone() {
    let azure = rolled_out().await;
    let planned = delete(&azure, &[]).await.unwrap();
    assert_eq!(planned.plan.to_string().trim(), "delete pool p1 with 5 nodes");
    assert!(!planned.gone && azure.writes().is_empty());
    let done = delete(&azure, &[YES]).await.unwrap();
    assert!(done.gone);
    assert_eq!(azure.writes(), ["DELETE /pools/p1"]);
    azure.turn_the_page();
    let again = delete(&azure, &[YES]).await.unwrap();
    assert!(again.gone && again.plan.steps.is_empty() && azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_may_not_see_who_uses_the_pool_lists_all_rights_that_it_lacks() {
    let azure = rolled_out().await;
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let roles = json!({"subscriptions": [], "roleAssignments": [{"principal": APPLICATION, "scope": account,
        "actions": ["Microsoft.Batch/batchAccounts/read", "Microsoft.Batch/batchAccounts/pools/read"]}]});
    let seed = Seed::parse(&roles.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    for consents in [&[YES][..], &[]] {
        let error = delete(&azure, consents).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::NoRights);
        let report = error.report();
        for said in [
            "3 rights that this run needs are missing",
            "Microsoft.Batch/batchAccounts/jobs/read, the right to",
            "Microsoft.Batch/batchAccounts/jobSchedules/read, the right to",
            "Microsoft.Batch/batchAccounts/pools/delete, the right to delete pools",
            "az role assignment create --assignee",
            "az role definition create",
        ] {
            assert!(report.contains(said), "{said}\n{report}");
        }
        assert!(!report.contains("with_jobs"), "a pool that may have work: {report}");
    }
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_others_is_left_alone_unless_told() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.0")), 3)]));
    let error = delete(&azure, &[YES]).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.report().contains("no roll-out has made pool p1"),
        "{}",
        error.report()
    );
    assert!(azure.writes().is_empty());
    assert!(delete(&azure, &[ANY_POOL, YES]).await.unwrap().gone);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_a_roll_out_adopted_stays_one_of_others_for_deletions_also_when_it_expires() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([crate::rollout::foreign_pool("1.0.0", 3)]));
    let mut adopting = crate::rollout::adopting("acct1", 3);
    adopting.pool.expires_after = Some(Duration::from_secs(3600));
    good(roll_out(&azure, &adopting).await);
    azure.turn_the_page();
    let error = delete(&azure, &[YES]).await.must_fail();
    assert!(
        error.report().contains("no roll-out has made pool p1"),
        "{}",
        error.report()
    );
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    let report = delete_expired(&azure, &[YES]).await;
    let Fate::Kept { why } = &report.pools[0].fate else {
        panic!("{report:?}");
    };
    assert!(
        why.contains("no roll-out has made it") && why.contains("by its id"),
        "{why}"
    );
    assert!(azure.writes().is_empty());
    assert!(delete(&azure, &[ANY_POOL, YES]).await.unwrap().gone);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_jobs_use_is_left_alone_unless_told() {
    let azure = rolled_out().await;
    add_job(&azure).await;
    let error = delete(&azure, &[YES]).await.must_fail();
    assert!(
        error.report().contains("used by active jobs: nightly"),
        "{}",
        error.report()
    );
    assert!(azure.writes().is_empty());
    assert!(delete(&azure, &[WITH_JOBS, YES]).await.unwrap().gone);
}

/// p1 while a change of it in place is under way that has disabled the job `busy`; others have disabled `asleep`.
pub(crate) async fn changing() -> Azure {
    let azure = crate::rollout_in_place::working().await;
    let mut settings = crate::rollout_in_place::in_place(5);
    settings.change.canary.command = Some("exit 3".to_owned());
    settings.change.on_failure = settings::OnBad::Keep;
    crate::rollout::failure(&azure, &settings).await;
    azure.turn_the_page();
    azure
}

async fn job(azure: &Azure, id: &str) -> (String, usize) {
    let job = crate::rollout_in_place::ask(azure, Method::GET, &format!("/jobs/{id}"), None).await;
    let marks = job["metadata"].as_array().map_or(0, Vec::len);
    (job["state"].as_str().unwrap().to_owned(), marks)
}

#[tokio::test(start_paused = true)]
async fn a_deletion_in_the_middle_of_a_change_says_so_and_gives_the_jobs_back() {
    let azure = changing().await;
    assert_eq!(job(&azure, "busy").await, ("disabled".to_owned(), 1));
    let error = delete(&azure, &[YES]).await.must_fail().report();
    for text in [
        "jobs that a roll-out has disabled: busy; disabled jobs: asleep",
        "the change in place to 1.0.0",
        "has not come to its end",
    ] {
        assert!(error.contains(text), "{text}\n{error}");
    }
    let planned = delete(&azure, &[WITH_JOBS]).await.unwrap().plan.to_string();
    assert!(planned.contains("ends with the pool"), "{planned}");
    assert!(
        planned.contains("are enabled and wait for another pool: busy"),
        "{planned}"
    );
    assert!(planned.contains("disabled jobs stay disabled: asleep"), "{planned}");
    assert!(!planned.contains("queued again"), "{planned}");
    assert!(azure.writes().is_empty());

    assert!(delete(&azure, &[WITH_JOBS, YES]).await.unwrap().gone);
    assert_eq!(job(&azure, "busy").await, ("active".to_owned(), 0));
    assert_eq!(job(&azure, "asleep").await, ("disabled".to_owned(), 0));
    azure.turn_the_page();
    assert!(delete(&azure, &[YES]).await.unwrap().plan.steps.is_empty());
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_was_killed_before_it_gave_jobs_back_is_finished_by_the_same_one() {
    let azure = changing().await;
    crate::rollout_in_place::ask(&azure, Method::DELETE, "/pools/p1", None).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    azure.turn_the_page();
    let planned = delete(&azure, &[]).await.unwrap();
    let step = "enable jobs that a roll-out of pool p1, which is gone, has disabled: busy";
    assert_eq!((planned.plan.to_string().trim(), planned.gone), (step, false));
    assert!(azure.writes().is_empty());
    azure.fault(json!({"kind": "resetAfterEffect", "method": "POST", "path": "/jobs/busy/enable"}));
    assert!(delete(&azure, &[YES]).await.unwrap().gone);
    assert_eq!(job(&azure, "busy").await, ("active".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_a_job_schedule_uses_is_left_alone_unless_told() {
    let azure = rolled_out().await;
    let schedule = json!({"id": "yearly", "schedule": {"doNotRunUntil": "2027-01-01T00:00:00Z"},
        "jobSpecification": {"poolInfo": {"poolId": "p1"}}});
    crate::rollout_in_place::ask(&azure, Method::POST, "/jobschedules", Some(schedule)).await;
    azure.turn_the_page();
    let error = delete(&azure, &[YES]).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.report().contains("pool p1 is used by job schedules: yearly"),
        "{}",
        error.report()
    );
    assert!(azure.writes().is_empty());
    let planned = delete(&azure, &[WITH_JOBS]).await.unwrap();
    let step = "delete pool p1 with 5 nodes; jobs of the schedules yearly wait for another pool";
    assert_eq!(planned.plan.to_string().trim(), step);
    assert!(delete(&azure, &[WITH_JOBS, YES]).await.unwrap().gone);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_change_meanwhile_are_another_look() {
    for trouble in [
        json!({"kind": "resetAfterEffect", "method": "DELETE", "path": "/pools/p1"}),
        json!({"kind": "status", "status": 412, "code": "ConditionNotMet", "method": "DELETE", "path": "/pools/p1"}),
    ] {
        let azure = rolled_out().await;
        azure.fault(trouble);
        assert!(delete(&azure, &[YES]).await.unwrap().gone);
    }
}

/// Deletes what has expired in all accounts in sight, or shows the plan.
async fn delete_expired(azure: &Azure, consents: &[&'static Opt]) -> ExpiredReport {
    let values = consents
        .iter()
        .fold(Values::default(), |values, opt| values.with(opt, true));
    let asked = settings::expired(&values.with(EXPIRED, true)).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let report = held(azure, "delete", expired::run(&client, &asked.settings)).await;
    report.unwrap_or_else(|error| panic!("{}", error.report()))
}

/// A world in which a roll-out has made p1 for so many hours.
async fn rolled_out_for(hours: u64) -> Azure {
    let azure = world(|_| ());
    good(roll_out(&azure, &for_hours(hours)).await);
    azure.turn_the_page();
    azure
}

fn for_hours(hours: u64) -> settings::RolloutSettings {
    let mut settings = rolling_out("acct1", 5);
    settings.pool.expires_after = Some(Duration::from_secs(3600 * hours));
    settings
}

#[tokio::test(start_paused = true)]
async fn an_expired_pool_is_shown_first_and_deleted_when_told() {
    let azure = rolled_out_for(24).await;
    assert!(delete_expired(&azure, &[YES]).await.pools.is_empty());
    assert!(azure.writes().is_empty(), "before its end");
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    let planned = delete_expired(&azure, &[]).await;
    assert_eq!((planned.due(), planned.deleted()), (1, 0));
    let step = planned.plan.to_string();
    assert!(
        step.starts_with("delete pool p1 in acct1 with 5 nodes, expired "),
        "{step}"
    );
    assert!(azure.writes().is_empty());
    let done = delete_expired(&azure, &[YES]).await;
    assert_eq!((done.due(), done.deleted()), (0, 1));
    assert_eq!(azure.writes(), ["DELETE /pools/p1"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_pool_that_a_job_uses_stays_with_the_reason() {
    let azure = rolled_out_for(24).await;
    add_job(&azure).await;
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    let report = delete_expired(&azure, &[YES]).await;
    let why = "it is used by job nightly".to_owned();
    assert_eq!(report.pools[0].fate, Fate::Kept { why });
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_an_expiry_never_expires() {
    let azure = rolled_out().await;
    tokio::time::advance(Duration::from_secs(10_000 * 3600)).await;
    assert!(delete_expired(&azure, &[YES]).await.pools.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_its_pool_renews_the_expiry_and_the_same_run_at_once_writes_nothing() {
    let azure = rolled_out_for(24).await;
    good(roll_out(&azure, &for_hours(24)).await);
    assert!(azure.writes().is_empty(), "{:?}", azure.writes());
    tokio::time::advance(Duration::from_secs(20 * 3600)).await;
    good(roll_out(&azure, &for_hours(24)).await);
    assert_eq!(azure.writes(), ["PATCH /pools/p1"]);
    tokio::time::advance(Duration::from_secs(20 * 3600)).await;
    assert!(delete_expired(&azure, &[]).await.pools.is_empty(), "renewed");
    // A run that says nothing of it keeps it.
    good(roll_out(&azure, &rolling_out("acct1", 5)).await);
    tokio::time::advance(Duration::from_secs(5 * 3600)).await;
    assert_eq!(delete_expired(&azure, &[]).await.due(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_deletion_of_an_expired_pool_is_another_look() {
    let azure = rolled_out_for(24).await;
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    azure.fault(json!({"kind": "resetAfterEffect", "method": "DELETE", "path": "/pools/p1"}));
    assert_eq!(delete_expired(&azure, &[YES]).await.deleted(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_in_which_nothing_may_be_deleted_does_not_keep_the_expired_pools_of_others() {
    let account = |name: &str| format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}");
    let mut over = pool("p1", by_id(&image("1.0.0")), 0);
    over["metadata"] = json!([{"name": "azure-batch-spec", "value": "v0:example"},
        {"name": "azure-batch-expiry", "value": r#"{"v":1,"at":"2025-12-31T00:00:00Z","after":3600}"#}]);
    let azure = world(|seed| {
        for number in 0..2 {
            seed["batchAccounts"][number]["pools"] = json!([over]);
        }
        seed["roleAssignments"] = json!([
            {"application": APPLICATION, "scope": GROUP, "actions": ["*/read"], "dataActions": ["*"]},
            {"application": APPLICATION, "scope": account("acct2"), "actions": ["*"]}]);
    });
    let report = delete_expired(&azure, &[YES]).await;
    let [first, second] = report.pools.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!((second.account.as_str(), &second.fate), ("acct2", &Fate::Deleted));
    let Fate::Failed { why, kind } = &first.fate else {
        panic!("{report:?}");
    };
    assert_eq!((first.account.as_str(), *kind), ("acct1", ErrorKind::NoRights));
    assert!(why.contains("Microsoft.Batch/batchAccounts/pools/delete"), "{why}");
    assert_eq!(azure.writes().len(), 1, "{:?}", azure.writes());
}

#[test]
fn what_contradicts_expired_is_refused() {
    let values = Values::default()
        .with(EXPIRED, true)
        .with(pool_options::POOL_ID, "p1")
        .with(WITH_JOBS, true);
    let faults = settings::expired(&values).must_fail();
    let texts: Vec<String> = faults.iter().map(|fault| fault.spelled(Door::Flag)).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[1].contains("--with-jobs: --expired keeps pools that jobs use"),
        "{texts:?}"
    );
}

async fn wait(azure: &Azure) -> Result<rollout::PoolStanding, Error> {
    let asked = settings::wait(&of_pool()).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    held(azure, "wait", rollout::wait(&client, &asked.settings)).await
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_nodes_of_anybodys_pool_are_ready_and_writes_nothing() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.0")), 0)]));
    crate::rollout::resize_by_somebody(&azure, 4).await;
    let standing = wait(&azure).await.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!((standing.ready.dedicated, standing.needed.dedicated), (4, 4));
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_azure_upgrades_are_waited_for_and_are_neither_ready_nor_lost() {
    let automatic = json!({"enableAutomaticOSUpgrade": true, "osRollingUpgradeDeferral": true});
    let azure = crate::status::following(&json!({"mode": "automatic", "automaticOSUpgradePolicy": automatic}));
    crate::rollout::resize_by_somebody(&azure, 4).await;
    tokio::time::advance(Duration::from_secs(600)).await;
    crate::status::promote(&azure).await;
    let asked = settings::wait(&of_pool()).unwrap();
    let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    let standing = rollout::wait(&client, &asked.settings).await.unwrap();
    assert_eq!((standing.ready.dedicated, standing.states.len()), (4, 1));
    let lines = crate::support::lines(&mut events).join("\n");
    assert!(
        lines.contains("3 of 4") && lines.contains("1 OS being upgraded"),
        "{lines}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_steady_pool_with_too_few_nodes_ends_the_wait_with_what_batch_says() {
    let error = json!([{"code": "AllocationFailed", "message": "no room"}]);
    let azure = world(|seed| {
        let mut short: Value = pool("p1", by_id(&image("1.0.0")), 5);
        short["currentDedicatedNodes"] = json!(2);
        short["resizeErrors"] = error;
        seed["batchAccounts"][0]["pools"] = json!([short]);
    });
    let error = wait(&azure).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached);
    let report = error.report();
    assert!(
        report.contains("2 nodes are ready and 5 are needed") && report.contains("AllocationFailed: no room"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_not_there_cannot_be_waited_for() {
    let error = wait(&world(|_| ())).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
}
