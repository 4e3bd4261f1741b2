//! The code blocks of the pages, run as they stand: only what a reader must fill in is filled in.
//!
//! Which block is run in which way is in [`crate::pages::ROWS`].

use std::{path::Path, path::PathBuf, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    files,
    lab::Lab,
    packer::Packer,
    pages::{self, Block, How, Part, USES, World},
    pool,
    process::Program,
    runner::{self, Job},
    suite::Case,
    world,
};

/// How long a command of a page may take: a roll-out to 700 nodes.
const LIMIT: Duration = Duration::from_secs(420);

/// What the action needs of the checkout.
const ACTION: [&str; 3] = ["action.yml", "Cargo.toml", "crates/action/install.sh"];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "pages_jobs_run_under_a_real_runner",
        run: pages_jobs_run_under_a_real_runner,
    },
    Case {
        name: "pages_commands_end_as_their_pages_say",
        run: pages_commands_end_as_their_pages_say,
    },
    Case {
        name: "pages_templates_are_built_by_real_packer",
        run: pages_templates_are_built_by_real_packer,
    },
    Case {
        name: "pages_files_are_taken_by_the_programs",
        run: pages_files_are_taken_by_the_programs,
    },
];

/// The definition that the pages speak of.
fn definition() -> String {
    world::definition("render")
}

/// A text of a page with what its reader fills in.
pub(super) fn filled_in(text: &str) -> String {
    let (account, group) = (world::account(world::ACCOUNT), group());
    let pairs = [
        ("azure-batch-pool rollout … --pool-id", rollout_to("1.0.2")),
        ("--account /subscriptions/…", format!("--account {account}")),
        (
            "--image-version /subscriptions/…/images/render",
            format!("--image-version {}", definition()),
        ),
        ("/subscriptions/…/galleries/gal1/images/render", definition()),
        (
            "--image-version /subscriptions/… ",
            format!("--image-version {}/versions/1.0.2 ", definition()),
        ),
        (
            "--image-version /subscriptions/…\n",
            format!("--image-version {}/versions/1.0.2\n", definition()),
        ),
        (
            "--image-definition /subscriptions/…",
            format!("--image-definition {}", definition()),
        ),
        ("/subscriptions/…/resourceGroups/rg-build", group.clone()),
        (
            "/subscriptions/…/resourceGroups/rg-batch/providers",
            format!("{group}/providers"),
        ),
        (
            "/subscriptions/…/subnets/batch",
            format!("{group}/providers/Microsoft.Network/virtualNetworks/net1/subnets/batch"),
        ),
        ("00000000-0000-0000-0000-000000000000", world::SUBSCRIPTION.to_owned()),
        (
            "/resourceGroups/rg-batch/",
            format!("/resourceGroups/{}/", world::GROUP),
        ),
        ("rg-build", world::GROUP.to_owned()),
        ("vm-build-17", world::MACHINE.to_owned()),
        ("virtualMachines/vm1", format!("virtualMachines/{}", world::MACHINE)),
        ("<sub>", world::SUBSCRIPTION.to_owned()),
        ("<rg>", world::GROUP.to_owned()),
        ("<account>", world::ACCOUNT.to_owned()),
        ("<tenant>", world::TENANT.to_owned()),
        ("<application>", world::CLIENT.to_owned()),
        ("${{ vars.AZURE_IMAGE_DEFINITION }}", definition()),
        ("${{ vars.AZURE_BATCH_ACCOUNT }}", account),
        ("${{ vars.AZURE_TENANT_ID }}", world::TENANT.to_owned()),
        ("${{ vars.AZURE_CLIENT_ID }}", world::CLIENT.to_owned()),
        // Sign-in is by the variables of the case.
        ("    use_azure_cli_auth = true\n", String::new()),
        ("export AZURE_CLIENT_SECRET=…", "true".to_owned()),
    ];
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn group() -> String {
    format!("/subscriptions/{}/resourceGroups/{}", world::SUBSCRIPTION, world::GROUP)
}

/// The blocks of these kinds, which must be some.
fn chosen(lab: &Lab<'_>, is_chosen: fn(How) -> bool) -> Result<Vec<(Block, How)>> {
    let all = pages::with_rows(&lab.tools.checkout)?;
    let chosen: Vec<(Block, How)> = all
        .into_iter()
        .filter(|(_, row)| is_chosen(row.how))
        .map(|(block, row)| (block, row.how))
        .collect();
    ensure(!chosen.is_empty(), || "no page has such a block".to_owned())?;
    Ok(chosen)
}

/// A failure with the place of its block.
fn at<T>(block: &Block, result: Result<T>) -> Result<T> {
    result.map_err(|failure| Failure::unexpected(format!("{}: {}", block.place(), failure.report())))
}

/// What signs in and finds the local Azure, by variables alone.
fn variables(lab: &Lab<'_>, azure: &LocalAzure) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("ARM_METADATA_HOST", azure.host().to_owned()),
        ("SSL_CERT_FILE", azure.ca.display().to_string()),
        ("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION.to_owned()),
        ("AZURE_TENANT_ID", world::TENANT.to_owned()),
        ("AZURE_CLIENT_ID", world::CLIENT.to_owned()),
        ("AZURE_CLIENT_SECRET", world::client_secret(lab)?),
    ])
}

