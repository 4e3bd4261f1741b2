//! A YAML or JSON text as a tree in which each value knows its line and its path.
//!
//! What the names mean is said elsewhere.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Number, Value as Json};
use serde_saphyr::{Error as YamlError, MessageFormatter as _, Spanned, UserMessageFormatter};

use crate::one_line::one_line;

/// A value with its place. `Debug` shows the place alone: values may be secret.
#[derive(Clone, PartialEq)]
pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) value: Is,
}

/// What a value is.
#[derive(Clone, PartialEq)]
pub(super) enum Is {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Where a value stands: the line of its name, and its path as the file writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: u64,
    pub(crate) path: String,
}

/// Why a text is neither YAML nor JSON: on one line, in words for people who know nothing of the library that read it.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    line: Option<u64>,
    why: String,
}

struct Parsed {
    line: u64,
    value: Raw,
}

enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Parsed>),
    Map(Vec<(Spanned<String>, Parsed)>),
}

/// Takes whatever stands there.
struct AnyValue;

impl Node {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        // `yes` and `on` are texts today, and names of people's pools.
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let parsed: Parsed = serde_saphyr::from_str_with_options(text.trim_start_matches('\u{feff}'), options)?;
        Ok(Self::of(parsed.line, String::new(), parsed.value))
    }

    fn of(line: u64, path: String, raw: Raw) -> Self {
        let value = match raw {
            Raw::Null => Is::Null,
            Raw::Bool(is_on) => Is::Bool(is_on),
            Raw::Number(number) => Is::Number(number),
            Raw::Text(text) => Is::Text(text),
            Raw::List(items) => {
                let numbered = items.into_iter().enumerate();
                let item = |(index, item): (usize, Parsed)| Self::of(item.line, format!("{path}[{index}]"), item.value);
                Is::List(numbered.map(item).collect())
            }
            Raw::Map(fields) => {
                let field = |(name, parsed): (Spanned<String>, Parsed)| {
                    let known = name.referenced.line();
                    let line = if known == 0 { parsed.line } else { known };
                    let node = Self::of(line, joined(&path, &name.value), parsed.value);
                    (name.value, node)
                };
                Is::Map(fields.into_iter().map(field).collect())
            }
        };
        Self {
            spot: Spot { line, path },
            value,
        }
    }

    /// The fields; none when it is not an object.
    pub(super) fn fields(&self) -> &[(String, Self)] {
        match &self.value {
            Is::Map(fields) => fields,
            _ => &[],
        }
    }

    /// The items; none when it is not a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Is::List(items) => items,
            _ => &[],
        }
    }

    /// A field.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let found = self.fields().iter().find(|(of, _)| of == name);
        found.map(|(_, node)| node)
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        let Is::Map(fields) = &mut self.value else { return None };
        let position = fields.iter().position(|(of, _)| of == name)?;
        Some(fields.remove(position).1)
    }

    /// Puts a field in, in the place of one that has the name.
    pub(super) fn put(&mut self, name: &str, node: Self) {
        self.take(name);
        if let Is::Map(fields) = &mut self.value {
            fields.push((name.to_owned(), node));
        }
    }

    /// Gives a field another name.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        if let Some(node) = self.take(old) {
            self.put(new, node);
        }
    }

    /// A field to change.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Is::Map(fields) = &mut self.value else { return None };
        fields.iter_mut().find(|(of, _)| of == name).map(|(_, node)| node)
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Is::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it has fields.
    pub(super) const fn is_map(&self) -> bool {
        matches!(self.value, Is::Map(_))
    }

    /// The same without places.
    pub(super) fn json(&self) -> Json {
        match &self.value {
            Is::Null => Json::Null,
            Is::Bool(is_on) => Json::Bool(*is_on),
            Is::Number(number) => Json::Number(number.clone()),
            Is::Text(text) => Json::String(text.clone()),
            Is::List(items) => items.iter().map(Self::json).collect(),
            Is::Map(fields) => {
                let fields = fields.iter().map(|(name, node)| (name.clone(), node.json()));
                Json::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// What it is, for people.
    pub(super) const fn kind(&self) -> &'static str {
        match &self.value {
            Is::Null => "nothing",
            Is::Bool(_) => "true or false",
            Is::Number(_) => "a number",
            Is::Text(_) => "a text",
            Is::List(_) => "a list",
            Is::Map(_) => "an object",
        }
    }
}

impl Spot {
    /// The place as a sentence begins with it.
    pub(super) fn shown(&self) -> String {
        let Self { line, path } = self;
        if path.is_empty() {
            format!("line {line}: ")
        } else {
            format!("line {line}: {path}: ")
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.spot.shown(), self.kind())
    }
}

impl Unreadable {
    /// The fault of the file as a whole.
    pub(super) fn shown(&self) -> String {
        format!("{}is neither YAML nor JSON: {}", self.place(), self.why)
    }

    fn place(&self) -> String {
        self.line.map(|line| format!("line {line}: ")).unwrap_or_default()
    }
}

impl From<YamlError> for Unreadable {
    fn from(error: YamlError) -> Self {
        let why = match error.without_snippet() {
            YamlError::DuplicateMappingKey { key: Some(key), .. } => {
                format!("{key:?} stands there twice; write it once")
            }
            YamlError::MultipleDocuments { .. } => "a second document begins here; write one only".to_owned(),
            other => UserMessageFormatter.format_message(other).into_owned(),
        };
        Self {
            line: error.location().map(|place| place.line()),
            why: one_line(&why),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place(), self.why)
    }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Raw>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

impl<'de> de::Visitor<'de> for AnyValue {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, is_on: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(is_on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Number::from_f64(number).map_or_else(|| Raw::Text(number.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut fields: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Raw::Map(map))
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A field, all the way down.
    fn at<'a>(node: &'a Node, pointer: &str) -> Option<&'a Node> {
        pointer.split('/').try_fold(node, |node, name| node.get(name))
    }

    #[test]
    fn yaml_and_json_are_read_alike_and_each_value_knows_its_line() {
        let yaml = "# pools\nvm-size: Standard_D4s_v5\nstart:\n  command:\n    true\n  env:\n    - name: A\n      value: 1.5\non: yes\nnone:\n";
        let json = "\u{feff}{\n\t\"vm-size\": \"Standard_D4s_v5\",\r\n\t\"start\": {\"command\": true, \"env\": [{\"name\": \"A\", \"value\": 1.5}]},\n \"on\": \"yes\", \"none\": null}";
        let (yaml, json) = (Node::parse(yaml).unwrap(), Node::parse(json).unwrap());
        assert_eq!(yaml.json(), json.json());
        assert_eq!(
            yaml.json(),
            json!({"vm-size": "Standard_D4s_v5", "start": {"command": true, "env": [{"name": "A", "value": 1.5}]},
                "on": "yes", "none": null})
        );
        let spot = |node: &Node, path: &str| at(node, path).map(|node| (node.spot.line, node.spot.path.clone()));
        assert_eq!(spot(&yaml, "vm-size"), Some((2, "vm-size".to_owned())));
        assert_eq!(spot(&yaml, "start/command"), Some((4, "start.command".to_owned())));
        let item = at(&yaml, "start/env").and_then(|env| env.items().first()).unwrap();
        assert_eq!(spot(item, "value"), Some((8, "start.env[0].value".to_owned())));
        assert_eq!(spot(&json, "start/env"), Some((3, "start.env".to_owned())));
    }

    #[test]
    fn a_text_that_cannot_be_read_names_its_line() {
        let unreadable = Node::parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(unreadable.line.is_some_and(|line| line >= 2), "{unreadable:?}");
        let texts = [
            ("a: 1\na: 2\n", "line 2: \"a\" stands there twice; write it once"),
            (
                "a: 1\n---\na: 2\n",
                "line 3: a second document begins here; write one only",
            ),
        ];
        for (text, why) in texts {
            assert_eq!(Node::parse(text).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn a_text_that_was_read_with_a_snippet_is_unreadable_on_one_line() {
        let error = serde_saphyr::from_str::<Json>("a: 1\nb: {c: 1, c: 2}\n").unwrap_err();
        assert!(error.to_string().contains('\n'), "{error}");
        let why = Unreadable::from(error).to_string();
        assert_eq!(why, "line 2: \"c\" stands there twice; write it once");
    }
}
