//! Keys for UEFI of a version, which no usual look shows: whatever writes the version keeps them, and a copy has them too.

use azure_batch_core::{
    compute::version,
    ids::resource::ImageVersionId,
    options::versions::{GRACE_DAYS, IMAGE_VERSION},
    promotion, prune as retention,
    request::Request,
    scale as scaling,
    settings::{self, PUBLISH_DEADLINE, PublishSettings, Source, Values},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    adopt,
    given::checked,
    prune::{self, settings_with},
    publish,
    rollout::{client, image},
    scale, source_image,
    support::{Azure, lines},
};

/// The security profile of a version that has keys of its own.
fn keys() -> Value {
    json!({"uefiSettings": {"signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate"],
        "additionalSignatures": {"db": [{"type": "x509", "value": ["bWluZQ=="]}]}}})
}

async fn give_keys(azure: &Azure, id: &ImageVersionId) {
    let body = json!({"properties": {"securityProfile": keys()}});
    let request = Request::arm(Method::PATCH, id, "2025-03-03", "give it keys").with_body(body);
    client(azure, PUBLISH_DEADLINE).await.send(&request).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(3600)).await;
    azure.turn_the_page();
}

/// What the plan of a publish says.
async fn plan_lines(azure: &Azure, wanted: &PublishSettings) -> Vec<String> {
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    azure_batch_core::publish::plan(&client, &checked(wanted))
        .await
        .unwrap();
    lines(&mut events)
}

/// Holds that the version was written, and has its keys.
async fn hold(azure: &Azure, id: &ImageVersionId) {
    let is_write = |write: &String| write.starts_with("PUT ") && write.ends_with(&format!("/versions/{}", id.name()));
    assert!(azure.writes().iter().any(is_write), "{:?}", azure.writes());
    let client = client(azure, PUBLISH_DEADLINE).await;
    let found = version::security_profile(&client, id).await.unwrap();
    assert_eq!(found, Some(keys()));
}

#[tokio::test(start_paused = true)]
async fn whatever_changes_a_version_keeps_its_keys() {
    let id: ImageVersionId = image("1.0.0").parse().unwrap();
    let values = Values::default().with(IMAGE_VERSION, image("1.0.0"));

    let azure = scale::azure(|_| ());
    give_keys(&azure, &id).await;
    let client = client(&azure, PUBLISH_DEADLINE).await;
    let asked = settings::demote(&values).unwrap().settings;
    let mut moved = promotion::plan(&client, &asked).await.unwrap();
    promotion::carry_out(&client, &asked, &mut moved).await.unwrap();
    hold(&azure, &id).await;
    azure.turn_the_page();
    let asked = scale::settings(true);
    let mut scaled = scaling::plan(&client, &asked).await.unwrap();
    assert_eq!(scaled.plan.steps.len(), 2, "one region gets more, one gets fewer");
    scaling::carry_out(&client, &asked, &mut scaled).await.unwrap();
    hold(&azure, &id).await;

    let azure = scale::idle_west();
    give_keys(&azure, &id).await;
    scale::remove(&azure, "westus2").await.unwrap();
    hold(&azure, &id).await;

    let azure = prune::azure(|_| ());
    let old: ImageVersionId = image("0.9.0").parse().unwrap();
    give_keys(&azure, &old).await;
    let client = crate::rollout::client(&azure, PUBLISH_DEADLINE).await;
    let asked = settings_with(|values| values.with(GRACE_DAYS, "2"));
    let mut pruned = retention::plan(&client, &asked).await.unwrap();
    retention::carry_out(&client, &asked, &mut pruned).await.unwrap();
    hold(&azure, &old).await;

    let azure = adopt::world();
    let Source::ImageVersion(own) = adopt::adopting().source else {
        unreachable!("a version is adopted")
    };
    give_keys(&azure, &own).await;
    publish::run(&azure, &adopt::adopting()).await.unwrap();
    hold(&azure, &own).await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_made_of_another_one_has_its_keys() {
    let azure = source_image::world_with(|_| {});
    let wanted = source_image::from_version();
    let Source::ImageVersion(source) = &wanted.source else {
        unreachable!("a version is the source")
    };
    let said = |lines: Vec<String>| {
        lines
            .into_iter()
            .filter(|line| line.contains("UEFI"))
            .collect::<Vec<_>>()
    };
    let line = "The version gets the keys for UEFI that its source has: MicrosoftUefiCertificateAuthorityTemplate, \
                signatures of its own in db";
    assert_eq!(
        said(plan_lines(&azure, &wanted).await),
        [""; 0],
        "a source without keys"
    );
    give_keys(&azure, source).await;
    assert_eq!(said(plan_lines(&azure, &wanted).await), [line]);
    let published = publish::run(&azure, &wanted).await.unwrap();
    hold(&azure, &published.version).await;
}
