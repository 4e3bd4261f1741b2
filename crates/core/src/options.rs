//! The one table of options: what a user can say to any program, once.
//!
//! A row gives name, kind, default and its source, variables, chapter, description, and who takes it. Packer's spec,
//! flags, inputs, reference pages and the comments of the service's messages follow from it. No value is read here:
//! that is for [`crate::settings`].

pub mod file;
pub mod fleet;
pub mod gate;
pub mod image;
pub mod judgement;
pub mod notify;
pub mod parts;
pub mod pool;
pub mod run;
pub mod sign_in;
mod spelling;
pub mod versions;

use std::fmt;

use self::spelling::spell;
pub(crate) use self::spelling::{Piece, pieces};

/// An option: an attribute or block of a template, a flag, an input, or a field of a request.
#[derive(Debug)]
pub struct Opt {
    /// Where it stands and what it is called, as a template writes it: `vm_size`, `source.vm`. azure-arm's word where
    /// azure-arm has one, else Batch's.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds when it is not given.
    pub default: Standard,
    /// Variables that are looked at when it is not given, in this order.
    pub variables: &'static [&'static str],
    /// The chapter of the reference pages.
    pub chapter: Chapter,
    /// What it is for, in full sentences of Markdown. `{path}` stands for another option; see [`Opt::doc`].
    pub text: &'static str,
    /// Which verbs take it.
    pub verbs: &'static [Verb],
    /// Through which doors it is taken.
    pub doors: &'static [Door],
}

/// What an option holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is never shown. It has no flag: everybody on a machine can read command lines.
    Secret,
    /// A whole number from 0.
    Number,
    /// True or false.
    Bool,
    /// A length of time: `90m`, `2h`, `PT15M`.
    Duration,
    /// The path of a file.
    File,
    /// JSON, or `@` and the path of a file that holds it.
    Json,
    /// Text, or `@` and the path of a file that holds it.
    TextOrFile,
    /// A list of texts.
    Texts,
    /// A map from text to text.
    TextMap,
    /// A block that may be given once.
    Block(&'static [&'static Opt]),
    /// A block that may be repeated.
    Blocks(&'static [&'static Opt]),
}

/// What holds when an option is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// It must be given, or another one that its description names.
    Required,
    /// Nothing is assumed.
    Absent,
    /// A value, and where it comes from.
    Value(&'static str, &'static str),
    /// A value for each verb, and where it comes from; without a value, what it follows from.
    By(&'static [(Verb, &'static str, &'static str)]),
    /// What the value follows from, in words.
    Rule(&'static str),
}

/// What a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// From a machine to an image version.
    Publish,
    /// From an image version to a pool.
    Rollout,
    /// Which versions a definition has, and who runs them.
    List,
    /// A version becomes latest.
    Promote,
    /// A version is latest no more.
    Demote,
    /// What dead runs left goes.
    Gc,
    /// Versions that nothing needs go.
    Prune,
    /// A version gets as many replicas as its pools need.
    Scale,
    /// Until a version is complete in its regions.
    AwaitVersion,
    /// What a roll-out would do.
    Plan,
    /// A pool back to what it was before its last roll-out in place.
    Rollback,
    /// A pool on a managed image to the image version that was made of it.
    Migrate,
    /// Which pools there are, and what they run.
    Status,
    /// Whether an identity can do its work.
    Doctor,
    /// Whether tasks fail more often on new nodes.
    Judge,
    /// Until a pool that is there has its nodes.
    Wait,
    /// A pool goes.
    Delete,
    /// A version is announced on GitHub.
    Notify,
}

/// How an option is given, which decides how it is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// A Packer template: `source.vm`.
    Template,
    /// A command line: `--vm-size`.
    Flag,
    /// An input of the action: `vm-size`.
    Input,
    /// A request to the imaging service: `image.source.vm`.
    Request,
    /// A pool file alone: `os-disk`, and `size-gb` in it.
    File,
}

/// A chapter of the reference pages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chapter {
    /// What an image is made of.
    Source,
    /// Which image version, or what it is to be.
    Version,
    /// Where the version is needed.
    Replicas,
    /// What is created on the way.
    Temporaries,
    /// Which pool, and what it is made of.
    Pool,
    /// How a pool that is there gets another image.
    Change,
    /// How long and how often.
    Waiting,
    /// As whom, and to which Azure.
    SignIn,
    /// What is reported where.
    Report,
}

