//! What a plan costs by the user's own prices: of a publish by region, of a roll-out by kind of node and for a second pool.
//!
//! How a price file is read, and each line by itself, are tested next to the code.

use azure_batch_core::{
    publish, rollout,
    settings::{Checked, KeptKind, ROLLOUT_DEADLINE, UnresolvedRollout},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::{priced, priced_publish},
    publish::settings as publish_settings,
    rollout::{client, settings, world},
    rollout_blue_green::blue_green,
    rollout_in_place::working,
    support::Azure,
};

const EAST: &str = "
currency: EUR
node-hour:
  Standard_D4s_v5: {eastus2: {dedicated: 0.23}}
gib-month:
  Standard_LRS: {eastus2: 0.05}
";

/// The lines of the plan about money, and what programs read of them.
async fn costs(azure: &Azure, settings: &Checked<UnresolvedRollout>) -> (Vec<String>, Vec<Value>) {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan(&client, settings).await;
    let plan = plan.unwrap_or_else(|error| panic!("{}", error.report()));
    let about = plan.facts.iter().filter(|fact| json!(fact.about) == "cost");
    let costs = about.clone().map(|fact| json!(fact.cost)).collect();
    (about.map(ToString::to_string).collect(), costs)
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_prices_says_what_a_day_of_its_nodes_costs() {
    let azure = world(|_| ());
    let mut wanted = settings("acct1", 5);
    wanted.pool.targets.spot = 2;
    let (lines, costs) = costs(&azure, &priced(&wanted, EAST)).await;
    assert_eq!(
        lines,
        [
            "cost by your own prices: dedicated: 120 node-hours a day × 0.23 EUR = 27.60 EUR a day",
            "cost by your own prices, not known: spot: 48 node-hours a day × – = –: the price file has no spot price of \
             Standard_D4s_v5 in eastus2",
        ]
    );
    assert_eq!(
        costs,
        [json!({"amount": "27.60", "currency": "EUR", "per": "day"}), Value::Null]
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_second_pool_costs_its_nodes_for_a_while_and_those_of_the_pool_that_is_there_have_its_size() {
    let azure = working().await;
    azure.turn_the_page();
    let mut wanted = blue_green(5);
    wanted.pool.vm_size = None;
    let (lines, _) = costs(&azure, &priced(&wanted, EAST)).await;
    assert_eq!(
        lines,
        [
            "cost by your own prices: dedicated: 120 node-hours a day × 0.23 EUR = 27.60 EUR a day",
            "cost by your own prices: second pool: at most 5 nodes more for a while, 1.15 EUR an hour until nodes have \
             started and tasks have ended",
        ]
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_publish_with_prices_says_what_each_region_costs_and_names_the_price_that_is_missing() {
    let azure = Azure::example();
    let mut wanted = publish_settings();
    wanted.temporaries.keep = [KeptKind::Snapshots].into();
    let plan = async |prices: &str| {
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let plan = publish::plan(&client, &priced_publish(&wanted, prices)).await;
        plan.unwrap_or_else(|error| panic!("{}", error.report()))
    };
    let both = plan("currency: EUR\ngib-month: {Standard_LRS: {eastus2: 0.05, westus2: 0.0478}}").await;
    let (gib, cost) = (both.stored.gib_per_replica, both.cost.unwrap());
    insta::assert_snapshot!(cost.to_string(), @r"
    cost by your own prices: 32.81 EUR a month at most
      eastus2: 1 replica × 222 GiB × 0.05 EUR (Standard_LRS) = 11.10 EUR
      westus2: 1 replica × 222 GiB × 0.0478 EUR (Standard_LRS) = 10.61 EUR
      eastus2: snapshots that stay, 222 GiB × 0.05 EUR (Standard_LRS) = 11.10 EUR
    ");
    let missing = plan(EAST).await.cost.unwrap();
    insta::assert_snapshot!(missing.to_string(), @r"
    cost by your own prices: – (prices are missing; the others come to 22.20 EUR a month at most)
      eastus2: 1 replica × 222 GiB × 0.05 EUR (Standard_LRS) = 11.10 EUR
      westus2: 1 replica × 222 GiB × – = –: the price file has no price of Standard_LRS in westus2
      eastus2: snapshots that stay, 222 GiB × 0.05 EUR (Standard_LRS) = 11.10 EUR
    ");
    let json = json!(missing);
    assert_eq!(
        (&json["total"], &json["parts"][1]["price"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(json["parts"][0]["gib_per_copy"], gib);
    assert_eq!(
        plan("currency: EUR\nnode-hour: {Standard_D4s_v5: {eastus2: {spot: 1}}}")
            .await
            .cost
            .map(|cost| json!(cost)["known"].clone()),
        Some(json!("0.00"))
    );
    assert_eq!(azure.writes(), [""; 0]);
}
