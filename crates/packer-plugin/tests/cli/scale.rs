//! `scale` of the built program on a local Azure.

use serde_json::json;

use crate::lab::{Lab, definition};

#[tokio::test]
async fn scale_shows_the_arithmetic_and_lowers_only_what_is_asked() {
    let lab = Lab::with_versions(|seed| seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["AAD"])).await;
    let version = format!("{}/versions/1.0.0", definition());
    let raising = lab.run(&["scale", "--image-version", &version]).await;
    assert_eq!(raising.code, Some(0), "{raising:?}");
    assert!(
        raising
            .stdout
            .contains("there are 4, which stay: nothing is lowered unless asked for"),
        "{raising:?}"
    );
    let planned = lab
        .run(&["scale", "--image-version", &version, "--fit", "--regions", "eastus2"])
        .await;
    let expected = "\
image version 1.0.0 of def1

eastus2: 2 replicas = 1 for pools of 3 nodes (one per 300 nodes, rounded up for each pool) + 1 headroom; there are 4

  ~ lower the replicas of image version 1.0.0 of def1 in eastus2 from 4 to 2

1 to change; nothing was written. --yes carries it out
";
    assert_eq!(
        (planned.code, planned.stdout.as_str()),
        (Some(10), expected),
        "{planned:?}"
    );
    assert_eq!(lab.writes(), [""; 0]);
    let done = lab
        .run(&[
            "scale",
            "--image-version",
            &version,
            "--fit",
            "--regions",
            "eastus2",
            "--yes",
            "--json",
        ])
        .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.json()["plan"]["steps"][0]["to"], 2);
    assert_eq!(lab.writes(), [format!("PUT {version}")]);
    let again = lab
        .run(&["scale", "--image-version", &version, "--fit", "--regions", "eastus2"])
        .await;
    assert_eq!(again.code, Some(0), "{again:?}");
}
