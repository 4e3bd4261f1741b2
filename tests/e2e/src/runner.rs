//! A real Actions runner (`act`) on this checkout.
//!
//! It runs a workflow and reads what the runner reports; what that should be is up to the cases.

use std::{collections::BTreeSet, ffi::OsString, path::Path, time::Duration};

use serde_json::Value;

use crate::{
    emulator::LocalAzure,
    failure::{Doing as _, Failure, Result, ensure},
    files,
    lab::Lab,
    process::{Finished, Program},
    world,
};

/// How long a workflow may take: a roll-out with one pause of a minute and more before its second round.
const LIMIT: Duration = Duration::from_secs(420);

/// The one kind of machine that jobs may run on. A job that asks for another is skipped by `act`, without a word.
const LABEL: &str = "ubuntu-latest";

/// What the runner reported of a workflow.
#[derive(Clone, Debug)]
pub struct Report {
    /// The runner itself.
    pub ended: Finished,
    lines: Vec<Value>,
}

/// A workflow to run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The checkout that it is part of.
    pub dir: &'a Path,
    /// Its file.
    pub workflow: &'a Path,
    /// The actions that it uses, as `owner/name@ref`, and the folders that take their places.
    pub actions: &'a [(&'a str, &'a Path)],
}

/// What starts a workflow.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its name, as workflows write it under `on`.
    pub name: &'a str,
    /// What GitHub would write into its event file.
    pub file: Option<&'a Path>,
    /// The repository's variables.
    pub variables: &'a [(&'static str, String)],
}

impl Report {
    fn read(ended: Finished) -> Result<Self> {
        let lines: Vec<Value> = ended
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let report = Self { ended, lines };
        // A skipped job ends with exit code 0 and no step.
        let stepped = report.lines.iter().any(|line| line.get("stepResult").is_some());
        ensure(stepped, || {
            format!("the runner has run no step:\n{}", report.ended.said())
        })?;
        Ok(report)
    }

    /// Annotations of that kind (`error`, `warning`, `notice`), with their titles.
    #[must_use]
    pub fn annotations(&self, kind: &str) -> Vec<String> {
        let of_kind = self.lines.iter().filter(|line| text(line, "command") == kind);
        of_kind
            .map(|line| {
                let title = line
                    .pointer("/kvPairs/title")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                format!("{title}: {}", text(line, "arg"))
            })
            .collect()
    }

    /// What the steps printed.
    #[must_use]
    pub fn printed(&self) -> String {
        let raw = self.lines.iter().filter(|line| line.get("raw_output").is_some());
        raw.map(|line| text(line, "msg")).collect()
    }

    /// The job summary.
    #[must_use]
    pub fn summary(&self) -> String {
        // The runner says it once for the composite's own step and once for the action.
        let told = self.lines.iter().rfind(|line| text(line, "command") == "summary");
        told.map(|line| text(line, "content").to_owned()).unwrap_or_default()
    }

    /// The value of an output.
    ///
    /// # Errors
    /// When no step has set it.
    pub fn output(&self, name: &str) -> Result<&str> {
        let set = self
            .lines
            .iter()
            .find(|line| text(line, "command") == "set-output" && text(line, "name") == name);
        set.map(|line| text(line, "arg"))
            .ok_or_else(|| Failure::unexpected(format!("no step has set output {name}")))
    }
}

/// Runs the workflow that makes a pool from a manifest, with our binary and these variables for it.
///
/// # Errors
/// When the runner cannot be run, does not end, or has skipped the job.
pub fn run(lab: &Lab<'_>, azure: &LocalAzure, variables: &[(&str, OsString)]) -> Result<Report> {
    let job = Job {
        dir: &lab.tools.checkout,
        workflow: Path::new(".github/workflows/pool-from-manifest.yml"),
        actions: &[],
    };
    let mut all = vec![("AZURE_BATCH_POOL_BINARY", lab.tools.pool.clone().into())];
    all.extend(variables.iter().cloned());
    start(lab, azure, &job, &all)
}

