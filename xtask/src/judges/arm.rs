//! The judge that Microsoft did not write: HashiCorp's azure-arm builder, unmodified, builds on the local Azure with our
//! post-processor behind it.
//!
//! It starts the programs and adds up; what must be true afterwards is in `checks`, the templates are in
//! `tests/judges/arm`.

mod checks;
mod proxy;
mod ssh;

use std::{path::Path, process::Command};

use azure_batch_e2e::{
    console::say,
    emulator::{LocalAzure, Start},
    failure::Result,
    files,
    lab::{Lab, TIME_SCALE},
    packer::Packer,
    process::Running,
    secrets::Secrets,
    tools::Tools,
    world,
};
use serde_json::json;

use self::{checks::Checks, proxy::Proxy, ssh::SshServer};
use crate::{build::step, tools};

/// Where Packer looks for azure-arm.
const BUILDER: &str = "github.com/hashicorp/azure";

/// The definition that the builder publishes into by itself: one that takes plain machines, as it captures the VM.
const DIRECT: &str = "direct";

/// What plays the machine of a build, and what leads to its blobs.
struct Machine<'a> {
    server: &'a SshServer,
    proxy: &'a Proxy,
}

/// Builds with azure-arm and gives the number of checks that passed.
///
/// # Errors
/// When a build fails, or what it leaves is not what it should be.
pub(super) fn judge(tools: &Tools) -> Result<u32> {
    install_builder(tools)?;
    let passed = build_all(tools)?;
    say(format!("arm: {passed} passed, 0 failed"));
    Ok(passed)
}

/// Installs azure-arm next to our plugin.
fn install_builder(tools: &Tools) -> Result {
    let mut install = Command::new(&tools.packer);
    install
        .args(["plugins", "install", "--path"])
        .arg(tools::azure_builder()?)
        .arg(BUILDER)
        .env("PACKER_PLUGIN_PATH", &tools.installed)
        .env("PACKER_CONFIG_DIR", &tools.installed)
        .env("HOME", &tools.installed)
        .env("CHECKPOINT_DISABLE", "1");
    step("install azure-arm", &mut install)
}

/// What is built: a managed image with its snapshots, one without, a version, and VHDs.
const BUILDS: [&str; 4] = ["image", "plain", "gallery", "vhd"];

/// Runs all builds side by side, since most of each is azure-arm waiting to delete again what was still in use.
fn build_all(tools: &Tools) -> Result<u32> {
    let lab = Lab::new(tools, "arm")?;
    let azure = azure(&lab)?;
    let server = SshServer::start(&lab.folder("ssh")?)?;
    let proxy = Proxy::start(azure.host())?;
    let machine = Machine {
        server: &server,
        proxy: &proxy,
    };
    let parts = BUILDS.map(|name| build(&lab, &azure, &machine, name));
    let mut checks = Checks::default();
    for (name, started) in BUILDS.into_iter().zip(parts) {
        let finished = started?.wait(Packer::limit())?.ended_with(0)?;
        checks.pass(&format!("azure-arm builds {name}.pkr.hcl"), true, String::new)?;
        checks::output(&mut checks, name, &finished)?;
    }
    lab.keep_journal(&azure)?;
    checks::world(&mut checks, &azure.resources()?)?;
    checks::requests(&mut checks, &azure.journal()?)?;
    for name in BUILDS {
        let part = lab.dir.join(name);
        checks::protocol(&mut checks, &files::read(&part.join("build.packer-log"))?)?;
        checks::manifest(
            &mut checks,
            name,
            &files::read_json(&part.join("work/azure-batch-manifest.json"))?,
        )?;
    }
    search_for_secrets(&mut checks, &lab, &server)?;
    Ok(checks.passed())
}

/// The example, with a definition for the version that the builder makes, as it makes none.
fn azure(lab: &Lab<'_>) -> Result<LocalAzure> {
    let mut seed = world::example(lab)?;
    let definition = json!([{
        "name": DIRECT, "gallery": world::GALLERY, "resourceGroup": world::GROUP,
        "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "example", "offer": "linux", "sku": DIRECT},
            "features": [{"name": "SecurityType", "value": "Standard"}],
        },
    }]);
    if let Some(fields) = seed.as_object_mut() {
        fields.insert("definitions".to_owned(), definition);
        let account = json!([{"name": "vhds", "resourceGroup": world::GROUP, "location": "eastus2"}]);
        fields.insert("storageAccounts".to_owned(), account);
    }
    let start = Start {
        binary: &lab.tools.emulator,
        dir: &lab.dir.join("azure"),
        seed,
        time_scale: TIME_SCALE,
    };
    // Without it azure-arm waits a minute between two looks.
    LocalAzure::start_with(&start, &["--retry-after", "1", "--names", "loopback-and-blobs"])
}

fn build(lab: &Lab<'_>, azure: &LocalAzure, machine: &Machine<'_>, name: &str) -> Result<Running> {
    let server = machine.server;
    let part = lab.part(name)?;
    let text = files::read(&lab.tools.checkout.join(format!("tests/judges/arm/{name}.pkr.hcl")))?;
    let packer = Packer::new(&part, azure)?
        .with("SSL_CERT_FILE", &shown(&azure.ca))
        .with("HTTPS_PROXY", machine.proxy.address())
        .with("NO_PROXY", "127.0.0.1")
        .with("PKR_VAR_ssh_username", server.user())
        .with("PKR_VAR_ssh_port", &server.port().to_string())
        .with("PKR_VAR_ssh_private_key_file", &shown(server.key()));
    let template = packer.template(&format!("{name}.pkr.hcl"), &text)?;
    packer.start_build("build", &[], &template)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Neither the credential nor the key of the machine may be in anything that the runs wrote.
fn search_for_secrets(checks: &mut Checks, lab: &Lab<'_>, server: &SshServer) -> Result {
    let mut secrets = world::secrets(&world::example(lab)?)?;
    secrets.extend(server.key_lines()?);
    let secrets = Secrets::new(secrets);
    for part in BUILDS.into_iter().chain(["azure"]) {
        let files = secrets.search(&lab.dir.join(part))?;
        checks.pass(&format!("no secret in {files} files of {part}"), files > 0, String::new)?;
    }
    let journal = files::read(&lab.dir.join("journal.jsonl"))?;
    files::write(&lab.folder("journal")?.join("journal.jsonl"), journal)?;
    secrets.search(&lab.dir.join("journal"))?;
    checks.pass("no secret in the journal", true, String::new)
}
