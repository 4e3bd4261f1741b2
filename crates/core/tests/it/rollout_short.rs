//! Roll-outs whose pool stays short of good nodes: how many rounds there are, when they end, and what is said of it.
//!
//! The world is that of `rollout`.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    failure::Failure,
    options::Door,
    progress::Event,
    rollout,
    settings::{Elevation, ROLLOUT_DEADLINE, StartTask, WaitForSuccess},
};
use http::Method;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, image, roll_out, settings, timeouts, world},
    support::lines,
};

#[tokio::test(start_paused = true)]
async fn an_allocation_timeout_is_retried_with_the_documented_timeouts_and_pauses() {
    let azure = world(|_| {});
    for deliver in [100, 200, 300] {
        azure.fault(json!({"kind": "allocationTimeout", "deliver": deliver, "code": "AllocationTimedout"}));
    }
    fastrand::seed(7);
    let (client, mut events) = azure
        .client_with_limit(&CancellationToken::new(), 8 * ROLLOUT_DEADLINE)
        .await;
    let report = good(rollout::run(&client, &checked(&settings("acct1", 700))).await);
    let created = entries(&azure, &Method::POST, "/pools");
    let resized = entries(&azure, &Method::POST, "/resize");
    assert_eq!(
        (timeouts(&created), timeouts(&resized)),
        (vec!["PT30M"], vec!["PT45M", "PT68M", "PT102M"])
    );
    assert!(
        resized.iter().all(|entry| entry.request["targetDedicatedNodes"] == 700),
        "never a smaller target"
    );
    let sizes: Vec<u32> = report.rounds.iter().map(|round| round.dedicated).collect();
    assert_eq!(sizes, [100, 300, 600, 700]);

    let mut waits = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Waiting { seconds, .. } = event {
            waits.push(i64::try_from(seconds).unwrap());
        }
    }
    let nominal = [60, 120, 240];
    assert_eq!(waits.len(), nominal.len());
    for ((wait, nominal), resize) in waits.iter().zip(nominal).zip(&resized) {
        assert!(
            (nominal * 8..=nominal * 12).contains(&(wait * 10)),
            "{wait} s instead of {nominal} s ± 20 %"
        );
        // What was said is what was waited: the last look at the account's pools, then the pause, then the resize.
        let looks = entries(&azure, &Method::GET, "/pools");
        let last = looks.iter().rev().find(|look| look.number < resize.number).unwrap();
        assert_eq!(resize.time.duration_since(last.time).as_secs(), *wait);
    }
}

#[tokio::test(start_paused = true)]
async fn five_rounds_that_bring_too_few_end_partly_reached() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 10, "occurrence": "every"}));
    let outcome = rollout::run(
        &client(&azure, 8 * ROLLOUT_DEADLINE).await,
        &checked(&settings("acct1", 700)),
    )
    .await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached);
    assert_eq!(azure.writes().len(), 5);
    assert_eq!(outcome.report.rounds.len(), 5);
    assert_eq!(
        outcome.report.states.values().sum::<u32>(),
        50,
        "the report shows what is there"
    );
    assert!(
        error.report().contains("of these, 686 are enough"),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn two_rounds_without_a_node_end_it() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 0, "occurrence": "every"}));
    let error = failure(&azure, &settings("acct1", 700)).await;
    assert_eq!((error.kind(), azure.writes().len()), (ErrorKind::Azure, 2));
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_waited_for_in_as_many_rounds_as_are_allowed() {
    let azure = world(|_| {});
    for _round in 0..4 {
        azure.fault(json!({"kind": "allocationFailed", "deliver": 0, "target": "acct1/p1",
            "provider": {"error": {"code": "GalleryImageNotFound", "message": "The gallery image is not available in eastus2 region."}}}));
    }
    let report = good(roll_out(&azure, &settings("acct1", 10)).await);
    let sizes: Vec<u32> = report.rounds.iter().map(|round| round.dedicated).collect();
    assert_eq!(sizes, [0, 0, 0, 0, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_round_is_not_begun_that_cannot_end_before_the_deadline() {
    let began = Instant::now();
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 100, "occurrence": "every"}));
    // The first round takes 30 minutes, the pause 1, the second round 45.
    let client = client(&azure, Duration::from_secs(75 * 60)).await;
    let outcome = rollout::run(&client, &checked(&settings("acct1", 700))).await;
    let error = outcome.result.must_fail();
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::Deadline, vec!["POST /pools".to_owned()])
    );
    assert!(
        error.report().contains("the next resize round may take 4"),
        "{}",
        error.report()
    );
    assert!(began.elapsed() < Duration::from_secs(40 * 60), "{:?}", began.elapsed());
    assert_eq!(outcome.report.rounds[0].dedicated, 100);
}

#[tokio::test(start_paused = true)]
async fn a_quota_error_stops_at_once() {
    // The account shows more than the service gives: another client was faster.
    let azure = world(|_| {});
    azure.fault(json!({"kind": "quota", "deliver": 100, "code": "AccountCoreQuotaReached", "occurrence": "every"}));
    let error = failure(&azure, &settings("acct1", 700)).await;
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::Quota, vec!["POST /pools".to_owned()])
    );
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
}

