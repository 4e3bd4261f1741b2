//! A number is used once: what becomes of the numbers of versions that were deleted, and how a definition remembers them.

use std::time::Duration;

use azure_batch_core::{
    compute::{gallery, version},
    error::ErrorKind,
    operation::drive,
    publish::{self, Outcome},
    settings::{Generalized, PublishSettings, Stopped},
};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings, start},
    publish_reconcile::{hits, number, snapshots, world},
    reads_well::MustFail as _,
    support::{Azure, GROUP, lines},
};

const GALLERY: &str = "/providers/Microsoft.Compute/galleries/gal1";

async fn delete_version(azure: &Azure, number: &str) {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = format!("{GROUP}{GALLERY}/images/ubuntu/versions/{number}")
        .parse()
        .unwrap();
    let (delete, get) = (version::delete(&id), version::get(&id));
    drive::delete(&client, &delete, &get).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_number_whose_version_was_deleted_for_good_is_never_used_again() {
    let azure = world(|_| ());
    run(&azure, &settings()).await.unwrap();
    delete_version(&azure, "1.0.0").await;
    azure.turn_the_page();
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(
        (number(&published).as_str(), published.outcome),
        ("1.0.1", Outcome::Created)
    );
    let patches = azure
        .writes()
        .into_iter()
        .filter(|it| it.starts_with("PATCH") && it.ends_with("/images/ubuntu"));
    assert_eq!(patches.count(), 1);
    delete_version(&azure, "1.0.1").await;
    for number in ["1.0.0", "1.0.1"] {
        let mut explicit = settings();
        explicit.version = number.parse().unwrap();
        let error = run(&azure, &explicit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{number}");
        for said in ["a version with this number was deleted", "to \"1.0.2\", which is free"] {
            assert!(error.report().contains(said), "{}", error.report());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tags_of_others_on_a_definition_stay() {
    let azure = world(|_| ());
    run(&azure, &settings()).await.unwrap();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = format!("{GROUP}{GALLERY}/images/ubuntu").parse().unwrap();
    let theirs = json!({"team": "render", "azure-batch-numbers": "0.9.4"});
    let tag = gallery::tag_definition(&id, theirs.as_object().unwrap().clone());
    client.send(&tag).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    run(&azure, &settings()).await.unwrap();
    let get = gallery::get_definition(&id);
    let tags = client.send(&get).await.unwrap().value()["tags"].clone();
    assert_eq!(tags, json!({"team": "render", "azure-batch-numbers": "0.9.4 1.0.0"}));
}

/// The definition as Azure shows it.
async fn definition(azure: &Azure) -> Value {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = format!("{GROUP}{GALLERY}/images/ubuntu").parse().unwrap();
    let get = gallery::get_definition(&id);
    client.send(&get).await.unwrap().value()
}

#[tokio::test(start_paused = true)]
async fn tags_that_azure_accepts_and_then_fails_to_write_are_warned_of_and_the_next_run_writes_them() {
    let azure = world(|_| ());
    let fails = json!({"kind": "operationFailed", "code": "InternalExecutionError", "message": "no",
        "method": "PATCH", "path": "*/images/ubuntu"});
    azure.fault(fails);
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let published = publish::run(&client, &checked(&settings())).await.result.unwrap();
    assert_eq!((number(&published), hits(&azure)), ("1.0.0".to_owned(), 1));
    let text = lines(&mut events).join("\n");
    assert!(text.contains("does not say which numbers were used"), "{text}");
    // It is not left in the way of others.
    assert_eq!(definition(&azure).await["properties"]["provisioningState"], "Succeeded");
    run(&azure, &settings()).await.unwrap();
    assert_eq!(definition(&azure).await["tags"]["azure-batch-numbers"], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn a_definition_whose_last_write_failed_is_written_again_as_it_is() {
    let azure = world(|_| ());
    run(&azure, &settings()).await.unwrap();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = format!("{GROUP}{GALLERY}/images/ubuntu").parse().unwrap();
    let theirs = json!({"team": "render", "azure-batch-numbers": "1.0.0"});
    let tag = gallery::tag_definition(&id, theirs.as_object().unwrap().clone());
    azure.fault(
        json!({"kind": "operationFailed", "code": "InternalExecutionError", "message": "no",
        "method": "PATCH", "path": "*/images/ubuntu"}),
    );
    client.send(&tag).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    let before = definition(&azure).await;
    assert_eq!(before["properties"]["provisioningState"], "Failed");
    let mut another = settings();
    another.version = "2.0.0".parse().unwrap();
    run(&azure, &another).await.unwrap();
    let mut after = definition(&azure).await;
    assert_eq!(after["tags"]["azure-batch-numbers"], "1.0.0 2.0.0");
    after["tags"]["azure-batch-numbers"] = json!("1.0.0");
    let mut before = before;
    before["properties"]["provisioningState"] = json!("Succeeded");
    assert_eq!(after, before, "nothing else is another");
}

/// A gallery that keeps deleted versions: 1.0.0 was deleted, and the definition does not remember it.
async fn with_a_deleted_version() -> Azure {
    let azure = world(|seed| {
        seed["galleries"][0]["properties"] = json!({"softDeletePolicy": {"isSoftDeleteEnabled": true}});
    });
    run(&azure, &settings()).await.unwrap();
    delete_version(&azure, "1.0.0").await;
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = format!("{GROUP}{GALLERY}/images/ubuntu").parse().unwrap();
    let forgotten = gallery::tag_definition(&id, Map::new());
    client.send(&forgotten).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    azure.turn_the_page();
    azure
}

/// A machine that cannot be brought back: it is stopped and marked on the way.
fn irreversible(version: &str) -> PublishSettings {
    let mut wanted = settings();
    wanted.version = version.parse().unwrap();
    wanted.machine.if_running = Stopped::Deallocate;
    wanted.machine.generalized = Generalized::Mark;
    wanted
}

#[tokio::test(start_paused = true)]
async fn a_number_that_a_deleted_version_has_is_refused_before_anything_is_made() {
    let azure = with_a_deleted_version().await;
    start(&azure);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let explicit = irreversible("1.0.0");
    let planned = publish::plan(&client, &checked(&explicit)).await.unwrap_err();
    let error = run(&azure, &explicit).await.must_fail();
    for error in [planned, error] {
        assert_eq!(error.kind(), ErrorKind::Refused);
        for said in ["the gallery still keeps it", "to \"1.0.1\", which is free"] {
            assert!(error.report().contains(said), "{}", error.report());
        }
    }
    assert_eq!(azure.writes(), [""; 0]);
    let published = run(&azure, &irreversible("next-patch")).await.unwrap();
    assert_eq!(number(&published), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_version_that_nothing_shows_is_followed_by_the_next_of_the_same_copies() {
    let azure = with_a_deleted_version().await;
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "message": "no", "method": "GET",
        "path": "*/softDeletedArtifactTypes/*", "occurrence": "every"}),
    );
    let published = run(&azure, &settings()).await.unwrap();
    assert_eq!(
        (number(&published).as_str(), published.outcome),
        ("1.0.1", Outcome::Created)
    );
    let copies = azure
        .writes()
        .into_iter()
        .filter(|it| it.starts_with("PUT") && it.contains("/snapshots/"));
    assert_eq!(copies.count(), 3, "each disk is copied once");
    assert_eq!(snapshots(&azure), Vec::<String>::new());

    let mut explicit = settings();
    explicit.version = "1.0.0".parse().unwrap();
    start(&azure);
    explicit.machine.if_running = Stopped::Deallocate;
    explicit.machine.generalized = Generalized::Declared;
    let error = run(&azure, &explicit).await.must_fail();
    assert!(error.report().contains("restore or purge it"), "{}", error.report());
}
