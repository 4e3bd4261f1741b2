//! `list`: the table and the document.

use serde_json::json;

use crate::lab::{Lab, definition, pool};

#[tokio::test]
async fn a_list_shows_regions_latest_and_pools_and_writes_nothing() {
    let lab = Lab::with_versions(|seed| {
        seed["batchAccounts"][1]["pools"] = json!([pool("follower", &definition(), 2)]);
        seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["AAD"]);
    })
    .await;
    let listed = lab.run(&["list", "--image-definition", &definition()]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let lines: Vec<&str> = listed.stdout.lines().collect();
    let [head, newest, _, oldest, follower] = lines.as_slice() else {
        panic!("{}", listed.stdout);
    };
    assert!(head.starts_with("VERSION  STATE"), "{head}");
    assert!(newest.starts_with("1.0.2    Succeeded"), "{newest}");
    assert!(
        newest.contains("eastus2, westus2") && newest.contains("eastus2 4, westus2 4"),
        "{newest}"
    );
    assert!(oldest.ends_with("old in acct1 (3 nodes)"), "{oldest}");
    assert_eq!(
        *follower,
        "pool follower in acct2 follows def1: its new nodes get what is latest"
    );

    let json = lab
        .run(&["list", "--image-definition", &definition(), "--json"])
        .await
        .json();
    assert_eq!(json["versions"][0]["regions"][0]["latest"], "latest");
    assert_eq!(
        json["versions"][2]["pools"],
        json!([{"account": "acct1", "pool": "old", "nodes": 3}])
    );
    assert_eq!(json["following"][0]["pool"], "follower");
    assert_eq!(lab.writes(), [""; 0]);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_said_and_a_missing_definition_is_an_error() {
    let lab =
        Lab::with_versions(|seed| seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["SharedKey"])).await;
    let listed = lab.run(&["list", "--image-definition", &definition(), "--json"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(listed.json()["unseen"][0]["what"], "Batch account acct2");
    assert!(
        listed.stderr.contains("warning: Batch account acct2 could not be read"),
        "{}",
        listed.stderr
    );

    let missing = lab
        .run(&["list", "--image-definition", &definition().replace("def1", "def2")])
        .await;
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(2), ""), "{missing:?}");
    assert!(
        missing.complaint().contains("there is no image definition"),
        "{}",
        missing.stderr
    );
    let unnamed = lab.run(&["list"]).await;
    assert!(
        unnamed.stderr.contains("--image-definition: is missing"),
        "{}",
        unnamed.stderr
    );
}