/// The example with versions 1.0.0 to 1.0.2 of `render`. The newest has too many replicas and is not latest.
fn versions(lab: &Lab<'_>) -> Result<Value> {
    let text = pool::with_versions(lab, &["1.0.0", "1.0.1", "1.0.2"])?.to_string();
    let mut seed = files::parse("the seed", &text.replace("\"ubuntu\"", "\"render\""))?;
    if let Some(galleries) = seed.pointer_mut("/galleries").and_then(Value::as_array_mut) {
        galleries.push(json!({"name": "golden", "resourceGroup": world::GROUP, "location": "eastus2"}));
    }
    if let Some(profile) = seed.pointer_mut("/versions/2/publishingProfile") {
        let regions = json!([{"name": "eastus2", "regionalReplicaCount": 9}]);
        *profile = json!({"excludeFromLatest": true, "targetRegions": regions});
    }
    Ok(seed)
}

/// A manifest of the newest version, as a publish leaves it.
fn manifest() -> String {
    let definition = definition();
    json!({"schema_version": 1, "image_version_id": format!("{definition}/versions/1.0.2"),
        "image_definition_id": definition, "os_type": "Linux"})
    .to_string()
}

/// Our programs by their names, in a folder for the `PATH`.
fn programs(lab: &Lab<'_>) -> Result<PathBuf> {
    let folder = lab.folder("bin")?;
    for (name, program) in [
        ("azure-batch-pool", &lab.tools.pool),
        ("packer-plugin-azure-batch", &lab.tools.plugin),
    ] {
        let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display());
        files::write_program(&folder.join(name), &text)?;
    }
    Ok(folder)
}

/// The commands of a block: a console's prompts are taken off, its output is left out, lines that go on are joined.
fn commands(block: &Block) -> Vec<String> {
    let joined = filled_in(&block.text).replace("\\\n", " ");
    let is_console = block.language == "console";
    joined
        .lines()
        .filter_map(|line| {
            if is_console {
                line.strip_prefix("$ ")
            } else {
                Some(line)
            }
        })
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#') && *line != "true")
        .map(str::to_owned)
        .collect()
}

/// Blocks run side by side, each on an Azure of its own: they wait most of the time.
fn pages_commands_end_as_their_pages_say(lab: &Lab<'_>) -> Result {
    let mut blocks = Vec::new();
    for (block, how) in chosen(lab, |how| matches!(how, How::Commands(..)))? {
        if let How::Commands(world, codes) = how {
            blocks.push((lab.part(&block.name())?, block, world, codes));
        }
    }
    thread::scope(|scope| {
        let run = |(lab, block, world, codes): &(Lab<'_>, Block, World, &'static [i32])| {
            at(block, run_commands(lab, block, *world, codes))
        };
        let runs: Vec<_> = blocks.iter().map(|block| scope.spawn(move || run(block))).collect();
        let ended = runs.into_iter().map(|run| {
            let lost = || Failure::unexpected("a block of a page panicked");
            run.join().map_err(|_panic| lost())?
        });
        ended.collect::<Result<Vec<()>>>().map(drop)
    })
}

fn run_commands(lab: &Lab<'_>, block: &Block, world: World, codes: &[i32]) -> Result {
    let azure = lab.azure(seed_of(lab, world)?)?;
    prepare(lab, &azure, world)?;
    files::write(&lab.dir.join("manifest.json"), manifest())?;
    for (name, text) in files_of_pages(lab)? {
        files::write(&lab.dir.join(name), text)?;
    }
    let commands = commands(block);
    ensure_equal("commands of the block", &commands.len(), &codes.len())?;
    for (number, (command, code)) in commands.iter().zip(codes).enumerate() {
        shell(lab, &azure, &format!("{number}"), command)?
            .run(LIMIT)?
            .ended_with(*code)?;
    }
    lab.keep_journal(&azure)
}

/// The files of the pages by the names that their first lines say.
fn files_of_pages(lab: &Lab<'_>) -> Result<Vec<(String, String)>> {
    let blocks = chosen(lab, |how| matches!(how, How::File(_)))?;
    let name = |block: &Block| {
        block
            .text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("# ")
            .to_owned()
    };
    Ok(blocks
        .into_iter()
        .map(|(block, _)| (name(&block), filled_in(&block.text)))
        .collect())
}