#[tokio::test(start_paused = true)]
async fn a_pool_steady_with_0_nodes_fails_with_the_provider_s_reason() {
    let azure = world(|_| {});
    let mut settings = settings("acct1", 10);
    settings.pool.vm_size = Some("Standard_A1_v2".parse().unwrap());
    let error = failure(&azure, &settings).await;
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::Rejected, vec!["POST /pools".to_owned()])
    );
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
}

#[tokio::test(start_paused = true)]
async fn a_provider_error_that_is_cut_off_still_decides() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationFailed", "truncated": true,
        "provider": {"error": {"code": "ScopeLocked", "message": "The scope is locked."}}}));
    let error = failure(&azure, &settings("acct1", 10)).await;
    assert!(
        error.report().contains("a lock protects a resource"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), ["POST /pools"]);
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_no_round_can_change_ends_it_and_is_told() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationFailed", "deliver": 0,
        "values": {"Reason": "Allocation failed as subnet has delegation to external resources."}}));
    let error = failure(&azure, &settings("acct1", 700)).await;
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::Rejected, vec!["POST /pools".to_owned()])
    );
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
}

#[tokio::test(start_paused = true)]
async fn nodes_on_another_version_fail_the_roll_out() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "wrongImage", "count": 10, "image": image("0.9.0")}));
    let error = failure(&azure, &settings("acct1", 10)).await;
    assert_eq!((error.kind(), error.kind().exit_code().0), (ErrorKind::BadNodes, 7));
    assert!(
        error
            .report()
            .starts_with("cannot roll out 1.0.0 to pool p1\n  caused by: 10 of 10 nodes are on another image"),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_start_task_is_explained_without_waiting_for_the_nodes_to_heal() {
    let began = Instant::now();
    let azure = world(|_| {});
    azure.fault(json!({"kind": "startTaskFailed", "count": 3, "exitCode": 42}));
    let mut settings = settings("acct1", 10);
    settings.pool.start_task = Some(StartTask {
        command: "mount '/mnt/a b'".to_owned(),
        elevation: Elevation::Admin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 0,
    });
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), error.kind().exit_code().0), (ErrorKind::BadNodes, 7));
    let report = error.report();
    assert!(
        report.contains("7 nodes ready, 10 needed (7 idle, 3 with a failed start task)"),
        "{report}"
    );
    assert!(report.contains("with exit code 42"), "{report}");
    let created = &entries(&azure, &Method::POST, "/pools")[0].request;
    assert_eq!(
        created["startTask"]["commandLine"],
        r"/bin/bash -c 'mount '\''/mnt/a b'\'''"
    );
    assert_eq!(created["startTask"]["waitForSuccess"], true);
    assert!(began.elapsed() < Duration::from_secs(600), "{:?}", began.elapsed());
    azure.turn_the_page();
    let again = failure(&azure, &settings).await;
    assert_eq!(
        (again.kind(), azure.writes()),
        (error.kind(), Vec::new()),
        "the same run acts on nothing, and says so"
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_task_that_fails_and_is_not_waited_for_is_told_once() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "startTaskFailed", "count": 3, "exitCode": 42}));
    let mut settings = settings("acct1", 10);
    settings.pool.start_task = Some(StartTask {
        command: "mount /mnt".to_owned(),
        elevation: Elevation::Admin,
        wait_for_success: WaitForSuccess::No,
        max_retries: 0,
    });
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(
        (report.ready, report.start_task_failures),
        (Some(10), Vec::new()),
        "they take tasks, as was asked for, and their start tasks go on"
    );
    tokio::time::advance(Duration::from_secs(600)).await;
    let (client, mut events) = azure
        .client_with_limit(&CancellationToken::new(), ROLLOUT_DEADLINE)
        .await;
    let report = good(rollout::run(&client, &checked(&settings)).await);
    let lines = lines(&mut events);
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("start task failed")).collect();
    assert!(
        matches!(&told[..], [told] if told.contains("on 3 of 10 nodes that are ready") && told.contains("exit code 42")
            && told.ends_with("the last line that it wrote there: emulated: exit code 42")),
        "{told:?} of {lines:?}"
    );
    let [group] = &report.start_task_failures[..] else {
        panic!("they failed alike: {:?}", report.start_task_failures);
    };
    assert_eq!((group.exit_code, group.nodes.len()), (Some(42), 3));
    assert_eq!(group.output, "emulated: exit code 42\n");
}

#[tokio::test(start_paused = true)]
async fn what_batch_says_of_an_unusable_node_is_said_with_its_details() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "unusableNodes", "count": 10, "code": "ApplicationPackageError", "details": {"ApplicationId": "blender"}}),
    );
    let report = failure(&azure, &settings("acct1", 10)).await.report();
    assert!(
        report.contains("10 of 10 nodes are unusable: ApplicationPackageError"),
        "{report}"
    );
    assert!(report.contains("(ApplicationId: blender)"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_lost_contact_end_the_wait_after_the_time_without_a_change() {
    let began = Instant::now();
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1}));
    let error = failure(&azure, &settings("acct1", 10)).await;
    assert!(
        error.report().contains("the others have stayed as they are for 30 min"),
        "{}",
        error.report()
    );
    assert!(began.elapsed() > Duration::from_secs(30 * 60));
}
