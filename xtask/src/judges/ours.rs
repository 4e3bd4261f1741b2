//! What our own tools do while the judges are at work: one publish with real Packer, and roll-outs.
//!
//! It checks only that they succeed; what they made is for Microsoft's clients to read.

use std::time::Duration;

use azure_batch_e2e::{
    emulator::LocalAzure,
    failure::{Result, ensure},
    lab::Lab,
    packer::Packer,
    pool,
    process::{Finished, Program},
    template::{self, Post},
    world,
};

/// The version that our plugin publishes.
const VERSION: &str = "1.0.0";

/// How long a roll-out may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Publishes the example's machine as `gal1/ubuntu` 1.0.0.
pub(crate) fn publish(lab: &Lab<'_>, azure: &LocalAzure) -> Result {
    build(lab, azure, "our-publish", &Post::version(VERSION))
}

/// Makes `pool1` of so many nodes of that version, or resizes it.
pub(crate) fn roll_out(lab: &Lab<'_>, azure: &LocalAzure, nodes: u32) -> Result {
    let log = format!("our-rollout-{nodes}");
    succeeded(&pool::rollout(lab, azure, &log, (VERSION, nodes))?.run(LIMIT)?)
}

/// Sends every kind of body that our tools can send.
pub(crate) fn send_everything(lab: &Lab<'_>, azure: &LocalAzure) -> Result {
    publish(lab, azure)?;
    let elsewhere = |more: &str| Post {
        gallery: "galnew".to_owned(),
        more: more.to_owned(),
        ..Post::version(VERSION)
    };
    let create = "create_gallery = true";
    build(lab, azure, "our-gallery", &elsewhere(create))?;
    let account = world::account(world::OTHER_ACCOUNT);
    let another_region =
        format!("{create}\n    used_by {{\n      batch_account = \"{account}\"\n      nodes = 5\n    }}");
    build(lab, azure, "our-region", &elsewhere(&another_region))?;
    roll_out(lab, azure, 2)?;
    roll_out(lab, azure, 4)
}

fn build(lab: &Lab<'_>, azure: &LocalAzure, name: &str, post: &Post) -> Result {
    let packer = Packer::new(lab, azure)?;
    let template = packer.template(&format!("{name}.pkr.hcl"), &template::with_null_builder(&post.block()))?;
    succeeded(&packer.build(name, &[], &template)?)
}

/// Makes the pool that the Batch instructions' sample makes, with version and agent from our manifest.
pub(crate) fn roll_out_sample(lab: &Lab<'_>, azure: &LocalAzure) -> Result {
    let program = Program::new(&lab.tools.pool, &lab.dir, "our-sample")
        .dir(&lab.dir)
        .env("AZURE_CLIENT_SECRET", world::client_secret(lab)?)
        .args([
            "rollout",
            "--image-definition",
            &world::definition("ubuntu"),
            "--manifest",
        ])
        .arg(lab.dir.join("work/azure-batch-manifest.json"))
        .args([
            "--account",
            &world::account(world::ACCOUNT),
            "--pool-id",
            "sample-by-us",
        ])
        .args(["--vm-size", "STANDARD_D2_V3"])
        .args(["--target-dedicated-nodes", "1"])
        .args(["--start-task", "printenv AZ_BATCH_NODE_STARTUP_DIR"])
        .args(["--metadata-host", azure.host()])
        .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT])
        .arg("--ca-file")
        .arg(&azure.ca);
    succeeded(&program.run(LIMIT)?)
}

fn succeeded(finished: &Finished) -> Result {
    ensure(finished.code == 0, || {
        format!(
            "{} ended with {}:\n{}\n{}",
            finished.name, finished.code, finished.stdout, finished.stderr
        )
    })
}
