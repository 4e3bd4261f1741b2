//! What a user gave, option by option, whichever door it came through. Nothing is checked here.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};

use crate::options::{self, Kind, Opt, Verb};

/// The values of options; those of a block have a `Values` of their own. `Debug` shows which there are, and no text of
/// them: a pool's JSON and a pool file hold passwords.
#[derive(Clone, Default)]
pub struct Values {
    given: BTreeMap<&'static str, Value>,
    /// The variables that values were taken from.
    variables: BTreeMap<&'static str, &'static str>,
}

/// The value of one option. `Debug` shows no text.
#[derive(Clone)]
pub enum Value {
    /// A text. Numbers, switches and durations may come as texts too.
    Text(String),
    /// A text that is never shown.
    Secret(SecretString),
    /// A whole number.
    Number(u64),
    /// True or false.
    Bool(bool),
    /// A list of texts.
    Texts(Vec<String>),
    /// A map from text to text.
    TextMap(BTreeMap<String, String>),
    /// A block.
    Block(Values),
    /// A block that is repeated.
    Blocks(Vec<Values>),
    /// It is given, and its value cannot be used: it is not known yet, or a fault of it was reported already.
    Unknown,
}

/// A field of JSON that is not an option, or does not fit its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an option, or does not fit its kind")]
pub struct Stray(pub String);

