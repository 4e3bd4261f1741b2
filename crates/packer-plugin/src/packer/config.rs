//! Reads the configuration that Packer passes to Configure.
//!
//! From an HCL2 template it is a map of Packer's own variables and the user's block as a
//! typed value in JSON; from a legacy JSON template three maps. Only the form is read here:
//! which attributes there are, and what is wrong with them, is the post-processor's.

use std::collections::BTreeMap;

use rmpv::Value;
use serde_json::Value as Json;

use super::codec::as_text;
use super::template::{self, Moment, Variables};

pub use super::template::UNKNOWN;

/// What all names of Packer's own variables begin with.
const PACKER_PREFIX: &str = "packer_";

/// Key and start of the value by which the map of placeholders is distinguished from the others.
const PLACEHOLDER_MARK: (&str, &str) = ("PackerRunUUID", "Build_PackerRunUUID.");

/// A configuration as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawConfigs {
    /// Which kind of template it stands in.
    pub template: TemplateKind,
    /// The user's block: an attribute that is not set is null or missing.
    pub user: BTreeMap<String, ConfigValue>,
    /// Packer's own variables, by their names with `packer_`.
    pub packer: BTreeMap<String, ConfigValue>,
    /// Names that `{{build}}` knows in a legacy JSON template, with Packer's placeholders.
    pub placeholders: BTreeMap<String, ConfigValue>,
}

/// The language of a template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemplateKind {
    /// `.pkr.hcl`: values have the spec's types and are complete.
    #[default]
    Hcl2,
    /// `.json`: values are as the user wrote them, unknown names included.
    Json,
}

/// A value of the configuration.
#[derive(Clone, PartialEq)]
pub enum ConfigValue {
    /// Not set.
    Null,
    /// True or false.
    Bool(bool),
    /// A number; long fractions are rounded to a double.
    Number(serde_json::Number),
    /// Text.
    Text(String),
    /// A list, or the repetitions of a block.
    List(Vec<Self>),
    /// A map, or a block.
    Map(BTreeMap<String, Self>),
}

/// The user's block after rendering.
#[derive(Debug)]
pub struct Rendered {
    /// The values.
    pub user: BTreeMap<String, ConfigValue>,
    /// Calls that are not known here, with the path of the text that has them.
    pub refused: Vec<(String, String)>,
}

/// A configuration in a form that no Packer sends.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The typed value is not JSON.
    #[error("packer sent a configuration that is not JSON")]
    Json(#[source] serde_json::Error),
    /// An element is of a kind that no Packer sends.
    #[error("packer sent a configuration whose part {index} is {found}")]
    Element {
        /// Which element, from 0.
        index: usize,
        /// What it is.
        found: &'static str,
    },
}

impl std::fmt::Debug for ConfigValue {
    /// Names kinds and keys only: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(_) => f.write_str("bool"),
            Self::Number(_) => f.write_str("number"),
            Self::Text(_) => f.write_str("text"),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Map(entries) => f.debug_map().entries(entries).finish(),
        }
    }
}

impl RawConfigs {
    /// Reads the elements of Configure's argument; later ones override earlier ones.
    ///
    /// # Errors
    ///
    /// When an element is neither a map nor a typed value in JSON.
    pub fn read(elements: &[Value]) -> Result<Self, ConfigError> {
        let mut configs = Self {
            template: TemplateKind::Json,
            ..Self::default()
        };
        for (index, element) in elements.iter().enumerate() {
            configs.add(index, element)?;
        }
        Ok(configs)
    }

