//! Reads the command line: verbs and flags made from the table of options.
//!
//! Values stay texts here; core's `settings` reads them.

use azure_batch_core::options::{self, Door, Kind, Opt, Standard, Verb, pool::PRICE_FILE, versions};
use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// The verbs, in the order of the help.
pub(super) const VERBS: [&str; 9] = [
    "plan", "publish", "wait", "list", "promote", "demote", "gc", "prune", "scale",
];

/// What to do, and how to answer.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) invocation: Invocation,
    pub(super) output: Output,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Invocation {
    /// Show what a publish would do.
    Plan(Given),
    /// Publish.
    Publish(Given, Force),
    /// Wait for a version.
    Wait(Given),
    /// List the versions of a definition.
    List(Given),
    /// Make a version latest.
    Promote(Given, Act),
    /// Make a version latest no more.
    Demote(Given, Act),
    /// Remove what dead runs left.
    Gc(Given, Act),
    /// Delete versions that nothing needs.
    Prune(Given, Act),
    /// Give a version as many replicas as its pools need.
    Scale(Given, Act),
}

/// Whether a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Yes.
    Yes,
    /// It is only shown.
    No,
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Lines.
    People,
    /// One JSON document.
    Json,
}

/// Whether a new version is made even if there is one of the same source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Yes; no version is overwritten.
    Yes,
    /// No.
    No,
}

