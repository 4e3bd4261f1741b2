//! Turns a user's values into JSON of the service's types, and notes what is not known yet.
//!
//! Types and names are [`mod@conform`]'s; here are only the limits of the service's numbers.

use std::collections::BTreeMap;

use azure_batch_core::settings::Fault;
use serde_json::{Map, Value as Json};

use crate::packer::{
    config::ConfigValue,
    conform::{self, conform},
    spec::Spec,
};

/// What was read.
pub(super) struct Reading {
    /// The values that are set.
    pub(super) values: Map<String, Json>,
    /// What is wrong with the form.
    pub(super) faults: Vec<Fault>,
    /// Paths of values that may stand for what is not known yet, or that were dropped for a fault.
    pub(super) unsettled: Vec<String>,
    /// Paths of values that hold Packer's `<unknown>`.
    pub(super) unknown: Vec<String>,
}

impl Reading {
    /// Reads a block by its spec.
    pub(super) fn new(spec: &Spec, values: &BTreeMap<String, ConfigValue>) -> Self {
        let unknown = values.iter().flat_map(|(name, value)| value.unknown_paths(name));
        let unknown: Vec<String> = unknown.collect();
        let conformed = conform(spec, values);
        let dropped = conformed.faults.iter().map(|fault| fault.path.clone());
        let mut reading = Self {
            values: Map::new(),
            unsettled: dropped.chain(unknown.iter().cloned()).collect(),
            faults: conformed.faults.iter().map(form_fault).collect(),
            unknown,
        };
        reading.values = reading.block("", &conformed.values);
        reading
    }

    fn block(&mut self, path: &str, values: &BTreeMap<String, ConfigValue>) -> Map<String, Json> {
        let mut read = Map::new();
        for (name, value) in values {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            if let Some(value) = self.value(&path, value) {
                read.insert(name.clone(), value);
            }
        }
        read
    }

    fn value(&mut self, path: &str, value: &ConfigValue) -> Option<Json> {
        if is_placeholder(value) {
            self.unsettled.push(path.to_owned());
        }
        Some(match value {
            ConfigValue::Null => return None,
            ConfigValue::Bool(value) => Json::from(*value),
            ConfigValue::Number(number) => return self.whole(path, number),
            ConfigValue::Text(text) => Json::from(text.as_str()),
            ConfigValue::List(items) => {
                let items = items.iter().enumerate();
                items
                    .filter_map(|(index, item)| self.value(&format!("{path}[{index}]"), item))
                    .collect()
            }
            ConfigValue::Map(values) => Json::Object(self.block(path, values)),
        })
    }

    fn whole(&mut self, path: &str, number: &serde_json::Number) -> Option<Json> {
        let whole = number.as_u64().and_then(|number| u32::try_from(number).ok());
        if whole.is_none() {
            let text = format!("is {number}; write a whole number from 0 to {}", u32::MAX);
            self.faults.push(Fault::new(path, text));
            self.unsettled.push(path.to_owned());
        }
        whole.map(Json::from)
    }
}

/// What Packer puts in place of what it does not know yet: 0, false, nothing.
fn is_placeholder(value: &ConfigValue) -> bool {
    match value {
        ConfigValue::Null => false,
        ConfigValue::Bool(value) => !value,
        ConfigValue::Number(number) => number.as_u64() == Some(0),
        ConfigValue::Text(text) => text.is_empty(),
        ConfigValue::List(items) => items.is_empty(),
        ConfigValue::Map(entries) => entries.is_empty(),
    }
}

fn form_fault(fault: &conform::Fault) -> Fault {
    let text = fault.to_string();
    let text = text.strip_prefix(&format!("{}: ", fault.path)).unwrap_or(&text);
    Fault::new(&fault.path, text)
}
