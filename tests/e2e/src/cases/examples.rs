//! The workflows of `examples/` under a real runner, as somebody has them who copied them: in place on a schedule,
//! blue-green behind an approval, nightly status, branch pools with an expiry, and a version that another repository
//! announces.

use std::{ffi::OsString, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says, ensure_silent},
    files,
    github::{FakeGitHub, REPOSITORY, Release},
    lab::Lab,
    pool::{self, AGENT, LIMIT, SIZE},
    process::Program,
    runner::{self, Event, Job, Report},
    suite::Case,
    world,
};

/// How the examples name the action.
const USES: &str = "azure-batch-tools/packer-plugin-azure-batch@v0.1.0";

/// What the action needs of the checkout.
const ACTION: [&str; 3] = ["action.yml", "Cargo.toml", "crates/action/install.sh"];

/// The pool of `examples/pool.yaml`.
const RENDER: &str = "render";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "example_changes_the_pool_in_place_on_a_schedule",
        run: example_changes_the_pool_in_place_on_a_schedule,
    },
    Case {
        name: "example_moves_the_work_to_a_second_pool_after_its_plan",
        run: example_moves_the_work_to_a_second_pool_after_its_plan,
    },
    Case {
        name: "example_tells_every_night_of_pools_that_are_behind",
        run: example_tells_every_night_of_pools_that_are_behind,
    },
    Case {
        name: "example_makes_a_pool_for_a_branch_and_deletes_expired_ones",
        run: example_makes_a_pool_for_a_branch_and_deletes_expired_ones,
    },
    Case {
        name: "branches_that_look_alike_have_pools_of_their_own",
        run: branches_that_look_alike_have_pools_of_their_own,
    },
    Case {
        name: "example_rolls_out_what_another_repository_has_announced",
        run: example_rolls_out_what_another_repository_has_announced,
    },
    Case {
        name: "example_of_prices_is_in_a_plan",
        run: example_of_prices_is_in_a_plan,
    },
];

/// A repository with one of the examples in it, beside an Azure.
struct Repository<'a, 'l> {
    lab: &'a Lab<'l>,
    azure: &'a LocalAzure,
    folder: PathBuf,
    workflow: PathBuf,
    action: PathBuf,
}

impl<'a, 'l> Repository<'a, 'l> {
    fn with(lab: &'a Lab<'l>, azure: &'a LocalAzure, example: &str) -> Result<Self> {
        let (folder, action) = (lab.folder("repository")?, lab.folder("action")?);
        let checkout = &lab.tools.checkout;
        let workflow = folder.join(".github/workflows").join(example);
        files::make(workflow.parent().unwrap_or(&folder))?;
        files::copy(&checkout.join("examples").join(example), &workflow)?;
        files::copy(&checkout.join("examples/pool.yaml"), &folder.join("pool.yaml"))?;
        files::write(&folder.join("manifest.json"), manifest("1.0.1"))?;
        for file in ACTION {
            let place = action.join(file);
            files::make(place.parent().unwrap_or(&action))?;
            files::copy(&checkout.join(file), &place)?;
        }
        for folder in [&folder, &action] {
            git(lab, folder, &["init", "--quiet", "--initial-branch", "feature/x"])?;
            git(lab, folder, &["add", "."])?;
            git(lab, folder, &["commit", "--quiet", "--message", "Begin"])?;
        }
        Ok(Self {
            lab,
            azure,
            folder,
            workflow,
            action,
        })
    }

    fn run(&self, event: &Event<'_>, more: &[(&str, OsString)]) -> Result<Report> {
        let job = Job {
            dir: &self.folder,
            workflow: &self.workflow,
            actions: &[(USES, &self.action)],
        };
        let mut variables = vec![
            ("AZURE_BATCH_POOL_BINARY", self.lab.tools.pool.clone().into()),
            ("ARM_METADATA_HOST", self.azure.host().into()),
            ("SSL_CERT_FILE", self.azure.ca.clone().into()),
        ];
        variables.extend(more.iter().cloned());
        let report = runner::start_by(self.lab, self.azure, (&job, event), &variables)?;
        self.lab.keep_journal(self.azure)?;
        ensure_equal("the runner's exit code", &report.ended.code, &0)?;
        Ok(report)
    }
}

fn git(lab: &Lab<'_>, folder: &std::path::Path, arguments: &[&str]) -> Result {
    let run = Program::new("git", &lab.dir, "git")
        .dir(folder)
        .env("HOME", &lab.dir)
        .args(["-c", "user.name=octo", "-c", "user.email=octo@example.com"])
        .args(arguments);
    run.run(LIMIT)?.ended_with(0).map(drop)
}

fn manifest(version: &str) -> String {
    json!({
        "schema_version": 1, "image_version_id": pool::version_id(version), "os_type": "Linux",
        "image_definition_id": world::definition("ubuntu"),
    })
    .to_string()
}

