//! Real Packer with our plugin installed, in a home of its own.
//!
//! It runs commands; templates and what Packer should say to them are up to the cases.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    emulator::LocalAzure,
    failure::Result,
    files,
    lab::Lab,
    process::{Finished, Program, Running},
    tools::OlderPacker,
    world,
};

/// How long a build may take: an emulated publish is over in half a minute, on a busy machine in two.
const BUILD_LIMIT: Duration = Duration::from_secs(240);

/// Packer for one case.
#[derive(Debug)]
pub struct Packer<'a> {
    lab: &'a Lab<'a>,
    program: &'a Path,
    plugins: &'a Path,
    variables: Vec<(String, OsString)>,
    work: PathBuf,
}

impl<'a> Packer<'a> {
    /// Packer that has never heard of any Azure: enough to validate.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn offline(lab: &'a Lab<'a>) -> Result<Self> {
        let work = lab.folder("work")?;
        Ok(Self {
            lab,
            program: &lab.tools.packer,
            plugins: &lab.tools.installed,
            variables: Vec::new(),
            work,
        })
    }

    /// Packer whose templates find the local Azure and its credential in their variables.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn new(lab: &'a Lab<'a>, azure: &LocalAzure) -> Result<Self> {
        let mut packer = Self::offline(lab)?;
        let variables: [(&str, OsString); 6] = [
            ("metadata_host", azure.host().into()),
            ("ca_file", azure.ca.clone().into()),
            ("subscription_id", world::SUBSCRIPTION.into()),
            ("tenant_id", world::TENANT.into()),
            ("client_id", world::CLIENT.into()),
            ("client_secret", world::client_secret(lab)?.into()),
        ];
        packer.variables = variables.map(|(name, value)| (format!("PKR_VAR_{name}"), value)).into();
        Ok(packer)
    }

    /// The same with a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The same with an older Packer, and plugins installed as that one wants them.
    #[must_use]
    pub fn older(mut self, older: &'a OlderPacker, plugins: &'a Path) -> Self {
        (self.program, self.plugins) = (&older.program, plugins);
        self
    }

    /// The folder in which Packer runs and its results lie.
    #[must_use]
    pub fn work(&self) -> &PathBuf {
        &self.work
    }

    /// Writes a template and gives its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn template(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.work.join(name);
        files::write(&path, text)?;
        Ok(path)
    }

    /// Validates a template.
    ///
    /// # Errors
    /// When Packer cannot be run.
    pub fn validate(&self, log: &str, flags: &[&str], template: &Path) -> Result<Finished> {
        self.command(log)
            .arg("validate")
            .args(flags)
            .arg(template)
            .run(BUILD_LIMIT)
    }

    /// Runs a build to its end.
    ///
    /// # Errors
    /// When Packer cannot be run or does not end.
    pub fn build(&self, log: &str, flags: &[&str], template: &Path) -> Result<Finished> {
        self.start_build(log, flags, template)?.wait(BUILD_LIMIT)
    }

    /// Starts a build.
    ///
    /// # Errors
    /// When Packer cannot be run.
    pub fn start_build(&self, log: &str, flags: &[&str], template: &Path) -> Result<Running> {
        self.command(log)
            .args(["build", "-color=false"])
            .args(flags)
            .arg(template)
            .start()
    }

    /// The limit for a build that was started.
    #[must_use]
    pub const fn limit() -> Duration {
        BUILD_LIMIT
    }

    /// Packer itself, for what has no function here.
    #[must_use]
    pub fn command(&self, log: &str) -> Program {
        let home = &self.work;
        Program::new(self.program, &self.lab.dir, log)
            .dir(&self.work)
            .env("HOME", home)
            .env("PACKER_CONFIG_DIR", home)
            .env("PACKER_PLUGIN_PATH", self.plugins)
            .env("CHECKPOINT_DISABLE", "1")
            .env("PACKER_LOG", "1")
            .env("PACKER_LOG_PATH", self.lab.dir.join(format!("{log}.packer-log")))
            .envs(&self.variables)
    }
}