/// Two options are the same when they have the same path.
impl PartialEq for Opt {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Opt {}

/// The name as a template writes it.
impl fmt::Display for Opt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

impl Opt {
    /// The last part of its path: its name within its block.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Whether a verb takes it.
    #[must_use]
    pub fn is_of(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    /// Whether it is taken through a door. A secret is never taken from a command line.
    #[must_use]
    pub fn is_taken_by(&self, door: Door) -> bool {
        let is_secret_flag = door == Door::Flag && matches!(self.kind, Kind::Secret);
        self.doors.contains(&door) && !is_secret_flag
    }

    /// The variable in which the action hands an input on: `INPUT_POOL_ID`.
    #[must_use]
    pub fn input_variable(&self) -> String {
        format!("INPUT_{}", self.path.to_ascii_uppercase().replace('.', "_"))
    }

    /// The description, with the options that it names spelled as a door does.
    #[must_use]
    pub fn doc(&self, door: Door) -> String {
        spell(self.text, door)
    }

    /// The options of a block; none when it is not a block.
    #[must_use]
    pub const fn nested(&self) -> &'static [&'static Self] {
        match self.kind {
            Kind::Block(rows) | Kind::Blocks(rows) => rows,
            _ => &[],
        }
    }

    /// The default's value and its source, where it is a value.
    #[must_use]
    pub fn default_value(&self, verb: Verb) -> Option<(&'static str, &'static str)> {
        match self.default {
            Standard::Value(value, source) => Some((value, source)),
            Standard::By(values) => values
                .iter()
                .find(|(of, value, _)| *of == verb && !value.is_empty())
                .map(|(_, value, source)| (*value, *source)),
            Standard::Required | Standard::Absent | Standard::Rule(_) => None,
        }
    }

    /// The default in Markdown, with the options that it names spelled as a door does.
    #[must_use]
    pub fn default_text(&self, verb: Verb, door: Door) -> String {
        match self.default {
            Standard::Required => "required".to_owned(),
            Standard::Absent => "none".to_owned(),
            Standard::Rule(words) => spell(words, door),
            Standard::Value(..) | Standard::By(_) => match (self.default_value(verb), self.default) {
                (Some((value, source)), _) => spell(&format!("`{value}` ({source})"), door),
                (None, Standard::By(values)) => {
                    let rule = values.iter().find(|(of, ..)| *of == verb);
                    rule.map_or_else(String::new, |(_, _, rule)| spell(rule, door))
                }
                (None, _) => String::new(),
            },
        }
    }
}

impl Kind {
    /// The word for it in help and reference pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text | Self::TextOrFile => "text",
            Self::Secret => "secret",
            Self::Number => "number",
            Self::Bool => "true or false",
            Self::Duration => "duration",
            Self::File => "file",
            Self::Json => "JSON",
            Self::Texts => "list of text",
            Self::TextMap => "map of text",
            Self::Block(_) => "block",
            Self::Blocks(_) => "blocks",
        }
    }

    /// Whether a place in it needs a number.
    #[must_use]
    pub const fn is_repeated(self) -> bool {
        matches!(self, Self::Blocks(_) | Self::Texts)
    }
}

impl Chapter {
    /// The heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Source => "The source",
            Self::Version => "The image version",
            Self::Replicas => "Regions and replicas",
            Self::Temporaries => "Snapshots and managed image",
            Self::Pool => "The pool",
            Self::Change => "Changing a pool that is there",
            Self::Waiting => "Time and repetition",
            Self::SignIn => "Signing in",
            Self::Report => "Reporting",
        }
    }
}

/// Declares rows as constants and puts them into a list, so that none can be in one only.
macro_rules! rows {
    ($(#[$about:meta])* $list:ident [$verbs:expr, $doors:expr]:
     $($constant:ident: $path:literal, $chapter:ident, $kind:expr, $default:expr, [$($variable:literal),*], $text:literal;)+) => {
        $(
            #[doc = $text]
            pub const $constant: &$crate::options::Opt = &$crate::options::Opt {
                path: $path,
                kind: $kind,
                default: $default,
                variables: &[$($variable),*],
                chapter: $crate::options::Chapter::$chapter,
                text: $text,
                verbs: $verbs,
                doors: $doors,
            };
        )+

        $(#[$about])*
        pub(super) const $list: &[&$crate::options::Opt] = &[$($constant),+];
    };
}
use rows;

/// What publishes only.
const PUBLISH: &[Verb] = &[Verb::Publish];

/// What rolls out, or plans to.
const ROLLOUT: &[Verb] = &[Verb::Rollout, Verb::Plan];

/// What changes many pools in one run, or plans to.
const CHANGING_POOLS: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate];

/// What lets many pools take turns in one run.
const TAKING_TURNS: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Rollback, Verb::Migrate];

