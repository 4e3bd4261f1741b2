//! Announcements against a small server on the loopback that remembers what it was asked.

use azure_batch_core::{
    https::{Authorities, https_client},
    options::{notify, pool},
    settings::{self, Values},
};

use super::*;
use crate::github::{
    api::ApiAddress,
    testing::{Seen, serve},
};

const MANIFEST: &str = r#"{"schema_version": 1, "os_type": "Linux", "data_disk_luns": [0, 1], "node_agent_sku_id": "batch.node.ubuntu 22.04", "security_type": "TrustedLaunch",
    "image_version_id": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2"}"#;

fn values() -> Values {
    Values::default()
        .with(pool::MANIFEST, MANIFEST)
        .with(notify::REPOSITORY, "o/r")
        .with(notify::GITHUB_TOKEN, secrecy::SecretString::from("ghs_secret"))
}

async fn announce(values: &Values, answers: Vec<(u16, Value)>) -> (Result<Notice, NotSaid>, Vec<Seen>) {
    let (repository, server) = serve(answers).await;
    let https = https_client("test", Authorities::default(), &|_| None).unwrap();
    let address = ApiAddress::parse(&repository.api_url).unwrap();
    let github = address.open(Some(&"ghs_secret".into()), &https).unwrap();
    let notice = say(&github, &settings::notify(values).unwrap()).await;
    (notice, server.await.unwrap())
}

#[tokio::test]
async fn an_event_has_a_version_with_a_schema_and_is_sent_once() {
    let (notice, seen) = announce(&values(), vec![(204, Value::Null)]).await;
    let event_type = settings::EVENT_TYPE.to_owned();
    assert_eq!(notice.unwrap().sent, Sent::Dispatched { event_type });
    let [request] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(request.line, "POST /api/v3/repos/o/r/dispatches HTTP/1.1");
    assert_eq!(request.authorization, "Bearer ghs_secret");
    insta::assert_json_snapshot!(request.body);
}

#[tokio::test]
async fn what_was_sent_is_what_a_roll_out_reads() {
    let payload = payload(&settings::notify(&values()).unwrap()).to_string();
    let read = Values::default()
        .with(pool::DISPATCH_PAYLOAD, payload)
        .with(pool::POOL_ID, "p1")
        .with(pool::TARGET_DEDICATED_NODES, 1)
        .with(pool::ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com");
    let definition = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal1/images/ubuntu";
    let asked = settings::rollout(&read.clone().with(pool::IMAGE_DEFINITION, definition)).unwrap();
    assert_eq!(asked.settings.pool.version.name(), "1.4.2");
    assert!(asked.settings.pool.node_agent_sku.is_some());
    assert_eq!(
        asked.settings.pool.image_security.feature,
        SecurityFeature::TrustedLaunch
    );
    let faults = settings::rollout(&read).unwrap_err();
    let text = faults[0].spelled(azure_batch_core::options::Door::Input);
    assert!(
        text.starts_with("image-definition: is missing: dispatch-payload names a version of "),
        "{text}"
    );
}

fn release(assets: &Value, is_draft: bool) -> Value {
    let mut release: Value = serde_json::from_str(include_str!("release.json")).unwrap();
    (release["assets"], release["draft"]) = (assets.clone(), is_draft.into());
    release
}

fn asset(state: &str, digest: &str) -> Value {
    let mut asset: Value = serde_json::from_str(include_str!("asset.json")).unwrap();
    (asset["state"], asset["digest"]) = (state.into(), digest.into());
    asset
}

#[tokio::test]
async fn a_manifest_is_attached_to_a_draft_and_to_nothing_that_is_published() {
    let values = values().with(notify::RELEASE_TAG, "v1");
    let (notice, seen) = announce(&values, vec![(200, json!([release(&json!([]), false)]))]).await;
    assert!(matches!(notice, Err(NotSaid::Unfit { why, .. }) if why.starts_with("release v1 is published")));
    assert_eq!(seen.len(), 1);
    let same = asset("uploaded", &digest(MANIFEST));
    let (notice, _) = announce(&values, vec![(200, json!([release(&json!([same]), false)]))]).await;
    let release_tag = || "v1".to_owned();
    assert_eq!(notice.unwrap().sent, Sent::Unchanged { release: release_tag() });
    let other = asset("uploaded", "sha256:00");
    let (notice, _) = announce(&values, vec![(200, json!([release(&json!([other]), true)]))]).await;
    assert!(matches!(notice, Err(NotSaid::Unfit { why, .. }) if why.contains("has another")));
    let (notice, _) = announce(&values, vec![(200, json!([]))]).await;
    assert!(matches!(notice, Err(NotSaid::Unfit { why, .. }) if why.starts_with("there is no release v1")));
}

#[tokio::test]
async fn a_refusal_says_what_the_token_needs_and_is_not_repeated() {
    let answer = json!({"message": "Resource not accessible by integration"});
    let (notice, seen) = announce(&values(), vec![(403, answer)]).await;
    let Err(NotSaid::Refused { doing, reason, needs }) = notice else {
        panic!("{notice:?}")
    };
    assert_eq!(doing, "send the event azure-batch-image to o/r");
    assert_eq!(reason.to_string(), "Resource not accessible by integration (403)");
    assert_eq!((needs, seen.len()), ("contents: write", 1));
}
