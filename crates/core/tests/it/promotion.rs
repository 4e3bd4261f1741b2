//! Moving `latest` under trouble: every request of a good run meets it, the run or the next one ends as wanted.

use azure_batch_core::{
    error::Result,
    promotion,
    settings::{Goal, PROMOTION_DEADLINE, PromotionSettings, Sight},
};
use serde_json::{Value, json};

use crate::{
    rollout::{client, image, world},
    support::Azure,
};

fn settings(goal: Goal) -> PromotionSettings {
    PromotionSettings {
        version: image("1.0.0").parse().unwrap(),
        goal,
        regions: Vec::new(),
        sight: Sight::Everything,
    }
}

async fn run(azure: &Azure, goal: Goal) -> Result<()> {
    let client = client(azure, PROMOTION_DEADLINE).await;
    let mut promotion = promotion::plan(&client, &settings(goal)).await?;
    promotion::carry_out(&client, &settings(goal), &mut promotion).await
}

fn is_excluded(azure: &Azure) -> bool {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    let own = versions
        .iter()
        .find(|version| version["id"].as_str().is_some_and(|id| id.ends_with("/1.0.0")));
    own.unwrap()["properties"]["publishingProfile"]["excludeFromLatest"] == true
}

/// What a request meets: once, and in a way that passes.
fn troubles() -> [Value; 5] {
    [
        json!({"kind": "throttle", "retryAfter": 7}),
        json!({"kind": "resetBeforeEffect"}),
        json!({"kind": "resetAfterEffect"}),
        json!({"kind": "status", "status": 503, "code": "ServiceUnavailable", "message": "busy"}),
        json!({"kind": "status", "status": 409, "code": "Conflict", "message": "another operation is in progress"}),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_promotion_meets_passing_trouble() {
    let azure = world(|_| ());
    for goal in [Goal::Exclude, Goal::Admit] {
        azure.turn_the_page();
        run(&azure, goal).await.unwrap();
        let requests = azure.journal().len();
        for at in 1..=requests {
            for mut trouble in troubles() {
                let azure = world(|_| ());
                if goal == Goal::Admit {
                    run(&azure, Goal::Exclude).await.unwrap();
                    azure.turn_the_page();
                }
                trouble["request"] = json!(at);
                azure.fault(trouble.clone());
                let first = run(&azure, goal).await;
                azure.turn_the_page();
                run(&azure, goal)
                    .await
                    .unwrap_or_else(|error| panic!("{at} {trouble}: {}", error.report()));
                assert_eq!(is_excluded(&azure), goal == Goal::Exclude, "{at} {trouble} {first:?}");
                if first.is_ok() {
                    assert_eq!(azure.writes(), [""; 0], "{at} {trouble}: the second run writes again");
                }
            }
        }
    }
}
