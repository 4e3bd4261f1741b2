//! What GitHub's runner says about itself and the job through variables.
//!
//! It only reads; writing to the files named here is `outputs`' affair.

use std::path::PathBuf;

use crate::source::Source;

/// The surroundings of this run; everything is absent on a plain command line.
#[derive(Clone, Debug, Default)]
pub struct Runner {
    /// Whether a runner reads our stdout.
    pub log: Log,
    /// The file for outputs.
    pub output: Option<PathBuf>,
    /// The file for the job summary.
    pub summary: Option<PathBuf>,
    /// The folder for temporary files of the job.
    pub temp: Option<PathBuf>,
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
    pub fn read(source: &dyn Source) -> Self {
        let path = |name: &str| source.variable(name).map(PathBuf::from);
        Self {
            log: match source.variable("GITHUB_ACTIONS").as_deref() {
                Some("true") => Log::Workflow,
                Some(_) | None => Log::Plain,
            },
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            temp: path("RUNNER_TEMP"),
            repository: Repository::read(source),
        }
    }
}

impl Repository {
    fn read(source: &dyn Source) -> Option<Self> {
        let slug = source.variable("GITHUB_REPOSITORY")?;
        let (owner, name) = slug.split_once('/')?;
        Some(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            sha: source.variable("GITHUB_SHA")?,
            api_url: source
                .variable("GITHUB_API_URL")
                .unwrap_or_else(|| PUBLIC_API.to_owned()),
            run_url: run_url(source, &slug),
        })
    }
}

fn run_url(source: &dyn Source, slug: &str) -> Option<String> {
    let server = source.variable("GITHUB_SERVER_URL")?;
    let run = source.variable("GITHUB_RUN_ID")?;
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
        assert_eq!(runner.log, Log::Plain);
        assert!(runner.repository.is_none() && runner.output.is_none());
    }
}