/// What takes its pools from a file.
const TAKING_POOL_FILES: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Rollback];

/// What moves pools from managed images.
const MIGRATING: &[Verb] = &[Verb::Migrate];

/// What changes one pool, or plans to.
const CHANGING_A_POOL: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Rollback, Verb::Migrate];

/// What gives a pool that is there another image, or plans to.
const CHANGING_AN_IMAGE: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate];

/// What shows its end to GitHub.
const REPORTING: &[Verb] = &[Verb::Rollout];

/// What asks GitHub: for a deployment, for the manifest of a release, or to pass a version on.
const WITH_GITHUB: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Notify];

/// The verbs of the program for pools.
const OF_POOL_PROGRAM: &[Verb] = &[
    Verb::Rollout,
    Verb::Plan,
    Verb::Rollback,
    Verb::Migrate,
    Verb::Status,
    Verb::Doctor,
    Verb::Judge,
    Verb::Wait,
    Verb::Delete,
    Verb::Notify,
];

/// What may name subscriptions.
const WITH_SUBSCRIPTIONS: &[Verb] = &[
    Verb::Rollout,
    Verb::Plan,
    Verb::Rollback,
    Verb::Status,
    Verb::Migrate,
    Verb::Delete,
];

/// What every verb that asks Azure takes.
const EVERY_VERB: &[Verb] = &[
    Verb::Publish,
    Verb::Rollout,
    Verb::Plan,
    Verb::Rollback,
    Verb::Migrate,
    Verb::Status,
    Verb::Doctor,
    Verb::List,
    Verb::Promote,
    Verb::Demote,
    Verb::Judge,
    Verb::Gc,
    Verb::Prune,
    Verb::Scale,
    Verb::AwaitVersion,
    Verb::Wait,
    Verb::Delete,
];

/// What is about the versions of one definition.
const ON_DEFINITION: &[Verb] = &[Verb::List];

/// What looks at the pools in sight.
const LOOKING_AT_POOLS: &[Verb] = &[Verb::List, Verb::Promote, Verb::Demote, Verb::Prune, Verb::Scale];

/// What deletes versions.
const PRUNING: &[Verb] = &[Verb::Prune];

/// What removes leftovers.
const COLLECTING: &[Verb] = &[Verb::Gc];

/// What makes a version latest.
const PROMOTING: &[Verb] = &[Verb::Promote];

/// What is about one version.
const ABOUT_A_VERSION: &[Verb] = &[Verb::Promote, Verb::Demote, Verb::Scale, Verb::AwaitVersion];

/// What changes the replicas of one version.
const SCALING: &[Verb] = &[Verb::Scale];

/// What makes nodes, or sees to what they need.
const MAKING_NODES: &[Verb] = &[Verb::Publish, Verb::Rollout, Verb::Plan, Verb::Migrate, Verb::Scale];

/// What looks at pools only.
const STATUS: &[Verb] = &[Verb::Status];

/// What can be said of one Batch account.
const ON_ACCOUNT: &[Verb] = &[
    Verb::Rollout,
    Verb::Plan,
    Verb::Rollback,
    Verb::Migrate,
    Verb::Status,
    Verb::Doctor,
    Verb::Judge,
    Verb::Wait,
    Verb::Delete,
];

/// What is about one pool.
const ON_POOL: &[Verb] = &[
    Verb::Rollout,
    Verb::Plan,
    Verb::Rollback,
    Verb::Migrate,
    Verb::Judge,
    Verb::Wait,
    Verb::Delete,
];

/// What waits until a pool is good.
const AWAITING_NODES: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate, Verb::Wait];

/// What shows a plan with what it costs.
const PRICED: &[Verb] = &[Verb::Plan, Verb::Migrate];

/// What waits for nodes.
const PATIENT: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Rollback, Verb::Migrate, Verb::Wait];

/// What judges and does nothing else.
const JUDGE: &[Verb] = &[Verb::Judge];

/// What judges, or may.
const JUDGING: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate, Verb::Judge];

/// What deletes.
const DELETE: &[Verb] = &[Verb::Delete];

