//! The Action on a release: pinned by commit under a real runner, and `install.sh` with everything that can be wrong.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use super::TAG;
use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_equal, ensure_says, ensure_silent},
    files,
    github::{FakeGitHub, MIRROR, MIRROR_TOKEN, REPOSITORY, Spoilt},
    lab::Lab,
    pool::{self, POOL},
    process::{Finished, Program},
    runner::{self, Job},
    world,
};

/// How long a download may take, with curl's own three repetitions.
const LIMIT: Duration = Duration::from_secs(60);

/// What the action needs of the checkout; a release's commit has more, which it never reads.
const ACTION: [&str; 3] = ["action.yml", "Cargo.toml", "crates/action/install.sh"];

/// Where the action's own source has the checksums of its release.
const CHECKSUMS: &str = "crates/action/checksums.txt";

/// Whether there is a way to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Works,
    Fails,
}

/// What goes wrong, with the variables of the step and what the error must say.
struct Trouble {
    name: &'static str,
    network: Network,
    /// What is wrong with this machine's archive.
    archive: Option<Spoilt>,
    variables: &'static [(&'static str, &'static str)],
    said: &'static [&'static str],
}

/// The commit that a release makes: the action with the sums of its programs. Gives its folder and its id.
fn release_commit(lab: &Lab<'_>) -> Result<(PathBuf, String)> {
    let folder = lab.folder("action")?;
    for file in ACTION {
        let place = folder.join(file);
        files::make(place.parent().unwrap_or(&folder))?;
        files::copy(&lab.tools.checkout.join(file), &place)?;
    }
    let sums = lab.tools.released.join(format!("azure-batch-pool_{TAG}_SHA256SUMS"));
    files::copy(&sums, &folder.join(CHECKSUMS))?;
    git(lab, &folder, &["init", "--quiet"])?;
    git(lab, &folder, &["add", "."])?;
    git(lab, &folder, &["commit", "--quiet", "--message", "Release"])?;
    let id = git(lab, &folder, &["rev-parse", "HEAD"])?;
    Ok((folder, id.trim().to_owned()))
}

fn git(lab: &Lab<'_>, folder: &Path, arguments: &[&str]) -> Result<String> {
    let run = Program::new("git", &lab.dir, "git")
        .dir(folder)
        .env("HOME", &lab.dir)
        .args(["-c", "user.name=release", "-c", "user.email=release@example.com"])
        .args(arguments);
    Ok(run.run(LIMIT)?.ended_with(0)?.stdout)
}

pub(super) fn action_pinned_by_commit_runs_the_program_of_that_commit(lab: &Lab<'_>) -> Result {
    let github = super::github(lab, &[TAG], None)?;
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let (action, commit) = release_commit(lab)?;
    let uses = format!("{REPOSITORY}@{commit}");
    let work = lab.folder("repository")?;
    let workflow = work.join(".github/workflows/roll-out.yml");
    files::make(workflow.parent().unwrap_or(&work))?;
    files::write(&workflow, workflow_text(&uses, &azure))?;
    git(lab, &work, &["init", "--quiet"])?;
    let variables: Vec<(&str, OsString)> = github
        .variables()
        .into_iter()
        .map(|(name, value)| (name, OsString::from(value)))
        .collect();
    let job = Job {
        dir: &work,
        workflow: &workflow,
        actions: &[(&uses, &action)],
    };
    let report = runner::start(lab, &azure, &job, &variables)?;
    lab.keep_journal(&azure)?;
    ensure_equal("the runner's exit code", &report.ended.code, &0)?;
    ensure_equal("nodes ready", &report.output("nodes-ready")?, &"2")?;
    // The sum is the action's own, so the release's list is not asked for.
    let archive = format!("releases/download/{TAG}/azure-batch-pool_{TAG}_");
    let asked = github.asked().join("\n");
    ensure_says("what GitHub was asked for", &asked, &[&archive])?;
    ensure_silent("what GitHub was asked for", &asked, &["SHA256SUMS"])
}

/// As README shows it, with the local Azure.
fn workflow_text(uses: &str, azure: &LocalAzure) -> String {
    format!(
        r"on: workflow_dispatch
jobs:
  pool:
    runs-on: ubuntu-latest
    permissions: {{ id-token: write, contents: read }}
    steps:
      - uses: {uses}
        with:
          image-version: {version}
          account: {account}
          pool-id: {POOL}
          vm-size: {size}
          node-agent-sku-id: {agent}
          target-dedicated-nodes: 2
          tenant-id: {tenant}
          client-id: {client}
          metadata-host: {host}
          ca-file: {ca}
",
        version = pool::version_id("1.0.0"),
        account = world::account(world::ACCOUNT),
        size = pool::SIZE,
        agent = pool::AGENT,
        tenant = world::TENANT,
        client = world::CLIENT,
        host = azure.host(),
        ca = azure.ca.display(),
    )
}

