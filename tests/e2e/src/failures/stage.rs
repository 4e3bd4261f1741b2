//! How one failure is played: on a terminal of 80 columns, and as a step of a GitHub job.
//!
//! It starts a local Azure for each of the two, so that neither sees what the other has left.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::Scene;
use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure},
    files,
    lab::Lab,
    pool::{self, LIMIT},
    process::{Finished, Program, Signal},
    runner::without_masks,
    terminal::{Recording, USUAL},
    time::wait_for,
    world,
};

/// How long a pool may take to appear.
const POOL_LIMIT: Duration = Duration::from_secs(60);

/// What a step shows once Ctrl-C may be typed.
const RESIZING: &str = "● resize";

/// The roll-out that is to fail.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is in Azure.
    pub seed: Value,
    /// What Azure does wrong.
    pub faults: Value,
    /// What is given, by the names of the Action's inputs.
    pub given: BTreeMap<String, String>,
    /// What the program finds in its environment.
    pub variables: BTreeMap<String, String>,
    /// What an earlier run was given, if there was one.
    pub earlier: Option<BTreeMap<String, String>>,
    /// Whether it is stopped.
    pub stop: Stop,
}

/// Whether a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It ends by itself.
    Never,
    /// While the pool is resized.
    WhileResizing,
}

/// What was shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What stands on the terminal in the end.
    pub terminal: String,
    /// The job summary.
    pub summary: String,
    /// The workflow commands of errors and warnings.
    pub annotations: String,
}

/// Where a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Terminal,
    Runner,
}

impl Stage {
    fn new(lab: &Lab<'_>) -> Result<Self> {
        let given = [
            ("image-version", pool::version_id("1.0.0")),
            ("account", world::account(world::ACCOUNT)),
            ("pool-id", pool::POOL.to_owned()),
            ("vm-size", pool::SIZE.to_owned()),
            ("node-agent-sku-id", pool::AGENT.to_owned()),
            ("target-dedicated-nodes", "20".to_owned()),
            ("tenant-id", world::TENANT.to_owned()),
            ("client-id", world::CLIENT.to_owned()),
        ];
        Ok(Self {
            seed: pool::with_versions(lab, &["1.0.0", "1.1.0"])?,
            faults: json!([]),
            given: given.map(|(name, value)| (name.to_owned(), value)).into(),
            variables: BTreeMap::from([("AZURE_CLIENT_SECRET".to_owned(), world::client_secret(lab)?)]),
            earlier: None,
            stop: Stop::Never,
        })
    }

    /// Gives an option another value.
    pub fn give(&mut self, name: &str, value: &str) {
        self.given.insert(name.to_owned(), value.to_owned());
    }

    /// Gives the application these rights alone, on everything in the group.
    pub fn allow_only(&mut self, actions: &[&str]) {
        let scope = format!("/subscriptions/{}/resourceGroups/{}", world::SUBSCRIPTION, world::GROUP);
        let assignment = json!({ "application": world::CLIENT, "scope": scope, "actions": actions });
        if let Some(seed) = self.seed.as_object_mut() {
            seed.insert("roleAssignments".to_owned(), json!([assignment]));
        }
    }

    /// Lets the resize of the pool end so.
    pub fn fail_resize(&mut self, mut fault: Value) {
        if let Some(fields) = fault.as_object_mut() {
            let target = format!("{}/{}", world::ACCOUNT, pool::POOL);
            fields.insert("target".to_owned(), target.into());
            fields.insert("occurrence".to_owned(), "every".into());
        }
        self.faults = json!([fault]);
    }

