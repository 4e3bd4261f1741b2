//! A file in YAML or JSON as values with their lines.
//!
//! Which names there may be, and what values mean, is core's.

use std::{fmt, fs, io};

use azure_batch_core::settings::{Member, Unreadable, What, Written};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

/// A value without its own line.
struct Bare(What);

/// Takes whatever there is.
struct OfAny;

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfAny)
    }
}

impl<'de> Visitor<'de> for OfAny {
    type Value = Bare;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, is_on: bool) -> Result<Bare, E> {
        Ok(Bare(What::Switch(is_on)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Bare, E> {
        Ok(Bare(What::Number(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Bare, E> {
        Ok(Bare(What::Number(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Bare, E> {
        Ok(Bare(What::Number(number.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Bare, E> {
        Ok(Bare(What::Text(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Bare, E> {
        Ok(Bare(What::Nothing))
    }

    fn visit_none<E>(self) -> Result<Bare, E> {
        Ok(Bare(What::Nothing))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bare, D::Error> {
        Bare::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bare, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Bare>>()? {
            all.push(written(item));
        }
        Ok(Bare(What::List(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Bare, A::Error> {
        let mut all = Vec::new();
        while let Some((name, value)) = entries.next_entry::<Spanned<String>, Spanned<Bare>>()? {
            all.push(Member {
                line: name.referenced.line(),
                name: name.value,
                value: written(value),
            });
        }
        Ok(Bare(What::Members(all)))
    }
}

/// Reads a file; `-` is stdin.
///
/// # Errors
/// With one line that says why it cannot be read.
pub(super) fn read(flag: &str, path: &str) -> Result<Written, String> {
    let text = text(flag, path)?;
    parse(&text).map_err(|cause| format!("{flag}: the file {path:?} is neither YAML nor JSON: {cause}"))
}

/// The text of a file; `-` is stdin.
///
/// # Errors
/// With one line that says why it cannot be read.
pub(super) fn text(flag: &str, path: &str) -> Result<String, String> {
    let text = match path {
        "-" => io::read_to_string(io::stdin()),
        path => fs::read_to_string(path),
    };
    text.map_err(|cause| format!("{flag}: cannot read the file {path:?}: {cause}; check the path"))
}

fn parse(text: &str) -> Result<Written, Unreadable> {
    let spanned: Spanned<Bare> = serde_saphyr::from_str(text)?;
    Ok(written(spanned))
}

fn written(spanned: Spanned<Bare>) -> Written {
    Written {
        line: spanned.referenced.line(),
        what: spanned.value.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(written: &Written) -> &[Member] {
        match &written.what {
            What::Members(members) => members,
            other => panic!("no names: {other:?}"),
        }
    }

    #[test]
    fn yaml_and_json_are_read_with_the_lines_of_names_and_values() {
        let yaml = "# rules\nrules:\n  - keep_newest: 5\n    never: true\n    protected_versions: [1.4.0]\n";
        let json = "{\n\"rules\": [\n{\"keep_newest\": 5,\n\"never\": true,\n\"protected_versions\": [\"1.4.0\"]}]}";
        for text in [yaml, json] {
            let file = parse(text).unwrap();
            let rules = &members(&file)[0];
            assert_eq!((rules.name.as_str(), rules.line), ("rules", 2));
            let What::List(items) = &rules.value.what else {
                panic!("no list: {rules:?}");
            };
            let rule = members(&items[0]);
            let lines: Vec<u64> = rule.iter().map(|member| member.line).collect();
            assert_eq!(lines, [3, 4, 5], "{text}");
            assert_eq!(rule[0].value.what, What::Number("5".to_owned()));
            assert_eq!(rule[1].value.what, What::Switch(true));
            let What::List(numbers) = &rule[2].value.what else {
                panic!("no list: {rule:?}");
            };
            assert_eq!(numbers[0].text().as_deref(), Some("1.4.0"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(parse("a: [1").is_err());
        let twice = parse("rules:\n  - {never: true, never: false}\n").unwrap_err();
        assert_eq!(twice.to_string(), "line 2: \"never\" stands there twice; write it once");
        let fault = read("--retention-file", "/no/such/file").unwrap_err();
        assert!(fault.starts_with("--retention-file: cannot read the file"), "{fault}");
    }
}
