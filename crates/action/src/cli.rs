//! The command line: verbs and flags made from the table of options, and the values they give.
//!
//! Values stay texts here; core's `settings` reads them, whether they came as flags or as variables.

use std::ffi::OsString;

use azure_batch_core::options::{self, Door, Kind, Opt, Standard, Verb};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::{
    environment::Environment,
    github::runner::{Runner, VERB_VARIABLE},
    inputs,
    values::Given,
};

/// What to do.
#[derive(Debug)]
pub struct Invocation {
    /// Which verb.
    pub verb: Verb,
    /// What was given.
    pub given: Given,
    /// How to write to stdout, when the flags say.
    pub json: JsonEvents,
}

/// A verb of this program.
struct Named {
    verb: Verb,
    about: &'static str,
    /// What people copy.
    examples: &'static str,
    /// What it means for a program that starts it, where that differs from a roll-out.
    exit_codes: &'static str,
}

/// Whether events are written as JSON lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonEvents {
    /// One JSON object a line.
    Yes,
    /// Lines for people.
    No,
}

/// Why there is nothing to do.
#[derive(Debug)]
pub enum Misunderstood {
    /// What clap has to say to the user: a fault of usage, or the help that was asked for.
    Usage(Box<clap::Error>),
    /// The action's input `verb` is none of the verbs; the text says so.
    Verb(String),
}

impl Named {
    /// What people type.
    fn word(&self) -> &'static str {
        inputs::word(self.verb)
    }
}