impl Values {
    /// Reads an object whose fields have the names of these options; `null` is left out.
    ///
    /// # Errors
    /// When a field is not an option, or does not fit its kind.
    pub fn from_json(rows: &[&'static Opt], object: &Map<String, Json>) -> Result<Self, Stray> {
        let mut values = Self::default();
        for (name, json) in object.iter().filter(|(_, json)| !json.is_null()) {
            let opt = rows.iter().copied().find(|opt| opt.name() == name);
            let opt = opt.ok_or_else(|| Stray(name.clone()))?;
            values.set(opt, Value::from_json(opt, json)?);
        }
        Ok(values)
    }

    /// The object that [`Self::from_json`] reads, of those options that are known. Secrets are in it as plain text.
    #[must_use]
    pub fn to_json(&self, rows: &[&'static Opt]) -> Map<String, Json> {
        let known = rows.iter().copied().filter_map(|opt| {
            let json = self.get(opt)?.to_json(opt)?;
            Some((opt.name().to_owned(), json))
        });
        known.collect()
    }

    /// Sets an option.
    pub fn set(&mut self, opt: &'static Opt, value: impl Into<Value>) {
        self.given.insert(opt.path, value.into());
    }

    /// Sets an option to what a variable says.
    pub fn set_from(&mut self, opt: &'static Opt, value: impl Into<Value>, variable: &'static str) {
        self.set(opt, value);
        self.variables.insert(opt.path, variable);
    }

    /// The variable that an option's value was taken from; nothing when the option itself was given.
    #[must_use]
    pub fn variable(&self, opt: &'static Opt) -> Option<&'static str> {
        self.variables.get(opt.path).copied()
    }

    /// The same with an option set.
    #[must_use]
    pub fn with(mut self, opt: &'static Opt, value: impl Into<Value>) -> Self {
        self.set(opt, value);
        self
    }

    /// The same, and from `other` what is not given here.
    #[must_use]
    pub fn completed_by(mut self, other: Self) -> Self {
        for (path, value) in other.given {
            let own = self.given.get(path);
            if own.is_none_or(Value::is_empty) {
                self.given.insert(path, value);
            }
        }
        self
    }

    /// The same with the options that a verb takes, and no others.
    #[must_use]
    pub(super) fn of(mut self, verb: Verb) -> Self {
        self.given.retain(|path, _| options::find(verb, path).is_some());
        self
    }

    /// Takes an option out.
    pub fn remove(&mut self, opt: &'static Opt) -> Option<Value> {
        self.given.remove(opt.path)
    }

    /// The value of an option.
    #[must_use]
    pub fn get(&self, opt: &'static Opt) -> Option<&Value> {
        self.given.get(opt.path)
    }

    /// All secrets, those in blocks included; so that they can be struck out of what is shown.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretString> {
        self.given.values().flat_map(Value::secrets).collect()
    }

    /// Whether an option is given: an empty text counts as left out.
    #[must_use]
    pub fn has(&self, opt: &'static Opt) -> bool {
        self.get(opt).is_some_and(|value| !value.is_empty())
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.given).finish()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "a text of {} bytes", text.len()),
            Self::Secret(_) => f.write_str("a secret"),
            Self::Number(number) => number.fmt(f),
            Self::Bool(is_on) => is_on.fmt(f),
            Self::Texts(texts) => write!(f, "{} texts", texts.len()),
            Self::TextMap(map) => f.debug_set().entries(map.keys()).finish(),
            Self::Block(values) => values.fmt(f),
            Self::Blocks(blocks) => blocks.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Value {
    fn from_json(opt: &'static Opt, json: &Json) -> Result<Self, Stray> {
        let stray = || Stray(opt.path.to_owned());
        let block = |json: &Json| Values::from_json(opt.nested(), json.as_object().ok_or_else(stray)?);
        let text = |json: &Json| json.as_str().map(str::to_owned).ok_or_else(stray);
        Ok(match opt.kind {
            Kind::Secret => Self::Secret(text(json)?.into()),
            Kind::Text | Kind::Duration | Kind::File | Kind::Json | Kind::TextOrFile => Self::Text(text(json)?),
            Kind::Number => Self::Number(json.as_u64().ok_or_else(stray)?),
            Kind::Bool => Self::Bool(json.as_bool().ok_or_else(stray)?),
            Kind::Texts => {
                let items = json.as_array().ok_or_else(stray)?;
                Self::Texts(items.iter().map(text).collect::<Result<_, _>>()?)
            }
            Kind::TextMap => {
                let entries = json.as_object().ok_or_else(stray)?.iter();
                Self::TextMap(
                    entries
                        .map(|(name, value)| Ok((name.clone(), text(value)?)))
                        .collect::<Result<_, _>>()?,
                )
            }
            Kind::Block(_) => Self::Block(block(json)?),
            Kind::Blocks(_) => {
                let items = json.as_array().ok_or_else(stray)?;
                Self::Blocks(items.iter().map(block).collect::<Result<_, _>>()?)
            }
        })
    }

    fn to_json(&self, opt: &'static Opt) -> Option<Json> {
        let block = |values: &Values| Json::Object(values.to_json(opt.nested()));
        Some(match self {
            Self::Text(text) => Json::from(text.as_str()),
            Self::Secret(text) => Json::from(text.expose_secret()),
            Self::Number(number) => Json::from(*number),
            Self::Bool(is_on) => Json::from(*is_on),
            Self::Texts(texts) => Json::from(texts.clone()),
            Self::TextMap(map) => map
                .iter()
                .map(|(name, text)| (name.clone(), Json::from(text.as_str())))
                .collect(),
            Self::Block(values) => block(values),
            Self::Blocks(blocks) => blocks.iter().map(block).collect(),
            Self::Unknown => return None,
        })
    }

    fn secrets(&self) -> Vec<&SecretString> {
        match self {
            Self::Secret(secret) => vec![secret],
            Self::Block(values) => values.secrets(),
            Self::Blocks(blocks) => blocks.iter().flat_map(Values::secrets).collect(),
            Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::Texts(_) | Self::TextMap(_) | Self::Unknown => {
                Vec::new()
            }
        }
    }

    /// Whether it says nothing.
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Secret(text) => text.expose_secret().trim().is_empty(),
            Self::Texts(texts) => texts.is_empty(),
            Self::TextMap(map) => map.is_empty(),
            Self::Blocks(blocks) => blocks.is_empty(),
            Self::Number(_) | Self::Bool(_) | Self::Block(_) | Self::Unknown => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<SecretString> for Value {
    fn from(text: SecretString) -> Self {
        Self::Secret(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(is_on: bool) -> Self {
        Self::Bool(is_on)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<BTreeMap<String, String>> for Value {
    fn from(map: BTreeMap<String, String>) -> Self {
        Self::TextMap(map)
    }
}

impl From<Values> for Value {
    fn from(block: Values) -> Self {
        Self::Block(block)
    }
}

impl From<Vec<Values>> for Value {
    fn from(blocks: Vec<Values>) -> Self {
        Self::Blocks(blocks)
    }
}