/// Runs a workflow with these variables for it.
///
/// # Errors
/// When the runner cannot be run, does not end, or has skipped the job.
pub fn start(lab: &Lab<'_>, azure: &LocalAzure, job: &Job<'_>, variables: &[(&str, OsString)]) -> Result<Report> {
    let by_hand = Event {
        name: "workflow_dispatch",
        file: None,
        variables: &[],
    };
    start_by(lab, azure, (job, &by_hand), variables)
}

/// Runs a workflow as that event starts it, with these variables for its steps.
///
/// # Errors
/// When the runner cannot be run, does not end, or has skipped the job.
pub fn start_by(
    lab: &Lab<'_>,
    azure: &LocalAzure,
    (job, event): (&Job<'_>, &Event<'_>),
    variables: &[(&str, OsString)],
) -> Result<Report> {
    let home = lab.folder("runner")?;
    let mut program = Program::new(&lab.tools.act, &lab.dir, "act")
        .dir(job.dir)
        .env("HOME", &home)
        .env("XDG_CACHE_HOME", &home)
        .args([event.name, "--json", "-P", &format!("{LABEL}=-self-hosted")])
        .arg("-W")
        .arg(job.workflow);
    if let Some(file) = event.file {
        program = program.arg("-e").arg(file);
    }
    for (name, value) in event.variables {
        program = program.arg("--var").arg(format!("{name}={value}"));
    }
    for (uses, folder) in job.actions {
        program = program
            .arg("--local-repository")
            .arg(format!("{uses}={}", folder.display()));
    }
    for (name, value) in environment(lab, azure)?.iter().map(|(n, v)| (n.as_str(), v)) {
        program = with_variable(program, name, value);
    }
    for (name, value) in variables {
        program = with_variable(program, name, value);
    }
    let ended = program.run(LIMIT)?;
    remove_checkouts(&home)?;
    forget_masks(&lab.dir.join("act.out"))?;
    let report = Report::read(ended)?;
    files::write(&lab.dir.join("summary.md"), report.summary())?;
    Ok(report)
}

/// Removes the runner's copies of the checkout: no run has made them, and the example's secrets are written there.
fn remove_checkouts(home: &Path) -> Result {
    let copies = files::below(home)?.into_iter().filter_map(|file| {
        let copy = file.ancestors().find(|folder| folder.ends_with("hostexecutor"))?;
        Some(copy.to_owned())
    });
    for copy in copies.collect::<BTreeSet<_>>() {
        std::fs::remove_dir_all(&copy).doing(|| format!("remove {}", copy.display()))?;
    }
    Ok(())
}

/// Drops what only this runner shows: the command by which a step says what is to be masked from then on. GitHub's
/// runner takes it without a trace.
fn forget_masks(log: &Path) -> Result {
    let is_mask = |line: &&str| line.contains("\"command\":\"add-mask\"");
    let text = files::read(log)?;
    files::write(
        log,
        text.lines()
            .filter(|line| !is_mask(line))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// A program's log as GitHub shows it: its runner takes the command by which a secret is masked without a trace.
#[must_use]
pub fn without_masks(log: &str) -> String {
    // A terminal's lines end with `\r\n`, and stay so.
    let lines = log.split_inclusive('\n');
    lines.filter(|line| !line.starts_with("::add-mask::")).collect()
}

fn with_variable(program: Program, name: &str, value: &OsString) -> Program {
    let mut assignment = OsString::from(format!("{name}="));
    assignment.push(value);
    program.arg("--env").arg(assignment)
}

/// What a job on GitHub would find.
fn environment(lab: &Lab<'_>, azure: &LocalAzure) -> Result<Vec<(String, OsString)>> {
    let pairs: [(&str, OsString); 2] = [
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            format!("{}/oidc/token?api-version=2.0", azure.control).into(),
        ),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", world::request_token(lab)?.into()),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line.get(name).and_then(Value::as_str).unwrap_or_default()
}