impl From<clap::Error> for Misunderstood {
    fn from(error: clap::Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

/// Reads the command line.
///
/// # Errors
/// When it asks for help, or cannot be understood.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    runner: &Runner,
    environment: &dyn Environment,
) -> Result<Invocation, Misunderstood> {
    if let Some(given) = environment.variable(VERB_VARIABLE)
        && inputs::verb(&given).is_none()
    {
        return Err(Misunderstood::Verb(unknown_verb(&given)));
    }
    let matches = command().try_get_matches_from(arguments)?;
    let chosen = matches
        .subcommand()
        .and_then(|(word, flags)| Some((VERBS.iter().find(|named| named.word() == word)?, flags)));
    let Some((named, flags)) = chosen else {
        return Err(command()
            .error(clap::error::ErrorKind::MissingSubcommand, "a verb is needed")
            .into());
    };
    Ok(Invocation {
        verb: named.verb,
        given: Given::collect(named.verb, |opt| flag_text(flags, opt), runner, environment),
        json: if flags.get_flag(JSON) {
            JsonEvents::Yes
        } else {
            JsonEvents::No
        },
    })
}

/// The verbs, in the order of the help.
const VERBS: &[Named] = &[
    Named {
        verb: Verb::Rollout,
        about: "Create a pool on an image version, or resize it, and wait until its nodes are ready",
        examples: include_str!("cli/rollout.txt"),
        exit_codes: "0 reached",
    },
    Named {
        verb: Verb::Plan,
        about: "Show what a rollout with the same options would do; it changes nothing",
        examples: include_str!("cli/plan.txt"),
        exit_codes: "0 nothing to change, 10 something to change",
    },
    Named {
        verb: Verb::Rollback,
        about: "Bring a pool, or all pools of a file, back to the image, size and jobs of before the last roll-out",
        examples: include_str!("cli/rollback.txt"),
        exit_codes: "0 reached, 10 only the plan was asked for and it has something to bring back",
    },
    Named {
        verb: Verb::Migrate,
        about: "Move a pool, or all pools of an account, from a managed image to the image version that was made of it, or list the pools that have to move; without --yes only show the plan",
        examples: include_str!("cli/migrate.txt"),
        exit_codes: "0 moved, or nothing has to move, 10 there is something to do and --yes was not given, 5 not everything could be read",
    },
    Named {
        verb: Verb::Doctor,
        about: "Check sign-in, account and rights, and show what to type where something is missing; it changes nothing",
        examples: include_str!("cli/doctor.txt"),
        exit_codes: "0 no check failed",
    },
    Named {
        verb: Verb::Status,
        about: "Show which pool runs which image, how far it is behind, and what ends next; it changes nothing",
        examples: include_str!("cli/status.txt"),
        exit_codes: "0 nothing to act on, 10 something to act on, 5 not everything could be read",
    },
    Named {
        verb: Verb::Judge,
        about: "Watch whether more tasks fail on new nodes than on those that were there; it changes nothing",
        examples: include_str!("cli/judge.txt"),
        exit_codes: "0 not worse, 9 worse, 6 too few tasks ended to say",
    },
    Named {
        verb: Verb::Wait,
        about: "Wait until a pool that is there has its nodes; it changes nothing",
        examples: include_str!("cli/wait.txt"),
        exit_codes: "0 enough nodes are ready",
    },
    Named {
        verb: Verb::Delete,
        about: "Delete a pool that a roll-out made, or all that have expired, and wait until they are gone; without --yes only show the plan",
        examples: include_str!("cli/delete.txt"),
        exit_codes: "0 gone, 10 there is a plan and --yes was not given",
    },
    Named {
        verb: Verb::Notify,
        about: "Announce a published version to a repository on GitHub, so that its workflow rolls it out",
        examples: include_str!("cli/notify.txt"),
        exit_codes: "0 GitHub has it",
    },
];

/// The flag that has no input: inside GitHub the log is for people.
const JSON: &str = "json";

/// The command line as clap knows it.
#[must_use]
pub fn command() -> Command {
    Command::new("azure-batch-pool")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Rolls image versions out to Azure Batch pools.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(VERBS.iter().map(subcommand))
}

fn subcommand(named: &Named) -> Command {
    let json = Arg::new(JSON)
        .long(JSON)
        .action(ArgAction::SetTrue)
        .help("Write one JSON object a line: the events, then the result");
    let flags = options::of(named.verb)
        .into_iter()
        .filter(|opt| opt.is_taken_by(Door::Flag));
    Command::new(named.word())
        .about(named.about)
        .args(flags.map(|opt| flag(named.verb, opt)))
        .arg(json)
        .after_help(after_help(named))
}

fn flag(verb: Verb, opt: &'static Opt) -> Arg {
    let name = opt.spelled(Door::Flag);
    let argument = Arg::new(opt.path)
        .long(name.trim_start_matches('-').to_owned())
        .value_name(opt.kind.word())
        .help_heading(opt.chapter.heading())
        .help(help(verb, opt));
    match opt.kind {
        Kind::Bool => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Texts => argument.action(ArgAction::Append),
        _ => argument.allow_hyphen_values(true),
    }
}

fn help(verb: Verb, opt: &'static Opt) -> String {
    let doc = opt.doc(Door::Flag);
    let sentence = doc.trim_end_matches('.');
    match (opt.default_value(verb), opt.default) {
        (Some((value, _)), _) => format!("{sentence} [default: {value}]"),
        (None, Standard::Rule(_) | Standard::By(_)) => {
            format!("{sentence} [default: {}]", opt.default_text(verb, Door::Flag))
        }
        (None, _) => sentence.to_owned(),
    }
}

fn after_help(named: &Named) -> String {
    let verb = named.verb;
    let mut text = format!("{}\n", named.examples);
    text.push_str(
        "Every option is also read from its variable INPUT_<NAME>, e.g. INPUT_POOL_ID.\n\
         Secrets are read from variables only, since everybody on a machine can see command lines:\n",
    );
    let is_secret = |opt: &&Opt| matches!(opt.kind, Kind::Secret);
    for opt in options::of(verb).into_iter().filter(is_secret) {
        let names: Vec<String> = std::iter::once(opt.input_variable())
            .chain(opt.variables.iter().map(|name| (*name).to_owned()))
            .collect();
        text.push_str(&format!("  {}: {}\n", opt.spelled(Door::Input), names.join(", ")));
    }
    let good = named.exit_codes;
    text.push_str(&format!(
        "\nExit codes: {good}, 2 bad input, 3 sign-in failed or no rights, 4 quota or limit, 5 partly reached,\n\
         6 deadline (resumable), 7 refused, or bad nodes, 8 Azure failed or could not be reached,\n\
         9 the image was bad and things are as before, 130 cancelled."
    ));
    text
}

fn unknown_verb(given: &str) -> String {
    let known: Vec<&str> = inputs::VERBS.iter().map(|(_, word)| *word).collect();
    format!("verb: {given:?} is not known; write one of {}", known.join(", "))
}

fn flag_text(flags: &ArgMatches, opt: &'static Opt) -> Option<String> {
    if !opt.is_taken_by(Door::Flag) {
        return None;
    }
    let all = flags.get_many::<String>(opt.path)?;
    Some(all.map(String::as_str).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use azure_batch_core::{
        error::ErrorKind,
        options::{pool, sign_in},
    };
    use secrecy::ExposeSecret as _;

    use super::*;

    fn given(arguments: &[&str], variables: &[(&str, &str)]) -> Given {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let all = ["azure-batch-pool", "rollout"]
            .iter()
            .chain(arguments)
            .map(OsString::from);
        parse(all, &Runner::default(), &variables).unwrap().given
    }

    #[test]
    fn a_flag_wins_over_its_input_and_an_input_over_the_usual_variables() {
        let variables = [
            ("INPUT_CLIENT_ID", "from-input"),
            ("ARM_CLIENT_ID", "from-arm"),
            ("AZURE_CLIENT_ID", "from-azure"),
        ];
        let client = |flags: &[&str], variables: &[(&str, &str)]| {
            let given = given(flags, variables);
            given.text(sign_in::CLIENT_ID).map(str::to_owned)
        };
        assert_eq!(
            client(&["--client-id", "from-flag"], &variables).as_deref(),
            Some("from-flag")
        );
        assert_eq!(client(&[], &variables).as_deref(), Some("from-input"));
        assert_eq!(client(&[], &variables[1..]).as_deref(), Some("from-arm"));
        assert_eq!(client(&[], &variables[2..]).as_deref(), Some("from-azure"));
    }

    #[test]
    fn an_input_that_was_not_given_is_absent_though_the_runner_passes_it_empty() {
        let given = given(&["--vm-size", ""], &[("INPUT_POOL_ID", "")]);
        assert_eq!((given.text(pool::VM_SIZE), given.text(pool::POOL_ID)), (None, None));
    }

    #[test]
    fn the_help_of_every_verb_says_each_exit_code_of_a_failure() {
        for named in VERBS {
            let help = after_help(named);
            let (_, codes) = help.split_once("Exit codes: ").unwrap();
            let said: Vec<&str> = codes.split_whitespace().collect();
            for kind in ErrorKind::ALL {
                let code = kind.exit_code().0.to_string();
                assert!(said.contains(&code.as_str()), "{} lacks {code}, {kind:?}", named.word());
            }
        }
    }

    #[test]
    fn a_bare_switch_means_true() {
        let given = given(&["--count-spot-nodes", "--start-task-wait-for-success=false"], &[]);
        assert_eq!(given.text(pool::COUNT_SPOT_NODES), Some("true"));
        assert_eq!(given.text(pool::START_TASK_WAIT_FOR_SUCCESS), Some("false"));
    }

    #[test]
    fn secrets_come_from_variables_only_and_never_print() {
        let given = given(&[], &[("AZURE_CLIENT_SECRET", "hunter22\n")]);
        assert_eq!(
            given.secret(sign_in::CLIENT_SECRET).unwrap().expose_secret(),
            "hunter22"
        );
        assert!(!format!("{given:?}").contains("hunter22"));
        let refused = ["azure-batch-pool", "rollout", "--client-secret=hunter22"].map(OsString::from);
        let Err(Misunderstood::Usage(error)) = parse(refused, &Runner::default(), &BTreeMap::new()) else {
            panic!("it was taken")
        };
        let error = error.to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }

    #[test]
    fn an_unknown_verb_of_the_action_is_named_with_those_that_are_known() {
        let variables = BTreeMap::from([(VERB_VARIABLE.to_owned(), "roll-out".to_owned())]);
        let words = ["azure-batch-pool", "roll-out"].map(OsString::from);
        let Err(Misunderstood::Verb(text)) = parse(words, &Runner::default(), &variables) else {
            panic!("it was taken")
        };
        assert!(
            text.starts_with("verb: \"roll-out\" is not known; write one of rollout, plan, "),
            "{text}"
        );
    }

    #[test]
    fn every_verb_is_in_the_help_once() {
        let shown: Vec<Verb> = VERBS.iter().map(|named| named.verb).collect();
        let all: Vec<Verb> = inputs::VERBS.iter().map(|(verb, _)| *verb).collect();
        assert_eq!(shown, all);
    }

    #[test]
    fn the_table_makes_a_sound_command() {
        command().debug_assert();
    }

    /// The command lines of an example, with continued lines joined.
    fn lines(examples: &str) -> Vec<String> {
        let joined = examples.replace("\\\n", " ");
        joined
            .lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    }

    #[test]
    fn every_verb_has_examples_and_each_of_them_is_understood() {
        for named in VERBS {
            assert!(named.examples.starts_with("Examples:\n"), "{}", named.word());
            let lines = lines(named.examples);
            assert!(!lines.is_empty(), "{}", named.word());
            for line in lines {
                let words = line
                    .replace('"', "")
                    .split_whitespace()
                    .map(OsString::from)
                    .collect::<Vec<_>>();
                assert_eq!(words[1], named.word(), "{line}");
                let parsed = parse(words, &Runner::default(), &BTreeMap::new());
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
            }
        }
    }
}
