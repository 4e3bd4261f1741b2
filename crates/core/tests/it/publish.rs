//! Publishing on the emulator: what is asked, what is there afterwards, what is refused before anything is written.

use crate::reads_well::MustFail as _;
use std::{collections::BTreeSet, time::Duration};

use azure_batch_core::{
    compute::version,
    error::{ErrorKind, Result},
    publish::{self, Outcome, Published},
    settings::{
        DefinitionTraits, EndsWhen, KeptKind, MachineHandling, ManagedImagePolicy, PublishSettings, Register, Reuse,
        Source, Temporaries, VersionSettings,
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    support::{Azure, GROUP, lines},
};

/// The example's VM to `gal1/ubuntu` in two regions.
pub(crate) fn settings() -> PublishSettings {
    let region = |location: &str| azure_batch_core::settings::TargetRegion::new(location.parse().unwrap(), None);
    PublishSettings {
        source: Source::Vm(
            format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build")
                .parse()
                .unwrap(),
        ),
        definition: format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/ubuntu")
            .parse()
            .unwrap(),
        made_from: None,
        create_gallery: false,
        traits: DefinitionTraits::default(),
        version: "next-patch".parse().unwrap(),
        reuse: Reuse::SameSource,
        used_by: Vec::new(),
        target_regions: vec![region("eastus2"), region("westus2")],
        replica_rule: azure_batch_core::settings::ReplicaRule::default(),
        managed_image: ManagedImagePolicy::Auto,
        machine: MachineHandling::default(),
        ignore_checks: BTreeSet::new(),
        temporaries: Temporaries::default(),
        version_settings: VersionSettings::default(),
        test: None,
        ends: EndsWhen::Complete,
        register: Register::No,
        prices: None,
        run_id: "run-1".to_owned(),
    }
}

/// One run with its own client.
pub(crate) async fn run(azure: &Azure, settings: &PublishSettings) -> Result<Published> {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(settings)).await.result
}

