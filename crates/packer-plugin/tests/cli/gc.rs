//! `gc` of the built program on a local Azure.

use azure_batch_core::{
    ids::resource::ImageDefinitionId,
    names::{Part, TemporaryNames},
    tags::Fingerprint,
};
use serde_json::json;

use crate::lab::{GROUP, Lab, definition};

fn name(part: Part) -> String {
    let definition: ImageDefinitionId = definition().parse().unwrap();
    let names = TemporaryNames::new("azure-batch", &definition, &Fingerprint::new("f1"));
    names.unwrap().of(part)
}

/// A world with a snapshot that a dead run left, and one that was kept.
async fn lab() -> Lab {
    let tags = |more: (&str, &str)| {
        let mut tags = json!({"azure-batch-tool": "t", "azure-batch-run": "run-1", "azure-batch-version": "gal1/def1/1.0.0",
            "azure-batch-gallery": GROUP, "azure-batch-source": "0", "azure-batch-fingerprint": "f1",
            "azure-batch-expires": "2026-01-01T00:00:00Z"});
        tags[more.0] = json!(more.1);
        tags
    };
    let seeded =
        |name: String, tags| json!({"name": name, "resourceGroup": "rg-images", "location": "eastus2", "tags": tags});
    Lab::with_versions(|seed| {
        seed["snapshots"] = json!([
            seeded(name(Part::OsDisk), tags(("team", "render"))),
            seeded(
                name(Part::DataDisk(0_u32.try_into().unwrap())),
                tags(("azure-batch-kept", "run-1"))
            ),
        ]);
    })
    .await
}

#[tokio::test]
async fn gc_shows_what_goes_and_why_the_rest_stays_and_removes_when_told() {
    let lab = lab().await;
    let arguments = ["gc", "--resource-groups", GROUP];
    let planned = lab.run(&arguments).await;
    assert_eq!(planned.code, Some(10), "{planned:?}");
    let line = |part: &str| {
        planned
            .stdout
            .lines()
            .find(|line| line.contains(part))
            .unwrap_or_default()
    };
    assert!(
        line("-os ").contains("1.0.0 of def1") && line("-os ").contains("goes"),
        "{planned:?}"
    );
    assert!(line("-d0 ").contains("run run-1 was asked to keep it"), "{planned:?}");
    assert!(
        planned
            .stdout
            .contains(&format!("  - remove snapshot {}", name(Part::OsDisk))),
        "{planned:?}"
    );
    assert!(
        planned
            .stdout
            .ends_with("1 to remove; nothing was written. --yes carries it out\n"),
        "{planned:?}"
    );
    assert!(lab.writes().is_empty());
    let json = lab.run(&["gc", "--resource-groups", GROUP, "--json"]).await.json();
    assert_eq!(json["plan"]["steps"][0]["step"], "remove-snapshot");
    assert_eq!(
        (&json["leftovers"][1]["verdict"], &json["done"]),
        (&json!("goes"), &json!(null))
    );
    let done = lab.run(&["gc", "--resource-groups", GROUP, "--yes"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.starts_with("removed: /subscriptions/"), "{done:?}");
    let again = lab.run(&arguments).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.ends_with("nothing to remove\n"), "{again:?}");
}

#[tokio::test]
async fn gc_wants_to_know_where_to_look() {
    let lab = lab().await;
    let said = lab.run(&["gc"]).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr
            .contains("--resource-groups: say where to look: give this or --subscriptions"),
        "{said:?}"
    );
}

#[tokio::test]
async fn after_a_failure_the_document_says_what_is_gone_and_what_failed() {
    let lab = lab().await;
    let fault = json!({"kind": "status", "status": 409, "code": "ScopeLocked", "message": "a lock protects it",
        "method": "DELETE", "path": "*/snapshots/*", "occurrence": "every"});
    let fault = serde_json::from_value(fault).unwrap();
    lab.host.with_emulator(|emulator, _| emulator.add_fault(fault));
    let failed = lab.run(&["gc", "--resource-groups", GROUP, "--yes", "--json"]).await;
    assert_ne!(failed.code, Some(0), "{failed:?}");
    let document = failed.json();
    assert_eq!(document["done"]["removed"], json!([]), "{document}");
    assert_eq!(document["plan"]["steps"][0]["step"], "remove-snapshot");
    assert_eq!(document["failure"]["exit_code"], json!(failed.code.unwrap()));
}
