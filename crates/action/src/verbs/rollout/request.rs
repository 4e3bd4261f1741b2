//! A roll-out as it was asked for: core's settings, and what only this program knows of.
//!
//! It reads the files that options name and asks no service.

use std::path::{Path, PathBuf};

use azure_batch_core::{
    https::Authorities,
    options::{Verb, notify, pool},
    rollout,
    settings::{
        self, AllPools, Asked, FleetReturnSettings, FleetSettings, MigrationSettings, UnresolvedRollout, Values,
        fault::Fault,
    },
    words,
};

use crate::{
    github::{deployment::DeploymentRequest, runner::Runner},
    inputs,
    values::Given,
    verbs::sign_in::{authorities, missing_permission},
};

/// The roll-out of one pool as it was asked for.
pub type RolloutRequest = Request<UnresolvedRollout>;

/// A roll-out as it was asked for, valid by construction.
#[derive(Debug)]
pub struct Request<Settings> {
    /// What to roll out and where, as whom, and for how long.
    pub asked: Asked<Settings>,
    /// Certificate authorities to trust in addition to the system's.
    pub authorities: Authorities,
    /// The deployment in which GitHub shows it.
    pub deployment: Option<DeploymentRequest>,
}

impl RolloutRequest {
    /// Reads what was given.
    ///
    /// # Errors
    /// All faults, each with the option and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        Self::read_as(given, runner, |values| settings::rollout(values).and_then(checked))
    }
}

impl Request<FleetSettings> {
    /// Reads what was given for many pools.
    ///
    /// # Errors
    /// All faults, each with the option, the line of the file and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        Self::read_as(given, runner, |values| settings::fleet(values).and_then(all_checked))
    }
}

impl Request<MigrationSettings> {
    /// Reads what was given for a pool that moves.
    ///
    /// # Errors
    /// All faults, each with the option and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        Self::read_as(given, runner, settings::migration)
    }
}

impl Request<MigrationSettings<AllPools>> {
    /// Reads what was given for all pools that move.
    ///
    /// # Errors
    /// All faults, each with the option and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        Self::read_as(given, runner, settings::migration_of_all)
    }
}

impl Request<FleetReturnSettings> {
    /// Reads what was given for all pools of a file that go back.
    ///
    /// # Errors
    /// All faults, each with the option, the line of the file and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        Self::read_as(given, runner, settings::fleet_return)
    }
}

impl<Settings> Request<Settings> {
    fn read_as(
        given: &mut Given,
        runner: &Runner,
        read: impl FnOnce(&Values) -> Result<Asked<Settings>, Vec<Fault>>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = given.read_files();
        let asked = read(given.values());
        let asked = asked.map_err(|found| faults.extend(found));
        faults.extend(missing_permission(given, runner));
        let authorities = authorities(given).map_err(|fault| faults.push(fault));
        let deployment = deployment(given, runner, &mut faults);
        match (asked, authorities) {
            (Ok(asked), Ok(authorities)) if faults.is_empty() => Ok(Self {
                asked,
                authorities,
                deployment,
            }),
            _ => Err(faults),
        }
    }
}

/// What was asked for, when its parts and the pool JSON agree.
fn checked(asked: Asked<UnresolvedRollout>) -> Result<Asked<UnresolvedRollout>, Vec<Fault>> {
    rollout::check(&asked.settings).map(|()| asked)
}

/// What was asked for, when the parts of every pool and its JSON agree.
pub(crate) fn all_checked(asked: Asked<FleetSettings>) -> Result<Asked<FleetSettings>, Vec<Fault>> {
    let each = asked
        .settings
        .pools
        .iter()
        .filter_map(|pool| rollout::check(pool).err());
    let faults: Vec<Fault> = each.flatten().collect();
    if faults.is_empty() { Ok(asked) } else { Err(faults) }
}

/// Where the report goes: as said, else into the runner's temporary folder, else nowhere. It needs no valid input, so
/// that a refused run leaves a report too. The file is named after verb, pool and step, since a job may do much; one that
/// is there already gets a number, since all steps of a composite action have the step's name that calls it.
#[must_use]
pub(crate) fn report_path(given: &Given, runner: &Runner) -> Option<PathBuf> {
    free_path(given, runner, Path::exists)
}

fn free_path(given: &Given, runner: &Runner, is_taken: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let in_temp = || {
        let pool = given.text(pool::POOL_ID);
        let verb = Some(given.verb())
            .filter(|verb| *verb != Verb::Rollout)
            .map(inputs::word);
        let parts = ["azure-batch-pool-report"]
            .into_iter()
            .chain(verb)
            .chain(pool)
            .chain(runner.step.as_deref());
        let name = parts.collect::<Vec<_>>().join("-");
        // A pool id that is not usable may hold anything, also what leads out of the folder.
        let is_harmless = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = name.replace(|letter| !is_harmless(letter), "_");
        let folder = runner.temp.as_ref()?;
        let first = folder.join(format!("{name}.json"));
        let more = (2..).map(|number: u32| folder.join(format!("{name}-{number}.json")));
        std::iter::once(first).chain(more).find(|path| !is_taken(path))
    };
    given.text(pool::REPORT_PATH).map(PathBuf::from).or_else(in_temp)
}

fn deployment(given: &Given, runner: &Runner, faults: &mut Vec<Fault>) -> Option<DeploymentRequest> {
    let environment = given.text(pool::DEPLOYMENT_ENVIRONMENT)?;
    if runner.repository.is_none() {
        let text = "there is no repository to show it in; leave it out outside GitHub Actions";
        faults.push(Fault::new(pool::DEPLOYMENT_ENVIRONMENT, text));
    }
    let Some(token) = given.secret(notify::GITHUB_TOKEN) else {
        let text = words![
            "is needed with ",
            pool::DEPLOYMENT_ENVIRONMENT,
            "; pass github.token and give the job deployments: write"
        ];
        faults.push(Fault::new(notify::GITHUB_TOKEN, text));
        return None;
    };
    Some(DeploymentRequest {
        environment: environment.to_owned(),
        token,
    })
}

#[cfg(test)]
mod tests;
