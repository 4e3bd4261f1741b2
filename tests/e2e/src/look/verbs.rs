//! Every verb of both programs on terminals of three sizes, for people to look at.
//!
//! What the verbs do is tested elsewhere.

use serde_json::json;

use super::scene::side_by_side;
use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
    pool::{self, AGENT, LIMIT, POOL, SIZE},
    process::Program,
    suite::Case,
    terminal::{LARGE, Recording, SMALL, Size, USUAL},
    world,
};

/// All terminals.
const SIZES: [Size; 3] = [USUAL, LARGE, SMALL];

/// Exit codes of verbs that have shown what they were asked for: all is well, something was not seen, or there is
/// something to do.
const SHOWN: [i32; 3] = [0, 5, 10];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "verbs_show_what_they_found_on_every_terminal",
        run: verbs_show_what_they_found_on_every_terminal,
    },
    Case {
        name: "publish_has_a_frame_on_every_terminal_and_leaves_nothing_of_it",
        run: publish_has_a_frame_on_every_terminal_and_leaves_nothing_of_it,
    },
];

fn verbs_show_what_they_found_on_every_terminal(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "1.0.1"])?)?;
    let before = pool::people_rollout(lab, &azure, "before", ("1.0.0", 20))?;
    before.in_faster_time()?.run(LIMIT)?.ended_with(0)?;
    for size in SIZES {
        let verbs = of_pools(lab, &azure, size)?
            .into_iter()
            .chain(of_images(lab, &azure, size)?);
        for (name, program) in verbs {
            show(lab, &name, program, size)?;
        }
    }
    Ok(())
}

/// `azure-batch-pool`'s verbs.
fn of_pools(lab: &Lab<'_>, azure: &LocalAzure, size: Size) -> Result<Vec<(String, Program)>> {
    let account = world::account(world::ACCOUNT);
    let of_pool = ["--account", &account, "--pool-id", POOL];
    let version = pool::version_id("1.0.1");
    let change = [
        "--image-version",
        &version,
        "--vm-size",
        SIZE,
        "--node-agent-sku-id",
        AGENT,
        "--target-dedicated-nodes",
        "20",
        "--strategy",
        "in-place",
    ];
    let verbs: [(&str, Vec<&str>); 5] = [
        ("status", Vec::new()),
        ("doctor", vec!["--account", &account]),
        ("plan", [&of_pool[..], &change].concat()),
        ("wait", of_pool.into()),
        ("delete", of_pool.into()),
    ];
    verbs
        .into_iter()
        .map(|(verb, arguments)| {
            let name = format!("{verb}-{}", size.name());
            Ok((name.clone(), pool::command(lab, azure, &name, verb)?.args(arguments)))
        })
        .collect()
}

/// The plugin's verbs.
fn of_images(lab: &Lab<'_>, azure: &LocalAzure, size: Size) -> Result<Vec<(String, Program)>> {
    let settings = image_settings(lab)?;
    let (definition, version) = (world::definition("ubuntu"), pool::version_id("1.0.0"));
    let group = format!("/subscriptions/{}/resourceGroups/{}", world::SUBSCRIPTION, world::GROUP);
    let verbs: [(&str, Vec<&str>); 7] = [
        ("list", vec!["--image-definition", &definition]),
        ("plan", vec!["--settings", &settings]),
        ("promote", vec!["--image-version", &version]),
        ("demote", vec!["--image-version", &version]),
        ("prune", vec!["--image-definition", &definition]),
        ("scale", vec!["--image-version", &version]),
        ("gc", vec!["--resource-groups", &group]),
    ];
    verbs
        .into_iter()
        .map(|(verb, arguments)| {
            let name = format!("images-{verb}-{}", size.name());
            Ok((
                name.clone(),
                image_command(lab, azure, &name)?.arg(verb).args(arguments),
            ))
        })
        .collect()
}

fn publish_has_a_frame_on_every_terminal_and_leaves_nothing_of_it(lab: &Lab<'_>) -> Result {
    side_by_side(SIZES.iter().map(|size| (size.name(), move || publish(lab, *size)))).map(drop)
}

/// A publish without Packer: while it goes on, and its end.
fn publish(lab: &Lab<'_>, size: Size) -> Result {
    let lab = lab.part(&size.name())?;
    let azure = lab.azure(world::example(&lab)?)?;
    let settings = image_settings(&lab)?;
    let program = image_command(&lab, &azure, "publish")?.args(["publish", "--settings", &settings]);
    let recording = show(&lab, &format!("publish-{}", size.name()), program, size)?;
    let middle = recording
        .pane(&["●", "✓"])
        .ok_or_else(|| Failure::unexpected(format!("no frame was shown:\n{}", recording.text())))?;
    files::write(&lab.dir.join(format!("publish-{}-middle.txt", size.name())), middle)?;
    let left = recording.screen().join("\n");
    ensure(!left.contains('●'), || {
        format!("something of the frame was left:\n{left}")
    })
}

/// Runs it on that terminal and keeps all that was shown.
fn show(lab: &Lab<'_>, name: &str, program: Program, size: Size) -> Result<Recording> {
    let program = program.in_faster_time()?.on_a_terminal(&lab.tools.checkout, size, "");
    let ended = program.run(LIMIT)?;
    let recording = Recording::new(&ended.stdout, size);
    let screen = recording.screen();
    files::write(&lab.dir.join(format!("{name}.txt")), screen.join("\n"))?;
    ensure(SHOWN.contains(&ended.code), || {
        format!("{name} ended with {}:\n{}", ended.code, screen.join("\n"))
    })?;
    Ok(recording)
}

/// A file with what the post-processor takes: the example's machine for 700 nodes.
fn image_settings(lab: &Lab<'_>) -> Result<String> {
    let settings = json!({
        "source": { "resource_group": world::GROUP, "vm": world::MACHINE },
        "shared_image_gallery_destination": {
            "resource_group": world::GROUP, "gallery_name": world::GALLERY, "image_name": "ubuntu",
        },
        "used_by": [{ "batch_account": world::account(world::ACCOUNT), "nodes": 700 }],
    });
    let file = lab.file("image.json", &settings.to_string())?;
    Ok(file.to_string_lossy().into_owned())
}

/// The plugin as a command line that knows who it is and where.
fn image_command(lab: &Lab<'_>, azure: &LocalAzure, log: &str) -> Result<Program> {
    Ok(Program::new(&lab.tools.plugin, &lab.dir, log)
        .dir(&lab.dir)
        .env("ARM_METADATA_HOST", azure.host())
        .env("SSL_CERT_FILE", &azure.ca)
        .env("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION)
        .env("ARM_TENANT_ID", world::TENANT)
        .env("ARM_CLIENT_ID", world::CLIENT)
        .env("ARM_CLIENT_SECRET", world::client_secret(lab)?))
}
