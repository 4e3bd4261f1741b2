//! `cargo xtask demo`: the whole way on the local Azure, as a story.
//!
//! It does nothing itself: it starts the programs that users start, shows what they say, and then what Azure was asked.

mod story;
mod words;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{
    emulator::{LocalAzure, Start},
    failure::{Result, ensure},
    files, pool,
    template::{self, Post},
    time::Stopwatch,
    world,
};
use serde_json::Value;

use self::story::Story;
use crate::build::{Checkout, cargo};

/// By how much the local Azure is faster: what takes Azure twenty minutes takes the demo half a minute.
const TIME_SCALE: u32 = 120;

/// How many nodes the pool shall have: enough to need more than one replica.
const NODES: u32 = 700;

/// Where everything is.
struct Stage {
    checkout: Checkout,
    dir: PathBuf,
    plugin: PathBuf,
    pool: PathBuf,
    azure: LocalAzure,
    secret: String,
}

/// Shows the story.
///
/// # Errors
/// When one of the programs fails.
pub(crate) fn run() -> Result {
    let mut story = Story::default();
    let stage = set_the_stage(&mut story)?;
    let watch = Stopwatch::start();
    let packer = publish(&mut story, &stage)?;
    show_requests(&story, &stage, 0)?;
    let published = stage.azure.journal()?.0.len();
    roll_out(&mut story, &stage)?;
    show_requests(&story, &stage, published)?;
    show_pool(&mut story, &stage)?;
    story.end(watch.passed(), packer.as_deref(), &stage.dir);
    Ok(())
}

fn set_the_stage(story: &mut Story) -> Result<Stage> {
    story.chapter("The stage");
    let checkout = Checkout::find()?;
    let dir = checkout.target.join("demo");
    files::make_empty(&dir)?;
    story.tell("Building the plugin, the pool command and the local Azure; the first time that takes minutes.");
    let programs = checkout.programs()?;
    let (plugin, pool) = (
        programs.join("packer-plugin-azure-batch"),
        programs.join("azure-batch-pool"),
    );
    let emulator = programs.join("azure-emulator");
    let seed = files::read_json(&checkout.root.join("tests/emulator/seeds/example.json"))?;
    let secret = world::secrets(&seed)?.into_iter().next().unwrap_or_default();
    let azure = LocalAzure::start(&Start {
        binary: &emulator,
        dir: &dir.join("azure"),
        seed,
        time_scale: TIME_SCALE,
    })?;
    story.tell(&format!(
        "A local Azure listens on {}, {TIME_SCALE} times as fast as the real one.",
        azure.endpoint
    ));
    story.tell(&format!(
        "In it: virtual machine {} with one system and two data disks, deallocated and generalized; gallery {}, empty; Batch accounts {} in eastus2 and {} in westus2.",
        world::MACHINE, world::GALLERY, world::ACCOUNT, world::OTHER_ACCOUNT
    ));
    Ok(Stage {
        checkout,
        dir,
        plugin,
        pool,
        azure,
        secret,
    })
}