/// The repository's variables, as the examples name them.
fn variables() -> [(&'static str, String); 4] {
    [
        ("AZURE_IMAGE_DEFINITION", world::definition("ubuntu")),
        ("AZURE_BATCH_ACCOUNT", world::account(world::ACCOUNT)),
        ("AZURE_TENANT_ID", world::TENANT.to_owned()),
        ("AZURE_CLIENT_ID", world::CLIENT.to_owned()),
    ]
}

fn event<'a>(name: &'a str, variables: &'a [(&'static str, String)]) -> Event<'a> {
    Event {
        name,
        file: None,
        variables,
    }
}

fn example_of_prices_is_in_a_plan(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let plan = pool::command(lab, &azure, "plan", "plan")?
        .args(["--image-version", &pool::version_id("1.0.0")])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-id", "priced"])
        .args([
            "--vm-size",
            SIZE,
            "--node-agent-sku-id",
            AGENT,
            "--target-dedicated-nodes",
            "5",
        ])
        .arg("--price-file")
        .arg(lab.tools.checkout.join("examples/prices.yaml"));
    let said = plan.run(LIMIT)?.ended_with(10)?;
    let cost = "120 node-hours a day × 0.23 EUR = 27.60 EUR a day";
    ensure_says("the plan", &said.stdout, &["cost by your own prices", cost])
}

/// An Azure with two versions and the pool of the examples on the first one.
fn with_render(lab: &Lab<'_>) -> Result<LocalAzure> {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "1.0.1"])?)?;
    let file = lab.tools.checkout.join("examples/pool.yaml");
    let first = pool::command(lab, &azure, "first", "rollout")?
        .args(["--image-version", &pool::version_id("1.0.0")])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-file"])
        .arg(file);
    first.run(LIMIT)?.ended_with(0)?;
    Ok(azure)
}

fn example_changes_the_pool_in_place_on_a_schedule(lab: &Lab<'_>) -> Result {
    let azure = with_render(lab)?;
    let repository = Repository::with(lab, &azure, "in-place.yml")?;
    let report = repository.run(&event("schedule", &variables()), &[])?;
    ensure_equal(
        "the pools",
        &pool::states(&azure)?,
        &vec![format!("{RENDER}: 1.0.1, 3")],
    )?;
    ensure_says(
        "the log",
        &report.printed(),
        &["remove the 3 nodes", "3 of 3 nodes ready"],
    )?;
    // The same schedule a week later finds nothing to do, and its plan fails no job.
    let again = repository.run(&event("schedule", &variables()), &[])?;
    ensure_says("the second run's plan", &again.printed(), &["would change nothing"])?;
    ensure_silent("the second run", &again.printed(), &["nodes ready on"])
}

fn example_moves_the_work_to_a_second_pool_after_its_plan(lab: &Lab<'_>) -> Result {
    let azure = with_render(lab)?;
    let repository = Repository::with(lab, &azure, "blue-green.yml")?;
    let report = repository.run(&event("workflow_dispatch", &variables()), &[])?;
    let pools = pool::states(&azure)?;
    ensure(pools.contains(&format!("{RENDER}-1-0-1: 1.0.1, 3")), || {
        format!("{pools:?}")
    })?;
    ensure(pools.contains(&format!("{RENDER}: 1.0.0, 0")), || format!("{pools:?}"))?;
    ensure_says(
        "the log",
        &report.printed(),
        &["changes. Nothing was done.", "render-1-0-1"],
    )
}

fn example_tells_every_night_of_pools_that_are_behind(lab: &Lab<'_>) -> Result {
    let azure = with_render(lab)?;
    let repository = Repository::with(lab, &azure, "status.yml")?;
    let (bin, calls) = (lab.folder("bin")?, lab.dir.join("gh.txt"));
    let gh = bin.join("gh");
    let script = "#!/bin/sh\necho \"$*\" >> \"$GH_CALLS\"\ncat findings.md >> \"$GH_CALLS\"\n";
    files::write_program(&gh, script)?;
    let mut path = bin.into_os_string();
    path.push(":/usr/local/bin:/usr/bin:/bin");
    let report = repository.run(
        &event("schedule", &variables()),
        &[("PATH", path), ("GH_CALLS", calls.clone().into_os_string())],
    )?;
    ensure_equal("pools that need attention", &report.output("findings")?, &"1")?;
    ensure_says(
        "the summary",
        &report.summary(),
        &["| account | pool |", "1 version behind 1.0.1"],
    )?;
    let told = files::read(&calls)?;
    ensure_says(
        "what gh was asked",
        &told,
        &["issue list", "Pools that need attention: 1", "acct1/render: behind"],
    )?;
    ensure_equal("writes", &azure.journal()?.count("DELETE", &["/pools"]), &0)
}

