//! A roll-out as it was asked for: core's settings, and what only this program knows of.
//!
//! It reads the files that options name and asks no service.

use std::path::PathBuf;

use azure_batch_core::{
    error::Error,
    https::Authorities,
    options::{Opt, pool, sign_in},
    rollout,
    settings::{self, Asked, RolloutSettings, fault::Fault},
    words,
};
use secrecy::SecretString;

use crate::{
    github::runner::{Log, Runner},
    values::Given,
};

/// A roll-out as it was asked for, valid by construction.
#[derive(Debug)]
pub struct RolloutRequest {
    /// What to roll out and where, as whom, and for how long.
    pub asked: Asked<RolloutSettings>,
    /// Certificate authorities to trust in addition to the system's.
    pub authorities: Authorities,
    /// The deployment in which GitHub shows it.
    pub deployment: Option<DeploymentRequest>,
}

/// A deployment that was asked for.
#[derive(Debug)]
pub struct DeploymentRequest {
    /// The environment's name.
    pub environment: String,
    /// The token to write it with.
    pub token: SecretString,
}

/// The ways to sign in as an application. Without any of them a job needs the right to ask GitHub for a token.
const WAYS: [&Opt; 4] = [
    sign_in::CLIENT_SECRET,
    sign_in::CLIENT_JWT,
    sign_in::OIDC_REQUEST_URL,
    sign_in::FEDERATED_TOKEN_FILE,
];

impl RolloutRequest {
    /// Reads what was given.
    ///
    /// # Errors
    /// All faults, each with the option and the remedy.
    pub fn read(given: &mut Given, runner: &Runner) -> Result<Self, Vec<Fault>> {
        let mut faults = given.read_files();
        let asked = settings::rollout(given.values()).and_then(checked);
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
fn checked(asked: Asked<RolloutSettings>) -> Result<Asked<RolloutSettings>, Vec<Fault>> {
    rollout::check(&asked.settings).map(|()| asked)
}

/// Where the report goes: as said, else into the runner's temporary folder, else nowhere. It needs no valid input, so
/// that a refused run leaves a report too. The file is named after pool and step, since a job may roll out many times.
#[must_use]
pub(super) fn report_path(given: &Given, runner: &Runner) -> Option<PathBuf> {
    let in_temp = || {
        let pool = given.text(pool::POOL_ID);
        let parts = ["azure-batch-pool-report"]
            .into_iter()
            .chain(pool)
            .chain(runner.step.as_deref());
        let name = parts.collect::<Vec<_>>().join("-");
        // A pool id that is not usable may hold anything, also what leads out of the folder.
        let is_harmless = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = name.replace(|letter| !is_harmless(letter), "_");
        Some(runner.temp.as_ref()?.join(format!("{name}.json")))
    };
    given.text(pool::REPORT_PATH).map(PathBuf::from).or_else(in_temp)
}

/// The commonest mistake of a workflow: the job names an application and may not ask GitHub for its identity token.
/// A managed identity is not meant, since that takes no tenant.
fn missing_permission(given: &Given, runner: &Runner) -> Option<Fault> {
    let has = |opt| given.text(opt).is_some();
    let by_az = given
        .text(sign_in::USE_AZURE_CLI_AUTH)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let names_application = has(sign_in::TENANT_ID) && has(sign_in::CLIENT_ID);
    let has_way = by_az || WAYS.iter().any(|way| given.values().has(way));
    (runner.log == Log::Workflow && names_application && !has_way).then(|| {
        let text = words![
            "this job may not ask GitHub for the token that the application trusts: give the job `permissions: id-token: \
             write`, or give another way to sign in; for a managed identity leave out ",
            sign_in::TENANT_ID
        ];
        Fault::new(sign_in::CLIENT_ID, text)
    })
}

fn authorities(given: &Given) -> Result<Authorities, Fault> {
    let Some(path) = given.text(sign_in::CA_FILE) else {
        return Ok(Authorities::default());
    };
    Authorities::of_file(path.as_ref()).map_err(|error| Fault::new(sign_in::CA_FILE, in_one_line(&error)))
}

/// A fault is one line: the error, its causes, and what to do.
fn in_one_line(error: &Error) -> String {
    error
        .report()
        .replace("\n  caused by: ", ": ")
        .replace("\n  hint: ", "; ")
}

fn deployment(given: &Given, runner: &Runner, faults: &mut Vec<Fault>) -> Option<DeploymentRequest> {
    let environment = given.text(pool::DEPLOYMENT_ENVIRONMENT)?;
    if runner.repository.is_none() {
        let text = "there is no repository to show it in; leave it out outside GitHub Actions";
        faults.push(Fault::new(pool::DEPLOYMENT_ENVIRONMENT, text));
    }
    let Some(token) = given.secret(pool::GITHUB_TOKEN) else {
        let text = words![
            "is needed with ",
            pool::DEPLOYMENT_ENVIRONMENT,
            "; pass github.token and give the job deployments: write"
        ];
        faults.push(Fault::new(pool::GITHUB_TOKEN, text));
        return None;
    };
    Some(DeploymentRequest {
        environment: environment.to_owned(),
        token,
    })
}

#[cfg(test)]
mod tests;
