//! Publishes that do not wait, those in phases, and the wait for a version.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    completion::{self, Completion},
    error::{ErrorKind, Result},
    ids::Location,
    options::versions,
    publish::{self, Outcome, Published},
    settings::{self, EndsWhen, PublishSettings, TargetRegion, Values},
};
use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{ids_of, run, settings as usual},
    support::Azure,
    sweep::{Ends, temporaries},
};

/// The example's machine to its own region, then to two others, one after the other.
pub(crate) fn phased() -> PublishSettings {
    let mut wanted = usual();
    let region = |name: &str, phase| TargetRegion {
        phase: Some(phase),
        ..TargetRegion::new(name.parse().unwrap(), None)
    };
    wanted.target_regions = vec![region("westeurope", 7), region("westus2", 3)];
    wanted
}

/// The same without waiting.
pub(crate) fn hasty() -> PublishSettings {
    PublishSettings {
        ends: EndsWhen::Accepted,
        ..usual()
    }
}

/// Waits for version 1.0.0 of the usual definition.
pub(crate) async fn wait(azure: &Azure, ends: &Ends, regions: &str) -> Result<Completion> {
    let version = usual().definition.version("1.0.0".parse().unwrap());
    let mut values = Values::default().with(versions::IMAGE_VERSION, version.to_string());
    if !regions.is_empty() {
        values.set(versions::REGIONS, regions);
    }
    let asked = settings::completion(&values).unwrap();
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    completion::wait(&client, &asked.settings).await
}

/// The regions of each write of a version, in the order of the requests.
fn writes_of_version(azure: &Azure) -> Vec<String> {
    let names = |entry: &Entry| {
        let regions = entry.request["properties"]["publishingProfile"]["targetRegions"].as_array()?;
        let name = |region: &Value| -> Location { region["name"].as_str().unwrap().parse().unwrap() };
        let names = regions.iter().map(|region| name(region).to_string());
        (entry.method == "PUT" && entry.path.contains("/versions/")).then(|| names.collect::<Vec<_>>().join(" "))
    };
    azure.journal().iter().filter_map(names).collect()
}