pub(crate) fn ids_of(azure: &Azure, kind: &str) -> Vec<String> {
    let text = azure.resources().to_string();
    let all: BTreeSet<String> = text
        .split('"')
        .filter(|part| part.to_lowercase().contains(&format!("/{kind}/")))
        .map(str::to_owned)
        .collect();
    all.into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn a_vm_becomes_a_version_in_two_regions_and_nothing_else_is_left() {
    let azure = Azure::example();
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(published.number.to_string(), "1.0.0");
    let regions: Vec<_> = published
        .regions
        .iter()
        .map(|it| (it.location.as_str(), it.replicas, it.state.as_str()))
        .collect();
    assert_eq!(regions, [("eastus2", 1, "Completed"), ("westus2", 1, "Completed")]);
    assert_eq!(published.data_disk_luns, [0, 1]);
    assert!(
        ids_of(&azure, "snapshots").is_empty(),
        "{:?}",
        ids_of(&azure, "snapshots")
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_again_writes_nothing_and_has_the_same_result() {
    let azure = Azure::example();
    let first = run(&azure, &settings()).await.unwrap();
    azure.turn_the_page();
    let second = run(&azure, &settings()).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!((first.version, Outcome::Found), (second.version, second.outcome));
}

#[tokio::test(start_paused = true)]
async fn a_version_has_no_end_and_may_be_deleted_unless_it_was_asked_for() {
    let azure = Azure::example();
    let published = run(&azure, &settings()).await.unwrap();
    let mut more = settings();
    more.target_regions.push(azure_batch_core::settings::TargetRegion::new(
        "westus3".parse().unwrap(),
        None,
    ));
    run(&azure, &more).await.unwrap();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let version = version::find(&client, &published.version).await.unwrap().unwrap();
    assert_eq!((version.regions().len(), version.end_of_life()), (3, None));
    let (delete, get) = (version::delete(&version.id), version::get(&version.id));
    azure_batch_core::operation::drive::delete(&client, &delete, &get)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_running_vm_is_refused_before_anything_is_written() {
    let azure = Azure::example();
    start(&azure);
    let error = run(&azure, &settings()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("set deallocate = true"), "{}", error.report());
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// Starts the machine again, as a new build would: it runs, its disks have changed hands.
pub(crate) fn start(azure: &Azure) {
    let seed = json!({"subscriptions": [], "vms": [{"name": "vm-build", "resourceGroup": "rg-images", "location": "eastus2", "osType": "Linux",
        "generation": "V2", "vmSize": "Standard_D4ds_v5", "powerState": "running", "generalized": false,
        "osDisk": {"sizeGB": 30, "sku": "Premium_LRS", "caching": "ReadWrite"},
        "dataDisks": [{"lun": 0, "sizeGB": 64, "sku": "Premium_LRS", "caching": "ReadOnly"}, {"lun": 1, "sizeGB": 128, "sku": "StandardSSD_LRS", "caching": "None"}]}]});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_running_vm_is_stopped_and_generalized_when_asked_to() {
    let azure = Azure::example();
    start(&azure);
    let mut settings = settings();
    settings.machine.if_running = azure_batch_core::settings::Stopped::Deallocate;
    settings.machine.generalized = azure_batch_core::settings::Generalized::Mark;
    let first = run(&azure, &settings).await.unwrap();
    azure.turn_the_page();
    let second = run(&azure, &settings).await.unwrap();
    assert_eq!(
        (first.version, azure.writes()),
        (second.version, Vec::new()),
        "what the run itself did to the disks is in the fingerprint"
    );
}

#[tokio::test(start_paused = true)]
async fn old_snapshots_of_a_dead_run_are_not_used_after_the_disks_changed() {
    let azure = Azure::example();
    let gone = CancellationToken::new();
    let last_snapshot = snapshots_made_at(&azure).await;
    let azure = {
        drop(azure);
        Azure::example()
    };
    azure.gone_after(last_snapshot, gone.clone());
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let asked = checked(&settings());
    tokio::select! {
        biased;
        () = gone.cancelled() => {}
        _ended = publish::run(&client, &asked) => panic!("the run was meant to be killed"),
    }
    let leftovers = ids_of(&azure, "snapshots");
    assert!(leftovers.len() >= 3, "{leftovers:?}");
    // The dead run's lease protects them for an hour.
    tokio::time::advance(Duration::from_secs(3600)).await;
    start(&azure);
    let mut again = settings();
    again.machine.if_running = azure_batch_core::settings::Stopped::Deallocate;
    again.machine.generalized = azure_batch_core::settings::Generalized::Declared;
    let published = run(&azure, &again).await.unwrap();
    assert_eq!(published.number.to_string(), "1.0.0");
    let version = azure
        .journal()
        .into_iter()
        .find(|entry| entry.method == "PUT" && entry.path.ends_with("/versions/1.0.0"))
        .unwrap();
    let sources = version.request.to_string();
    for leftover in &leftovers {
        assert!(
            !sources.contains(leftover.as_str()),
            "the version was made of {leftover}"
        );
    }
    assert!(
        ids_of(&azure, "snapshots").is_empty(),
        "{:?}",
        ids_of(&azure, "snapshots")
    );
}

/// A plan and a run are refused with these words, and nothing is written.
async fn refused_by_both(azure: &Azure, wanted: &PublishSettings, words: &[&str]) {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let planned = publish::plan(&client, &checked(wanted)).await.must_fail();
    let ended = run(azure, wanted).await.must_fail();
    for error in [planned, ended] {
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{report}");
        for word in words {
            assert!(report.contains(word), "{word:?} is not in\n{report}");
        }
    }
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_gallery_is_not_made_in_a_group_that_is_not_there() {
    let azure = Azure::example();
    for create_gallery in [true, false] {
        let wanted = PublishSettings {
            definition: format!("{GROUP}/providers/Microsoft.Compute/galleries/gal9/images/ubuntu")
                .replace("rg-images", "rg-nope")
                .parse()
                .unwrap(),
            create_gallery,
            ..settings()
        };
        let words = [
            "there is no resource group rg-nope",
            "nothing was changed",
            "az group list --subscription",
            "give one of them in shared_image_gallery_destination.resource_group",
        ];
        refused_by_both(&azure, &wanted, &words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_for_several_regions_is_refused_before_anything_is_copied() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.target_regions[1].location = "france".parse().unwrap();
    let words = ["has no region france (that is Azure's name for several regions)"];
    refused_by_both(&azure, &wanted, &words).await;
}

#[tokio::test(start_paused = true)]
async fn what_lies_next_to_a_source_that_is_not_there_is_named() {
    let azure = Azure::example();
    let of = |rest: &str| format!("{GROUP}/providers/Microsoft.Compute/{rest}");
    let (vm, image) = (of("virtualMachines/vm-bild"), of("images/built"));
    for (source, says) in [
        (
            Source::Vm(vm.parse().unwrap()),
            "there is no VM vm-bild|the resource group has vm-build|run again with vm-build in place of vm-bild in source.vm",
        ),
        (
            Source::Vm(vm.replace("rg-images", "rg-nope").parse().unwrap()),
            "there is no VM vm-bild|has no resource group of that name either|az vm list --subscription",
        ),
        (
            Source::ManagedImage(image.parse().unwrap()),
            "there is no managed image built|az image list --subscription|source.managed_image",
        ),
        (
            Source::ImageVersion(of("galleries/gal1/images/def9/versions/1.0.0").parse().unwrap()),
            "there is no image version 1.0.0 of def9|az sig image-version list|source.image_version",
        ),
    ] {
        let wanted = PublishSettings { source, ..settings() };
        let words: Vec<&str> = says.split('|').chain(["nothing was changed"]).collect();
        refused_by_both(&azure, &wanted, &words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_has_one_step_for_each_write_of_the_version() {
    let azure = Azure::example();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&settings())).await.unwrap();
    let is_of_version = |step: &&String| step.starts_with("create image version") || step.starts_with("replicate to");
    let planned = plan.changes().iter().filter(is_of_version).count();
    run(&azure, &settings()).await.unwrap();
    let is_write = |entry: &&azure_emulator::journal::Entry| entry.method == "PUT" && entry.path.contains("/versions/");
    let written = azure.journal().iter().filter(is_write).count();
    assert_eq!((planned, written), (2, 2), "{}", plan.steps);
}

/// A second machine, stopped and generalized, in the same group.
fn second_machine(azure: &Azure) -> PublishSettings {
    let seed = json!({"subscriptions": [], "vms": [{"name": "vm-other", "resourceGroup": "rg-images", "location": "eastus2", "osType": "Linux",
        "generation": "V2", "vmSize": "Standard_D4ds_v5", "powerState": "deallocated", "generalized": true,
        "osDisk": {"sizeGB": 30, "sku": "Premium_LRS", "caching": "ReadWrite"}}]});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    let id = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-other");
    PublishSettings {
        source: Source::Vm(id.parse().unwrap()),
        run_id: "run-2".to_owned(),
        ..settings()
    }
}

/// For each deletion of a temporary: its id, and how many versions were still in the making of its source then.
pub(crate) fn deletions_under_a_version(azure: &Azure) -> Vec<String> {
    let journal = azure.journal();
    let mut broken = Vec::new();
    for deletion in journal.iter().filter(|entry| entry.method == "DELETE") {
        let feeds = |put: &&azure_emulator::journal::Entry| {
            put.method == "PUT" && put.path.contains("/versions/") && put.number < deletion.number
        };
        for put in journal.iter().filter(feeds) {
            let is_made = journal.iter().any(|read| {
                read.method == "GET"
                    && read.path == put.path
                    && (put.number..deletion.number).contains(&read.number)
                    && read.response["properties"]["provisioningState"] == "Succeeded"
            });
            let image = journal.iter().rfind(|image| {
                image.method == "PUT" && image.number < put.number && put.request.to_string().contains(&image.path)
            });
            let is_source = [Some(put), image]
                .into_iter()
                .flatten()
                .any(|user| user.request.to_string().contains(&deletion.path));
            if is_source && !is_made && put.status.is_some_and(|status| status < 300) {
                broken.push(format!("{} under {}", deletion.path, put.path));
            }
        }
    }
    broken
}

#[tokio::test(start_paused = true)]
async fn a_run_that_loses_its_number_leaves_the_winner_s_sources_alone() {
    let azure = Azure::example();
    let other = second_machine(&azure);
    let one = settings();
    let (first, second) = tokio::join!(run(&azure, &one), run(&azure, &other));
    let mut numbers = [first.unwrap().number.to_string(), second.unwrap().number.to_string()];
    numbers.sort();
    assert_eq!(numbers, ["1.0.0", "1.0.1"]);
    assert_eq!(deletions_under_a_version(&azure), Vec::<String>::new());
    assert!(
        ids_of(&azure, "snapshots").is_empty(),
        "{:?}",
        ids_of(&azure, "snapshots")
    );
}

/// The numbers of the requests that wrote a version in a good run.
async fn version_writes() -> Vec<u64> {
    let azure = Azure::example();
    run(&azure, &settings()).await.unwrap();
    let mut journal = azure.journal();
    journal.retain(|entry| entry.method == "PUT" && entry.path.contains("/versions/"));
    journal.iter().map(|entry| entry.number).collect()
}

#[tokio::test(start_paused = true)]
async fn a_late_run_of_the_same_source_joins_and_takes_no_region_away() {
    let azure = Azure::example();
    let before_the_version = CancellationToken::new();
    // The write, and the look right before it.
    azure.gone_after(version_writes().await[0] - 2, before_the_version.clone());
    let mut wanted = settings();
    wanted.temporaries.keep = [KeptKind::Snapshots, KeptKind::ManagedImage].into();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let wanted = checked(&wanted);
    let mut late = Box::pin(publish::run(&client, &wanted));
    tokio::select! {
        biased;
        () = before_the_version.cancelled() => {}
        _ended = &mut late => panic!("it was meant to be overtaken"),
    }
    let first = run(&azure, &wanted).await.unwrap();
    azure.turn_the_page();
    let late = late.await.result.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!((first.version, first.regions), (late.version, late.regions));
}

#[tokio::test(start_paused = true)]
async fn what_was_to_be_kept_is_kept_when_a_run_ends_after_the_version_is_made() {
    let azure = Azure::example();
    let cancel = CancellationToken::new();
    azure.gone_after(version_writes().await[1] - 1, cancel.clone());
    let mut wanted = settings();
    wanted.temporaries.keep = [KeptKind::ManagedImage].into();
    let (client, _events) = azure.client(&cancel).await;
    let error = publish::run(&client, &checked(&wanted)).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.report());
    let deleted: Vec<String> = azure
        .writes()
        .into_iter()
        .filter(|write| write.starts_with("DELETE"))
        .collect();
    assert!(
        !deleted.is_empty() && deleted.iter().all(|path| path.contains("/snapshots/")),
        "{deleted:?}"
    );
}

/// The number of the request that completed the third snapshot in a good run.
async fn snapshots_made_at(azure: &Azure) -> u64 {
    run(azure, &settings()).await.unwrap();
    let puts = azure
        .journal()
        .into_iter()
        .filter(|entry| entry.method == "PUT" && entry.path.contains("/snapshots/"));
    puts.map(|entry| entry.number).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_failed_region_is_removed_and_added_again() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "regionFailed", "region": "westus2", "method": "PUT", "path": "*/versions/1.0.0", "occurrence": {"nth": 2}}));
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let mut settings = settings();
    settings.target_regions.remove(0);
    let published = publish::run(&client, &checked(&settings)).await.result.unwrap();
    assert!(
        published.regions.iter().all(|region| region.state == "Completed"),
        "{:?}",
        published.regions
    );
    let lines = lines(&mut events);
    assert!(
        lines.iter().any(|line| line.contains("replication to westus2 failed")),
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_removes_what_no_version_needs() {
    let azure = Azure::example();
    let cancel = CancellationToken::new();
    azure.gone_after(snapshots_made_at(&Azure::example()).await, cancel.clone());
    let (client, mut events) = azure.client(&cancel).await;
    let error = publish::run(&client, &checked(&settings())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(
        ids_of(&azure, "snapshots").is_empty(),
        "{:?}",
        ids_of(&azure, "snapshots")
    );
    assert_eq!(
        lines(&mut events).last().unwrap(),
        "stopped. Image version 1.0.0 is not begun, and the same run again makes it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_replication_says_last_how_far_the_version_is() {
    let azure = Azure::example();
    let cancel = CancellationToken::new();
    azure.gone_after(version_writes().await[0] + 4, cancel.clone());
    let (client, mut events) = azure.client(&cancel).await;
    let error = publish::run(&client, &checked(&settings())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    insta::assert_snapshot!(lines(&mut events).last().unwrap(), @"stopped. Azure goes on making image version 1.0.0: eastus2 5 %. The same run again waits for it and does the rest. 4 resources are kept");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_during_replication_keeps_the_sources_and_the_next_run_finishes() {
    let azure = Azure::example();
    let (client, mut events) = azure
        .client_with_limit(&CancellationToken::new(), Duration::from_secs(240))
        .await;
    let error = publish::run(&client, &checked(&settings())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(
        error.hint().unwrap().contains("goes on from here"),
        "{}",
        error.report()
    );
    let kept = lines(&mut events)
        .into_iter()
        .filter(|line| line.starts_with("kept "))
        .count();
    assert_eq!(kept, 4, "three snapshots and a managed image");
    azure.turn_the_page();
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(published.number.to_string(), "1.0.0");
    assert!(
        !azure
            .writes()
            .iter()
            .any(|write| write.starts_with("PUT") && write.contains("/snapshots/")),
        "{:?}",
        azure.writes()
    );
    assert!(ids_of(&azure, "snapshots").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_a_run_would_do_and_writes_nothing() {
    let azure = Azure::example();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&settings())).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!(
        plan.changes().first().map(String::as_str),
        Some("create image definition ubuntu")
    );
    run(&azure, &settings()).await.unwrap();
    let after = publish::plan(&client, &checked(&settings())).await.unwrap();
    assert_eq!(after.changes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_named_before_anything_is_written() {
    let azure = Azure::example();
    let mut no_gallery = settings();
    no_gallery.definition = format!("{GROUP}/providers/Microsoft.Compute/galleries/nowhere/images/ubuntu")
        .parse()
        .unwrap();
    let mut no_vm = settings();
    no_vm.source = Source::Vm(
        format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/ghost")
            .parse()
            .unwrap(),
    );
    for (settings, word) in [(no_gallery, "nowhere"), (no_vm, "ghost")] {
        let error = run(&azure, &settings).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
        assert!(error.report().contains(word), "{}", error.report());
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_definition_says_its_security_and_the_version_of_what_it_was_made() {
    let azure = Azure::example();
    run(&azure, &settings()).await.unwrap();
    let put = |end: &str| {
        azure
            .journal()
            .into_iter()
            .find(|entry| entry.method == "PUT" && entry.path.ends_with(end))
            .unwrap()
            .request
    };
    assert_eq!(
        put("/images/ubuntu")["properties"]["features"],
        json!([{"name": "SecurityType", "value": "Standard"}])
    );
    assert_eq!(put("/versions/1.0.0")["tags"]["azure-batch-run"], "run-1");
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_machine_at_once_make_one_version_together() {
    let azure = Azure::example();
    let wanted = settings();
    let (one, other) = tokio::join!(run(&azure, &wanted), run(&azure, &wanted));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.version, other.version);
    assert!(
        ids_of(&azure, "snapshots").is_empty(),
        "{:?}",
        ids_of(&azure, "snapshots")
    );
    let versions = ids_of(&azure, "versions");
    assert_eq!(
        versions.iter().filter(|id| id.contains("/versions/")).count(),
        1,
        "{versions:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_a_twin_is_looked_at_again() {
    for path in ["*/images/ubuntu", "*/snapshots/*-d0", "*-image"] {
        let azure = Azure::example();
        azure.fault(json!({"kind": "status", "status": 409, "code": "Conflict", "method": "PUT", "path": path}));
        let published = run(&azure, &settings()).await.unwrap();
        assert_eq!(published.outcome, Outcome::Created);
        let hits: u64 = azure.emulator(|emulator, _| emulator.faults().iter().map(|fault| fault.hits).sum());
        assert_eq!(hits, 1, "{path} was never written");
    }
}
