//! What an artifact may answer when it is asked for one of its states.
//!
//! Limited to what Packer can take: other shapes fail the next post-processor or crash
//! Packer. Packer asks for two names by itself; all others are between plugins.

use std::collections::BTreeMap;

use rmpv::Value;

use super::codec::{as_text, record};

/// Name of the state that becomes `build.*` for the next post-processor.
pub const GENERATED_DATA: &str = "generated_data";

/// Name of the state that HCP Packer asks for.
pub const IMAGE_METADATA: &str = "par.artifact.metadata";

/// The answer to a question for a state.
#[derive(Clone, PartialEq)]
pub enum State {
    /// There is no such state.
    Unknown,
    /// For [`GENERATED_DATA`].
    GeneratedData(GeneratedData),
    /// For [`IMAGE_METADATA`]: one entry per region.
    Images(Vec<ImageMetadata>),
    /// For other names: what another plugin's artifact answered, as it came.
    Forwarded(Value),
}

/// Values that `build.*` shows the next post-processor; holds passwords and private keys.
#[derive(Clone, Default, PartialEq)]
pub struct GeneratedData {
    values: BTreeMap<String, Scalar>,
}

/// The kinds of values that Packer takes in [`GeneratedData`].
#[derive(Clone, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number that is not negative.
    Unsigned(u64),
    /// A negative number.
    Negative(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
}

/// An image as HCP Packer records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMetadata {
    /// Id of the image, unique within its region.
    pub image_id: String,
    /// Cloud the image is in.
    pub provider_name: String,
    /// Region of the cloud.
    pub provider_region: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Id of the image that this one was made from; empty if unknown.
    pub source_image_id: String,
}

impl std::fmt::Debug for State {
    /// Names the kind only: the values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Unknown",
            Self::GeneratedData(_) => "GeneratedData(..)",
            Self::Images(_) => "Images(..)",
            Self::Forwarded(_) => "Forwarded(..)",
        })
    }
}

impl std::fmt::Debug for GeneratedData {
    /// Names the keys only: the values are passwords and keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl std::fmt::Debug for Scalar {
    /// Names the kind only: the value may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Unsigned(_) | Self::Negative(_) | Self::Float(_) => "Number(..)",
            Self::Bool(_) => "Bool(..)",
        })
    }
}

impl State {
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Unknown => Value::Nil,
            Self::GeneratedData(values) => values.into_value(),
            Self::Images(images) => Value::Array(images.into_iter().map(ImageMetadata::into_value).collect()),
            Self::Forwarded(value) => value,
        }
    }
}

impl GeneratedData {
    /// Reads what a builder's artifact answered, without what Packer would refuse.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        let Value::Map(entries) = value else {
            return Self::default();
        };
        let values = entries
            .iter()
            .filter_map(|(key, value)| Some((as_text(key)?.to_owned(), Scalar::read(value)?)))
            .collect();
        Self { values }
    }

    /// Adds a text, in place of an older one of that name.
    pub fn insert_text(&mut self, name: &str, text: &str) {
        self.values.insert(name.to_owned(), Scalar::Text(text.to_owned()));
    }

    /// All values as `build.*` shows them, by name. May hold secrets.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<String, String> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.clone(), value.to_string())).collect()
    }

    /// The value of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Scalar> {
        self.values.get(name)
    }

    fn into_value(self) -> Value {
        Value::Map(
            self.values
                .into_iter()
                .map(|(name, value)| (Value::from(name), value.into_value()))
                .collect(),
        )
    }
}

impl Scalar {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(value) => Some(Self::Bool(*value)),
            Value::Integer(number) => number
                .as_u64()
                .map(Self::Unsigned)
                .or_else(|| number.as_i64().map(Self::Negative)),
            Value::F32(_) | Value::F64(_) => value.as_f64().map(Self::Float),
            _ => as_text(value).map(|text| Self::Text(text.to_owned())),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Unsigned(number) => Value::from(number),
            Self::Negative(number) => Value::from(number),
            Self::Float(number) => Value::F64(number),
            Self::Bool(value) => Value::from(value),
        }
    }
}

impl std::fmt::Display for Scalar {
    /// Writes the value as `build.*` shows it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Negative(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

impl ImageMetadata {
    fn into_value(self) -> Value {
        let labels = self.labels.into_iter();
        record([
            ("ImageID", Value::from(self.image_id)),
            ("ProviderName", Value::from(self.provider_name)),
            ("ProviderRegion", Value::from(self.provider_region)),
            (
                "Labels",
                Value::Map(
                    labels
                        .map(|(name, text)| (Value::from(name), Value::from(text)))
                        .collect(),
                ),
            ),
            ("SourceImageID", Value::from(self.source_image_id)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_data_keeps_only_what_packer_takes() {
        let read = GeneratedData::from_value(&Value::Map(vec![
            (Value::from("ID"), Value::Binary(b"Null".to_vec())),
            (Value::from("Port"), Value::from(22)),
            (Value::from("Low"), Value::from(-5)),
            (Value::from("Ratio"), Value::F64(0.5)),
            (Value::from("On"), Value::from(true)),
            (Value::from("List"), Value::Array(vec![])),
            (Value::from("Nil"), Value::Nil),
            (Value::from(7), Value::from("a key that is not text")),
        ]));
        let expected = Value::Map(vec![
            (Value::from("ID"), Value::from("Null")),
            (Value::from("Low"), Value::from(-5)),
            (Value::from("On"), Value::from(true)),
            (Value::from("Port"), Value::from(22)),
            (Value::from("Ratio"), Value::F64(0.5)),
        ]);
        assert_eq!(State::GeneratedData(read).into_value(), expected);
    }

    #[test]
    fn secrets_in_generated_data_are_not_printed() {
        let mut secret = GeneratedData::default();
        secret.insert_text("WinRMPassword", "hunter2");
        let printed = format!("{secret:?} {:?}", secret.find("WinRMPassword"));
        assert!(printed.contains("WinRMPassword"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