    /// The program with what is given: as flags, or as a runner hands on the inputs of the Action.
    fn program(
        &self,
        (lab, azure): (&Lab<'_>, &LocalAzure),
        given: &BTreeMap<String, String>,
        (place, log): (Place, &str),
    ) -> Program {
        let mut given = given.clone();
        let also = [
            ("metadata-host", azure.host().to_owned()),
            ("ca-file", azure.ca.display().to_string()),
        ];
        for (name, value) in also {
            given.entry(name.to_owned()).or_insert(value);
        }
        given.retain(|_, value| !value.is_empty());
        let mut program = Program::new(&lab.tools.pool, &lab.dir, log)
            .dir(&lab.dir)
            .arg("rollout");
        for (name, value) in &self.variables {
            program = program.env(name, value.replace("{control}", &azure.control));
        }
        for (name, value) in &given {
            program = match place {
                Place::Terminal => program.arg(format!("--{name}")).arg(value),
                Place::Runner => program.env(&format!("INPUT_{}", name.to_uppercase().replace('-', "_")), value),
            };
        }
        match place {
            Place::Terminal => program,
            Place::Runner => program
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_STEP_SUMMARY", summary_of(lab)),
        }
    }

    fn run(&self, lab: &Lab<'_>, place: Place) -> Result<Finished> {
        let azure = lab.azure(self.seed.clone())?;
        if let Some(earlier) = &self.earlier {
            let program = self.program((lab, &azure), earlier, (Place::Terminal, "earlier"));
            program.run(LIMIT)?.ended_with(0)?;
        }
        azure.add_faults(&self.faults)?;
        let program = self.program((lab, &azure), &self.given, (place, "run"));
        let ended = match (place, self.stop) {
            (Place::Terminal, stop) => {
                let trigger = if stop == Stop::Never { "" } else { RESIZING };
                program.on_a_terminal(&lab.tools.checkout, USUAL, trigger).run(LIMIT)?
            }
            (Place::Runner, Stop::Never) => program.run(LIMIT)?,
            (Place::Runner, Stop::WhileResizing) => {
                let running = program.start()?;
                wait_for("the pool", POOL_LIMIT, || {
                    Ok((azure.journal()?.count("POST", &["/pools"]) > 0).then_some(()))
                })?;
                running.signal(Signal::Interrupt)?;
                running.wait(LIMIT)?
            }
        };
        lab.keep_journal(&azure)?;
        Ok(ended)
    }
}

impl Shown {
    fn write(&self, folder: &Path, name: &str) -> Result {
        files::write(&folder.join(format!("{name}.terminal.txt")), &self.terminal)?;
        files::write(&folder.join(format!("{name}.summary.md")), &self.summary)?;
        files::write(&folder.join(format!("{name}.annotation.txt")), &self.annotations)
    }
}

/// Plays a scene in a folder of its own.
pub(super) fn play(lab: &Lab<'_>, scene: Scene) -> Result<Shown> {
    let mut stage = Stage::new(lab)?;
    (scene.prepare)(&mut stage)?;
    let terminal = {
        let lab = lab.part(&format!("{}-terminal", scene.name))?;
        let ended = stage.run(&lab, Place::Terminal)?.ended_with(scene.exit_code)?;
        Recording::new(&ended.stdout, USUAL).screen().join("\n")
    };
    let runner = lab.part(&format!("{}-runner", scene.name))?;
    let ended = stage.run(&runner, Place::Runner)?.ended_with(scene.exit_code)?;
    files::write(&runner.dir.join("run.out"), without_masks(&ended.stdout))?;
    let shown = Shown {
        terminal,
        summary: files::read(&summary_of(&runner))?,
        annotations: annotations(&ended.stdout),
    };
    ensure(!shown.annotations.is_empty(), || {
        format!("{} has no annotation:\n{}", scene.name, ended.stdout)
    })?;
    shown.write(&lab.dir, scene.name)?;
    Ok(shown)
}

fn summary_of(lab: &Lab<'_>) -> PathBuf {
    lab.dir.join("summary.md")
}

/// The annotations as GitHub shows them: the title, then the text.
fn annotations(stdout: &str) -> String {
    let commands = stdout
        .lines()
        .filter(|line| line.starts_with("::error ") || line.starts_with("::warning "));
    let readable = |line: &str| {
        let line = line.replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
        line.replace("%25", "%").replacen("::", "", 1).replacen("::", "\n", 1)
    };
    commands.map(readable).collect::<Vec<_>>().join("\n\n")
}
