//! `cargo xtask demo`: the whole way on the local Azure, as a story, with a failure in it and what corrects it.
//!
//! It does nothing itself: it starts the programs that users start, with what users type, and shows what they say.

mod story;
mod words;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{
    emulator::{LocalAzure, Start},
    failure::Result,
    files, pool,
    template::{self, Post},
    time::Stopwatch,
    world,
};
use serde_json::{Value, json};

use self::story::Story;
use crate::build::Checkout;

/// By how much the local Azure is faster: what takes Azure twenty minutes takes the demo ten seconds.
const TIME_SCALE: u32 = 120;

/// How many nodes the pool shall have: enough to need more than one replica, and more cores than a new account has.
const NODES: u32 = 700;

/// The cores that the account may use at first: enough for 400 of its nodes, which have 4 cores each.
const FEW_CORES: u32 = 1600;

/// The cores after more were granted.
const MORE_CORES: u32 = 5000;

/// The exit code of a run that meets a quota.
const QUOTA: i32 = 4;

/// The exit code of a plan that would change something.
const CHANGES: i32 = 10;

/// The exit code of a run that has brought a pool back.
const RETURNED: i32 = 9;

/// The version that is bad.
const BAD: &str = "1.0.1";

/// What the pool command writes about its run, in the demo's folder.
const REPORT: &str = "report.json";

/// What a publish writes for the roll-out.
const MANIFEST: &str = "azure-batch-manifest.json";

/// Where everything is.
struct Stage {
    dir: PathBuf,
    plugin: PathBuf,
    pool: PathBuf,
    azure: LocalAzure,
    seed: Value,
    secret: String,
}

/// Shows the story.
///
/// # Errors
/// When one of the programs ends otherwise than the story wants it.
pub(crate) fn run() -> Result {
    let mut story = Story::default();
    let stage = set_the_stage(&mut story)?;
    let watch = Stopwatch::start();
    publish(&mut story, &stage)?;
    roll_out(&mut story, &stage)?;
    let manifest = files::read_json(&stage.dir.join(MANIFEST))?;
    let report = files::read_json(&stage.dir.join(REPORT))?;
    meet_a_bad_version(&mut story, &stage)?;
    files::write(&stage.dir.join("journal.jsonl"), stage.azure.journal_text()?)?;
    story.chapter(&format!("What there is now, after {} s", watch.passed().as_secs()));
    for line in words::result(&manifest, &report) {
        story.line(&line);
    }
    story.line(&words::requests(&stage.azure.journal()?.0));
    next(&mut story, &stage);
    Ok(())
}

fn set_the_stage(story: &mut Story) -> Result<Stage> {
    story.tell(
        "From a virtual machine to a pool of 700 nodes, on a local Azure. The first time, compiling takes minutes.",
    );
    let checkout = Checkout::find()?;
    let dir = checkout.target.join("demo");
    files::make_empty(&dir)?;
    let programs =
        checkout.programs_quietly(|passed| story.line(&format!("still compiling, {} s", passed.as_secs())))?;
    let seed = seed(&checkout)?;
    let secret = world::secrets(&seed)?.into_iter().next().unwrap_or_default();
    let azure = LocalAzure::start(&Start {
        binary: &programs.join("azure-emulator"),
        dir: &dir.join("azure"),
        seed: seed.clone(),
        time_scale: TIME_SCALE,
    })?;
    story.chapter("A local Azure");
    story.line(&format!(
        "at {}, {TIME_SCALE} times as fast as the real one",
        azure.endpoint
    ));
    story.line(&format!("look at it while this runs: {}/", azure.control));
    story.line(&format!(
        "machine {}: one system and two data disks, generalized",
        world::MACHINE
    ));
    story.line(&format!("gallery {}: empty", world::GALLERY));
    story.line(&format!(
        "Batch accounts: {} in eastus2 with {FEW_CORES} cores, {} in westus2",
        world::ACCOUNT,
        world::OTHER_ACCOUNT
    ));
    Ok(Stage {
        dir,
        plugin: programs.join("packer-plugin-azure-batch"),
        pool: programs.join("azure-batch-pool"),
        azure,
        seed,
        secret,
    })
}

/// The emulator's example, with an account of few cores.
fn seed(checkout: &Checkout) -> Result<Value> {
    let mut seed = files::read_json(&checkout.root.join("tests/emulator/seeds/example.json"))?;
    if let Some(account) = seed.pointer_mut("/batchAccounts/0") {
        grant(account, FEW_CORES);
    }
    Ok(seed)
}

fn grant(account: &mut Value, cores: u32) {
    if let Some(fields) = account.as_object_mut() {
        fields.insert("quotas".to_owned(), json!({"dedicatedCores": cores}));
    }
}

fn publish(story: &mut Story, stage: &Stage) -> Result {
    story.chapter("Publish the machine as an image version");
    story.line(&format!(
        "Its pools will have {NODES} nodes in one account and 100 in the other: regions and replicas follow."
    ));
    match find_packer() {
        Some(packer) => publish_with_packer(story, stage, &packer),
        None => publish_without_packer(story, stage),
    }
}

