//! Behind azure-arm: what its artifact names is found and published on a local Azure, what its artifact holds is given
//! to the next post-processor only.

use azure_emulator::{host::Host, seed::Seed};
use packer_plugin_azure_batch::{describe, packer::codec::field};
use rmpv::Value;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    azure::{azure_with, packer, template},
    packer::{FakePacker, Handed, Outcome},
};

const COMPUTE: &str =
    "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute";

/// What azure-arm's `generated_data` holds in clear, some of it with line ends.
const SECRETS: &[(&str, &str)] = &[
    (
        "SSHPrivateKey",
        "-----BEGIN RSA PRIVATE KEY-----\nkey-of-the-build-vm\n-----END RSA PRIVATE KEY-----\n",
    ),
    ("Password", "password-of-the-build-vm"),
    ("WinRMPassword", "winrm-password-of-the-build-vm"),
    ("ID", "ERR_ID_NOT_IMPLEMENTED_BY_BUILDER"),
    ("TempComputeName", "pkrvmabc"),
    ("SourceImageName", MARKETPLACE),
];

/// From which image azure-arm says that it started.
const MARKETPLACE: &str = "/subscriptions/s/providers/Microsoft.Compute/locations/eastus2/publishers/Canonical/ArtifactTypes/vmimage/offers/0001-com-ubuntu-server-jammy/skus/22_04-lts-gen2/versions/latest";

/// What of them must be nowhere to be seen.
const NEVER: [&str; 3] = [
    "key-of-the-build-vm",
    "password-of-the-build-vm",
    "winrm-password-of-the-build-vm",
];

fn handed(lines: &str) -> Handed {
    Handed {
        builder_id: "Azure.ResourceManagement.VMImage",
        text: format!("Azure.ResourceManagement.VMImage:\n\nOSType: Linux\n{lines}\n"),
        generated: SECRETS,
    }
}

/// The lines of a gallery build.
fn gallery_lines() -> String {
    format!(
        "ManagedImageSharedImageGalleryId: {COMPUTE}/galleries/gal1/images/render/versions/1.4.2\n\
         SharedImageGalleryResourceGroup: rg-images\nSharedImageGalleryName: gal1\n\
         SharedImageGalleryImageName: render\nSharedImageGalleryImageVersion: 1.4.2\n\
         SharedImageGalleryReplicatedRegions: eastus2"
    )
}

