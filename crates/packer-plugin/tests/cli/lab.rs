//! One local Azure, one folder, and the program in it.

use std::{path::PathBuf, process::Command};

use azure_emulator::{
    Settings,
    host::{Host, Names, Options},
    seed::Seed,
    timing::Timing,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// So fast that an operation is over before it is looked at the first time.
const TIME_SCALE: u32 = 10_000;

/// So fast that a version takes a few seconds.
const SLOW: u32 = 200;

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000005b5";
pub(crate) const SECRET: &str = "example-secret-not-for-any-real-cloud";

/// Everything an id in the example's only group begins with.
pub(crate) const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images";

/// A place for one test.
pub(crate) struct Lab {
    pub(crate) host: Host,
    folder: TempDir,
}

/// What the program has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// What it said on stderr, without its line breaks.
    pub(crate) fn complaint(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Lab {
    pub(crate) async fn example() -> Self {
        Self::with_seed(Seed::example()).await
    }

    /// The example with a definition of three versions in two regions, and with a pool on the first.
    pub(crate) async fn with_versions(change: impl FnOnce(&mut Json)) -> Self {
        let mut seed: Json = serde_json::from_str(Seed::example_text()).unwrap();
        seed["definitions"] = json!([{"name": "def1", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}]);
        let version = |name: &str| {
            json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "def1",
                "publishingProfile": {"targetRegions": [
                    {"name": "eastus2", "regionalReplicaCount": 4}, {"name": "westus2", "regionalReplicaCount": 4}]}})
        };
        seed["versions"] = ["1.0.0", "1.0.1", "1.0.2"].into_iter().map(version).collect();
        seed["batchAccounts"][0]["pools"] = json!([pool("old", &format!("{}/versions/1.0.0", definition()), 3)]);
        change(&mut seed);
        Self::with_seed(Seed::parse(&seed.to_string()).unwrap()).await
    }

    /// The example with operations that are not over at once.
    pub(crate) async fn slow() -> Self {
        Self::at(SLOW, Seed::example()).await
    }

    async fn with_seed(seed: Seed) -> Self {
        Self::at(TIME_SCALE, seed).await
    }

    async fn at(scale: u32, seed: Seed) -> Self {
        let folder = TempDir::new().unwrap();
        let timing = Timing {
            scale,
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
        let host = Host::start(options).await.unwrap();
        Self { host, folder }
    }

    /// A file of the test, by its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program, signed in as the example's application.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = program(arguments);
        command
            .current_dir(self.folder.path())
            .env("ARM_TENANT_ID", "00000000-0000-0000-0000-00000000aaaa")
            .env("ARM_CLIENT_ID", "00000000-0000-0000-0000-00000000c11e")
            .env("ARM_CLIENT_SECRET", SECRET)
            .env("ARM_SUBSCRIPTION_ID", SUBSCRIPTION)
            .env("ARM_METADATA_URL", self.host.endpoint())
            .arg("--ca-file")
            .arg(self.host.ca_file());
        said(command).await
    }

    /// Everything that was asked and was no read, as `VERB path`.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.host.with_emulator(|emulator, _| {
            let journal = emulator.journal().iter();
            let writes = journal.filter(|entry| entry.method != "GET" && !entry.path.contains("/oauth2/"));
            writes.map(|entry| format!("{} {}", entry.method, entry.path)).collect()
        })
    }
}

impl Said {
    /// The document on stdout.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("stdout is not one document: {self:?}"))
    }
}

/// The definition of that world.
pub(crate) fn definition() -> String {
    format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/def1")
}

/// A pool on an image, with nodes that are there.
pub(crate) fn pool(id: &str, image: &str, nodes: u32) -> Json {
    json!({"id": id, "vmSize": "standard_d4s_v5", "targetDedicatedNodes": nodes, "targetLowPriorityNodes": 0,
        "virtualMachineConfiguration": {
            "imageReference": {"virtualMachineImageId": image}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}})
}

/// The program without anything that the environment of the test could say to it.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packer-plugin-azure-batch"));
    command.args(arguments).env_clear();
    command
}

/// Runs it to its end. The local Azure answers meanwhile, so it is waited for on another thread.
pub(crate) async fn said(mut command: Command) -> Said {
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!format!("{said:?}").contains(SECRET), "the secret is shown");
    said
}
