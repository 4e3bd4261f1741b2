//! One judge's place: an Azure of its own, what our tools did in it, and the client with nothing of our environment.
//!
//! Everything is on loopback; a client that asked any other host would find no proxy and no certificate that it trusts.

use std::{path::PathBuf, time::Duration};

use azure_batch_e2e::{
    console::say,
    emulator::{LocalAzure, Start},
    failure::{Failure, Result},
    files,
    lab::Lab,
    process::Program,
    tools::Tools,
    world,
};
use serde_json::Value;

use super::{Judge, count, ours, venv::Venv};
use crate::build::Checkout;

/// By how much the judges' Azure is faster: what takes Azure six minutes is over when a client first asks.
const TIME_SCALE: u32 = 600;

/// How long a judge may take: az needs half a second for each of its hundred commands, on a busy machine twice that.
const LIMIT: Duration = Duration::from_secs(600);

/// One judge's place.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    judge: Judge,
    lab: Lab<'a>,
    scripts: PathBuf,
}

impl<'a> Stage<'a> {
    /// A place for that judge.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub(crate) fn new(checkout: &Checkout, tools: &'a Tools, judge: Judge) -> Result<Self> {
        Ok(Self {
            judge,
            lab: Lab::new(tools, judge.name())?,
            scripts: checkout.root.join("tests/judges"),
        })
    }

    /// Lets it judge, and gives the number of its checks.
    ///
    /// # Errors
    /// When something is wrong, with the client's own words.
    pub(crate) fn judge(&self) -> Result<u32> {
        let azure = self.azure()?;
        if self.judge == Judge::Schemas {
            // What it reads must be written before it starts.
            let sent = ours::send_everything(&self.lab, &azure);
            self.lab.keep_journal(&azure)?;
            sent?;
            return self.ask(self.program("sdk")?);
        }
        let answer = self.set(&azure).and_then(|()| self.ask(self.client(&azure)?));
        self.lab.keep_journal(&azure)?;
        answer
    }

    fn azure(&self) -> Result<LocalAzure> {
        let mut seed = world::example(&self.lab)?;
        let more = files::read_json(&self.scripts.join("world.json"))?;
        if let (Some(fields), Value::Object(more)) = (seed.as_object_mut(), more) {
            fields.extend(more);
        }
        if self.judge == Judge::Sample {
            // The instructions are of 2021: their VM size boots nothing newer.
            if let Some(generation) = seed.pointer_mut("/vms/0/generation") {
                *generation = "V1".into();
            }
        }
        let start = Start {
            binary: &self.lab.tools.emulator,
            dir: &self.lab.dir.join("azure"),
            seed,
            time_scale: TIME_SCALE,
        };
        // az waits 30 seconds between polls when nothing tells it otherwise; the SDKs are told by the judge.
        let flags: &[&str] = match self.judge {
            Judge::Az | Judge::Sample => &["--retry-after", "1"],
            Judge::Sdk | Judge::Arm | Judge::Schemas => &[],
        };
        LocalAzure::start_with(&start, flags)
    }

    /// What our tools do before the judge looks.
    fn set(&self, azure: &LocalAzure) -> Result {
        ours::publish(&self.lab, azure)?;
        if self.judge == Judge::Sample {
            ours::roll_out_sample(&self.lab, azure)
        } else {
            ours::roll_out(&self.lab, azure, 2)
        }
    }

    fn client(&self, azure: &LocalAzure) -> Result<Program> {
        let program = self
            .program(self.judge.name())?
            .env("JUDGE_ENDPOINT", &azure.endpoint)
            .env("JUDGE_CONTROL", &azure.control)
            .env("JUDGE_CA", &azure.ca);
        match self.judge {
            Judge::Az => Ok(program
                .env("JUDGE_AZ", Venv::of(&self.scripts, "az")?.program("az"))
                .env("JUDGE_PAGE", self.lab.tools.checkout.join("docs/emulator.md"))),
            Judge::Sample => Ok(program
                .env("JUDGE_AZ", Venv::of(&self.scripts, "az")?.program("az"))
                .env("JUDGE_SDK_PYTHON", Venv::of(&self.scripts, "sdk")?.python())),
            Judge::Sdk | Judge::Arm | Judge::Schemas => Ok(program),
        }
    }

    /// The judge's script in an environment where a home, a proxy or a credential of ours cannot be found.
    fn program(&self, requirements: &str) -> Result<Program> {
        let tools = self.lab.tools;
        let python = Venv::of(&self.scripts, requirements)?.python();
        Ok(Program::new(python, &self.lab.dir, "judge")
            .dir(&self.lab.dir)
            .arg("-B")
            .arg(self.scripts.join(format!("{}.py", self.judge.name())))
            .env("HOME", &self.lab.dir)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("JUDGE_FOLDER", &self.lab.dir)
            .env("JUDGE_RESULTS", &tools.results)
            .env("JUDGE_SEED", tools.checkout.join("tests/emulator/seeds/example.json")))
    }

    fn ask(&self, program: Program) -> Result<u32> {
        let finished = program.run(LIMIT)?;
        for line in finished.stdout.lines() {
            say(line);
        }
        if finished.code == 0 {
            return count(self.judge, &finished.stdout);
        }
        Err(Failure::unexpected(format!(
            "the judge {} is not content:\n{}",
            self.judge.name(),
            finished.stderr
        )))
    }
}
