//! What is kept of a definition in any case: the rules of retention, from options or from a file.
//!
//! What else keeps a version, above all that something uses it, is not a matter of rules; `prune` sees to it.

use std::fmt;

use serde::Serialize;

use super::{Sight, reader::Reader, versions::sight, written::Written};
use crate::{
    ids::{
        InvalidId, VersionNumber,
        resource::{GalleryId, ImageDefinitionId},
    },
    options::{Opt, versions as options},
    words,
};

mod file;

/// Everything that retention needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneSettings {
    /// The rules, each with what it is about.
    pub rules: Vec<(RuleOf, RetentionRule)>,
    /// Whose pools and machines count; the definitions' own subscriptions do in any case.
    pub sight: Sight,
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOf {
    /// One definition.
    Definition(ImageDefinitionId),
    /// All definitions of a gallery that have no rule of their own.
    Gallery(GalleryId),
}

/// What is kept of a definition in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetentionRule {
    /// No version is ever deleted.
    pub never: bool,
    /// So many of the newest versions that succeeded, by their numbers.
    pub keep_newest: u32,
    /// Versions that were published within so many days.
    pub keep_days: u32,
    /// For how many days a version is deprecated before it is deleted; absent for what follows from the gallery.
    pub grace_days: Option<u32>,
    /// Versions with one of these tags.
    pub protected_tags: Vec<ProtectedTag>,
    /// Versions with one of these numbers.
    pub protected_versions: Vec<VersionNumber>,
}

/// A tag that protects a version, with any value or with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedTag {
    name: String,
    value: Option<String>,
}

impl Default for RetentionRule {
    fn default() -> Self {
        Self {
            never: false,
            keep_newest: 3,
            keep_days: 30,
            grace_days: None,
            protected_tags: Vec::new(),
            protected_versions: Vec::new(),
        }
    }
}

impl ProtectedTag {
    /// A tag as `name` or `name=value`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (name, value) = text
            .split_once('=')
            .map_or((text, None), |(name, value)| (name, Some(value)));
        Self {
            name: name.trim().to_owned(),
            value: value.map(|value| value.trim().to_owned()),
        }
    }

    /// Its name, which has no case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a tag of that name with this value protects. Values have a case.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        self.value.as_deref().is_none_or(|own| own == value)
    }
}

impl fmt::Display for ProtectedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Serialize for ProtectedTag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The options that say a rule; in a file they are keys.
const OF_RULE: [&Opt; 5] = [
    options::KEEP_NEWEST,
    options::KEEP_DAYS,
    options::GRACE_DAYS,
    options::PROTECTED_TAGS,
    options::PROTECTED_VERSIONS,
];

/// Reads the settings of retention; of a file of rules its content is given.
pub(super) fn read(reader: &mut Reader<'_, '_>, file: Option<&Written>) -> Option<PruneSettings> {
    let rules = match file {
        Some(file) => {
            let beside = OF_RULE.into_iter().chain([options::PRUNED_DEFINITION]);
            for opt in beside.filter(|opt| reader.has(opt)).collect::<Vec<_>>() {
                reader.refuse(
                    opt,
                    words![
                        "has no effect together with ",
                        options::RETENTION_FILE,
                        ": say it in the file"
                    ],
                );
            }
            let (rules, faults) = file::rules(file);
            reader.refuse_all(faults);
            Some(rules)
        }
        None => of_options(reader).map(|rule| vec![rule]),
    };
    let sight = sight(reader);
    Some(PruneSettings {
        rules: rules?,
        sight: sight?,
    })
}

fn of_options(reader: &mut Reader<'_, '_>) -> Option<(RuleOf, RetentionRule)> {
    let opt = options::PRUNED_DEFINITION;
    let remedy = words![
        "give the resource id of the image definition, or a file with ",
        options::RETENTION_FILE
    ];
    let definition = reader.required(opt, remedy).and_then(|_| reader.parsed(opt));
    let usual = RetentionRule::default();
    let number = |reader: &mut Reader<'_, '_>, opt, usual| {
        if reader.has(opt) {
            reader.number(opt)
        } else {
            Some(usual)
        }
    };
    let keep_newest = number(reader, options::KEEP_NEWEST, usual.keep_newest);
    let keep_days = number(reader, options::KEEP_DAYS, usual.keep_days);
    let grace_days = if reader.has(options::GRACE_DAYS) {
        reader.number(options::GRACE_DAYS).map(Some)
    } else {
        Some(None)
    };
    let protected = options::PROTECTED_VERSIONS;
    let numbers: Result<Vec<VersionNumber>, InvalidId> =
        reader.listed(protected).iter().map(|number| number.parse()).collect();
    let numbers = reader.checked(protected, numbers);
    let tags = reader.listed(options::PROTECTED_TAGS);
    let rule = RetentionRule {
        never: false,
        keep_newest: keep_newest?,
        keep_days: keep_days?,
        grace_days: grace_days?,
        protected_tags: tags.into_iter().map(ProtectedTag::parse).collect(),
        protected_versions: numbers?,
    };
    Some((RuleOf::Definition(definition?), rule))
}
