//! `promote` and `demote`: what is shown, what is written, and only when asked to.

use serde_json::json;

use crate::lab::{Lab, definition, pool};

fn version(number: &str) -> String {
    format!("{}/versions/{number}", definition())
}

/// The highest version is excluded, and a pool follows the definition.
async fn with_an_untried_version() -> Lab {
    Lab::with_versions(|seed| {
        seed["versions"][2]["publishingProfile"]["excludeFromLatest"] = json!(true);
        seed["batchAccounts"][1]["pools"] = json!([pool("follower", &definition(), 2)]);
        seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["AAD"]);
    })
    .await
}

#[tokio::test]
async fn a_version_becomes_latest_when_asked_to_and_who_takes_it_is_shown_first() {
    let lab = with_an_untried_version().await;
    let planned = lab.run(&["promote", "--image-version", &version("1.0.2")]).await;
    assert_eq!(planned.code, Some(10), "{planned:?}");
    let expected = "\
image version 1.0.2 of def1

  ~ admit image version 1.0.2 of def1 to latest in eastus2, westus2

eastus2: latest moves from 1.0.1 to 1.0.2
westus2: latest moves from 1.0.1 to 1.0.2
  pool follower in acct2: its new nodes get 1.0.2

1 to change; nothing was written. --yes carries it out
";
    assert_eq!(planned.stdout, expected);
    assert_eq!(lab.writes(), [""; 0]);

    let done = lab
        .run(&["promote", "--image-version", &version("1.0.2"), "--yes"])
        .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.starts_with("done: admit image version 1.0.2 of def1"),
        "{done:?}"
    );
    assert_eq!(lab.writes(), [format!("PUT {}", version("1.0.2"))]);
    let again = lab.run(&["promote", "--image-version", &version("1.0.2")]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.ends_with("nothing to change\n"), "{again:?}");
}

#[tokio::test]
async fn a_version_is_latest_no_more_in_one_region() {
    let lab = Lab::with_versions(|_| ()).await;
    let arguments = [
        "demote",
        "--image-version",
        &version("1.0.2"),
        "--regions",
        "West US 2",
        "--yes",
        "--json",
    ];
    let done = lab.run(&arguments).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let moves = json!([{"region": "westus2", "from": "1.0.2", "to": "1.0.1", "followers": []}]);
    assert_eq!(done.json()["moves"], moves);
    let listed = lab.run(&["list", "--image-definition", &definition(), "--json"]).await;
    let latest =
        |version: usize, region: usize| listed.json()["versions"][version]["regions"][region]["latest"].clone();
    assert_eq!([latest(0, 0), latest(0, 1)], [json!("latest"), json!("excluded")]);
    assert_eq!([latest(1, 0), latest(1, 1)], [json!("behind"), json!("latest")]);
}

#[tokio::test]
async fn what_is_not_there_is_named_with_what_is() {
    let lab = Lab::with_versions(|_| ()).await;
    let missing = lab
        .run(&["promote", "--image-version", &version("1.0.9"), "--yes"])
        .await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(
        missing.complaint().contains("he definition has 1.0.0, 1.0.1, 1.0.2"),
        "{missing:?}"
    );
    let elsewhere = [
        "demote",
        "--image-version",
        &version("1.0.2"),
        "--regions",
        "northeurope",
        "--yes",
    ];
    let elsewhere = lab.run(&elsewhere).await;
    assert_eq!(elsewhere.code, Some(2), "{elsewhere:?}");
    assert!(
        elsewhere.complaint().contains("t is in eastus2, westus2"),
        "{elsewhere:?}"
    );
    let latest = lab.run(&["promote", "--image-version", &version("latest")]).await;
    assert!(
        latest
            .complaint()
            .contains("--image-version: latest is no version number"),
        "{latest:?}"
    );
    assert_eq!(lab.writes(), [""; 0]);
}