    /// The variables of the template, with Packer's values; legacy JSON only.
    #[must_use]
    pub fn user_variables(&self) -> BTreeMap<String, String> {
        match self.packer.get("packer_user_variables") {
            Some(ConfigValue::Map(variables)) => variables
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_text()?.to_owned())))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// Whether one of Packer's own switches is on, such as `packer_force`.
    #[must_use]
    pub fn packer_flag(&self, name: &str) -> bool {
        match self.packer.get(name) {
            Some(ConfigValue::Bool(value)) => *value,
            // An HCL2 template has them as text.
            Some(ConfigValue::Text(text)) => text == "true",
            _ => false,
        }
    }

    /// One of Packer's own texts, such as `packer_build_name`; empty if there is none.
    #[must_use]
    pub fn packer_text(&self, name: &str) -> &str {
        self.packer.get(name).and_then(ConfigValue::as_text).unwrap_or_default()
    }

    /// Renders the calls of Packer's template language in all texts of the user's block: Packer leaves that to plugins.
    ///
    /// What `build` does not know becomes [`UNKNOWN`]: pass no values in Configure and those of the input artifact in
    /// PostProcess.
    #[must_use]
    pub fn render(&self, build: &BTreeMap<String, String>, now: Moment) -> Rendered {
        let user = self.user_variables();
        let variables = Variables {
            user: &user,
            build,
            build_name: self.packer_text("packer_build_name"),
            build_type: self.packer_text("packer_builder_type"),
            now,
        };
        let mut refused = Vec::new();
        let entries = self.user.iter();
        let user = entries
            .map(|(name, value)| (name.clone(), value.render(name, &variables, &mut refused)))
            .collect();
        Rendered { user, refused }
    }

    fn add(&mut self, index: usize, element: &Value) -> Result<(), ConfigError> {
        match element {
            Value::Binary(bytes) => self.add_typed(bytes),
            Value::Map(_) => {
                self.add_map(element);
                Ok(())
            }
            Value::Nil => Ok(()),
            other => Err(ConfigError::Element {
                index,
                found: kind(other),
            }),
        }
    }

    fn add_typed(&mut self, bytes: &[u8]) -> Result<(), ConfigError> {
        let json: Json = serde_json::from_slice(bytes).map_err(ConfigError::Json)?;
        self.template = TemplateKind::Hcl2;
        // The type next to the value says nothing that our own spec does not.
        if let Some(Json::Object(values)) = json.get("value") {
            for (name, value) in values {
                self.set(name, ConfigValue::from_json(value));
            }
        }
        Ok(())
    }

    fn add_map(&mut self, element: &Value) {
        let ConfigValue::Map(values) = ConfigValue::from_msgpack(element) else {
            return;
        };
        let (key, mark) = PLACEHOLDER_MARK;
        let is_mark = |value: &ConfigValue| value.as_text().is_some_and(|text| text.starts_with(mark));
        if values.get(key).is_some_and(is_mark) {
            self.placeholders.extend(values);
        } else {
            for (name, value) in values {
                self.set(&name, value);
            }
        }
    }

    fn set(&mut self, name: &str, value: ConfigValue) {
        let values = if name.starts_with(PACKER_PREFIX) {
            &mut self.packer
        } else {
            &mut self.user
        };
        // What is not set here does not override what was set before.
        if value != ConfigValue::Null || !values.contains_key(name) {
            values.insert(name.to_owned(), value);
        }
    }
}

impl ConfigValue {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether Packer does not know the text, or a part of it, yet.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.as_text().is_some_and(|text| text.contains(UNKNOWN))
    }

    /// Paths of all texts below this value that Packer does not know yet, in order.
    ///
    /// `path` is the path of the value itself, such as `source.vm` or `target[1].region`.
    #[must_use]
    pub fn unknown_paths(&self, path: &str) -> Vec<String> {
        match self {
            Self::Text(_) if self.is_unknown() => vec![path.to_owned()],
            Self::List(items) => items
                .iter()
                .enumerate()
                .flat_map(|(index, item)| item.unknown_paths(&format!("{path}[{index}]")))
                .collect(),
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(name, value)| value.unknown_paths(&format!("{path}.{name}")))
                .collect(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => Vec::new(),
        }
    }

    fn render(&self, path: &str, variables: &Variables<'_>, refused: &mut Vec<(String, String)>) -> Self {
        match self {
            Self::Text(text) => {
                let mut actions = Vec::new();
                let text = template::render(text, variables, &mut actions);
                refused.extend(actions.into_iter().map(|action| (path.to_owned(), action)));
                Self::Text(text)
            }
            Self::List(items) => {
                let items = items.iter().enumerate();
                Self::List(
                    items
                        .map(|(index, item)| item.render(&format!("{path}[{index}]"), variables, refused))
                        .collect(),
                )
            }
            Self::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(name, value)| {
                        (
                            name.clone(),
                            value.render(&format!("{path}.{name}"), variables, refused),
                        )
                    })
                    .collect(),
            ),
            Self::Null | Self::Bool(_) | Self::Number(_) => self.clone(),
        }
    }

    fn from_json(value: &Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Number(number.clone()),
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    fn from_msgpack(value: &Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Bool(*value),
            Value::Integer(_) | Value::F32(_) | Value::F64(_) => number(value).map_or(Self::Null, Self::Number),
            Value::String(_) | Value::Binary(_) => {
                as_text(value).map_or(Self::Null, |text| Self::Text(text.to_owned()))
            }
            Value::Array(items) => Self::List(items.iter().map(Self::from_msgpack).collect()),
            Value::Map(entries) => Self::Map(
                entries
                    .iter()
                    .filter_map(|(key, value)| Some((as_text(key)?.to_owned(), Self::from_msgpack(value))))
                    .collect(),
            ),
            Value::Nil | Value::Ext(..) => Self::Null,
        }
    }
}

/// A legacy template's `2` arrives as the float 2.0: whole numbers become integers again.
fn number(value: &Value) -> Option<serde_json::Number> {
    if let Some(number) = super::codec::as_unsigned(value) {
        return Some(number.into());
    }
    match value {
        Value::Integer(number) => number.as_i64().map(serde_json::Number::from),
        _ => value.as_f64().and_then(serde_json::Number::from_f64),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "a bool",
        Value::Integer(_) | Value::F32(_) | Value::F64(_) => "a number",
        Value::String(_) => "text",
        Value::Binary(_) => "bytes",
        Value::Array(_) => "a list",
        Value::Map(_) => "a map",
        Value::Ext(..) => "an extension",
    }
}

#[cfg(test)]
mod tests;
