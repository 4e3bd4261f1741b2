//! The command line: verbs and flags made from the table of options, and the values they give.
//!
//! Values stay texts here; `inputs` parses them, whether they came as flags or as variables.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};
use secrecy::SecretString;

use crate::{
    environment::Environment,
    options::{self, Kind, Spec, Standard},
};

/// What to do.
#[derive(Debug)]
pub enum Invocation {
    /// Bring a pool to an image version.
    Rollout {
        /// The options' texts.
        values: Values,
        /// How to write to stdout, when the flags say.
        json: JsonEvents,
    },
}

/// Whether events are written as JSON lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonEvents {
    /// One JSON object a line.
    Yes,
    /// Lines for people.
    No,
}

/// The texts of the options that were given.
#[derive(Debug, Default)]
pub struct Values {
    texts: Vec<(&'static str, String)>,
    secrets: Vec<Secret>,
}

/// A secret, and whether the runner knows it for one.
#[derive(Debug)]
pub struct Secret {
    name: &'static str,
    /// The secret itself.
    pub text: SecretString,
    /// Who brought it here.
    pub origin: Origin,
}

/// Who brought a secret here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user.
    User,
    /// GitHub's runner, which strikes its own tokens out of every log by itself.
    Runner,
}

/// Variables that begin so are set by GitHub's runner and by nobody else.
const OF_RUNNER: &str = "ACTIONS_";

impl Values {
    /// The text of an option.
    #[must_use]
    pub fn text(&self, spec: &Spec) -> Option<&str> {
        let of_spec = |(name, _): &&(&str, String)| *name == spec.name;
        self.texts.iter().find(of_spec).map(|(_, text)| text.as_str())
    }

    /// The secret of an option.
    #[must_use]
    pub fn secret(&self, spec: &Spec) -> Option<&SecretString> {
        let found = self.secrets.iter().find(|secret| secret.name == spec.name);
        found.map(|secret| &secret.text)
    }

    /// All secrets, whether they are going to be used or not.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Takes each option's flag, else its `INPUT_…` variable, else the further variables of its row.
    #[must_use]
    pub fn collect(flag: impl Fn(&Spec) -> Option<String>, environment: &dyn Environment) -> Self {
        let mut values = Self::default();
        for spec in options::ALL {
            let given = flag(spec)
                .filter(|text| !text.is_empty())
                .or_else(|| environment.variable(&spec.input_variable()));
            let further = || {
                let mut names = spec.variables.iter();
                names.find_map(|name| Some((environment.variable(name)?, origin_of(name))))
            };
            if let Some((text, origin)) = given.map(|text| (text, Origin::User)).or_else(further) {
                values.put(spec, text, origin);
            }
        }
        values
    }

    fn put(&mut self, spec: &Spec, text: String, origin: Origin) {
        if spec.kind == Kind::Secret {
            let (name, text) = (spec.name, text.into());
            self.secrets.push(Secret { name, text, origin });
        } else {
            self.texts.push((spec.name, text));
        }
    }
}

fn origin_of(variable: &str) -> Origin {
    if variable.starts_with(OF_RUNNER) {
        Origin::Runner
    } else {
        Origin::User
    }
}

/// Reads the command line.
///
/// # Errors
/// What clap has to say to the user: a fault of usage, or the help that was asked for.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &dyn Environment,
) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    match matches.subcommand() {
        Some(("rollout", flags)) => Ok(Invocation::Rollout {
            values: Values::collect(|spec| flag_text(flags, spec), environment),
            json: if flags.get_flag(JSON) {
                JsonEvents::Yes
            } else {
                JsonEvents::No
            },
        }),
        _ => Err(command().error(clap::error::ErrorKind::MissingSubcommand, "a verb is needed")),
    }
}

/// The flag that has no input: inside GitHub the log is for people.
const JSON: &str = "json";

fn command() -> Command {
    Command::new("azure-batch-pool")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Rolls image versions out to Azure Batch pools.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(rollout())
}

fn rollout() -> Command {
    let json = Arg::new(JSON)
        .long(JSON)
        .action(ArgAction::SetTrue)
        .help("Write one JSON object a line: the events, then the result");
    Command::new("rollout")
        .about("Create a pool on an image version, or resize it, and wait until its nodes are ready")
        .args(
            options::ALL
                .iter()
                .filter(|spec| spec.kind != Kind::Secret)
                .map(|spec| flag(spec)),
        )
        .arg(json)
        .after_help(after_help())
}

