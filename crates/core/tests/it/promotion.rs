//! Moving `latest` under trouble: every request of a good run meets every trouble.

use azure_batch_core::{
    client::Client,
    compute::version,
    error::Result,
    options::versions::IMAGE_VERSION,
    promotion,
    settings::{self, Checked, Goal, PromotionSettings, Values},
};

use tokio_util::sync::CancellationToken;

use crate::{
    publish,
    rollout::{image, world},
    support::Azure,
    sweep::upkeep::sweep,
};

pub(crate) fn settings(goal: Goal) -> Checked<PromotionSettings> {
    let values = Values::default().with(IMAGE_VERSION, image("1.0.0"));
    let asked = match goal {
        Goal::Admit => settings::promote(&values),
        Goal::Exclude => settings::demote(&values),
    };
    asked.unwrap().settings
}

/// 1.0.0 is latest, or excluded.
fn excluded(is_excluded: bool) -> Azure {
    world(|seed| seed["versions"][0]["publishingProfile"]["excludeFromLatest"] = is_excluded.into())
}

fn moving(goal: Goal) -> impl AsyncFn(Client) -> Result<()> + Sync {
    async move |client: Client| {
        let mut promotion = promotion::plan(&client, &settings(goal)).await?;
        promotion::carry_out(&client, &settings(goal), &mut promotion).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_whose_copies_are_gone_becomes_latest() {
    let azure = Azure::example();
    let published = publish::run(&azure, &publish::settings()).await.unwrap();
    let values = Values::default().with(IMAGE_VERSION, published.version.to_string());
    let asked = settings::promote(&values).unwrap().settings;
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let mut promotion = promotion::plan(&client, &asked).await.unwrap();
    assert_eq!(promotion.moves.len(), 2, "it becomes latest in both regions");
    promotion::carry_out(&client, &asked, &mut promotion).await.unwrap();
    let version = version::find(&client, &published.version).await.unwrap().unwrap();
    assert!(version.can_be_latest(None));
}

#[test]
fn every_request_of_a_promotion_meets_every_trouble() {
    sweep(("promoting a version", 100, 2), || excluded(true), moving(Goal::Admit));
    sweep(
        ("demoting a version", 100, 2),
        || excluded(false),
        moving(Goal::Exclude),
    );
}