/// `install.sh` of the action in that folder, as a step of a job would run it.
fn install(lab: &Lab<'_>, github: &FakeGitHub, action: &Path, variables: &[(&str, &str)]) -> Result<Finished> {
    let program = Program::new("bash", &lab.dir, "install")
        .arg(action.join("crates/action/install.sh"))
        .env("RUNNER_TEMP", super::aside(lab, "temp")?)
        .env("RUNNER_TOOL_CACHE", super::aside(lab, "cache")?)
        .env("GITHUB_OUTPUT", lab.dir.join("outputs"))
        .env("ACTION_REPOSITORY", REPOSITORY)
        .env("ACTION_REF", TAG);
    let program = github.seen_by(program);
    let program = variables
        .iter()
        .fold(program, |program, (name, value)| program.env(name, value));
    let ended = program.run(LIMIT)?;
    files::write(&lab.dir.join("asked.txt"), github.asked().join("\n"))?;
    Ok(ended)
}

const TROUBLES: [Trouble; 6] = [
    Trouble {
        name: "missing release",
        network: Network::Works,
        archive: Some(Spoilt::Missing),
        variables: &[],
        said: &["there is no file https://github.com/", "AZURE_BATCH_POOL_MIRROR"],
    },
    Trouble {
        name: "wrong checksum",
        network: Network::Works,
        archive: Some(Spoilt::Changed),
        variables: &[],
        said: &["the checksum of azure-batch-pool_", "nothing was run"],
    },
    Trouble {
        name: "failing network",
        network: Network::Fails,
        archive: None,
        variables: &[],
        said: &["cannot download https://github.com/", "HTTPS_PROXY"],
    },
    Trouble {
        name: "private mirror without token",
        network: Network::Works,
        archive: None,
        variables: &[("AZURE_BATCH_POOL_MIRROR", MIRROR)],
        said: &[
            "access to https://mirror.example/pool/",
            "AZURE_BATCH_POOL_MIRROR_TOKEN",
        ],
    },
    Trouble {
        name: "mirror without the file",
        network: Network::Works,
        archive: Some(Spoilt::Missing),
        variables: &[
            ("AZURE_BATCH_POOL_MIRROR", MIRROR),
            ("AZURE_BATCH_POOL_MIRROR_TOKEN", MIRROR_TOKEN),
        ],
        said: &["there is no file https://mirror.example/pool/"],
    },
    Trouble {
        name: "enterprise server without way out",
        network: Network::Fails,
        archive: None,
        variables: &[("GITHUB_SERVER_URL", "https://ghes.example")],
        said: &["this job runs on https://ghes.example, and the releases are on github.com"],
    },
];

pub(super) fn install_tells_every_failure_apart(lab: &Lab<'_>) -> Result {
    let (action, _commit) = release_commit(lab)?;
    let mut texts = BTreeSet::new();
    for trouble in TROUBLES {
        let name = trouble.name;
        let part = lab.part(&name.replace(' ', "_"))?;
        let github = super::github(&part, &[TAG], trouble.archive.map(|how| (".tar.gz", how)))?;
        let github = match trouble.network {
            Network::Works => github,
            Network::Fails => github.gone(),
        };
        let ended = install(&part, &github, &action, trouble.variables)?.ended_with(1)?;
        ensure_says(name, &ended.stdout, &["::error title=azure-batch-pool::"])?;
        ensure_says(name, &ended.stdout, trouble.said)?;
        ensure(!part.dir.join("outputs").exists(), || {
            format!("with {name} a program was handed over")
        })?;
        texts.insert(ended.stdout);
    }
    ensure_equal("different texts", &texts.len(), &TROUBLES.len())
}

pub(super) fn install_takes_a_mirror_with_its_token(lab: &Lab<'_>) -> Result {
    let (action, _commit) = release_commit(lab)?;
    let github = super::github(lab, &[TAG], None)?;
    let mirror = [
        ("AZURE_BATCH_POOL_MIRROR", MIRROR),
        ("AZURE_BATCH_POOL_MIRROR_TOKEN", MIRROR_TOKEN),
        ("GITHUB_SERVER_URL", "https://ghes.example"),
    ];
    let ended = install(lab, &github, &action, &mirror)?.ended_with(0)?;
    ensure_silent("the log", &ended.said(), &[MIRROR_TOKEN])?;
    ensure_silent(
        "what was asked for",
        &github.asked().join("\n"),
        &["github.com", "ghes"],
    )?;
    let outputs = files::read(&lab.dir.join("outputs"))?;
    let program = outputs.trim().trim_start_matches("path=");
    let version = Program::new(program, &lab.dir, "version").arg("--version").run(LIMIT)?;
    ensure_says(
        "the program",
        &version.ended_with(0)?.stdout,
        &[TAG.trim_start_matches('v')],
    )
}