/// What shows its plan first.
const PLANNING_FIRST: &[Verb] = &[Verb::Migrate, Verb::Delete];

/// What acts at once, unless it is to show its plan.
const RETURNING: &[Verb] = &[Verb::Rollback];

/// What can be said of one image version that pools shall run.
const ON_VERSION: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate, Verb::Doctor];

/// What names one image version.
const NAMING_A_VERSION: &[Verb] = &[Verb::Rollout, Verb::Plan, Verb::Migrate, Verb::Doctor, Verb::Notify];

/// The doors to publishing: Packer, and the service that the post-processor itself calls.
const IMAGE_DOORS: &[Door] = &[Door::Template, Door::Request];

/// What the post-processor keeps for itself.
const TEMPLATE_ONLY: &[Door] = &[Door::Template];

/// The door to keeping versions in order: the command line of the plugin's program.
const OPERATOR_DOORS: &[Door] = &[Door::Flag];

/// The doors to rolling out.
const POOL_DOORS: &[Door] = &[Door::Flag, Door::Input];

/// What stands in a pool file only.
const FILE_ONLY: &[Door] = &[Door::File];

/// What can be given everywhere.
const EVERY_DOOR: &[Door] = &[Door::Template, Door::Request, Door::Flag, Door::Input];

/// All rows that stand in no block.
fn all() -> impl Iterator<Item = &'static Opt> {
    [
        image::OF_SERVICE,
        image::OF_POST_PROCESSOR,
        pool::OF_NAMED_VERSION,
        pool::OF_VERSION,
        pool::OF_ACCOUNT,
        pool::OF_FILE,
        pool::OF_SUBSCRIPTIONS,
        pool::OF_TURNS,
        pool::OF_FLEET,
        pool::OF_POOL,
        pool::OF_MACHINES,
        pool::OF_READINESS,
        pool::OF_CHANGE,
        pool::ROWS,
        pool::OF_IMAGE,
        parts::OF_PARTS,
        parts::OF_FILE,
        versions::OF_DEFINITION,
        versions::OF_LATEST,
        versions::OF_ADMISSION,
        versions::OF_SIGHT,
        versions::OF_LEFTOVERS,
        versions::OF_RETENTION,
        versions::OF_SCALE,
        pool::OF_PATIENCE,
        notify::OF_TOKEN,
        pool::OF_REPORT,
        pool::OF_PRICES,
        pool::OF_FILES,
        fleet::ROWS,
        judgement::OF_VERB,
        judgement::OF_ROLLOUT,
        judgement::OF_RULE,
        gate::ROWS,
        notify::ROWS,
        fleet::OF_DELETION,
        fleet::OF_MIGRATION,
        fleet::OF_CONSENT,
        fleet::OF_RETURN,
        run::OF_NODES,
        run::ROWS,
        sign_in::ROWS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The options of a verb in the order of the reference pages: by chapter. Those of a block are its
/// [`Opt::nested`].
#[must_use]
pub fn of(verb: Verb) -> Vec<&'static Opt> {
    let mut rows: Vec<&'static Opt> = all().filter(|opt| opt.is_of(verb)).collect();
    rows.sort_by_key(|opt| opt.chapter);
    rows
}

/// Finds an option by its path.
#[must_use]
pub fn find(verb: Verb, path: &str) -> Option<&'static Opt> {
    find_in(all().filter(|opt| opt.is_of(verb)), path)
}

fn find_in(mut rows: impl Iterator<Item = &'static Opt>, path: &str) -> Option<&'static Opt> {
    rows.find_map(|opt| {
        if opt.path == path {
            return Some(opt);
        }
        find_in_block(opt, path)
    })
}

fn find_in_block(block: &'static Opt, path: &str) -> Option<&'static Opt> {
    let rest = path.strip_prefix(block.path)?;
    if !rest.starts_with('.') {
        return None;
    }
    let nested = block.nested();
    let own = nested.iter().copied().find(|opt| opt.path == path);
    own.or_else(|| nested.iter().find_map(|opt| find_in_block(opt, path)))
}

/// The option of a path, where two programs have one of that name: the one that this door takes.
fn find_for(door: Door, path: &str) -> Option<&'static Opt> {
    let taken = find_in(all().filter(|opt| opt.is_taken_by(door)), path);
    taken.or_else(|| find_in(all(), path))
}

#[cfg(test)]
mod tests;
