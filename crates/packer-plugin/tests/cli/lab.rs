//! One local Azure, one folder, and the program in it.

use std::{path::PathBuf, process::Command};

use azure_emulator::{
    Settings,
    host::{Host, Options},
    seed::Seed,
    timing::Timing,
};
use serde_json::Value as Json;
use tempfile::TempDir;

/// So fast that an operation is over before it is looked at the first time.
const TIME_SCALE: u32 = 10_000;

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000005b5";
pub(crate) const SECRET: &str = "example-secret-not-for-any-real-cloud";

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

impl Lab {
    pub(crate) async fn example() -> Self {
        Self::with_seed(Seed::example()).await
    }

    pub(crate) async fn with_seed(seed: Seed) -> Self {
        let folder = TempDir::new().unwrap();
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