fn example_makes_a_pool_for_a_branch_and_deletes_expired_ones(lab: &Lab<'_>) -> Result {
    let mut seed = pool::with_versions(lab, &["1.0.1"])?;
    let account = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut);
    let account = account.ok_or_else(|| Failure::unexpected("the example has no Batch account"))?;
    let expiry = r#"{"v":1,"at":"2026-01-01T00:00:00Z","after":259200}"#;
    let reference = json!({ "virtualMachineImageId": pool::version_id("1.0.1") });
    account.insert(
        "pools".to_owned(),
        json!([{ "id": "branch-old", "vmSize": SIZE, "targetDedicatedNodes": 1, "targetLowPriorityNodes": 0,
            "metadata": [{ "name": "azure-batch-spec", "value": "v1:x" }, { "name": "azure-batch-expiry", "value": expiry }],
            "virtualMachineConfiguration": { "imageReference": reference, "nodeAgentSKUId": AGENT } }]),
    );
    let azure = lab.azure(seed)?;
    let repository = Repository::with(lab, &azure, "branch-pools.yml")?;
    repository.run(&event("workflow_dispatch", &variables()), &[])?;
    let made = pool::states(&azure)?;
    ensure_equal("pools after the push", &made.len(), &2)?;
    let report = repository.run(&event("schedule", &variables()), &[])?;
    let left = pool::states(&azure)?;
    ensure(left.len() == 1 && !left.join(" ").contains("branch-old"), || {
        format!("{left:?}")
    })?;
    ensure_equal("pools that were deleted", &report.output("deleted")?, &"1")?;
    ensure_says("the summary", &report.summary(), &["branch-old", "deleted"])
}

/// The step of the example that names the pool, run by a real shell as the runner does.
fn branches_that_look_alike_have_pools_of_their_own(lab: &Lab<'_>) -> Result {
    let example = files::read(&lab.tools.checkout.join("examples/branch-pools.yml"))?;
    let script = example.split("        run: |\n").nth(1);
    let script = script.and_then(|rest| rest.split("      - name:").next());
    let script = script.ok_or_else(|| Failure::unexpected("the example names no pool"))?;
    let long = "x".repeat(60);
    let branches = ["a/b", "a-b", "A-b", &format!("{long}1"), &format!("{long}2")];
    let mut ids = Vec::new();
    for (number, branch) in branches.into_iter().enumerate() {
        let outputs = lab.file(&format!("outputs-{number}"), "")?;
        Program::new("bash", &lab.dir, &format!("name-{number}"))
            .args(["-e", "-c", script])
            .env("BRANCH", branch)
            .env("GITHUB_OUTPUT", &outputs)
            .run(LIMIT)?
            .ended_with(0)?;
        let id = files::read(&outputs)?
            .trim()
            .trim_start_matches("id=")
            .to_ascii_lowercase();
        ensure(id.starts_with("branch-") && id.len() <= 64, || {
            format!("{branch}: {id}")
        })?;
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    ensure_equal("pools", &ids.len(), &branches.len())
}

/// The whole way between two repositories: the announcement is what GitHub would hand to the workflow.
fn example_rolls_out_what_another_repository_has_announced(lab: &Lab<'_>) -> Result {
    let azure = with_render(lab)?;
    let empty = lab.folder("empty")?;
    let github = FakeGitHub::start(
        &lab.dir,
        &Release {
            files: &empty,
            tags: &[],
            spoilt: None,
        },
    )?;
    let manifest = lab.file("published.json", &manifest("1.0.1"))?;
    let notify = Program::new(&lab.tools.pool, &lab.dir, "notify")
        .args(["notify", "--repository", REPOSITORY, "--manifest"])
        .arg(&manifest)
        .env("GH_TOKEN", "token-of-the-case");
    let said = github.seen_by(notify).run(LIMIT)?.ended_with(0)?;
    ensure_says("the announcement", &said.stdout, &["got the event azure-batch-image"])?;
    ensure_silent("what it printed", &said.said(), &["token-of-the-case"])?;
    let sent = github.dispatched();
    ensure_equal("events", &sent.len(), &1)?;
    let body = files::parse("the event", &sent.concat())?;
    let file = lab.file(
        "event.json",
        &json!({ "action": "azure-batch-image", "client_payload": body.get("client_payload") }).to_string(),
    )?;
    let repository = Repository::with(lab, &azure, "dispatch.yml")?;
    let variables = variables();
    let event = Event {
        name: "repository_dispatch",
        file: Some(&file),
        variables: &variables,
    };
    repository.run(&event, &[])?;
    ensure_equal(
        "the pools",
        &pool::states(&azure)?,
        &vec![format!("{RENDER}: 1.0.1, 3")],
    )
}
