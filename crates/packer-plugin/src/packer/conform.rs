//! Brings a configuration into the types of its spec, and names everything that does not fit.
//!
//! Packer has done so for an HCL2 template, where this changes nothing. A legacy JSON
//! template comes as the user typed it, unknown names included. Pure; whether the values
//! make sense is the post-processor's to say.

use std::collections::BTreeMap;
use std::fmt;

use super::config::ConfigValue;
use super::spec::{AttributeType, Element, Presence, Spec};

/// The values of a block by name, as an HCL2 template would give them.
type Values = BTreeMap<String, ConfigValue>;

/// A configuration in the types of its spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformed {
    /// Every attribute and block of the spec: null when it is not set or does not fit,
    /// a repeated block always a list.
    pub values: Values,
    /// What does not fit, in the order of the paths.
    pub faults: Vec<Fault>,
}

/// Something in a configuration that does not fit its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `target[1].replicas`.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no such attribute or block.
    UnknownName {
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The value is of another kind.
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// A required attribute or block is not set.
    Missing,
}

/// Collects what does not fit on the way through the tree.
#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.problem {
            Problem::UnknownName { nearest: Some(name) } => {
                write!(f, "{path}: no such attribute; did you mean \"{name}\"?")
            }
            Problem::UnknownName { nearest: None } => {
                write!(f, "{path}: no such attribute; remove it")
            }
            Problem::Kind { expected } => write!(f, "{path}: must be {expected}"),
            Problem::Missing => write!(f, "{path}: must be set"),
        }
    }
}

impl Faults {
    fn block(&mut self, path: &str, spec: &Spec, values: &Values) -> Values {
        for name in values.keys() {
            if !spec.elements().contains_key(name) {
                let nearest = nearest(name, spec.elements().keys());
                self.add(&join(path, name), Problem::UnknownName { nearest });
            }
        }
        spec.elements()
            .iter()
            .map(|(name, element)| {
                let value = values.get(name).unwrap_or(&ConfigValue::Null);
                (name.clone(), self.element(&join(path, name), element, value))
            })
            .collect()
    }

    fn element(&mut self, path: &str, element: &Element, value: &ConfigValue) -> ConfigValue {
        match element {
            Element::Attribute { value: kind, presence } => {
                self.presence(path, *presence, value);
                self.attribute(path, kind, value)
            }
            Element::Block { nested, presence } => {
                self.presence(path, *presence, value);
                match value {
                    // JSON has no blocks: a list of one is as common as the object itself.
                    ConfigValue::List(items) if items.len() == 1 => items
                        .first()
                        .map_or(ConfigValue::Null, |item| self.object(path, nested, item)),
                    other => self.object(path, nested, other),
                }
            }
            Element::BlockList { nested } => match value {
                ConfigValue::Null => ConfigValue::List(Vec::new()),
                ConfigValue::List(items) => {
                    ConfigValue::List(self.each(path, items, |faults, path, item| faults.object(path, nested, item)))
                }
                single => ConfigValue::List(vec![self.object(path, nested, single)]),
            },
        }
    }

    fn object(&mut self, path: &str, spec: &Spec, value: &ConfigValue) -> ConfigValue {
        match value {
            ConfigValue::Null => ConfigValue::Null,
            ConfigValue::Map(values) => ConfigValue::Map(self.block(path, spec, values)),
            _ => self.kind(path, "a block"),
        }
    }

    fn attribute(&mut self, path: &str, kind: &AttributeType, value: &ConfigValue) -> ConfigValue {
        if *value == ConfigValue::Null {
            return ConfigValue::Null;
        }
        match kind {
            AttributeType::Text => text(value).map_or_else(|| self.kind(path, "text"), ConfigValue::Text),
            // What is not known yet is not set yet, where it cannot be kept as text.
            _ if value.is_unknown() => ConfigValue::Null,
            AttributeType::Number => number(value).map_or_else(|| self.kind(path, "a number"), ConfigValue::Number),
            AttributeType::Bool => boolean(value).map_or_else(|| self.kind(path, "true or false"), ConfigValue::Bool),
            AttributeType::List(element) => match value {
                ConfigValue::List(items) => ConfigValue::List(
                    self.each(path, items, |faults, path, item| faults.attribute(path, element, item)),
                ),
                ConfigValue::Map(_) => self.kind(path, "a list"),
                single => ConfigValue::List(vec![self.attribute(path, element, single)]),
            },
            AttributeType::Map(element) => match value {
                ConfigValue::Map(entries) => ConfigValue::Map(
                    entries
                        .iter()
                        .map(|(name, value)| {
                            let value = self.attribute(&join(path, name), element, value);
                            (name.clone(), value)
                        })
                        .collect(),
                ),
                _ => self.kind(path, "a map"),
            },
        }
    }

    fn each(
        &mut self,
        path: &str,
        items: &[ConfigValue],
        conform: impl Fn(&mut Self, &str, &ConfigValue) -> ConfigValue,
    ) -> Vec<ConfigValue> {
        items
            .iter()
            .enumerate()
            .map(|(index, item)| conform(self, &format!("{path}[{index}]"), item))
            .collect()
    }

    fn presence(&mut self, path: &str, presence: Presence, value: &ConfigValue) {
        if presence == Presence::Required && *value == ConfigValue::Null {
            self.add(path, Problem::Missing);
        }
    }

    fn kind(&mut self, path: &str, expected: &'static str) -> ConfigValue {
        self.add(path, Problem::Kind { expected });
        ConfigValue::Null
    }

    fn add(&mut self, path: &str, problem: Problem) {
        let path = path.to_owned();
        self.found.push(Fault { path, problem });
    }
}

/// Brings `values` into the types of `spec`.
#[must_use]
pub fn conform(spec: &Spec, values: &Values) -> Conformed {
    let mut faults = Faults::default();
    let values = faults.block("", spec, values);
    Conformed {
        values,
        faults: faults.found,
    }
}

fn text(value: &ConfigValue) -> Option<String> {
    match value {
        ConfigValue::Text(text) => Some(text.clone()),
        ConfigValue::Number(number) => Some(number.to_string()),
        ConfigValue::Bool(value) => Some(value.to_string()),
        ConfigValue::Null | ConfigValue::List(_) | ConfigValue::Map(_) => None,
    }
}

fn number(value: &ConfigValue) -> Option<serde_json::Number> {
    match value {
        ConfigValue::Number(number) => Some(number.clone()),
        ConfigValue::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &ConfigValue) -> Option<bool> {
    match text(value)?.as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The name that differs from `wrong` by the fewest edits, if that is at most a third of it.
fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    names
        .map(|name| (edits(wrong, name), name))
        .min()
        .filter(|(edits, _)| *edits <= wrong.chars().count() / 3)
        .map(|(_, name)| name.clone())
}

/// Letters to insert, remove or replace to turn `from` into `to`.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, old) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (new, above) in to.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(old != new);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
