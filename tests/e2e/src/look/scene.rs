//! One thing that a person does with one of our programs, on a local Azure of its own, as it is seen in one place.
//!
//! The list of scenes is in `scenes`; what a view must be like is up to the cases.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
    pool::{self, AGENT, POOL, SIZE},
    process::{Finished, Program, Signal},
    runner,
    terminal::Size,
    time::wait_for,
    world,
};

/// How long a scene may take: a change in place that goes back needs half a minute where time passes faster, and the
/// machine may be busy.
const LIMIT: Duration = Duration::from_secs(300);

/// How long until a scene has come to the place where it is stopped.
const PLACE_LIMIT: Duration = Duration::from_secs(120);

/// The versions that there are in every scene.
const VERSIONS: [&str; 4] = ["0.8.0", "0.9.0", "1.0.0", "1.0.1"];

/// Which program a person runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// `azure-batch-pool`.
    Pool,
    /// `packer-plugin-azure-batch` as a command line; it is no Action and has flags everywhere.
    Image,
}

/// What a person types.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    program: Which,
    verb: &'static str,
    /// By name, without hyphens in front.
    options: Vec<(&'static str, String)>,
    /// What only a command line can have.
    more: Vec<&'static str>,
}

/// A scene: what there is, what goes wrong, what is typed, how it ends.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    before: Vec<Deed>,
    meanwhile: Option<Deed>,
    faults: Value,
    /// The dedicated cores that the account may use, where they matter.
    cores: Option<u32>,
    deed: Deed,
    code: i32,
    /// Pools on a managed image that are there from the beginning, each with its nodes.
    on_managed_image: &'static [(&'static str, u32)],
    /// A file of pools, in the folder where the deed is done.
    pool_file: Option<&'static str>,
    /// Once this has been shown, the run is asked to stop. Empty: it never is.
    stop_after: &'static str,
}

/// Where a scene is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// In a file, or in the log of a CI that we do not know.
    Pipe,
    /// In a step of GitHub's runner.
    GitHub,
    /// On a terminal.
    Terminal(Size),
}

/// What was seen.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) name: &'static str,
    /// Both ends of the program, in their order; of a terminal, all that it was sent.
    pub(super) log: String,
    /// The job summary; empty when there is none.
    pub(super) summary: String,
}

impl Deed {
    /// A verb on the pool of the scenes.
    pub(super) fn of_pool(verb: &'static str) -> Self {
        let options = vec![
            ("account", world::account(world::ACCOUNT)),
            ("pool-id", POOL.to_owned()),
        ];
        Self {
            program: Which::Pool,
            verb,
            options,
            more: Vec::new(),
        }
    }

    /// A verb on images.
    pub(super) fn of_image(verb: &'static str) -> Self {
        Self {
            program: Which::Image,
            verb,
            options: Vec::new(),
            more: Vec::new(),
        }
    }

    /// A roll-out of that version to so many nodes.
    pub(super) fn rollout(version: &str, nodes: u32) -> Self {
        Self::of_pool("rollout")
            .with("image-version", &pool::version_id(version))
            .with("vm-size", SIZE)
            .with("node-agent-sku-id", AGENT)
            .with("target-dedicated-nodes", &nodes.to_string())
    }

    /// The same options for another verb.
    pub(super) fn by(self, verb: &'static str) -> Self {
        Self { verb, ..self }
    }

    /// The same with an option, which takes the place of the one of that name.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value.to_owned()));
        self
    }

    /// The same without an option.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.options.retain(|(known, _)| *known != name);
        self
    }

    /// The same with what only a command line can have.
    pub(super) fn and(mut self, arguments: &[&'static str]) -> Self {
        self.more.extend(arguments);
        self
    }

    /// The program, for flags or for inputs.
    fn program(&self, lab: &Lab<'_>, azure: &LocalAzure, log: &str, view: View) -> Result<Program> {
        let binary = match self.program {
            Which::Pool => &lab.tools.pool,
            Which::Image => &lab.tools.plugin,
        };
        let program = Program::new(binary, &lab.dir, log)
            .dir(&lab.dir)
            .arg(self.verb)
            .env("AZURE_SUBSCRIPTION_ID", world::SUBSCRIPTION)
            .env("AZURE_CLIENT_SECRET", world::client_secret(lab)?)
            .env("AZURE_TENANT_ID", world::TENANT)
            .env("AZURE_CLIENT_ID", world::CLIENT)
            .env("ARM_METADATA_HOST", azure.host())
            .env("SSL_CERT_FILE", &azure.ca)
            .in_faster_time()?;
        let by_flags = view != View::GitHub || self.program == Which::Image;
        let program = match by_flags {
            true => program.args(self.options.iter().map(|(name, value)| format!("--{name}={value}"))),
            false => self
                .options
                .iter()
                .fold(on_a_runner(program, lab), |program, (name, value)| {
                    let variable = format!("INPUT_{}", name.to_ascii_uppercase().replace('-', "_"));
                    program.env(&variable, value)
                }),
        };
        Ok(program.args(&self.more))
    }
}

impl Scene {
    /// A deed that ends with that exit code.
    pub(super) fn new(name: &'static str, deed: Deed, code: i32) -> Self {
        Self {
            name,
            before: Vec::new(),
            meanwhile: None,
            faults: json!([]),
            cores: None,
            deed,
            code,
            on_managed_image: &[],
            pool_file: None,
            stop_after: "",
        }
    }

    /// The same after another one has ended well.
    pub(super) fn after(mut self, deed: Deed) -> Self {
        self.before.push(deed);
        self
    }

    /// The same while another one is under way.
    pub(super) fn beside(mut self, deed: Deed) -> Self {
        self.meanwhile = Some(deed);
        self
    }

