//! The whole plugin on a local Azure: real transport, certificates, sign-in and flow.
//!
//! Over real sockets, so on the real clock, with operations that take milliseconds.

use std::sync::Arc;

use azure_batch_core::clock::SystemClock;
use azure_emulator::{
    Settings,
    host::{Host, Names, Options},
    seed::Seed,
    timing::Timing,
};
use packer_plugin_azure_batch::service::publisher::AzurePublisher;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::packer::FakePacker;

/// So fast that an operation is over before it is looked at the first time.
const TIME_SCALE: u32 = 10_000;

pub(crate) const SECRET: &str = "example-secret-not-for-any-real-cloud";

async fn azure(folder: &TempDir) -> Host {
    azure_with(folder, Seed::example()).await
}

/// A local Azure of one's own.
pub(crate) async fn azure_with(folder: &TempDir, seed: Seed) -> Host {
    let timing = Timing {
        scale: TIME_SCALE,
        ..Timing::default()
    };
    let options = Options {
        settings: Settings {
            timing,
            ..Settings::default()
        },
        seed: Some(seed),
        port: 0,
        control_port: 0,
        directory: folder.path().to_owned(),
        names: Names::default(),
        journal: None,
        log_requests: false,
    };
    Host::start(options).await.unwrap()
}

pub(crate) fn template(host: &Host, folder: &TempDir) -> Json {
    let group = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images";
    json!({
        "subscription_id": "00000000-0000-0000-0000-0000000005b5",
        "tenant_id": "00000000-0000-0000-0000-00000000aaaa",
        "client_id": "00000000-0000-0000-0000-00000000c11e",
        "client_secret": SECRET,
        "metadata_host": host.endpoint(),
        "ca_file": host.ca_file(),
        "source": {"vm": "vm-build", "resource_group": "rg-images"},
        "shared_image_gallery_destination": {
            "resource_group": "rg-images", "gallery_name": "gal1", "image_name": "render",
            "target_region": [{"name": "westeurope"}],
        },
        "used_by": [{"batch_account": format!("{group}/providers/Microsoft.Batch/batchAccounts/acct1"), "nodes": 700}],
        "manifest": folder.path().join("manifest.json"),
    })
}

pub(crate) async fn packer() -> FakePacker {
    let clock = Arc::new(SystemClock);
    FakePacker::with(Arc::new(AzurePublisher::new(clock))).await
}

/// Builds; the manifest, or the error.
async fn build(packer: &FakePacker, user: &Json) -> Result<Json, String> {
    packer
        .configure(user, &[("packer_build_name", "machine")])
        .await
        .unwrap();
    let outcome = packer.post_process().await.unwrap();
    match outcome.error {
        Some(error) => Err(error),
        None => {
            let manifest = std::fs::read(user["manifest"].as_str().unwrap()).unwrap();
            Ok(serde_json::from_slice(&manifest).unwrap())
        }
    }
}

#[tokio::test]
async fn a_machine_is_published_once_and_found_the_second_time() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let user = template(&host, &folder);
    let first = packer().await;
    let manifest = build(&first, &user).await.unwrap();
    assert_eq!(manifest["is_new"], true);
    assert_eq!(manifest["image_version"], "1.0.0");
    assert_eq!(manifest["data_disk_luns"], json!([0, 1]));
    assert_eq!(
        manifest["regions"][0],
        json!({"name": "eastus2", "replicas": 4, "state": "Completed"})
    );
    assert_eq!(manifest["regions"][1]["name"], "westeurope");
    let second = packer().await;
    let again = build(&second, &user).await.unwrap();
    assert_eq!(again["is_new"], false);
    assert_eq!(again["image_version_id"], manifest["image_version_id"]);
    let told = format!("{:?}{:?}{manifest}", first.said(), second.said());
    assert!(!told.contains(SECRET), "the secret is shown");
    let journal = host.with_emulator(|emulator, _| format!("{:?}", emulator.journal()));
    assert!(
        journal.contains("packer-plugin-azure-batch/"),
        "the user agent says who asked"
    );
}

#[tokio::test]
async fn a_wrong_secret_is_shown_as_entra_says_it() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let mut user = template(&host, &folder);
    user["client_secret"] = json!("guess-nobody-has");
    let error = build(&packer().await, &user).await.unwrap_err();
    assert!(error.contains("AADSTS7000215"), "{error}");
    assert!(!error.contains("guess-nobody-has"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_ends_the_build_with_the_remedy() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let mut user = template(&host, &folder);
    user["ca_file"] = Json::Null;
    let error = build(&packer().await, &user).await.unwrap_err();
    assert!(error.contains("ca_file"), "{error}");
    assert!(error.contains("metadata_host"), "{error}");
}