fn publish_with_packer(story: &Story, stage: &Stage, packer: &Path) -> Result {
    let elsewhere = world::account(world::OTHER_ACCOUNT);
    let more = format!("used_by {{\n      batch_account = \"{elsewhere}\"\n      nodes         = 100\n    }}");
    let post = Post {
        more,
        ..Post::default()
    };
    files::write(
        &stage.dir.join("publish.pkr.hcl"),
        template::with_null_builder(&post.block()),
    )?;
    let home = stage.dir.join("packer");
    files::make(&home)?;
    let mut install = packer_command(stage, packer, &home);
    let install = install.args(["plugins", "install", "--path"]).arg(&stage.plugin);
    story.show(install.arg(template::ADDRESS), 0)?;
    story.show(
        packer_command(stage, packer, &home).args(["build", "publish.pkr.hcl"]),
        0,
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
    story.line("There is no Packer on the PATH, so the plugin does it by itself, from the same attributes.");
    let account = |name: &str, nodes: u32| json!({"batch_account": world::account(name), "nodes": nodes});
    let attributes = json!({
        "source": {"resource_group": world::GROUP, "vm": world::MACHINE},
        "shared_image_gallery_destination": {
            "resource_group": world::GROUP, "gallery_name": world::GALLERY, "image_name": "ubuntu",
        },
        "used_by": [account(world::ACCOUNT, NODES), account(world::OTHER_ACCOUNT, 100)],
    });
    files::write(&stage.dir.join("image.json"), format!("{attributes:#}"))?;
    let mut command = signed_in(stage, &stage.plugin);
    story.show(command.args(["publish", "--settings", "image.json"]), 0)
}

/// A program of ours that knows who it is and where: all of that is in variables, as in a CI job.
fn signed_in(stage: &Stage, program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("ARM_METADATA_HOST", stage.azure.host())
        .env("SSL_CERT_FILE", &stage.azure.ca)
        .env("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION)
        .env("ARM_TENANT_ID", world::TENANT)
        .env("ARM_CLIENT_ID", world::CLIENT)
        .env("ARM_CLIENT_SECRET", &stage.secret)
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(&stage.dir);
    command
}

/// First in vain, since the account has too few cores; then, with more, by the same command.
fn roll_out(story: &mut Story, stage: &Stage) -> Result {
    story.chapter(&format!("Roll it out to {NODES} nodes"));
    story.show(&mut roll_out_command(stage), QUOTA)?;
    story.chapter("Get more cores, and run again");
    story.line(&format!(
        "On Azure you ask for them in the portal. Here the control port grants {MORE_CORES}."
    ));
    let mut account = stage.seed.pointer("/batchAccounts/0").cloned().unwrap_or_default();
    grant(&mut account, MORE_CORES);
    stage.azure.seed(&json!({"batchAccounts": [account]}))?;
    story.show(&mut roll_out_command(stage), 0)
}

fn roll_out_command(stage: &Stage) -> Command {
    let mut command = signed_in(stage, &stage.pool);
    let nodes = NODES.to_string();
    command
        .args(["rollout", "--manifest", MANIFEST, "--image-definition"])
        .arg(world::definition("ubuntu"))
        .arg("--account")
        .arg(world::account(world::ACCOUNT))
        .args(["--pool-id", pool::POOL, "--vm-size", pool::SIZE])
        .args(["--target-dedicated-nodes", &nodes, "--report-path", REPORT]);
    command
}

/// The next version, on which every task fails: what each way costs, and how the pool goes back by itself.
fn meet_a_bad_version(story: &mut Story, stage: &Stage) -> Result {
    story.chapter("A second version, for a pool that works");
    story.line(&format!(
        "Version {BAD} is there, and two jobs run on the pool. What would each way cost?"
    ));
    let profile = json!({"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 4}]});
    let task = |number: u32| json!({"id": format!("t{number}"), "commandLine": "sleep 600"});
    let job = |id: &str| {
        let tasks: Vec<Value> = (0..50).map(task).collect();
        json!({"id": id, "poolInfo": {"poolId": pool::POOL}, "tasks": tasks})
    };
    let mut account = stage.seed.pointer("/batchAccounts/0").cloned().unwrap_or_default();
    grant(&mut account, MORE_CORES);
    if let Some(fields) = account.as_object_mut() {
        fields.insert("jobs".to_owned(), json!([job("render-1"), job("render-2")]));
    }
    stage.azure.seed(&json!({
        "versions": [{"resourceGroup": world::GROUP, "gallery": world::GALLERY, "definition": "ubuntu", "name": BAD,
            "publishingProfile": profile}],
        "batchAccounts": [account],
    }))?;
    story.show(&mut change_command(stage, "plan", "auto"), CHANGES)?;
    story.chapter("It is bad, and goes back by itself");
    story.line("On nodes of that version every task fails. The first node is asked before any job moves.");
    stage.azure.add_faults(
        &json!([{"kind": "tasksFail", "occurrence": "every", "rate": 1.0, "exitCode": 3, "seed": 7,
        "image": format!("/versions/{BAD}")}]),
    )?;
    let mut command = change_command(stage, "rollout", "blue-green");
    story.show(command.args(["--canary-command", "/opt/render/self-test"]), RETURNED)
}

fn change_command(stage: &Stage, verb: &str, strategy: &str) -> Command {
    let mut command = signed_in(stage, &stage.pool);
    let (version, nodes) = (
        format!("{}/versions/{BAD}", world::definition("ubuntu")),
        NODES.to_string(),
    );
    command
        .args([verb, "--image-version", &version, "--account"])
        .arg(world::account(world::ACCOUNT))
        .args(["--pool-id", pool::POOL, "--target-dedicated-nodes", &nodes])
        .args(["--strategy", strategy]);
    command
}

fn next(story: &mut Story, stage: &Stage) {
    story.chapter("What next");
    story.line("with your own account:     README.md, \"Use it\"");
    story.line("a local Azure that stays:  cargo run -p azure-emulator -- --seed example (docs/emulator.md)");
    story.line(&format!(
        "every request of this run: {}",
        stage.dir.join("journal.jsonl").display()
    ));
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