    /// The same with faults, from when all that comes before has ended.
    pub(super) fn faults(mut self, faults: Value) -> Self {
        self.faults = faults;
        self
    }

    /// The same where the account may use so many dedicated cores only.
    pub(super) fn cores(mut self, cores: u32) -> Self {
        self.cores = Some(cores);
        self
    }

    /// The same where there are pools on a managed image, of which version 1.0.0 was made.
    pub(super) fn on_managed_image(mut self, pools: &'static [(&'static str, u32)]) -> Self {
        self.on_managed_image = pools;
        self
    }

    /// The same with a file of pools, which lies there as `pools.yml`.
    pub(super) fn pools(mut self, file: &'static str) -> Self {
        self.pool_file = Some(file);
        self
    }

    /// The same, stopped once this has been shown.
    pub(super) fn stopped_after(mut self, shown: &'static str) -> Self {
        self.stop_after = shown;
        self
    }

    /// Plays it in a part of the lab.
    pub(super) fn play(&self, lab: &Lab<'_>, view: View) -> Result<Played> {
        let lab = lab.part(&format!("{}-{}", self.name, view.name()))?;
        let azure = lab.azure(self.seed(&lab)?)?;
        for (number, deed) in self.before.iter().enumerate() {
            let before = deed.program(&lab, &azure, &format!("before-{number}"), View::Pipe)?;
            before.run(LIMIT)?.ended_with(0)?;
        }
        if let Some(pools) = self.pool_file {
            lab.file("pools.yml", pools)?;
        }
        azure.add_faults(&self.faults)?;
        let meanwhile = match &self.meanwhile {
            Some(deed) => {
                let other = deed.program(&lab, &azure, "meanwhile", View::Pipe)?.start()?;
                wait_for("the other run's pool", PLACE_LIMIT, || {
                    Ok((azure.journal()?.count("POST", &["/pools"]) > 0).then_some(()))
                })?;
                Some(other)
            }
            None => None,
        };
        let program = self.deed.program(&lab, &azure, "log", view)?;
        let ended = match view {
            View::Terminal(size) => {
                let program = program.on_a_terminal(&lab.tools.checkout, size, self.stop_after);
                program.run(LIMIT)?
            }
            View::Pipe | View::GitHub => self.run(program)?,
        };
        forget_masks(&lab)?;
        let ended = ended.ended_with(self.code)?;
        if let Some(other) = meanwhile {
            other.wait(LIMIT)?.ended_with(0)?;
        }
        let summary = lab.dir.join("summary.md");
        Ok(Played {
            name: self.name,
            log: runner::without_masks(&ended.stdout),
            summary: if summary.exists() {
                files::read(&summary)?
            } else {
                String::new()
            },
        })
    }

    fn run(&self, program: Program) -> Result<Finished> {
        let both = ["-c", "exec \"$@\" 2>&1", "sh"].map(str::to_owned);
        let running = program.run_by("sh", &both).start()?;
        if !self.stop_after.is_empty() {
            wait_for(self.stop_after, PLACE_LIMIT, || {
                Ok(running.stdout()?.contains(self.stop_after).then_some(()))
            })?;
            running.signal(Signal::Interrupt)?;
        }
        running.wait(LIMIT)
    }

    fn seed(&self, lab: &Lab<'_>) -> Result<Value> {
        let mut seed = match self.on_managed_image {
            [] => pool::with_versions(lab, &VERSIONS)?,
            pools => pool::on_managed_image(lab, pools)?,
        };
        if let Some(cores) = self.cores {
            let account = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut);
            let account = account.ok_or_else(|| Failure::unexpected("the example has no Batch account"))?;
            account.insert("quotas".to_owned(), json!({ "dedicatedCores": cores }));
        }
        Ok(seed)
    }
}

impl View {
    /// Its name, in the names of files.
    pub(super) fn name(self) -> String {
        match self {
            Self::Pipe => "pipe".to_owned(),
            Self::GitHub => "github".to_owned(),
            Self::Terminal(size) => format!("terminal-{}", size.name()),
        }
    }
}

/// What GitHub's runner gives to a step.
fn on_a_runner(program: Program, lab: &Lab<'_>) -> Program {
    program
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", lab.dir.join("summary.md"))
        .env("GITHUB_OUTPUT", lab.dir.join("outputs.txt"))
        .env("RUNNER_TEMP", &lab.dir)
}

/// Plays scenes side by side.
pub(super) fn play_all(lab: &Lab<'_>, scenes: &[(Scene, View)]) -> Result<Vec<Played>> {
    side_by_side(scenes.iter().map(|(scene, view)| {
        let name = format!("{} ({})", scene.name, view.name());
        (name, move || scene.play(lab, *view))
    }))
}

/// Runs works side by side, each of which waits for its Azure most of the time, and names all that fail.
pub(super) fn side_by_side<T: Send>(
    works: impl Iterator<Item = (String, impl FnOnce() -> Result<T> + Send)>,
) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let running: Vec<_> = works.map(|(name, work)| (name, scope.spawn(work))).collect();
        let mut done = Vec::new();
        let mut failed = Vec::new();
        for (name, work) in running {
            match work.join() {
                Ok(Ok(result)) => done.push(result),
                Ok(Err(failure)) => failed.push(format!("{name}: {}", failure.report())),
                Err(_panic) => failed.push(format!("{name}: panicked")),
            }
        }
        ensure(failed.is_empty(), || failed.join("\n"))?;
        Ok(done)
    })
}

fn forget_masks(lab: &Lab<'_>) -> Result {
    let path = lab.dir.join("log.out");
    files::write(&path, runner::without_masks(&files::read(&path)?))
}
