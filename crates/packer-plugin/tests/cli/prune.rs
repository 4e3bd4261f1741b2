//! `prune` of the built program on a local Azure.

use serde_json::json;

use crate::lab::{Lab, definition};

/// Versions 1.0.0 to 1.0.3, a pool on 1.0.2; the second account can be read.
async fn lab() -> Lab {
    Lab::with_versions(|seed| {
        let mut more = seed["versions"][0].clone();
        more["name"] = json!("1.0.3");
        seed["versions"].as_array_mut().unwrap().push(more);
        let pool = &mut seed["batchAccounts"][0]["pools"][0];
        pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
            json!(format!("{}/versions/1.0.2", definition()));
        seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["AAD"]);
    })
    .await
}

#[tokio::test]
async fn prune_says_why_each_version_goes_or_stays_and_deletes_when_told() {
    let lab = lab().await;
    let definition = definition();
    let arguments = [
        "prune",
        "--image-definition",
        &definition,
        "--keep-newest",
        "1",
        "--keep-days",
        "0",
        "--grace-days",
        "0",
    ];
    let planned = lab.run(&arguments).await;
    assert_eq!(planned.code, Some(10), "{planned:?}");
    let line = |part: &str| {
        planned
            .stdout
            .lines()
            .find(|line| line.starts_with(part))
            .unwrap_or_default()
    };
    assert!(
        line("1.0.3 ").contains("stays  it has the highest number; it is latest in eastus2, westus2"),
        "{planned:?}"
    );
    assert!(
        line("1.0.2 ").contains("stays  pool old in acct1 makes its nodes of it"),
        "{planned:?}"
    );
    assert!(
        line("1.0.1 ").contains("stays  it is the version before"),
        "{planned:?}"
    );
    assert!(
        line("1.0.0 ").ends_with("goes   a newer one succeeded; nothing in sight uses it"),
        "{planned:?}"
    );
    assert!(
        planned.stdout.contains("  ! delete image version 1.0.0 of def1\n"),
        "{planned:?}"
    );
    assert!(lab.writes().is_empty());
    let json = lab.run(&[&arguments[..], &["--json"]].concat()).await.json();
    assert_eq!(json["definitions"][0]["versions"][3]["fate"], "deleted");
    assert_eq!(json["plan"]["steps"][0]["step"], "delete");
    let done = lab.run(&[&arguments[..], &["--yes"]].concat()).await;
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "done: delete image version 1.0.0 of def1\n"),
        "{done:?}"
    );
    let again = lab.run(&arguments).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.ends_with("nothing to delete\n"), "{again:?}");
}

#[tokio::test]
async fn prune_refuses_when_an_account_cannot_be_read() {
    let lab = Lab::with_versions(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([]);
        seed["batchAccounts"][1]["allowedAuthenticationModes"] = json!(["SharedKey"]);
    })
    .await;
    let definition = definition();
    let said = lab
        .run(&[
            "prune",
            "--image-definition",
            &definition,
            "--keep-newest",
            "1",
            "--keep-days",
            "0",
            "--yes",
        ])
        .await;
    assert_eq!(said.code, Some(7), "{said:?}");
    assert!(
        said.stderr.contains("no version of def1 is deleted") && said.stderr.contains("Batch account acct2"),
        "{said:?}"
    );
    assert!(lab.writes().is_empty());
}

#[tokio::test]
async fn rules_come_from_a_file_and_all_its_faults_at_once() {
    let lab = lab().await;
    let gallery = definition().rsplit_once("/images/").unwrap().0.to_owned();
    let text = format!(
        "defaults: {{keep_newest: 1, keep_days: 0, grace_days: 0}}\nrules:\n  - gallery: {gallery}\n    protected_versions: [1.0.0]\n"
    );
    let file = lab.file("retention.yaml", &text);
    let said = lab.run(&["prune", "--retention-file", &file]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("the rules protect its number"), "{said:?}");
    let wrong = lab.file(
        "wrong.yaml",
        "rules:\n  - image_definition: render\n    keep_newest: many\n    keep: 3\n",
    );
    let said = lab
        .run(&["prune", "--retention-file", &wrong, "--keep-days", "3"])
        .await;
    assert_eq!(said.code, Some(2), "{said:?}");
    for part in [
        "--keep-days: has no effect together with --retention-file",
        "--retention-file.rules[0].keep: line 4: is unknown",
        "--retention-file.rules[0].keep_newest: line 3: \"many\" is not a whole number",
        "--retention-file.rules[0].image_definition: line 2: ",
    ] {
        assert!(said.stderr.contains(part), "{part}: {said:?}");
    }
}
