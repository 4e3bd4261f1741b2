//! One judge's place: an Azure of its own, what our tools did in it, and the client with nothing of our environment.
//!
//! Everything is on loopback; a client that asked any other host would find no proxy and no certificate that it trusts.

use std::{path::PathBuf, time::Duration};

use azure_batch_e2e::{
    console::say,
    emulator::{LocalAzure, Start},
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
    process::Program,
    tools::Tools,
    world,
};
use serde_json::Value;

use super::{ours, venv::Venv};
use crate::build::Checkout;

/// By how much the judges' Azure is faster: what takes Azure six minutes is over when a client first asks.
const TIME_SCALE: u32 = 600;

/// How long a judge may take: az needs half a second for each of its hundred commands, on a busy machine twice that.
const LIMIT: Duration = Duration::from_secs(600);

/// The judges that are scripts in `tests/judges`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Sdk,
    Az,
    Sample,
    Schemas,
}

/// One judge's place.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    script: Script,
    lab: Lab<'a>,
    scripts: PathBuf,
}

impl Script {
    /// The name of its file, its folder and its requirements.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sdk => "sdk",
            Self::Az => "az",
            Self::Sample => "sample",
            Self::Schemas => "schemas",
        }
    }
}

impl<'a> Stage<'a> {
    /// A place for that judge.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub(crate) fn new(checkout: &Checkout, tools: &'a Tools, script: Script) -> Result<Self> {
        Ok(Self {
            script,
            lab: Lab::new(tools, script.name())?,
            scripts: checkout.root.join("tests/judges"),
        })
    }

    /// Lets it judge, and gives the number of its checks.
    ///
    /// # Errors
    /// When something is wrong, with the client's own words.
    pub(crate) fn judge(&self) -> Result<u32> {
        let azure = self.azure()?;
        if self.script == Script::Schemas {
            // What it reads must be written before it starts.
            let sent = ours::send_everything(&self.lab, &azure);
            self.lab.keep_journal(&azure)?;
            sent?;
            return self.ask(self.program("sdk")?);
        }
        let is_az = self.script == Script::Az;
        let page = is_az.then(|| self.newcomers_azure()).transpose()?;
        let answer = self.set(&azure).and_then(|()| {
            let mut program = self.client(&azure)?;
            if let Some(page) = &page {
                program = program
                    .env("JUDGE_PAGE_ENDPOINT", &page.endpoint)
                    .env("JUDGE_PAGE_CA", &page.ca);
            }
            self.ask(program)
        });
        self.lab.keep_journal(&azure)?;
        answer
    }

    /// The emulator of a newcomer, started as `docs/emulator.md` says, on other ports.
    fn newcomers_azure(&self) -> Result<LocalAzure> {
        let start = Start {
            binary: &self.lab.tools.emulator,
            dir: &self.lab.dir.join("page-azure"),
            seed: world::example(&self.lab)?,
            time_scale: 60,
        };
        LocalAzure::start_with(&start, &["--retry-after", "1"])
    }

    fn azure(&self) -> Result<LocalAzure> {
        let mut seed = world::example(&self.lab)?;
        let more = files::read_json(&self.scripts.join("world.json"))?;
        if let (Some(fields), Value::Object(more)) = (seed.as_object_mut(), more) {
            fields.extend(more);
        }
        if self.script == Script::Sample {
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
        // az waits 30 seconds between polls unless the service names a pause; the judge names one to the SDKs.
        let flags: &[&str] = match self.script {
            Script::Az | Script::Sample => &["--retry-after", "1"],
            Script::Sdk | Script::Schemas => &[],
        };
        LocalAzure::start_with(&start, flags)
    }

    /// What our tools do before the judge looks.
    fn set(&self, azure: &LocalAzure) -> Result {
        ours::publish(&self.lab, azure)?;
        if self.script == Script::Sample {
            ours::roll_out_sample(&self.lab, azure)
        } else {
            ours::roll_out(&self.lab, azure, 2)
        }
    }

    fn client(&self, azure: &LocalAzure) -> Result<Program> {
        let program = self
            .program(self.script.name())?
            .env("JUDGE_ENDPOINT", &azure.endpoint)
            .env("JUDGE_CONTROL", &azure.control)
            .env("JUDGE_CA", &azure.ca);
        match self.script {
            Script::Az => Ok(program
                .env("JUDGE_AZ", Venv::of(&self.scripts, "az")?.program("az"))
                .env("JUDGE_SDK_PYTHON", Venv::of(&self.scripts, "sdk")?.python())
                .env("JUDGE_PAGE", self.lab.tools.checkout.join("docs/emulator.md"))),
            Script::Sample => Ok(program
                .env("JUDGE_AZ", Venv::of(&self.scripts, "az")?.program("az"))
                .env("JUDGE_SDK_PYTHON", Venv::of(&self.scripts, "sdk")?.python())),
            Script::Sdk | Script::Schemas => Ok(program),
        }
    }

    /// The judge's script in an environment where a home, a proxy or a credential of ours cannot be found.
    fn program(&self, requirements: &str) -> Result<Program> {
        let tools = self.lab.tools;
        let python = Venv::of(&self.scripts, requirements)?.python();
        Ok(Program::new(python, &self.lab.dir, "judge")
            .dir(&self.lab.dir)
            .arg("-B")
            .arg(self.scripts.join(format!("{}.py", self.script.name())))
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
            return count(self.script, &finished.stdout);
        }
        Err(Failure::unexpected(format!(
            "the judge {} is not content:\n{}",
            self.script.name(),
            finished.stderr
        )))
    }
}

/// The number in a judge's last line, `NAME: N passed, 0 failed`.
fn count(script: Script, stdout: &str) -> Result<u32> {
    let last = stdout.lines().last().unwrap_or_default();
    let number = last
        .strip_prefix(script.name())
        .and_then(|rest| rest.strip_prefix(": "))
        .and_then(|rest| rest.strip_suffix(" passed, 0 failed"))
        .and_then(|number| number.parse().ok());
    let number =
        number.ok_or_else(|| Failure::unexpected(format!("{} did not say its count: {last:?}", script.name())))?;
    ensure(number > 0, || format!("{} checked nothing", script.name()))?;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_counts_nothing_or_fails_does_not_pass() {
        for (last, wanted) in [
            ("sdk: 7 passed, 0 failed", Some(7)),
            ("sdk: 7 passed, 1 failed", None),
            ("sdk: 0 passed, 0 failed", None),
            ("az: 7 passed, 0 failed", None),
            ("", None),
        ] {
            assert_eq!(count(Script::Sdk, &format!("first\n{last}\n")).ok(), wanted, "{last}");
        }
    }
}
