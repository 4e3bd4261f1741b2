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
    hcp::FakeHcp,
    lab::{Lab, TIME_SCALE},
    packer::Packer,
    process::Running,
    secrets::Secrets,
    tools::Tools,
    world,
};
use serde_json::{Value, json};

use self::{checks::Checks, proxy::Proxy, ssh::SshServer};
use crate::{build::step, tools};

/// Where Packer looks for azure-arm.
const BUILDER: &str = "github.com/hashicorp/azure";

/// The definition that the builder publishes into by itself: one that takes plain machines, as it captures the VM.
const DIRECT: &str = "direct";

/// What plays the machine of a build, what leads to its blobs and secrets, and where one of the builds is registered.
struct Machine<'a> {
    server: &'a SshServer,
    proxy: &'a Proxy,
    hcp: &'a FakeHcp,
}

/// The build that HCP Packer hears of.
const REGISTERED: &str = "gallery";

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

/// What is built: a managed image with its snapshots, one without, a version, VHDs, and the images of two Windows machines
/// (Server 2025 and 2022). What the first two start from is in galleries of another subscription, the first one's shared
/// directly.
///
/// The Windows machines are reached by SSH. WinRM is what older templates use, and is left out: a fake that answers its SOAP
/// would judge Packer's communicator. What the communicator does inside the machine reaches neither the post-processor nor
/// the local Azure; the key vault and its certificate, which azure-arm makes for WinRM, are made and judged with SSH too.
const BUILDS: [&str; 6] = ["image", "plain", "gallery", "vhd", "windows", WINDOWS_2022];

/// The build of the older Windows Server, by the template of the newer one.
const WINDOWS_2022: &str = "windows-2022";

/// The subscription of others, and their group.
const OTHERS: (&str, &str) = ("00000000-0000-0000-0000-0000000005b6", "rg-theirs");

/// Runs all builds side by side, since most of each is azure-arm waiting to delete again what was still in use.
fn build_all(tools: &Tools) -> Result<u32> {
    let lab = Lab::new(tools, "arm")?;
    let azure = azure(&lab)?;
    let server = SshServer::start(&lab.folder("ssh")?)?;
    let proxy = Proxy::start(azure.host())?;
    let hcp = FakeHcp::start()?;
    let machine = Machine {
        server: &server,
        proxy: &proxy,
        hcp: &hcp,
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
    checks::registered(&mut checks, &hcp.done()?)?;
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

/// The world of the builds, played fast.
fn azure(lab: &Lab<'_>) -> Result<LocalAzure> {
    let start = Start {
        binary: &lab.tools.emulator,
        dir: &lab.dir.join("azure"),
        seed: world_of_builds(lab)?,
        time_scale: TIME_SCALE,
    };
    // Without it azure-arm waits a minute between two looks.
    LocalAzure::start_with(&start, &["--retry-after", "1", "--names", "loopback-and-data-planes"])
}

/// The example, with a definition for the version that the builder makes, as it makes none, and with galleries of another
/// subscription: one that roles open, and one that is shared directly.
fn world_of_builds(lab: &Lab<'_>) -> Result<Value> {
    let (subscription, group) = OTHERS;
    let definition = |group: &str, gallery: &str, name: &str| {
        json!({"name": name, "gallery": gallery, "resourceGroup": group, "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "example", "offer": "linux", "sku": name},
            "features": [{"name": "SecurityType", "value": "Standard"}]}})
    };
    let gallery = |name: &str, permissions: &str| {
        json!({"name": name, "resourceGroup": group, "location": "eastus2",
            "properties": {"sharingProfile": {"permissions": permissions}}})
    };
    // Made by our program of a machine that is gone, as its tag says.
    let gone = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/gone"
    );
    let version = |gallery: &str| {
        json!({"name": "1.0.0", "gallery": gallery, "definition": "base", "resourceGroup": group,
            "tags": {"azure-batch-base-image": checks::UBUNTU},
            "properties": {"storageProfile": {"source": {"id": gone}}},
            "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}})
    };
    let theirs = json!({"name": group, "location": "eastus2", "subscription": subscription});
    let more: [(&str, Vec<Value>); 6] = [
        ("subscriptions", vec![json!({"id": subscription, "name": "Theirs"})]),
        ("resourceGroups", vec![theirs]),
        (
            "galleries",
            vec![gallery("theirs", "Private"), gallery("shared", "Groups")],
        ),
        (
            "definitions",
            vec![
                definition(world::GROUP, world::GALLERY, DIRECT),
                definition(group, "theirs", "base"),
                definition(group, "shared", "base"),
            ],
        ),
        ("versions", vec![version("theirs"), version("shared")]),
        (
            "storageAccounts",
            vec![json!({"name": "vhds", "resourceGroup": world::GROUP, "location": "eastus2"})],
        ),
    ];
    let mut seed = world::example(lab)?;
    if let Some(fields) = seed.as_object_mut() {
        for (name, items) in more {
            let there = fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            fields.insert(name.to_owned(), there.into_iter().chain(items).collect());
        }
    }
    Ok(seed)
}

fn build(lab: &Lab<'_>, azure: &LocalAzure, machine: &Machine<'_>, name: &str) -> Result<Running> {
    let server = machine.server;
    let part = lab.part(name)?;
    let (template, windows_server) = match name {
        WINDOWS_2022 => ("windows", "2022"),
        other => (other, "2025"),
    };
    let text = files::read(&lab.tools.checkout.join(format!("tests/judges/arm/{template}.pkr.hcl")))?;
    let mut packer = Packer::new(&part, azure)?;
    if name == REGISTERED {
        for (variable, value) in machine.hcp.variables() {
            packer = packer.with(variable, &value);
        }
    }
    let packer = packer
        .with("SSL_CERT_FILE", &shown(&azure.ca))
        .with("HTTPS_PROXY", machine.proxy.address())
        .with("NO_PROXY", "127.0.0.1")
        .with("PKR_VAR_windows_server", windows_server)
        .with("PKR_VAR_image", name)
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