/// A command in a shell whose `PATH` has our programs.
fn shell(lab: &Lab<'_>, azure: &LocalAzure, log: &str, command: &str) -> Result<Program> {
    let mut path = programs(lab)?.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut program = Program::new("bash", &lab.dir, log)
        .dir(&lab.dir)
        .args(["-o", "pipefail", "-c", command])
        .env("PATH", path)
        .env("HOME", &lab.dir);
    for (name, value) in variables(lab, azure)? {
        program = program.env(name, value);
    }
    Ok(program)
}

/// What the local Azure holds before anything was done.
fn seed_of(lab: &Lab<'_>, world: World) -> Result<Value> {
    if world == World::Machine {
        return world::example(lab);
    }
    let mut seed = versions(lab)?;
    if let (World::Expired(pools), Some(account)) = (world, seed.pointer_mut("/batchAccounts/0")) {
        let metadata = json!([{"name": "azure-batch-spec", "value": "v0:example"},
            {"name": "azure-batch-expiry", "value": r#"{"v":1,"at":"2025-12-31T00:00:00Z","after":3600}"#}]);
        let image = json!({"virtualMachineImageId": format!("{}/versions/1.0.0", definition())});
        let made = pools.iter().map(|pool| {
            json!({"id": pool, "vmSize": pool::SIZE, "targetDedicatedNodes": 0, "metadata": metadata,
                "virtualMachineConfiguration": {"nodeAgentSKUId": pool::AGENT, "imageReference": image}})
        });
        account["pools"] = made.collect();
    }
    Ok(seed)
}

/// Makes the pools that a block speaks of.
fn prepare(lab: &Lab<'_>, azure: &LocalAzure, world: World) -> Result {
    let (pools, versions): (&[&str], &[&str]) = match world {
        World::Versions | World::Expired(_) | World::Machine => (&[], &[]),
        World::Pools(pools) => (pools, &["1.0.0"]),
        World::Changed(pools) => (pools, &["1.0.0", "1.0.1"]),
    };
    for pool in pools {
        for version in versions {
            let command = format!("{} {pool} --strategy in-place", rollout_to(version));
            let log = format!("prepare-{pool}-{version}");
            shell(lab, azure, &log, &command)?.run(LIMIT)?.ended_with(0)?;
        }
    }
    Ok(())
}

/// A roll-out to a version; what follows is the pool's id.
fn rollout_to(version: &str) -> String {
    format!(
        "azure-batch-pool rollout --account {} --image-version {}/versions/{version} --vm-size {} \
         --node-agent-sku-id '{}' --target-dedicated-nodes 3 --pool-id",
        world::account(world::ACCOUNT),
        definition(),
        pool::SIZE,
        pool::AGENT
    )
}

fn pages_templates_are_built_by_real_packer(lab: &Lab<'_>) -> Result {
    let smallest = files::read(&lab.tools.checkout.join("examples/minimal.pkr.hcl"))?;
    let is_template = |how| matches!(how, How::Template | How::Part(_) | How::Head);
    for (block, how) in chosen(lab, is_template)? {
        let lab = lab.part(&block.name())?;
        let (text, is_built) = match how {
            How::Part(Part::More) => (with_more(&smallest, &block.text), true),
            // Its VHDs are in no account of the example.
            How::Part(Part::Source) => (with_source(&smallest, &block.text), false),
            How::Head => (format!("{}\n{smallest}", block.text), false),
            _ => (block.text.clone(), true),
        };
        at(&block, build(&lab, &filled_in(&text), is_built))?;
    }
    Ok(())
}

/// Real Packer on a template, signed in by variables alone.
pub(super) fn build(lab: &Lab<'_>, template: &str, is_built: bool) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let mut packer = Packer::offline(lab)?;
    for (name, value) in variables(lab, &azure)? {
        packer = packer.with(name, &value);
    }
    let template = packer.template("t.pkr.hcl", template)?;
    packer.validate("validate", &[], &template)?.ended_with(0)?;
    if is_built {
        packer.build("build", &[], &template)?.ended_with(0)?;
        let made = azure.resources()?.to_string();
        ensure_says("what is there afterwards", &made, &["/versions/1.0.0"])?;
    }
    lab.keep_journal(&azure)
}

/// The smallest template with more in its post-processor's block.
fn with_more(smallest: &str, more: &str) -> String {
    smallest.replacen(
        "    shared_image_gallery_destination {",
        &format!("{more}    shared_image_gallery_destination {{"),
        1,
    )
}

/// The smallest template with another source.
fn with_source(smallest: &str, source: &str) -> String {
    let lines = smallest.lines().map(|line| {
        if line.trim_start().starts_with("source { vm") {
            source
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pages_files_are_taken_by_the_programs(lab: &Lab<'_>) -> Result {
    let is_file = |how| matches!(how, How::File(_) | How::PoolFile | How::Seed | How::Faults);
    let azure = lab.azure(versions(lab)?)?;
    for (name, text) in files_of_pages(lab)? {
        files::write(&lab.dir.join(name), text)?;
    }
    let all = chosen(lab, is_file)?;
    // What the page of the local Azure seeds, such as a small quota, is not what the other pages speak of.
    let (of_azure, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, how)| matches!(how, How::Seed | How::Faults));
    for (block, how) in others.into_iter().chain(of_azure) {
        at(&block, take(lab, &azure, &block, how))?;
    }
    lab.keep_journal(&azure)
}

fn take(lab: &Lab<'_>, azure: &LocalAzure, block: &Block, how: How) -> Result {
    match how {
        How::Seed => {
            let text = block
                .text
                .replace('…', world::SUBSCRIPTION)
                .replace("\"base64\"", "\"a2V5\"");
            azure.seed(&files::parse("the seed", &text)?)
        }
        How::Faults => azure.add_faults(&files::parse("the faults", &block.text)?),
        How::PoolFile => {
            let file = format!("{}.yaml", block.name());
            files::write(&lab.dir.join(&file), filled_in(&block.text))?;
            let pool = if block.text.contains("pools:") {
                "--pool-id render-1"
            } else {
                ""
            };
            let command = format!(
                "azure-batch-pool plan --pool-file {file} {pool} --account {} --image-version {}/versions/1.0.2",
                world::account(world::ACCOUNT),
                definition()
            );
            let ended = shell(lab, azure, &block.name(), &command)?.run(LIMIT)?.ended_with(10)?;
            ensure_says("the plan", &ended.stdout, &["create pool render"])
        }
        How::File(command) => {
            let ended = shell(lab, azure, &block.name(), command)?.run(LIMIT)?;
            ensure([0, 10].contains(&ended.code), || ended.said())
        }
        _ => Ok(()),
    }
}

fn pages_jobs_run_under_a_real_runner(lab: &Lab<'_>) -> Result {
    for (block, _) in chosen(lab, |how| how == How::Job)? {
        let lab = lab.part(&block.name())?;
        at(&block, run_job(&lab, &block))?;
    }
    Ok(())
}

/// Runs a job, or its permissions and steps.
fn run_job(lab: &Lab<'_>, block: &Block) -> Result {
    let azure = lab.azure(versions(lab)?)?;
    let work = repository(lab, &pages::workflow(&filled_in(&block.text)))?;
    for name in ["manifest.json", "azure-batch-manifest.json"] {
        files::write(&work.join(name), manifest())?;
    }
    let action = action(lab)?;
    let job = Job {
        dir: &work,
        workflow: &work.join(WORKFLOW),
        actions: &[(USES, &action)],
    };
    let mut all = vec![("AZURE_BATCH_POOL_BINARY", lab.tools.pool.clone().into())];
    for (name, value) in variables(lab, &azure)? {
        // A job on GitHub signs in without a secret.
        if !name.ends_with("SECRET") {
            all.push((name, value.into()));
        }
    }
    let report = runner::start(lab, &azure, &job, &all)?;
    lab.keep_journal(&azure)?;
    ensure_equal("the runner's exit code", &report.ended.code, &0)?;
    ensure_equal("nodes ready", &report.output("nodes-ready")?, &"700")
}

/// Where a repository has the workflow of a case.
pub(super) const WORKFLOW: &str = ".github/workflows/page.yml";

/// A repository with a workflow.
pub(super) fn repository(lab: &Lab<'_>, workflow: &str) -> Result<PathBuf> {
    let work = lab.folder("repository")?;
    let file = work.join(WORKFLOW);
    files::make(file.parent().unwrap_or(&work))?;
    files::write(&file, workflow)?;
    git(lab, &work)?;
    Ok(work)
}

/// The action of this checkout, in a folder that takes its place.
pub(super) fn action(lab: &Lab<'_>) -> Result<PathBuf> {
    let folder = lab.folder("action")?;
    for file in ACTION {
        let place = folder.join(file);
        files::make(place.parent().unwrap_or(&folder))?;
        files::copy(&lab.tools.checkout.join(file), &place)?;
    }
    git(lab, &folder)?;
    Ok(folder)
}

fn git(lab: &Lab<'_>, folder: &Path) -> Result {
    let init = Program::new("git", &lab.dir, "git").dir(folder).env("HOME", &lab.dir);
    init.args(["init", "--quiet"]).run(LIMIT)?.ended_with(0)?;
    Ok(())
}
