//! Packer's values as values of options, by the table of options: what Packer learns of the options, and the way back.
//!
//! Types and names are [`mod@conform`]'s. What values must look like is core's to say.

use std::collections::BTreeMap;

use azure_batch_core::{
    options::{self, Door, Kind, Opt, Standard, Verb},
    settings::{Value, Values},
};

use crate::{
    copied,
    packer::{
        config::{ConfigValue, UNKNOWN},
        conform::{self, conform},
        spec::{AttributeType, Spec},
    },
};

/// When a configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At `packer validate` and before the builder runs: texts may be unknown, and Packer puts 0 and empty lists in
    /// place of what it does not know.
    Before,
    /// When the builder's artifact is there: everything is known that will be.
    After,
}

/// What was read.
#[derive(Debug)]
pub struct Given {
    /// The values by option.
    pub values: Values,
    /// What is wrong with names and types, one line each.
    pub faults: Vec<String>,
}

struct Reading<'a> {
    phase: Phase,
    /// Paths of values that do not fit their type.
    misfits: Vec<&'a str>,
    /// Whether a number may stand for one that is not known yet.
    zero: Zero,
    unknown: Vec<String>,
}

/// What a 0 means for an attribute that is required and cannot be 0.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    /// The user wrote it.
    Written,
    /// Packer may not know the number yet.
    MaybeUnknown,
}

impl Reading<'_> {
    fn block(&mut self, path: &str, rows: &[&'static Opt], given: &BTreeMap<String, ConfigValue>) -> Values {
        let mut values = Values::default();
        for opt in rows.iter().copied() {
            let path = if path.is_empty() {
                opt.name().to_owned()
            } else {
                format!("{path}.{}", opt.name())
            };
            let value = given.get(opt.name()).unwrap_or(&ConfigValue::Null);
            if self.misfits.iter().any(|misfit| is_same_or_within(misfit, &path)) && *value == ConfigValue::Null {
                values.set(opt, Value::Unknown);
            } else if let Some(value) = self.value(&path, opt, value) {
                values.set(opt, value);
            }
        }
        values
    }

    fn value(&mut self, path: &str, opt: &'static Opt, value: &ConfigValue) -> Option<Value> {
        let is_block = matches!(opt.kind, Kind::Block(_) | Kind::Blocks(_));
        let unknown = value.unknown_paths(path);
        if !is_block && !unknown.is_empty() {
            self.unknown.extend(unknown);
            return Some(Value::Unknown);
        }
        Some(match value {
            ConfigValue::Null => return None,
            ConfigValue::Bool(is_on) => Value::Bool(*is_on),
            ConfigValue::Number(number) => self.number(opt, number),
            ConfigValue::Text(text) if matches!(opt.kind, Kind::Secret) => Value::Secret(text.as_str().into()),
            ConfigValue::Text(text) => Value::Text(text.clone()),
            ConfigValue::List(items) if is_block => {
                let items = items.iter().enumerate();
                let blocks = items.filter_map(|(index, item)| match item {
                    ConfigValue::Map(given) => Some(self.block(&format!("{path}[{index}]"), opt.nested(), given)),
                    _ => None,
                });
                Value::Blocks(blocks.collect())
            }
            ConfigValue::List(items) => Value::Texts(items.iter().filter_map(text).collect()),
            ConfigValue::Map(given) if is_block => Value::Block(self.block(path, opt.nested(), given)),
            ConfigValue::Map(entries) => Value::TextMap(
                entries
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
                    .collect(),
            ),
        })
    }

    fn number(&self, opt: &'static Opt, number: &serde_json::Number) -> Value {
        match number.as_u64() {
            Some(0) if self.is_placeholder(opt) => Value::Unknown,
            Some(number) => Value::Number(number),
            // Core says that it is not a whole number.
            None => Value::Text(number.to_string()),
        }
    }

    /// Whether a 0 may stand for a number that Packer does not know yet. `packer validate` gives no other sign of it, so
    /// an option that has to be given takes it for one only where something else is unknown too.
    fn is_placeholder(&self, opt: &'static Opt) -> bool {
        self.phase == Phase::Before && (opt.default != Standard::Required || self.zero == Zero::MaybeUnknown)
    }
}

/// The spec of the post-processor's block. Nothing is required here: Packer would show only the first fault, and
/// Configure shows all.
#[must_use]
pub fn spec() -> Spec {
    copied::with_refused(None, block(&rows()))
}

/// The options that a template takes.
fn rows() -> Vec<&'static Opt> {
    let mut rows = options::of(Verb::Publish);
    rows.retain(|opt| opt.is_taken_by(Door::Template));
    rows
}

fn block(rows: &[&'static Opt]) -> Spec {
    rows.iter().fold(Spec::new(), |spec, opt| match opt.kind {
        Kind::Text | Kind::Secret | Kind::Duration | Kind::File | Kind::Json | Kind::TextOrFile => {
            spec.attribute(opt.name(), AttributeType::Text)
        }
        Kind::Number => spec.attribute(opt.name(), AttributeType::Number),
        Kind::Bool => spec.attribute(opt.name(), AttributeType::Bool),
        Kind::Texts => spec.attribute(opt.name(), AttributeType::list(AttributeType::Text)),
        Kind::TextMap => spec.attribute(opt.name(), AttributeType::map(AttributeType::Text)),
        Kind::Block(nested) => spec.block(opt.name(), copied::with_refused(Some(*opt), block(nested))),
        Kind::Blocks(nested) => spec.block_list(opt.name(), block(nested)),
    })
}

/// Reads the user's block.
#[must_use]
pub fn read(user: &BTreeMap<String, ConfigValue>, phase: Phase) -> Given {
    let conformed = conform(&spec(), user);
    let mut faults: Vec<String> = conformed.faults.iter().map(conform::Fault::to_string).collect();
    faults.extend(copied::faults(&conformed.values));
    let is_unknown = |(name, value): (&String, &ConfigValue)| !value.unknown_paths(name).is_empty();
    let mut reading = Reading {
        phase,
        misfits: conformed.faults.iter().map(|fault| fault.path.as_str()).collect(),
        zero: if phase == Phase::Before && user.iter().any(is_unknown) {
            Zero::MaybeUnknown
        } else {
            Zero::Written
        },
        unknown: Vec::new(),
    };
    let values = reading.block("", &rows(), &conformed.values);
    if phase == Phase::After {
        faults.extend(reading.unknown.iter().map(|path| still_unknown(path)));
    }
    Given { values, faults }
}

fn still_unknown(path: &str) -> String {
    format!(
        "{path}: is still unknown: the builder does not provide the build variable it is made from; write the value itself. The run's id is in the tag azure-batch-run of every version anyway"
    )
}

fn text(value: &ConfigValue) -> Option<String> {
    value
        .as_text()
        .filter(|text| !text.contains(UNKNOWN))
        .map(str::to_owned)
}

/// Whether a path is another one, or lies within it: `a.b[1].c` lies within `a.b`.
fn is_same_or_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
