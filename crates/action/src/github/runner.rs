//! What GitHub's runner says about itself and the job through variables.
//!
//! It only reads; the files named here are written by `report::outputs`.

use std::path::PathBuf;

use crate::environment::Environment;

/// The surroundings of this run; everything is absent on a plain command line.
#[derive(Clone, Debug, Default)]
pub struct Runner {
    /// Whether a runner reads our stdout.
    pub log: Log,
    /// The file for outputs.
    pub output: Option<PathBuf>,
    /// The file for the job summary.
    pub summary: Option<PathBuf>,
    /// The name of the step, unique within its job.
    pub step: Option<String>,
    /// The folder for temporary files of the job.
    pub temp: Option<PathBuf>,
    /// Who started the program.
    pub starter: Starter,
    /// The repository and commit of the run.
    pub repository: Option<Repository>,
}

/// Who reads our stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// A person or a file.
    #[default]
    Plain,
    /// GitHub's runner, which obeys workflow commands.
    Workflow,
}

/// Who started this program, which decides what an exit code means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Starter {
    /// A person or a script: an exit code tells what was found.
    #[default]
    CommandLine,
    /// Our action: another exit code than 0 fails the job, so what was found is in the outputs.
    Action,
}

/// The variable in which the action says what to do; nothing else sets it.
pub const VERB_VARIABLE: &str = "INPUT_VERB";

/// The repository and commit of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The commit.
    pub sha: String,
    /// The base of GitHub's REST interface.
    pub api_url: String,
    /// The page of this run, when the runner says.
    pub run_url: Option<String>,
}

/// GitHub's public REST interface; GitHub Enterprise says its own in `GITHUB_API_URL`.
const PUBLIC_API: &str = "https://api.github.com";

impl Runner {
    /// Reads the runner's variables.
    #[must_use]
    pub fn read(environment: &dyn Environment) -> Self {
        let path = |name: &str| environment.variable(name).map(PathBuf::from);
        Self {
            log: match environment.variable("GITHUB_ACTIONS").as_deref() {
                Some("true") => Log::Workflow,
                Some(_) | None => Log::Plain,
            },
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            step: environment.variable("GITHUB_ACTION"),
            temp: path("RUNNER_TEMP"),
            starter: match environment.variable(VERB_VARIABLE) {
                Some(_) => Starter::Action,
                None => Starter::CommandLine,
            },
            repository: Repository::read(environment),
        }
    }
}

impl Repository {
    fn read(environment: &dyn Environment) -> Option<Self> {
        let slug = environment.variable("GITHUB_REPOSITORY")?;
        let (owner, name) = slug.split_once('/')?;
        Some(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            sha: environment.variable("GITHUB_SHA")?,
            api_url: environment
                .variable("GITHUB_API_URL")
                .unwrap_or_else(|| PUBLIC_API.to_owned()),
            run_url: run_url(environment, &slug),
        })
    }
}

fn run_url(environment: &dyn Environment, slug: &str) -> Option<String> {
    let server = environment.variable("GITHUB_SERVER_URL")?;
    let run = environment.variable("GITHUB_RUN_ID")?;
    Some(format!("{server}/{slug}/actions/runs/{run}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_run_of_github_knows_its_commit_and_page() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SHA", "abc"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_RUN_ID", "7"),
        ];
        let source: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let runner = Runner::read(&source);
        let repository = runner.repository.unwrap();
        assert_eq!(runner.log, Log::Workflow);
        assert_eq!(repository.api_url, PUBLIC_API);
        assert_eq!(
            repository.run_url.as_deref(),
            Some("https://github.com/o/r/actions/runs/7")
        );
    }

    #[test]
    fn a_plain_command_line_has_no_runner() {
        let runner = Runner::read(&BTreeMap::new());
        assert_eq!((runner.log, runner.starter), (Log::Plain, Starter::CommandLine));
        assert!(runner.repository.is_none() && runner.output.is_none());
    }
}
