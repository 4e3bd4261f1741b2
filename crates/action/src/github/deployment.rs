//! The deployment in which GitHub shows a roll-out: begun, in progress, ended.
//!
//! Each request is sent once and within seconds; the caller turns a failure into a warning.

use azure_batch_core::https::Https;
use octocrab::Octocrab;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{ApiAddress, Refusal, Unprotected, answer},
    runner::Repository,
};
use crate::report::Report;

/// GitHub refuses descriptions with more letters.
const LONGEST_DESCRIPTION: usize = 140;

/// A deployment that was asked for.
#[derive(Debug)]
pub struct DeploymentRequest {
    /// The environment's name.
    pub environment: String,
    /// The token to write it with.
    pub token: SecretString,
}

/// A deployment that was begun.
#[derive(Debug)]
pub struct Deployment {
    github: Octocrab,
    /// Where its statuses go.
    route: String,
    environment: String,
    run_url: Option<String>,
}

/// Why GitHub does not show a roll-out.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The token would leave unprotected.
    #[error(transparent)]
    Unprotected(#[from] Unprotected),
    /// GitHub refused, or was not there. Its text is part of the sentence, since it is shown in one line.
    #[error("cannot {doing} in environment {environment}: {reason}; does the job have deployments: write?")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// The environment.
        environment: String,
        /// The reason.
        reason: Refusal,
    },
}

/// What we use of GitHub's answer.
#[derive(Deserialize)]
struct Begun {
    id: u64,
}

/// The states that we set.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    InProgress,
    Success,
    Failure,
    Error,
}

impl Deployment {
    /// Creates a deployment of the run's commit and sets it in progress.
    ///
    /// # Errors
    /// When GitHub does not do so.
    pub async fn begin(
        wanted: &DeploymentRequest,
        repository: &Repository,
        https: &Https,
        description: &str,
    ) -> Result<Self, DeploymentError> {
        let address = ApiAddress::parse(&repository.api_url)?;
        let refused = |reason| refusal("create a deployment", &wanted.environment, reason);
        let github = address.open(Some(&wanted.token), https).map_err(refused)?;
        let deployments = format!("/repos/{}/{}/deployments", repository.owner, repository.name);
        let body = deployment_body(&repository.sha, &wanted.environment, description);
        let begun: Begun = post(&github, &deployments, &body).await.map_err(refused)?;
        let deployment = Self {
            github,
            route: format!("{deployments}/{}/statuses", begun.id),
            environment: wanted.environment.clone(),
            run_url: repository.run_url.clone(),
        };
        deployment.set(State::InProgress, description).await?;
        Ok(deployment)
    }

    /// Says how the roll-out ended.
    ///
    /// # Errors
    /// When GitHub does not take it.
    pub async fn end(&self, report: &Report) -> Result<(), DeploymentError> {
        self.end_as(report.exit_code, &report.headline(), report.result).await
    }

    /// Says how the roll-out ended, in its own words.
    ///
    /// # Errors
    /// When GitHub does not take it.
    pub async fn end_as(&self, exit_code: u8, headline: &str, result: &str) -> Result<(), DeploymentError> {
        let state = match exit_code {
            0 => State::Success,
            // GitHub's word for what broke before it could succeed or fail.
            130 => State::Error,
            _ => State::Failure,
        };
        if headline.chars().count() <= LONGEST_DESCRIPTION {
            return self.set(state, headline).await;
        }
        let short = format!("{result}: the job summary has the whole");
        self.set(state, &short).await
    }

    async fn set(&self, state: State, description: &str) -> Result<(), DeploymentError> {
        let body = json!({
            "state": state,
            "description": description,
            "environment": self.environment,
            "log_url": self.run_url,
        });
        let answer: Result<Value, Refusal> = post(&self.github, &self.route, &body).await;
        answer
            .map(drop)
            .map_err(|reason| refusal("set the deployment's status", &self.environment, reason))
    }
}

/// Without `required_contexts` GitHub would wait for the checks of the very run that asks, and with `auto_merge` it
/// would merge branches.
fn deployment_body(sha: &str, environment: &str, description: &str) -> Value {
    json!({
        "ref": sha,
        "environment": environment,
        "description": description,
        "auto_merge": false,
        "required_contexts": [],
    })
}

async fn post<T: serde::de::DeserializeOwned>(github: &Octocrab, route: &str, body: &Value) -> Result<T, Refusal> {
    let value = answer(github.post::<Value, Value>(route, Some(body))).await?;
    serde_json::from_value(value).map_err(|error| Refusal::Unknown(error.to_string()))
}

fn refusal(doing: &'static str, environment: &str, reason: Refusal) -> DeploymentError {
    DeploymentError::Refused {
        doing,
        environment: environment.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