/// The values that the command line holds.
#[derive(Debug)]
pub(super) struct Given {
    /// The flags of the table.
    pub(super) flags: Vec<(&'static Opt, String)>,
    /// The file with further values.
    pub(super) file: Option<String>,
    /// Single values of that file, `path=value`.
    pub(super) set: Vec<String>,
}

/// The flags that are not rows of the table: they say how a verb works, not what it makes.
const JSON: &str = "json";
const SETTINGS: &str = "settings";
const SET: &str = "set";
const FORCE: &str = "force";
const YES: &str = "yes";

const ABOUT: &str = "Publishes machines as image versions of an Azure Compute Gallery and keeps the versions in order.";

const ABOUT_PACKER: &str = "Packer starts this program by itself, with `describe` and `start`.";

const EXIT_CODES: &str = "\
Exit codes: 0 done, or nothing to do; 10 a plan that would change something;
2 wrong input; 3 sign-in failed or no rights; 4 quota or limit; 5 done in part;
6 deadline (the same command goes on); 7 refused; 8 Azure failed or could not
be reached; 9 the version did not pass its test; 130 cancelled.";

const EXAMPLES_PUBLISH: &str = include_str!("help/publish.txt");

/// Reads the arguments after the program's name.
///
/// # Errors
/// What clap has to say to the user: a fault of usage, or the help that was asked for.
pub(super) fn parse(arguments: &[String]) -> Result<Parsed, clap::Error> {
    let matches = command().no_binary_name(true).try_get_matches_from(arguments);
    let matches = matches.map_err(|error| advised(error, arguments))?;
    let (invocation, flags) = match matches.subcommand() {
        Some(("plan", flags)) => {
            let mut given = given(Verb::Publish, flags);
            let prices = flags.get_one::<String>(PRICE_FILE.path);
            given.flags.extend(prices.map(|path| (PRICE_FILE, path.clone())));
            (Invocation::Plan(given), flags)
        }
        Some(("publish", flags)) => {
            let force = if flags.get_flag(FORCE) { Force::Yes } else { Force::No };
            (Invocation::Publish(given(Verb::Publish, flags), force), flags)
        }
        Some(("promote", flags)) => (Invocation::Promote(given(Verb::Promote, flags), act(flags)), flags),
        Some(("demote", flags)) => (Invocation::Demote(given(Verb::Demote, flags), act(flags)), flags),
        Some(("scale", flags)) => (Invocation::Scale(given(Verb::Scale, flags), act(flags)), flags),
        Some(("prune", flags)) => (Invocation::Prune(given(Verb::Prune, flags), act(flags)), flags),
        Some(("gc", flags)) => (Invocation::Gc(given(Verb::Gc, flags), act(flags)), flags),
        Some(("wait", flags)) => (Invocation::Wait(given(Verb::AwaitVersion, flags)), flags),
        Some(("list", flags)) => (Invocation::List(given(Verb::List, flags)), flags),
        _ => return Err(command().error(ErrorKind::MissingSubcommand, "a verb is needed")),
    };
    let output = if flags.get_flag(JSON) {
        Output::Json
    } else {
        Output::People
    };
    Ok(Parsed { invocation, output })
}

/// The same fault; of a value that stands without the name of a flag it says which flag takes it.
fn advised(mut error: clap::Error, arguments: &[String]) -> clap::Error {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let verb = arguments.first().map_or("", String::as_str);
    let flag = match (error.kind(), flag_for(verb)) {
        (ErrorKind::UnknownArgument, Some(flag)) if !value.starts_with('-') => flag,
        _ => return error,
    };
    let tip = format!("every value has the name of its flag before it: {verb} {flag} {value}");
    error.insert(
        ContextKind::Suggested,
        ContextValue::StyledStrs(vec![StyledStr::from(tip)]),
    );
    error
}

/// The flag that a value most likely belongs to.
fn flag_for(verb: &str) -> Option<String> {
    let opt = match verb {
        "plan" | "publish" => return Some(format!("--{SETTINGS}")),
        "list" | "prune" => versions::IMAGE_DEFINITION,
        "wait" | "promote" | "demote" | "scale" => versions::IMAGE_VERSION,
        "gc" => versions::RESOURCE_GROUPS,
        _ => return None,
    };
    Some(opt.spelled(Door::Flag))
}

pub(super) fn command() -> Command {
    Command::new("packer-plugin-azure-batch")
        .bin_name("packer-plugin-azure-batch")
        .version(crate::describe::VERSION)
        .about(ABOUT)
        .after_help(ABOUT_PACKER)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(plan())
        .subcommand(publish())
        .subcommand(wait())
        .subcommand(list())
        .subcommand(promote())
        .subcommand(demote())
        .subcommand(gc())
        .subcommand(prune())
        .subcommand(scale())
}

fn plan() -> Command {
    let about = "Show what a publish would do; nothing is written";
    verb(Verb::Publish, "plan", about, include_str!("help/plan.txt"))
        .arg(settings())
        .arg(set())
        .arg(flag(Verb::Plan, PRICE_FILE))
}

fn publish() -> Command {
    let force = switch(
        FORCE,
        "Make a new version even if there is one of the same source; none is overwritten",
    );
    let about = "Publish a machine, its disks, snapshots or an image as an image version";
    verb(Verb::Publish, "publish", about, EXAMPLES_PUBLISH)
        .arg(settings())
        .arg(set())
        .arg(force)
}

fn wait() -> Command {
    let about = "Wait until an image version is complete in its regions; nothing is written";
    verb(Verb::AwaitVersion, "wait", about, include_str!("help/wait.txt"))
}

fn list() -> Command {
    let about = "List the versions of an image definition: regions, age, who runs them";
    verb(Verb::List, "list", about, include_str!("help/list.txt"))
}

fn promote() -> Command {
    let about = "Make a version latest; shows who takes it, and writes with --yes only";
    verb(Verb::Promote, "promote", about, include_str!("help/promote.txt")).arg(yes())
}

fn demote() -> Command {
    let about = "Exclude a version from latest; shows who takes which then, and writes with --yes only";
    verb(Verb::Demote, "demote", about, include_str!("help/demote.txt")).arg(yes())
}

fn gc() -> Command {
    let about = "Find snapshots and managed images that dead runs left; removes them with --yes only";
    verb(Verb::Gc, "gc", about, include_str!("help/gc.txt")).arg(yes())
}

fn prune() -> Command {
    let about = "Delete versions that nothing needs; shows why each goes or stays, and writes with --yes only";
    verb(Verb::Prune, "prune", about, include_str!("help/prune.txt")).arg(yes())
}

fn scale() -> Command {
    let about = "Give a version as many replicas as its pools need; shows the arithmetic, and writes with --yes only";
    verb(Verb::Scale, "scale", about, include_str!("help/scale.txt")).arg(yes())
}

fn yes() -> Arg {
    switch(YES, "Carry the plan out; without this nothing is written")
}

fn act(flags: &ArgMatches) -> Act {
    if flags.get_flag(YES) { Act::Yes } else { Act::No }
}

fn verb(verb: Verb, name: &'static str, about: &'static str, examples: &str) -> Command {
    let flags = options::of(verb).into_iter().filter(|opt| opt.is_taken_by(Door::Flag));
    Command::new(name)
        .about(about)
        .args(flags.map(|opt| flag(verb, opt)))
        .arg(switch(JSON, "Write the result to stdout as one JSON document"))
        .after_help(format!("{examples}\n{}\n{EXIT_CODES}", secrets(verb)))
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn settings() -> Arg {
    Arg::new(SETTINGS)
        .long(SETTINGS)
        .value_name("file")
        .help("File with the attributes of the post-processor, as YAML or JSON")
}

fn set() -> Arg {
    Arg::new(SET)
        .long(SET)
        .value_name("name=value")
        .action(ArgAction::Append)
        .help("Sets one attribute, in the place of what the file says; can be given many times")
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
        _ => argument.allow_hyphen_values(true),
    }
}

fn help(verb: Verb, opt: &'static Opt) -> String {
    let doc = opt.doc(Door::Flag);
    let sentence = doc.trim_end_matches('.');
    match (opt.default_value(verb), opt.default) {
        (Some((value, _)), _) => format!("{sentence} [default: {value}]"),
        (None, Standard::Rule(_)) => format!("{sentence} [default: {}]", opt.default_text(verb, Door::Flag)),
        (None, _) => sentence.to_owned(),
    }
}

/// Secrets have no flag, since everybody on a machine can see command lines.
fn secrets(verb: Verb) -> String {
    let is_secret = |opt: &&Opt| matches!(opt.kind, Kind::Secret) && !opt.variables.is_empty();
    let names = options::of(verb)
        .into_iter()
        .filter(is_secret)
        .map(|opt| format!("  {}: {}\n", opt.path, opt.variables.join(", ")));
    format!(
        "Secrets are read from variables, since everybody on a machine can see command lines:\n{}",
        names.collect::<String>()
    )
}

fn given(verb: Verb, flags: &ArgMatches) -> Given {
    let opts = options::of(verb).into_iter();
    let opts = opts.filter(|opt| opt.is_taken_by(Door::Flag));
    let one = |name| flags.try_get_one::<String>(name).ok().flatten().cloned();
    let many = flags.try_get_many::<String>(SET).ok().flatten();
    Given {
        flags: opts.filter_map(|opt| Some((opt, one(opt.path)?))).collect(),
        file: one(SETTINGS),
        set: many.map(|set| set.cloned().collect()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_core::error::ErrorKind;

    use super::*;

    fn parsed(line: &str) -> Result<Parsed, clap::Error> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&arguments)
    }

    #[test]
    fn the_table_makes_a_sound_command_with_every_verb() {
        command().debug_assert();
        let command = command();
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(names, VERBS);
        for verb in command.get_subcommands() {
            let help = verb.get_after_help().unwrap().to_string();
            assert!(help.starts_with("Examples:\n"), "{}", verb.get_name());
        }
    }

    #[test]
    fn every_example_of_the_help_is_understood() {
        for verb in command().get_subcommands() {
            let examples = verb.get_after_help().unwrap().to_string();
            let joined = examples.replace("\\\n", " ");
            let lines = joined.lines().map(str::trim);
            let mut seen = 0;
            for line in lines.filter(|line| line.starts_with("packer-plugin-azure-batch ")) {
                // What stands behind a pipe is another program's.
                let own = line.split_whitespace().skip(1).take_while(|word| *word != "|");
                let words: Vec<String> = own.map(str::to_owned).collect();
                assert!(parse(&words).is_ok(), "{line}");
                seen += 1;
            }
            assert!(seen > 0, "{examples}");
        }
    }

    #[test]
    fn the_help_of_every_verb_says_each_exit_code_of_a_failure() {
        for verb in command().get_subcommands() {
            let help = verb.get_after_help().unwrap().to_string();
            let (_, codes) = help.split_once("Exit codes: ").unwrap();
            let said: Vec<&str> = codes.split_whitespace().collect();
            for kind in ErrorKind::ALL {
                let code = kind.exit_code().0.to_string();
                assert!(
                    said.contains(&code.as_str()),
                    "{} lacks {code}, {kind:?}",
                    verb.get_name()
                );
            }
        }
    }

    #[test]
    fn flags_single_values_and_the_file_are_kept_apart() {
        let parsed =
            parsed("publish --settings a.yaml --set source.vm=v --set keep=snapshots --deadline 2h --force --json");
        let Parsed {
            invocation: Invocation::Publish(given, Force::Yes),
            output: Output::Json,
        } = parsed.unwrap()
        else {
            panic!("it is a publish");
        };
        let flags: Vec<String> = given.flags.iter().map(|(opt, text)| format!("{opt}={text}")).collect();
        assert_eq!((flags, given.set.len()), (vec!["deadline=2h".to_owned()], 2));
        assert_eq!(given.file.as_deref(), Some("a.yaml"));
    }

    #[test]
    fn a_value_without_its_flag_is_refused_with_the_flag() {
        for verb in VERBS {
            let refused = parsed(&format!("{verb} given-alone")).unwrap_err().to_string();
            let (_, tip) = refused.split_once("tip: ").unwrap_or_else(|| panic!("{refused}"));
            let typed = tip.lines().next().unwrap().rsplit(": ").next().unwrap();
            assert!(typed.ends_with(" given-alone"), "{refused}");
            assert!(parsed(typed).is_ok(), "{refused}");
        }
        let unknown = parsed("plan --no-such-flag").unwrap_err().to_string();
        assert!(!unknown.contains("the name of its flag"), "{unknown}");
    }

    #[test]
    fn a_secret_is_no_flag_and_is_not_repeated() {
        let error = parsed("plan --client-secret=hunter22").unwrap_err().to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }
}