fn flag(spec: &'static Spec) -> Arg {
    let argument = Arg::new(spec.name)
        .long(spec.name)
        .value_name(spec.kind.word())
        .help_heading(spec.chapter.heading())
        .help(help(spec));
    match spec.kind {
        Kind::Flag => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => argument.allow_hyphen_values(true),
    }
}

fn help(spec: &Spec) -> String {
    let sentence = spec.doc.trim_end_matches('.');
    match spec.default {
        Standard::Value(value, _) => format!("{sentence} [default: {value}]"),
        Standard::Required | Standard::Absent => sentence.to_owned(),
    }
}

fn after_help() -> String {
    let mut text = "Every option is also read from its variable INPUT_<NAME>, e.g. INPUT_POOL_ID.\n\
        Secrets are read from variables only, since everybody on a machine can see command lines:\n"
        .to_owned();
    for spec in options::ALL.iter().filter(|spec| spec.kind == Kind::Secret) {
        let names: Vec<String> = std::iter::once(spec.input_variable())
            .chain(spec.variables.iter().map(|name| (*name).to_owned()))
            .collect();
        text.push_str(&format!("  {}: {}\n", spec.name, names.join(", ")));
    }
    text.push_str(
        "\nExit codes: 0 reached, 2 bad input, 3 no rights, 4 quota or limit, 5 partly reached, 6 deadline (resumable),\n\
         7 refused for safety, 8 Azure failed, 130 cancelled.",
    );
    text
}

fn flag_text(flags: &ArgMatches, spec: &Spec) -> Option<String> {
    if spec.kind == Kind::Secret {
        return None;
    }
    flags.get_one::<String>(spec.name).cloned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn rollout_values(arguments: &[&str], variables: &[(&str, &str)]) -> Values {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let all = ["azure-batch-pool", "rollout"]
            .iter()
            .chain(arguments)
            .map(OsString::from);
        let Invocation::Rollout { values, .. } = parse(all, &variables).unwrap();
        values
    }

    #[test]
    fn a_flag_wins_over_its_input_and_an_input_over_the_usual_variable() {
        let variables = [("INPUT_CLIENT_ID", "from-input"), ("AZURE_CLIENT_ID", "from-azure")];
        let flag = rollout_values(&["--client-id", "from-flag"], &variables);
        assert_eq!(flag.text(options::CLIENT_ID), Some("from-flag"));
        assert_eq!(
            rollout_values(&[], &variables).text(options::CLIENT_ID),
            Some("from-input")
        );
        assert_eq!(
            rollout_values(&[], &variables[1..]).text(options::CLIENT_ID),
            Some("from-azure")
        );
    }

    #[test]
    fn an_input_that_nobody_gave_is_absent_though_the_runner_passes_it_empty() {
        let values = rollout_values(&["--vm-size", ""], &[("INPUT_POOL_ID", "")]);
        assert_eq!(
            (values.text(options::VM_SIZE), values.text(options::POOL_ID)),
            (None, None)
        );
    }

    #[test]
    fn a_bare_switch_means_true() {
        let values = rollout_values(&["--count-spot-nodes", "--start-task-wait-for-success=false"], &[]);
        assert_eq!(values.text(options::COUNT_SPOT_NODES), Some("true"));
        assert_eq!(values.text(options::START_TASK_WAIT_FOR_SUCCESS), Some("false"));
    }

    #[test]
    fn secrets_come_from_variables_only_and_never_print() {
        let values = rollout_values(&[], &[("AZURE_CLIENT_SECRET", "hunter22")]);
        assert_eq!(
            values.secret(options::CLIENT_SECRET).unwrap().expose_secret(),
            "hunter22"
        );
        assert!(!format!("{values:?}").contains("hunter22"));
        let refused = ["azure-batch-pool", "rollout", "--client-secret=hunter22"].map(OsString::from);
        let error = parse(refused, &BTreeMap::new()).unwrap_err().to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }

    #[test]
    fn the_runner_masks_its_own_token_itself() {
        let origin = |variable| rollout_values(&[], &[(variable, "token")]).secrets()[0].origin;
        assert_eq!(origin("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), Origin::Runner);
        assert_eq!(origin("INPUT_OIDC_REQUEST_TOKEN"), Origin::User);
    }

    #[test]
    fn the_table_makes_a_sound_command() {
        command().debug_assert();
    }
}
