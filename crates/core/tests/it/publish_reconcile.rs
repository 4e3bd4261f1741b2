//! Publishing when the world does not stand still: other runs, a machine that changes, odd answers, ends in the middle.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    compute::snapshot,
    error::{ErrorKind, Result},
    ids::resource::ResourceGroupId,
    plan::Kept,
    publish::{self, Outcome, Published},
    settings::{Generalized, KeptKind, PublishSettings, Stopped},
};
use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{deletions_under_a_version, ids_of, run, settings, start},
    support::{Azure, GROUP, lines},
};

pub(crate) fn world(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

/// How often scripted faults were met.
pub(crate) fn hits(azure: &Azure) -> u64 {
    azure.emulator(|emulator, _| emulator.faults().iter().map(|fault| fault.hits).sum())
}

pub(crate) fn snapshots(azure: &Azure) -> Vec<String> {
    ids_of(azure, "snapshots")
}

pub(crate) fn number(published: &Published) -> String {
    published.number.to_string()
}

/// The number of the first request of a good run whose verb and path are these.
async fn request_of(method: &str, path: &str) -> u64 {
    let azure = Azure::example();
    Box::pin(run(&azure, &settings())).await.unwrap();
    let journal = azure.journal();
    let mut found = journal
        .iter()
        .filter(|it| it.method == method && it.path.contains(path));
    found.next().unwrap().number
}

#[tokio::test(start_paused = true)]
async fn an_odd_body_of_an_accepted_version_decides_nothing() {
    for body in ["", "{}", "<html>proxy</html>"] {
        for explicit in ["next-patch", "3.0.0"] {
            let azure = Azure::example();
            azure.fault(json!({"kind": "wrongBody", "body": body, "method": "PUT", "path": "*/versions/*"}));
            let mut wanted = settings();
            wanted.version = explicit.parse().unwrap();
            let published = run(&azure, &wanted).await.unwrap();
            assert_eq!(hits(&azure), 1, "{body:?}");
            assert_eq!(published.outcome, Outcome::Created);
            let made = azure.resources()["compute"]["galleries/images/versions"].clone();
            assert_eq!(made.as_array().unwrap().len(), 1, "{body:?}: one version and no other");
            assert_eq!(deletions_under_a_version(&azure), Vec::<String>::new(), "{body:?}");
            assert_eq!(snapshots(&azure), Vec::<String>::new());
        }
    }
}

/// The same machine for another run.
fn other_run() -> PublishSettings {
    PublishSettings {
        run_id: "run-2".to_owned(),
        ..settings()
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_one_of_two_runs_of_a_machine_does_not_harm_the_other() {
    let last = request_of("PUT", "/versions/").await;
    for after in (12..=last + 20).step_by(3) {
        let azure = Azure::example();
        let cancel = CancellationToken::new();
        azure.gone_after(after, cancel.clone());
        let (one, _events) = azure.client(&cancel).await;
        let (first, second) = (checked(&settings()), other_run());
        let (cancelled, other) = tokio::join!(publish::run(&one, &first), run(&azure, &second));
        drop(cancelled);
        let other = other.unwrap_or_else(|error| panic!("cancelled after {after}: {}", error.report()));
        assert_eq!(number(&other), "1.0.0", "cancelled after {after}");
        assert_eq!(
            deletions_under_a_version(&azure),
            Vec::<String>::new(),
            "cancelled after {after}"
        );
        assert_eq!(snapshots(&azure), Vec::<String>::new(), "cancelled after {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_run_uses_is_left_alone_by_a_run_that_fails() {
    let azure = Azure::example();
    // One run copies and waits; another one of the same machine fails to make its image.
    let (first, second) = (settings(), other_run());
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "PUT", "path": "*-image"}),
    );
    let (one, other) = tokio::join!(run(&azure, &first), run(&azure, &second));
    assert_eq!(hits(&azure), 1);
    let failures: Vec<String> = [one, other]
        .into_iter()
        .filter_map(|ended| ended.err().map(|error| error.report()))
        .collect();
    assert_eq!(failures.len(), 1, "one of them ends well: {failures:#?}");
    assert_eq!(deletions_under_a_version(&azure), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_vanished_is_copied_again() {
    let azure = Azure::example();
    let image = "*-image";
    let os = {
        let probe = Azure::example();
        run(&probe, &settings()).await.unwrap();
        let journal = probe.journal();
        let put = journal
            .iter()
            .find(|it| it.method == "PUT" && it.path.ends_with("-os"))
            .unwrap();
        put.path.clone()
    };
    azure.fault(json!({"kind": "rival", "write": {"method": "DELETE", "path": os}, "method": "PUT", "path": image}));
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let ended = publish::run(&client, &checked(&settings())).await;
    assert_eq!(hits(&azure), 1);
    ended
        .result
        .unwrap_or_else(|error| panic!("{}\n{:#?}", error.report(), lines(&mut events)));
    assert_eq!(snapshots(&azure), Vec::<String>::new());
}

/// The machine as a new build leaves it: its disks have changed hands; it is deallocated again.
fn rebuilt() -> Value {
    json!({"subscriptions": [], "vms": [{"name": "vm-build", "resourceGroup": "rg-images", "location": "eastus2", "osType": "Linux",
        "generation": "V2", "vmSize": "Standard_D4ds_v5", "powerState": "deallocated", "generalized": true,
        "osDisk": {"sizeGB": 30, "sku": "Premium_LRS", "caching": "ReadWrite"},
        "dataDisks": [{"lun": 0, "sizeGB": 64, "sku": "Premium_LRS", "caching": "ReadOnly"}, {"lun": 1, "sizeGB": 128, "sku": "StandardSSD_LRS", "caching": "None"}]}]})
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_changes_while_it_is_copied_is_copied_again() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "seed", "seed": rebuilt(), "method": "PUT", "path": "*-image"}));
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(hits(&azure), 1);
    let journal = azure.journal();
    let put = journal
        .iter()
        .find(|it| it.method == "PUT" && it.path.contains("/versions/"))
        .unwrap();
    let image = put.request["properties"]["storageProfile"]["source"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let images: Vec<&str> = journal
        .iter()
        .filter(|it| it.method == "PUT" && it.path.ends_with("-image"))
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(images.len(), 2, "{images:?}");
    assert_eq!(image, images[1], "the version is made of the second");
    assert_eq!(number(&published), "1.0.0");
    assert_eq!(snapshots(&azure), Vec::<String>::new(), "the first copies are gone too");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_started_while_it_is_copied_is_refused() {
    let azure = Azure::example();
    let mut started = rebuilt();
    started["vms"][0]["powerState"] = json!("running");
    started["vms"][0]["generalized"] = json!(false);
    azure.fault(json!({"kind": "seed", "seed": started, "method": "PUT", "path": "*-image"}));
    let error = run(&azure, &settings()).await.must_fail();
    assert_eq!(
        (hits(&azure), error.kind()),
        (1, ErrorKind::Refused),
        "{}",
        error.report()
    );
    assert!(!azure.writes().iter().any(|it| it.contains("/versions/")));
    assert_eq!(snapshots(&azure), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_before_the_version_keeps_the_copies_and_the_next_run_goes_on_with_them() {
    let azure = Azure::example();
    let (client, _events) = azure
        .client_with_limit(&CancellationToken::new(), Duration::from_secs(50))
        .await;
    let ended = publish::run(&client, &checked(&settings())).await;
    assert_eq!(ended.result.must_fail().kind(), ErrorKind::Deadline);
    assert!(
        !azure.writes().iter().any(|it| it.contains("/versions/")),
        "the version was not begun"
    );
    assert_eq!(snapshots(&azure).len(), 3);
    let kept = &ended.report.kept;
    assert_eq!(kept.len(), 4, "three snapshots and the image: {kept:?}");
    assert!(
        kept.iter()
            .all(|it| it.why.contains("run again") && it.why.contains("expires at")),
        "{kept:?}"
    );
    assert!(!ended.report.steps.is_empty(), "a failed run reports its steps");
    azure.turn_the_page();
    run(&azure, &settings()).await.unwrap();
    let copies = azure
        .writes()
        .into_iter()
        .filter(|it| it.starts_with("PUT") && it.contains("/snapshots/"));
    assert_eq!(copies.count(), 0, "{:?}", azure.writes());
    assert_eq!(snapshots(&azure), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn nothing_that_cannot_be_undone_is_done_before_the_destination_is_settled() {
    let azure = world(|seed| {
        seed["vms"][0]["powerState"] = json!("running");
        seed["vms"][0]["generalized"] = json!(false);
        seed["roleAssignments"] = json!([{"principal": "00000000-0000-0000-0000-00000000c11e", "scope": GROUP,
            "actions": ["*"], "notActions": ["Microsoft.Compute/galleries/images/write"]}]);
    });
    let mut wanted = settings();
    wanted.machine.if_running = Stopped::Deallocate;
    wanted.machine.generalized = Generalized::Mark;
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&wanted)).await.unwrap();
    let text = plan.steps.to_string();
    assert!(
        text.contains("deallocate virtual machine vm-build") && text.contains("mark virtual machine vm-build"),
        "{text}"
    );
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::NoRights, "{}", error.report());
    let posts: Vec<String> = azure.writes().into_iter().filter(|it| it.starts_with("POST")).collect();
    assert_eq!(posts, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_missing_group_of_temporaries_is_named_before_anything_is_written() {
    let azure = Azure::example();
    let mut wanted = settings();
    let group: ResourceGroupId = GROUP.parse().unwrap();
    wanted.temporaries.group = Some(ResourceGroupId::new(group.subscription(), "rg-nowhere").unwrap());
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
    assert!(error.report().contains("rg-nowhere"), "{}", error.report());
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// Copies a snapshot under another name, tags and all, as a portal does.
async fn copy_with_tags(azure: &Azure, of: &str) {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let resources = azure.resources();
    let all = resources["compute"]["snapshots"].as_array().unwrap();
    let body = all
        .iter()
        .find(|it| it["id"].as_str().is_some_and(|id| id.ends_with(of)))
        .unwrap();
    let tags: Map<String, Value> = body["tags"].as_object().unwrap().clone();
    let disk = body["properties"]["creationData"]["sourceResourceId"].as_str().unwrap();
    let group: ResourceGroupId = GROUP.parse().unwrap();
    let put = snapshot::create(
        &group.snapshot("golden-backup-of-os"),
        disk,
        &"eastus2".parse().unwrap(),
        snapshot::SnapshotKind::Full,
        &tags,
    );
    client.send(&put).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_and_copies_that_carry_our_tags_are_never_deleted() {
    let azure = Azure::example();
    let mut keeping = settings();
    keeping.temporaries.keep = [KeptKind::Snapshots].into();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let ended = publish::run(&client, &checked(&keeping)).await;
    ended.result.unwrap();
    assert_eq!(ended.report.kept.len(), 3, "{:?}", ended.report.kept);
    copy_with_tags(&azure, "-os").await;
    let before = snapshots(&azure);
    assert!(
        before.iter().any(|id| id.ends_with("golden-backup-of-os")),
        "{before:?}"
    );
    azure.turn_the_page();
    let found = run(&azure, &settings()).await.unwrap();
    assert_eq!((found.outcome, azure.writes()), (Outcome::Found, Vec::new()));
    // A later build of the same machine leaves them alone too.
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    azure
        .emulator(|emulator, now| emulator.seed(&Seed::parse(&rebuilt().to_string()).unwrap(), now))
        .unwrap();
    let later = run(&azure, &settings()).await.unwrap();
    assert_eq!(number(&later), "1.0.1");
    assert_eq!(snapshots(&azure), before);
}

#[tokio::test(start_paused = true)]
async fn what_this_run_made_goes_also_when_it_may_not_list() {
    let azure = world(|seed| {
        // Whoever may read, write and delete single snapshots and images only.
        seed["roleAssignments"] =
            json!([{"principal": "00000000-0000-0000-0000-00000000c11e", "scope": GROUP, "actions": ["*"]}]);
    });
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET",
        "path": "*/providers/Microsoft.Compute/snapshots", "occurrence": "every"}),
    );
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET",
        "path": "*/providers/Microsoft.Compute/images", "occurrence": "every"}),
    );
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(published.outcome, Outcome::Created);
    assert!(hits(&azure) > 2, "lists were asked for");
    assert_eq!(snapshots(&azure), Vec::<String>::new());
}

/// A publish to the first so many regions.
fn to_regions(count: usize) -> PublishSettings {
    let mut wanted = settings();
    wanted.target_regions.truncate(count);
    wanted
}

/// One publish that is asked to stop, or whose deadline comes, when the first copy is removed.
async fn ended_while_it_cleans_up(regions: usize, is_cancelled: bool) -> (Result<Published>, Vec<Kept>, Azure) {
    let wanted = to_regions(regions);
    // Pauses are drawn by lot: both runs get the same ones.
    fastrand::seed(7);
    let good = Azure::example();
    let start = good.clock().now();
    Box::pin(run(&good, &wanted)).await.unwrap();
    let is_removal = |entry: &&Entry| entry.method == "DELETE" && entry.path.contains("/snapshots/");
    let removal = good.journal().into_iter().find(|entry| is_removal(&entry)).unwrap();
    fastrand::seed(7);
    let azure = Azure::example();
    let cancel = CancellationToken::new();
    let mut limit = Duration::from_secs(6 * 3600);
    if is_cancelled {
        azure.gone_after(removal.number, cancel.clone());
    } else {
        limit = removal.time.duration_since(start).unsigned_abs();
    }
    let (client, mut events) = azure.client_with_limit(&cancel, limit).await;
    let ended = publish::run(&client, &checked(&wanted)).await;
    assert_eq!(azure.outside_hits(), u64::from(is_cancelled));
    assert!(
        is_cancelled || client.run().elapsed() > limit,
        "the deadline has passed"
    );
    let said = lines(&mut events).join("\n");
    assert_eq!(said.contains("stopped"), ended.result.is_err(), "{said}");
    (ended.result, ended.report.kept, azure)
}

#[tokio::test(start_paused = true)]
async fn cleaning_up_after_a_good_end_is_not_stopped_by_a_cancel_or_the_deadline() {
    for is_cancelled in [true, false] {
        let (result, kept, azure) = ended_while_it_cleans_up(1, is_cancelled).await;
        // The version is what counts: it is made, so the run has not failed.
        assert_eq!(result.unwrap().outcome, Outcome::Created);
        assert_eq!((kept, snapshots(&azure)), (Vec::new(), Vec::new()));
    }
    // While the regions that no pool waits for are still copied, a stop is one, and yet nothing is left.
    let (result, kept, azure) = ended_while_it_cleans_up(2, true).await;
    assert_eq!(result.must_fail().kind(), ErrorKind::Cancelled);
    assert_eq!((kept, snapshots(&azure)), (Vec::new(), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_running_machine_is_published_again_by_each_run() {
    let azure = Azure::example();
    start(&azure);
    let mut wanted = settings();
    wanted.machine.if_running = Stopped::AllowRunning;
    wanted.machine.generalized = Generalized::Declared;
    let first = run(&azure, &wanted).await.unwrap();
    wanted.run_id = "run-2".to_owned();
    let second = run(&azure, &wanted).await.unwrap();
    assert_eq!(
        (number(&first), number(&second)),
        ("1.0.0".to_owned(), "1.0.1".to_owned())
    );
}

/// A machine with that many data disks.
fn with_disks(count: u32) -> Azure {
    world(|seed| {
        let disk = |lun| json!({"lun": lun, "sizeGB": 8, "sku": "Premium_LRS", "caching": "None"});
        seed["vms"][0]["dataDisks"] = (0..count).map(disk).collect();
    })
}

#[tokio::test(start_paused = true)]
async fn sixty_four_disks_cost_as_many_reads_as_two() {
    let mut reads = Vec::new();
    for count in [2, 64] {
        let azure = with_disks(count);
        let published = run(&azure, &settings()).await.unwrap();
        assert_eq!(published.data_disk_luns.len(), usize::try_from(count).unwrap());
        let journal = azure.journal();
        // Azure shows lists in pages, and a longer list has more of them.
        let is_page = |query: &Value| query.to_string().contains("skip");
        let gets = journal.iter().filter(|it| it.method == "GET" && !is_page(&it.query));
        assert!(
            journal.iter().all(|it| it.status != Some(429)),
            "a bucket ran dry with {count} disks"
        );
        reads.push(gets.count());
        assert_eq!(snapshots(&azure), Vec::<String>::new());
    }
    // Pauses have a jitter, which makes a look more or less.
    assert!(reads[0].abs_diff(reads[1]) <= 3, "{reads:?}");
}