/// Gives the Packer it used, or none.
fn publish(story: &mut Story, stage: &Stage) -> Result<Option<PathBuf>> {
    story.chapter("From the machine to an image version in two regions");
    story.tell(&format!(
        "Pools will run it in both accounts, {NODES} nodes in one and 100 in the other: their regions and enough replicas follow from that. First every disk is copied, then an image is made of the copies, then the version of the image; the copies go when the version is complete."
    ));
    let packer = find_packer();
    match &packer {
        Some(packer) => publish_with_packer(story, stage, packer)?,
        None => publish_without_packer(story, stage)?,
    }
    let manifest = files::read_json(&manifest(stage))?;
    let id = manifest
        .get("image_version_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ensure(!id.is_empty(), || "the manifest names no version".to_owned())?;
    story.tell(&format!(
        "The manifest names it for the next step: {}",
        story::shortened(id)
    ));
    Ok(packer)
}

fn publish_with_packer(story: &Story, stage: &Stage, packer: &Path) -> Result {
    let elsewhere = world::account(world::OTHER_ACCOUNT);
    let more = format!("used_by {{\n      batch_account = \"{elsewhere}\"\n      nodes         = 100\n    }}");
    let template = stage.dir.join("publish.pkr.hcl");
    files::write(
        &template,
        template::with_null_builder(
            &Post {
                more,
                ..Post::default()
            }
            .block(),
        ),
    )?;
    story.tell(&format!(
        "With {}, on the template {}.",
        packer.display(),
        template.display()
    ));
    let home = stage.dir.join("packer");
    files::make(&home)?;
    let mut install = packer_command(stage, packer, &home);
    story.show(
        install
            .args(["plugins", "install", "--path"])
            .arg(&stage.plugin)
            .arg(template::ADDRESS),
    )?;
    story.show(
        packer_command(stage, packer, &home)
            .args(["build", "-color=false"])
            .arg(&template),
    )
}

fn packer_command(stage: &Stage, packer: &Path, home: &Path) -> Command {
    let mut command = Command::new(packer);
    for variable in ["HOME", "PACKER_CONFIG_DIR", "PACKER_PLUGIN_PATH"] {
        command.env(variable, home);
    }
    let variables: [(&str, OsString); 6] = [
        ("metadata_host", stage.azure.host().into()),
        ("ca_file", stage.azure.ca.clone().into()),
        ("subscription_id", world::SUBSCRIPTION.into()),
        ("tenant_id", world::TENANT.into()),
        ("client_id", world::CLIENT.into()),
        ("client_secret", stage.secret.clone().into()),
    ];
    for (name, value) in variables {
        command.env(format!("PKR_VAR_{name}"), value);
    }
    command
        .env("CHECKPOINT_DISABLE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(&stage.dir);
    command
}

fn publish_without_packer(story: &Story, stage: &Stage) -> Result {
    story.tell("No Packer on the PATH: an example program calls the gRPC service that the post-processor calls.");
    story.tell("(Put Packer 1.12 or newer on the PATH, or its path into PACKER, to see the real thing.)");
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--locked",
        "-p",
        "azure-batch-e2e",
        "--example",
        "publish_without_packer",
        "--",
    ]);
    command
        .arg(stage.azure.host())
        .arg(&stage.azure.ca)
        .arg(manifest(stage));
    story.show(
        command
            .env("ARM_CLIENT_SECRET", &stage.secret)
            .current_dir(&stage.checkout.root),
    )
}

fn roll_out(story: &mut Story, stage: &Stage) -> Result {
    story.chapter("From the version to a pool with its nodes ready");
    story.tell(&format!(
        "{NODES} nodes are asked for at once. It is a success when the pool is steady and enough nodes are idle or running, on this very version."
    ));
    let mut command = Command::new(&stage.pool);
    command.args(["rollout", "--manifest"]).arg(manifest(stage));
    command.args(["--image-definition", &world::definition("ubuntu")]);
    command.args(["--account", &world::account(world::ACCOUNT), "--pool-id", pool::POOL]);
    command.args(["--vm-size", pool::SIZE, "--node-agent-sku-id", pool::AGENT]);
    command.args([
        "--target-dedicated-nodes",
        &NODES.to_string(),
        "--start-task",
        "echo ready",
    ]);
    command
        .args(["--metadata-host", stage.azure.host(), "--ca-file"])
        .arg(&stage.azure.ca);
    command.args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT]);
    command.arg("--report-path").arg(report(stage));
    story.show(
        command
            .env("AZURE_CLIENT_SECRET", &stage.secret)
            .env("NO_PROXY", "127.0.0.1"),
    )
}

fn show_requests(story: &Story, stage: &Stage, after: usize) -> Result {
    story.tell("What Azure was asked on the way, and what it answered:");
    let journal = stage.azure.journal()?;
    for line in words::summary(journal.0.get(after..).unwrap_or_default()) {
        story.line(&line);
    }
    Ok(())
}

fn show_pool(story: &mut Story, stage: &Stage) -> Result {
    story.chapter("What there is now");
    let resources = stage.azure.resources()?;
    files::write(&stage.dir.join("resources.json"), format!("{resources:#}"))?;
    files::write(&stage.dir.join("journal.jsonl"), stage.azure.journal_text()?)?;
    for line in words::pool_table(&resources, &files::read_json(&report(stage))?) {
        story.line(&line);
    }
    Ok(())
}

fn manifest(stage: &Stage) -> PathBuf {
    stage.dir.join("azure-batch-manifest.json")
}

fn report(stage: &Stage) -> PathBuf {
    stage.dir.join("report.json")
}

/// `PACKER`, or `packer` on the `PATH`.
fn find_packer() -> Option<PathBuf> {
    let named = std::env::var_os("PACKER").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|dir| dir.join("packer"))
            .find(|file| file.is_file())
    };
    named.filter(|file| file.is_file()).or_else(on_path)
}
