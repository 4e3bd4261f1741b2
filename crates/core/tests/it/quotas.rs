//! Quotas before the first write: by allocation mode, from what is seen.

use azure_batch_core::{error::ErrorKind, settings::parts::PublicAddresses};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, pool},
    rollout::{failure, good, image, roll_out, settings, world},
    support::{Azure, GROUP},
};

/// Another pool of ten nodes with four cores each is in the account.
fn crowded(quotas: Value) -> Azure {
    world(|seed| {
        seed["batchAccounts"][0]["quotas"] = quotas;
        seed["batchAccounts"][0]["pools"] = json!([pool("other", by_id(&image("1.0.0")), 10)]);
    })
}

async fn refusal(azure: &Azure, dedicated: u32) -> String {
    let error = failure(azure, &settings("acct1", dedicated)).await;
    let report = error.report();
    assert_eq!(error.kind(), ErrorKind::Quota, "{report}");
    assert!(azure.writes().is_empty(), "{:?}", azure.writes());
    report
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_does_not_fit_into_the_account_is_refused_before_anything_is_written() {
    let azure = crowded(json!({"dedicatedCores": 59, "perFamily": {"standardDSv5Family": 55}, "pools": 1}));
    let report = refusal(&azure, 5).await;
    for said in [
        "dedicated cores of the account: 59 in all, of which others use 40; 5 nodes of Standard_D4s_v5 need 20, so 4 nodes fit",
        "dedicated cores of standardDSv5Family in the account: 55",
        "pools of the account: 1 of 1 are there",
    ] {
        assert!(report.contains(said), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_just_fits_is_made() {
    let azure = crowded(json!({"dedicatedCores": 60, "perFamily": {"standardDSv5Family": 60}, "pools": 2}));
    good(roll_out(&azure, &settings("acct1", 5)).await);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_the_subscription_are_held_against_its_usages() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["poolAllocationMode"] = json!("UserSubscription");
        seed["quotas"] =
            json!([{"location": "eastus2", "name": "standardDSv5Family", "limit": 50, "currentValue": 35}]);
    });
    let report = refusal(&azure, 4).await;
    assert!(
        report.contains("standardDSv5Family in eastus2 of subscription 00000000-0000-0000-0000-0000000005b5: 50 in all, of which others use 35; 4 nodes of Standard_D4s_v5 need 16, so 3 nodes fit"),
        "{report}"
    );
    let remedy = "ask for 51 or more in the portal (Usage + quotas of the subscription), or free";
    assert!(report.contains(remedy), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_subnet_with_too_few_addresses_is_refused() {
    let network = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net1");
    let azure = world(|_| ());
    let body = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/28"}}]}});
    let request = azure_batch_core::request::Request::arm(http::Method::PUT, &network, "2024-10-01", "make a network");
    let writer = crate::rollout::client(&azure, azure_batch_core::settings::ROLLOUT_DEADLINE).await;
    writer.send(&request.with_body(body)).await.unwrap();
    azure.turn_the_page();
    let id = format!("{network}/subnets/nodes");
    let mut in_json = settings("acct1", 12);
    in_json
        .pool
        .json
        .insert("networkConfiguration".to_owned(), json!({"subnetId": id}));
    let mut typed = settings("acct1", 12);
    typed.pool.parts.network.subnet = Some(id.parse().unwrap());
    for wanted in [in_json, typed] {
        let report = failure(&azure, &wanted).await.report();
        assert!(
            report.contains("addresses of subnet nodes (10.0.0.0/28): 11 in all; 12 nodes"),
            "{report}"
        );
        assert!(report.contains("for all of them, give a larger subnet"), "{report}");
        assert!(azure.writes().is_empty(), "{:?}", azure.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn each_public_address_serves_a_hundred_nodes() {
    let azure = world(|_| ());
    let mut wanted = settings("acct1", 200);
    let address = format!("{GROUP}/providers/Microsoft.Network/publicIPAddresses/out");
    wanted.pool.parts.network.public = Some(PublicAddresses::Own(vec![address.parse().unwrap()]));
    let report = failure(&azure, &wanted).await.report();
    assert!(
        report.contains("for all of them, give more public addresses"),
        "{report}"
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn spot_nodes_that_do_not_count_are_a_warning_only() {
    let azure = crowded(json!({"lowPriorityCores": 3}));
    let mut wanted = settings("acct1", 5);
    wanted.pool.targets.spot = 1;
    let report = good(roll_out(&azure, &wanted).await);
    assert_eq!(report.ready, Some(5));
}