/// The example, with what azure-arm has published to `gal1/render`.
async fn azure(folder: &TempDir) -> Host {
    let mut seed: Json = serde_json::from_str(Seed::example_text()).unwrap();
    seed["definitions"] = json!([{"name": "render", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
        "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
        "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}]);
    seed["versions"] = json!([{"name": "1.4.2", "resourceGroup": "rg-images", "gallery": "gal1", "definition": "render",
        "dataDiskLuns": [0], "tags": {"owner": "them"},
        "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 1}]}}]);
    azure_with(folder, Seed::parse(&seed.to_string()).unwrap()).await
}

/// The usual template without a source.
pub(crate) fn without_source(host: &Host, folder: &TempDir) -> Json {
    let mut user = template(host, folder);
    user.as_object_mut().unwrap().remove("source");
    user
}

async fn build(host: &Host, user: &Json, lines: &str) -> (FakePacker, Outcome) {
    build_with(packer().await, host, user, lines).await
}

async fn build_with(packer: FakePacker, host: &Host, user: &Json, lines: &str) -> (FakePacker, Outcome) {
    let packer = packer.behind(handed(lines));
    let own = [("packer_build_name", "machine"), ("packer_builder_type", "azure-arm")];
    packer.configure(user, &own).await.unwrap();
    let outcome = packer.post_process().await.unwrap();
    let journal = host.with_emulator(|emulator, _| format!("{:?}", emulator.journal()));
    let told = format!("{:?}{:?}{journal}", packer.said(), outcome.error);
    for secret in NEVER {
        assert!(!told.contains(secret), "{secret} is shown");
    }
    (packer, outcome)
}

/// Everything that was asked and was no read, with signing in left out.
fn writes(host: &Host) -> Vec<String> {
    host.with_emulator(|emulator, _| {
        let entries = emulator.journal().iter();
        entries
            .filter(|entry| entry.method != "GET" && !entry.path.contains("/oauth2/"))
            .map(|entry| format!("{} {}", entry.method, entry.path.rsplit('/').next().unwrap()))
            .collect()
    })
}

fn manifest(user: &Json) -> Json {
    let text = std::fs::read_to_string(user["manifest"].as_str().unwrap()).unwrap();
    for secret in NEVER {
        assert!(!text.contains(secret), "{secret} is in the manifest");
    }
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_version_of_azure_arm_is_adopted_and_its_secrets_only_passed_on() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let user = without_source(&host, &folder);
    let (packer, outcome) = build(&host, &user, &gallery_lines()).await;
    assert_eq!(outcome.error, None);
    let manifest = manifest(&user);
    assert_eq!(
        (&manifest["outcome"], &manifest["is_new"]),
        (&json!("adopted"), &json!(false))
    );
    assert_eq!(manifest["image_version"], "1.4.2");
    assert_eq!(
        (&manifest["base_image"], &manifest["node_agent_sku_id"]),
        (
            &json!("Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"),
            &json!("batch.node.ubuntu 22.04")
        ),
        "what azure-arm started from, and its agent"
    );
    assert_eq!(
        manifest["regions"],
        json!([
            {"name": "eastus2", "replicas": 4, "state": "Completed"},
            {"name": "westeurope", "replicas": 1, "state": "Completed"},
        ])
    );
    assert_eq!(
        writes(&host),
        ["PUT 1.4.2", "PUT 1.4.2"],
        "nothing is copied or removed"
    );
    let artifact = packer.artifact(&outcome).await;
    let text = artifact.ask("String", Value::Nil).await.unwrap();
    let text = text.as_str().unwrap();
    assert!(
        text.starts_with("image version 1.4.2, adopted (Linux, V2, x64)\n"),
        "{text}"
    );
    let generated = artifact.ask("State", Value::from("generated_data")).await.unwrap();
    for (name, value) in SECRETS {
        assert_eq!(field(&generated, name).and_then(Value::as_str), Some(*value), "{name}");
    }
    let metadata = artifact
        .ask("State", Value::from("par.artifact.metadata"))
        .await
        .unwrap();
    for secret in NEVER {
        assert!(!format!("{metadata}{text}").contains(secret), "{secret} is shown");
    }
    let source = field(&metadata[0], "SourceImageID").and_then(Value::as_str);
    assert_eq!(source, Some(MARKETPLACE), "what azure-arm started from");
}

/// The example with an account that has what azure-arm's VHD builds leave, and where its blobs are.
async fn azure_with_vhds(folder: &TempDir) -> (Host, String) {
    let mut seed: Json = serde_json::from_str(Seed::example_text()).unwrap();
    seed["storageAccounts"] = json!([{"name": "vhds", "resourceGroup": "rg-images", "location": "eastus2", "blobs": [
        {"container": "images", "name": "pkr-os.vhd", "diskGB": 30},
        {"container": "images", "name": "pkr-data-1.vhd", "diskGB": 32}]}]);
    let host = azure_with(folder, Seed::parse(&seed.to_string()).unwrap()).await;
    let resources = host.with_emulator(|emulator, now| emulator.resources(now));
    let blobs = &resources["storage"][0]["properties"]["primaryEndpoints"]["blob"];
    let blobs = blobs.as_str().unwrap().to_owned();
    (host, blobs)
}

#[tokio::test]
async fn vhds_of_both_generations_are_published_and_their_signatures_are_shown_nowhere() {
    for os_line in ["VHDOSDiskUri", "OSDiskUri"] {
        let folder = TempDir::new().unwrap();
        let (host, blobs) = azure_with_vhds(&folder).await;
        let at = |name: &str| format!("{blobs}images/{name}");
        let (os, data) = (at("pkr-os.vhd"), at("pkr-data-1.vhd"));
        let secret = NEVER[1];
        let lines = format!(
            "StorageAccountLocation: eastus2\n{os_line}: {os}\nOSDiskUriReadOnlySas: {os}?sig={secret}\n\
             AdditionalDiskUri (datadisk-1): {data}\nAdditionalDiskUriReadOnlySas (datadisk-1): {data}?sig={secret}"
        );
        let mut user = without_source(&host, &folder);
        let (_, untold) = build(&host, &user, &lines).await;
        let untold = untold.error.unwrap();
        assert!(untold.contains("source.hyper_v_generation is missing"), "{untold}");
        user["source"] = json!({"hyper_v_generation": "V2"});
        let (_, outcome) = build(&host, &user, &lines).await;
        assert_eq!(outcome.error, None);
        let manifest = manifest(&user);
        assert_eq!(
            (&manifest["os_type"], &manifest["hyper_v_generation"]),
            (&json!("Linux"), &json!("V2"))
        );
        assert_eq!(manifest["data_disk_luns"], json!([0]));
    }
}

#[tokio::test]
async fn a_build_that_cannot_go_on_says_why_and_nothing_of_the_secrets() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let user = without_source(&host, &folder);
    let vhd = "StorageAccountLocation: eastus2\nVHDOSDiskUri: https://x/images/os.vhd";
    let gone = format!("ManagedImageId: {COMPUTE}/images/gone");
    for (lines, says) in [
        (vhd, "no storage account in sight"),
        (gone.as_str(), "there is no managed image gone"),
    ] {
        let (_, outcome) = build(&host, &user, lines).await;
        let error = outcome.error.unwrap();
        assert!(error.contains(says) && error.contains("\n\n  "), "{error}");
    }
    assert_eq!(writes(&host), [""; 0]);
}

#[tokio::test]
async fn another_number_than_that_of_the_version_is_refused_before_anything_is_asked() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let mut user = without_source(&host, &folder);
    user["shared_image_gallery_destination"]["image_version"] = json!("1.4.3");
    let (_, outcome) = build(&host, &user, &gallery_lines()).await;
    let error = outcome.error.unwrap();
    assert!(error.contains("write 1.4.2, or leave it out"), "{error}");
    assert_eq!(host.with_emulator(|emulator, _| emulator.journal().len()), 0);
}

/// The built program as Packer starts it, logging to a file.
#[cfg(unix)]
async fn program(folder: &TempDir) -> FakePacker {
    use std::{
        fs::OpenOptions,
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
    };
    const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_packer-plugin-azure-batch"))
        .args(["start", "post-processor", "--protobuf", describe::DEFAULT_NAME])
        .env_clear()
        .env("PACKER_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let path = line.trim_end().strip_prefix("5|0|unix|").unwrap();
    let stream = tokio::net::UnixStream::connect(path).await.unwrap();
    let ended = tokio::task::spawn_blocking(move || assert!(child.wait().unwrap().success()));
    FakePacker::at(Box::new(stream), ended).await
}

#[cfg(unix)]
#[tokio::test]
async fn the_programs_log_tells_what_it_did_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let host = azure(&folder).await;
    let user = without_source(&host, &folder);
    let gone = format!("ManagedImageId: {COMPUTE}/images/gone");
    for (lines, is_good) in [(gallery_lines(), true), (gone, false)] {
        let (packer, outcome) = build_with(program(&folder).await, &host, &user, &lines).await;
        assert_eq!(outcome.error.is_none(), is_good, "{:?}", outcome.error);
        packer.vanish();
        packer.plugin.await.unwrap();
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("it is adopted and nothing is copied"), "{log}");
    for secret in NEVER {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
