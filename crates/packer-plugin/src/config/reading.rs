//! Reads a user's values by the table of options: types made sure, unknown names refused.
//!
//! Only form is checked. A legacy JSON template gives everything as it was written, so text
//! that reads as a number or a switch counts as one, as in other Packer plugins.

use std::collections::BTreeMap;

use azure_batch_core::credential::Fault;
use serde_json::{Map, Value as Json};

use super::{
    nearest::nearest,
    options::{self, Kind, Opt},
};
use crate::packer::config::ConfigValue;

/// What was read.
#[derive(Default)]
pub(super) struct Reading {
    /// What is wrong with the form.
    pub(super) faults: Vec<Fault>,
    /// Paths of values that may be placeholders for what is not known yet.
    pub(super) unsettled: Vec<String>,
    /// Paths of texts that hold Packer's `<unknown>`.
    pub(super) unknown: Vec<String>,
}

impl Reading {
    /// Reads a block: its attributes and blocks that are set, in JSON of the service's types.
    pub(super) fn block(
        &mut self,
        path: &str,
        options: &[Opt],
        values: &BTreeMap<String, ConfigValue>,
    ) -> Map<String, Json> {
        let mut read = Map::new();
        for (name, value) in values {
            let path = join(path, name);
            match options::find(options, name) {
                Some(option) => {
                    if let Some(value) = self.value(&path, option.kind, value) {
                        read.insert(name.clone(), value);
                    }
                }
                None if *value == ConfigValue::Null => {}
                None => {
                    let remedy = nearest(name, options.iter().map(|option| option.name))
                        .map_or_else(|| "remove it".to_owned(), |near| format!("is {near} meant?"));
                    self.fault(&path, format!("there is no such attribute; {remedy}"));
                }
            }
        }
        // A repeated block made from values that are not known yet is missing altogether.
        for option in options.iter().filter(|option| matches!(option.kind, Kind::Blocks(_))) {
            if !read.contains_key(option.name) {
                self.unsettled.push(join(path, option.name));
            }
        }
        read
    }

    fn value(&mut self, path: &str, kind: Kind, value: &ConfigValue) -> Option<Json> {
        if *value == ConfigValue::Null {
            return None;
        }
        self.note_unsettled(path, value);
        let read = match (kind, value) {
            (Kind::Text | Kind::Secret, _) => text(value).map(Json::from),
            (Kind::Number, _) if value.is_unknown() => return None,
            (Kind::Number, _) => whole(value).map(Json::from),
            (Kind::Bool, _) if value.is_unknown() => return None,
            (Kind::Bool, _) => switch(value).map(Json::from),
            (Kind::Texts, ConfigValue::List(items)) => return Some(self.texts(path, items)),
            (Kind::TextMap, ConfigValue::Map(entries)) => return Some(self.text_map(path, entries)),
            (Kind::Block(nested), _) => match one_map(value) {
                Some(values) => return Some(Json::Object(self.block(path, nested, values))),
                None => None,
            },
            (Kind::Blocks(nested), ConfigValue::List(items)) => return self.blocks(path, nested, items),
            (Kind::Blocks(nested), ConfigValue::Map(_)) => {
                return self.blocks(path, nested, std::slice::from_ref(value));
            }
            (Kind::Texts | Kind::TextMap | Kind::Blocks(_), _) => None,
        };
        if read.is_none() {
            self.fault(path, format!("is {}; write {}", found(value), wanted(kind)));
        }
        read
    }

    fn texts(&mut self, path: &str, items: &[ConfigValue]) -> Json {
        let mut read = Vec::new();
        for (index, item) in items.iter().enumerate() {
            read.extend(self.value(&format!("{path}[{index}]"), Kind::Text, item));
        }
        Json::Array(read)
    }

    fn text_map(&mut self, path: &str, entries: &BTreeMap<String, ConfigValue>) -> Json {
        let mut read = Map::new();
        for (name, value) in entries {
            if let Some(value) = self.value(&join(path, name), Kind::Text, value) {
                read.insert(name.clone(), value);
            }
        }
        Json::Object(read)
    }

    fn blocks(&mut self, path: &str, nested: &[Opt], items: &[ConfigValue]) -> Option<Json> {
        let mut read = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item {
                ConfigValue::Map(values) => read.push(Json::Object(self.block(&path, nested, values))),
                other => self.fault(&path, format!("is {}; write a block", found(other))),
            }
        }
        (!read.is_empty()).then_some(Json::Array(read))
    }

    /// Packer puts `<unknown>`, 0, false and nothing in place of what it does not know yet.
    fn note_unsettled(&mut self, path: &str, value: &ConfigValue) {
        let is_unsettled = match value {
            ConfigValue::Null => true,
            ConfigValue::Bool(value) => !value,
            ConfigValue::Number(number) => number.as_u64() == Some(0),
            ConfigValue::Text(text) => text.is_empty() || value.is_unknown(),
            ConfigValue::List(items) => items.is_empty(),
            ConfigValue::Map(entries) => entries.is_empty(),
        };
        if is_unsettled {
            self.unsettled.push(path.to_owned());
        }
        if value.is_unknown() {
            self.unknown.push(path.to_owned());
        }
    }

    fn fault(&mut self, path: &str, text: String) {
        self.faults.push(Fault::new(path, text));
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
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

fn whole(value: &ConfigValue) -> Option<u32> {
    match value {
        ConfigValue::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        ConfigValue::Text(text) if text.is_empty() => Some(0),
        ConfigValue::Text(text) => text.trim().parse().ok(),
        ConfigValue::Null | ConfigValue::Bool(_) | ConfigValue::List(_) | ConfigValue::Map(_) => None,
    }
}

fn switch(value: &ConfigValue) -> Option<bool> {
    match value {
        ConfigValue::Bool(value) => Some(*value),
        ConfigValue::Text(text) => match text.trim() {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        ConfigValue::Null | ConfigValue::Number(_) | ConfigValue::List(_) | ConfigValue::Map(_) => None,
    }
}

/// A legacy JSON template may write a block as a list of one.
fn one_map(value: &ConfigValue) -> Option<&BTreeMap<String, ConfigValue>> {
    match value {
        ConfigValue::Map(values) => Some(values),
        ConfigValue::List(items) => match items.as_slice() {
            [ConfigValue::Map(values)] => Some(values),
            _ => None,
        },
        ConfigValue::Null | ConfigValue::Bool(_) | ConfigValue::Number(_) | ConfigValue::Text(_) => None,
    }
}

fn found(value: &ConfigValue) -> String {
    match value {
        ConfigValue::Null => "nothing".to_owned(),
        ConfigValue::Bool(value) => value.to_string(),
        ConfigValue::Number(number) => number.to_string(),
        // Not the text itself: an attribute of the wrong type may hold a secret.
        ConfigValue::Text(_) => "a text".to_owned(),
        ConfigValue::List(_) => "a list".to_owned(),
        ConfigValue::Map(_) => "a map".to_owned(),
    }
}

const fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "a text",
        Kind::Number => "a whole number from 0 to 4294967295",
        Kind::Bool => "true or false",
        Kind::Texts => "a list of texts",
        Kind::TextMap => "a map from text to text",
        Kind::Block(_) => "one block",
        Kind::Blocks(_) => "a block, or a list of blocks",
    }
}