fn remaining(published: &Published) -> Vec<String> {
    published.remaining.steps.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn the_regions_of_a_phase_are_complete_before_those_of_the_next_are_added() {
    let azure = Azure::example();
    let published = run(&azure, &phased()).await.unwrap();
    assert_eq!(
        writes_of_version(&azure),
        ["eastus2", "eastus2 westus2", "eastus2 westus2 westeurope"]
    );
    assert_eq!((published.regions.len(), remaining(&published)), (3, Vec::new()));
    azure.turn_the_page();
    run(&azure, &phased()).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_sources_own_region_is_in_the_first_phase() {
    let azure = Azure::example();
    let mut wanted = phased();
    wanted.target_regions[0].location = "eastus2".parse().unwrap();
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!((error.kind(), azure.writes()), (ErrorKind::BadInput, Vec::new()));
    assert!(
        error.report().contains("is 7, and the version is made in eastus2"),
        "{}",
        error.report()
    );
}

/// What a plan says that the run leaves, but for what is removed.
async fn plan(azure: &Azure, settings: &PublishSettings) -> Vec<String> {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(settings)).await.unwrap();
    let is_removal = |step: &&publish::Step| matches!(step, publish::Step::Remove { .. });
    plan.left
        .iter()
        .filter(|step| !is_removal(step))
        .map(ToString::to_string)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_does_not_wait_ends_with_the_accepted_version_and_the_next_ones_do_the_rest() {
    let azure = Azure::example();
    let planned = plan(&azure, &hasty()).await;
    let first = run(&azure, &hasty()).await.unwrap();
    assert_eq!(first.outcome, Outcome::Created);
    assert_eq!(
        planned,
        [
            "wait for image version 1.0.0 of ubuntu",
            "note on image definition ubuntu that 1.0.0 is never used again",
            "wait until the version is complete in eastus2",
            "replicate to westus2 with 1 replica",
        ],
        "the plan says what the run leaves"
    );
    assert_eq!(writes_of_version(&azure), ["eastus2"]);
    assert!(first.regions.iter().all(|region| !region.is_complete()), "{first:?}");
    assert_eq!(
        remaining(&first),
        [
            "wait for image version 1.0.0 of ubuntu",
            "note on image definition ubuntu that 1.0.0 is never used again",
            "wait until the version is complete in eastus2",
            "replicate to westus2 with 1 replica",
        ]
    );
    assert!(!ids_of(&azure, "snapshots").is_empty(), "the version is made of them");

    azure.turn_the_page();
    let again = run(&azure, &hasty()).await.unwrap();
    assert_eq!((again.outcome, azure.writes()), (Outcome::Found, Vec::new()));

    let waited = wait(&azure, &Ends::none(), "").await.unwrap();
    assert_eq!(
        json!(waited)["regions"],
        json!([{"name": "eastus2", "replicas": 1, "state": "Completed"}])
    );
    azure.turn_the_page();
    let planned = plan(&azure, &hasty()).await;
    let second = run(&azure, &hasty()).await.unwrap();
    assert_eq!(writes_of_version(&azure), ["eastus2 westus2"]);
    assert_eq!(remaining(&second), ["wait until the version is complete in westus2"]);
    assert_eq!(planned, remaining(&second));
    assert!(ids_of(&azure, "snapshots").is_empty(), "the version is made");

    wait(&azure, &Ends::none(), "westus2").await.unwrap();
    azure.turn_the_page();
    let third = run(&azure, &hasty()).await.unwrap();
    assert_eq!((remaining(&third), azure.writes()), (Vec::new(), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_version_is_waited_for_only_where_it_will_be() {
    let azure = Azure::example();
    let none = wait(&azure, &Ends::none(), "").await.must_fail();
    assert_eq!(none.kind(), ErrorKind::BadInput, "{}", none.report());
    run(&azure, &usual()).await.unwrap();
    azure.turn_the_page();
    let elsewhere = wait(&azure, &Ends::none(), "westus2, westeurope").await.must_fail();
    let report = elsewhere.report();
    assert_eq!(elsewhere.kind(), ErrorKind::BadInput, "{report}");
    assert!(report.contains("is not replicated to westeurope"), "{report}");
    assert!(report.contains("it has eastus2, westus2"), "{report}");
    wait(&azure, &Ends::none(), "").await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_deadline_and_can_be_asked_again() {
    let azure = Azure::example();
    run(&azure, &hasty()).await.unwrap();
    let short = Ends {
        cancel: CancellationToken::new(),
        limit: std::time::Duration::from_secs(10),
    };
    assert_eq!(wait(&azure, &short, "").await.must_fail().kind(), ErrorKind::Deadline);
    wait(&azure, &Ends::none(), "").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_region_that_fails_ends_the_wait_with_its_name_and_the_next_publish_repairs_it() {
    let azure = Azure::example();
    run(&azure, &hasty()).await.unwrap();
    wait(&azure, &Ends::none(), "").await.unwrap();
    azure.fault(json!({"kind": "regionFailed", "region": "westus2", "method": "PUT", "path": "*/versions/*"}));
    run(&azure, &hasty()).await.unwrap();
    let error = wait(&azure, &Ends::none(), "").await.must_fail();
    let report = error.report();
    assert!(
        report.contains("to westus2 failed") && report.contains("run that again"),
        "{report}"
    );
    let published = run(&azure, &usual()).await.unwrap();
    assert!(
        published.regions.iter().all(|region| region.is_complete()),
        "{published:?}"
    );
    wait(&azure, &Ends::none(), "").await.unwrap();
}

/// Azure does not delete a snapshot while somebody holds an address at which it can be read.
#[tokio::test(start_paused = true)]
async fn an_access_to_a_snapshot_is_ended_before_a_publish_removes_it() {
    let azure = Azure::example();
    run(&azure, &hasty()).await.unwrap();
    wait(&azure, &Ends::none(), "").await.unwrap();
    let journal = azure.journal();
    let is_snapshot = |entry: &&Entry| entry.method == "PUT" && entry.path.contains("/snapshots/");
    let made = journal.iter().find(is_snapshot).unwrap();
    let name = made.path.rsplit('/').next().unwrap();
    let read = json!({"name": name, "resourceGroup": "rg-images", "location": "eastus2", "tags": made.request["tags"],
        "accessHours": 48});
    let seed = Seed::parse(&json!({"subscriptions": [], "snapshots": [read]}).to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    azure.turn_the_page();
    run(&azure, &usual()).await.unwrap();
    assert!(ids_of(&azure, "snapshots").is_empty(), "{:?}", azure.writes());
    let ended = format!("/snapshots/{name}/endGetAccess");
    assert!(
        azure.writes().iter().any(|write| write.ends_with(&ended)),
        "{:?}",
        azure.writes()
    );
}

/// The lease of the run that did not wait holds for an hour: nothing holds it back once its version has failed.
#[tokio::test(start_paused = true)]
async fn what_a_failed_version_was_made_of_is_removed_by_the_next_publish() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "operationFailed", "method": "PUT", "path": "*/versions/*"}));
    run(&azure, &hasty()).await.unwrap();
    wait(&azure, &Ends::none(), "").await.must_fail();
    assert_eq!(temporaries(&azure.resources()), 4);
    run(&azure, &usual()).await.unwrap();
    assert_eq!(temporaries(&azure.resources()), 0);
}

/// A run that does not wait, the wait, and a run that does the rest.
pub(crate) async fn in_three(azure: Azure, ends: Ends) -> Result<()> {
    let published = |wanted: PublishSettings| {
        let (azure, ends) = (azure.clone(), ends.clone());
        async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            let checked = checked(&wanted);
            publish::run(&client, &checked).await.result
        }
    };
    let first = published(hasty()).await?;
    let asked =
        settings::completion(&Values::default().with(versions::IMAGE_VERSION, first.version.to_string())).unwrap();
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    completion::wait(&client, &asked.settings).await?;
    published(usual()).await.map(drop)
}
