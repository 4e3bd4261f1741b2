//! All that a resize error says: Batch's code and text, each of its `values`, and each error of the compute provider, also
//! one that stands as JSON in a text, at times cut off in the middle.
//!
//! It reads; what a code or a text means is in the table.

use serde_json::{Deserializer, Value};

use super::{Origin, named::Named};
use crate::{batch::pool::ResizeError, json};

/// So deep errors are looked for in texts of errors; two levels have been seen.
const DEPTH: usize = 6;
/// So many braces of a text are tried as the beginning of an error.
const BRACES: usize = 16;

/// A code with its text; one of both may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Whose it is.
    pub(super) origin: Origin,
    /// The code; empty where none is given.
    pub(super) code: String,
    /// The text, without the errors in it that are statements of their own.
    pub(super) text: String,
    /// What it is called where it has no code: the name of the value that it stands in.
    name: String,
}

/// Everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Batch's own statement first.
    pub(super) statements: Vec<Statement>,
    /// What the statements name.
    pub(super) named: Named,
}

/// An error that was found in a text.
struct Found {
    code: String,
    message: String,
    named: Named,
}

/// A key of an error in JSON that cannot be read as a whole.
#[derive(Clone, Copy)]
enum Key {
    Code,
    Message,
}

impl Key {
    const ALL: [(Self, &'static str); 2] = [(Self::Code, "\"code\""), (Self::Message, "\"message\"")];
}

impl Statement {
    /// As it is shown behind Batch's own.
    fn shown(&self) -> String {
        let label = if self.code.is_empty() { &self.name } else { &self.code };
        match (label.as_str(), self.text.as_str()) {
            (label, "") => format!(" ({label})"),
            ("", text) => format!(" ({text})"),
            (label, text) => format!(" ({label}: {text})"),
        }
    }
}

impl Evidence {
    /// Reads an error.
    pub(super) fn read(error: &ResizeError) -> Self {
        let mut evidence = Self::default();
        evidence.add(Origin::Batch, (&error.code, ""), &error.message, DEPTH);
        // Both stand in values of their own and belong together.
        let (code, message) = (value(error, "code"), value(error, "message"));
        if code.is_some() || message.is_some() {
            let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
            evidence.add(Origin::Provider, (code, "message"), message, DEPTH);
        }
        let others = error.values.iter().filter(|(name, _)| !is_read_otherwise(name));
        for (name, text) in others {
            evidence.add(Origin::Provider, ("", name), text, DEPTH);
        }
        evidence
    }

    /// All of it in the service's words.
    pub(super) fn said(&self) -> String {
        let Some((first, others)) = self.statements.split_first() else {
            return String::new();
        };
        let others: String = others.iter().map(Statement::shown).collect();
        format!("{}: {}{others}", first.code, first.text)
    }

    fn add(&mut self, origin: Origin, (code, name): (&str, &str), text: &str, depth: usize) {
        let (own, inner) = match depth {
            0 => (text.to_owned(), Vec::new()),
            _ => unwrapped(text),
        };
        let own = own.trim();
        if origin == Origin::Batch || !code.is_empty() || !own.is_empty() {
            self.named.add(Named::read(&Value::Null, own));
            self.statements.push(Statement {
                origin,
                code: code.to_owned(),
                text: own.to_owned(),
                name: name.to_owned(),
            });
        }
        for found in inner {
            self.named.add(found.named);
            self.add(Origin::Provider, (&found.code, name), &found.message, depth - 1);
        }
    }
}

impl Found {
    fn of(code: String, message: String) -> Self {
        Self {
            code,
            message,
            named: Named::default(),
        }
    }
}

fn value<'a>(error: &'a ResizeError, name: &str) -> Option<&'a str> {
    let mut values = error.values.iter();
    let (_, value) = values.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Whether a value of that name is one of a pair, or says only whether another one is cut off.
fn is_read_otherwise(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "code" || name == "message" || name.contains("truncated")
}

/// The errors that stand in a text as JSON, and what is left of the text without them.
fn unwrapped(text: &str) -> (String, Vec<Found>) {
    let braces = text.match_indices('{').take(BRACES);
    for (before, json) in braces.filter_map(|(at, _)| text.split_at_checked(at)) {
        let mut values = Deserializer::from_str(json).into_iter::<Value>();
        let (found, behind) = match values.next() {
            Some(Ok(value)) => (errors_of(&value), json.get(values.byte_offset()..)),
            // Cut off in the middle: what stands before the cut is still worth reading.
            Some(Err(error)) if error.is_eof() => (errors_before_the_cut(json), None),
            _ => continue,
        };
        if !found.is_empty() {
            return (format!("{before}{}", behind.unwrap_or_default()), found);
        }
    }
    (text.to_owned(), Vec::new())
}

/// An error and those in its `details`, the outermost first.
fn errors_of(value: &Value) -> Vec<Found> {
    let error = value.get("error").unwrap_or(value);
    let code = json::text(error, "/code").unwrap_or_default();
    let message = json::text(error, "/message").unwrap_or_default();
    let own = (!code.is_empty() || !message.is_empty()).then(|| Found {
        code: code.to_owned(),
        message: message.to_owned(),
        named: Named::read(error, message),
    });
    let details = json::items(error, "/details").chain(error.get("innererror"));
    own.into_iter().chain(details.flat_map(errors_of)).collect()
}

/// The codes of JSON that breaks off, each with the message that follows it.
fn errors_before_the_cut(json: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut rest = json;
    while let Some((key, behind)) = next_key(rest) {
        rest = behind;
        let Some((text, behind)) = string_behind(rest) else {
            continue;
        };
        rest = behind;
        match (key, found.last_mut()) {
            (Key::Message, Some(last)) if last.message.is_empty() => last.message = text,
            (Key::Message, _) => found.push(Found::of(String::new(), text)),
            (Key::Code, _) => found.push(Found::of(text, String::new())),
        }
    }
    found
}

/// The next key, and what stands behind it.
fn next_key(text: &str) -> Option<(Key, &str)> {
    let keys = Key::ALL.into_iter();
    let places = keys.filter_map(|(key, name)| Some((text.find(name)?, key, name)));
    let (at, key, name) = places.min_by_key(|(at, ..)| *at)?;
    Some((key, text.get(at + name.len()..)?))
}

/// The string behind a key, as far as it goes, and the rest; nothing when the key's value is not a string.
fn string_behind(text: &str) -> Option<(String, &str)> {
    let value = text.trim_start().strip_prefix(':')?;
    let value = value.trim_start().strip_prefix('"')?;
    let mut found = String::new();
    let mut letters = value.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((found, value.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next() {
                Some((_, 'n' | 'r' | 't')) => found.push(' '),
                Some((_, escaped)) => found.push(escaped),
                None => break,
            },
            letter => found.push(letter),
        }
    }
    Some((found, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: &str = r#"{"error":{"code":"BadRequest","message":"The selected VM size 'STANDARD_A1_V2' cannot boot Hypervisor Generation '2'."}}"#;
    const IN_JSON: &str = r#"{"error":{"code":"DeploymentFailed","details":[{"code":"BadRequest","message":"It failed: {\"error\":{\"code\":\"ScopeLocked\",\"message\":\"The scope is locked.\"}}"},{"code":"SubnetIsFull","message":"It is full."}]}}"#;

    fn error(text: &str) -> ResizeError {
        ResizeError {
            code: "AllocationFailed".to_owned(),
            message: "m".to_owned(),
            values: vec![
                ("Provider Error Json Truncated".to_owned(), "True".to_owned()),
                ("Provider Error Json".to_owned(), text.to_owned()),
            ],
        }
    }

    fn codes(text: &str) -> Vec<String> {
        let statements = Evidence::read(&error(text)).statements.into_iter();
        statements.skip(1).map(|statement| statement.code).collect()
    }

    #[test]
    fn each_error_is_read_wherever_it_stands() {
        assert_eq!(
            codes(IN_JSON),
            ["DeploymentFailed", "BadRequest", "ScopeLocked", "SubnetIsFull"]
        );
        assert_eq!(codes(r#"{"code":"X"}"#), ["X"]);
        assert_eq!(
            Evidence::read(&error(IN_JSON)).said(),
            "AllocationFailed: m (DeploymentFailed) (BadRequest: It failed:) (ScopeLocked: The scope is locked.) \
             (SubnetIsFull: It is full.)"
        );
    }

    #[test]
    fn a_text_that_holds_no_error_stays_whole() {
        for text in ["no json", "{\"policy\": [1]}", "of {0} and {1}"] {
            let said = Evidence::read(&error(text)).said();
            assert_eq!(said, format!("AllocationFailed: m (Provider Error Json: {text})"));
        }
    }

    #[test]
    fn values_of_their_own_are_read_too_and_a_code_goes_with_its_message() {
        let mut error = error(JSON);
        for (name, value) in [
            ("message", "It is locked."),
            ("Code", "ScopeLocked"),
            ("Reason", "Why."),
        ] {
            error.values.push((name.to_owned(), value.to_owned()));
        }
        let said = Evidence::read(&error).said();
        assert!(
            said.starts_with("AllocationFailed: m (ScopeLocked: It is locked.) (BadRequest: The"),
            "{said}"
        );
        assert!(said.ends_with(" (Reason: Why.)"), "{said}");
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_behind_a_code_leaves_it_readable(cut in 28..JSON.len()) {
            let found = Evidence::read(&error(&JSON[..cut])).statements;
            prop_assert_eq!(&found[1].code, "BadRequest");
            prop_assert!(JSON.contains(&found[1].text));
        }

        #[test]
        fn a_cut_behind_an_inner_code_leaves_that_readable(cut in 0..IN_JSON.len()) {
            let codes = codes(&IN_JSON[..cut]);
            let is_behind = |code: &str| IN_JSON.find(code).unwrap() + code.len() + 2 < cut;
            for code in ["DeploymentFailed", "BadRequest", "ScopeLocked", "SubnetIsFull"] {
                prop_assert!(!is_behind(code) || codes.iter().any(|found| found == code), "{} of {:?}", code, codes);
            }
        }

        #[test]
        fn nothing_breaks_the_reading(text: String) {
            let _read = Evidence::read(&error(&text)).said();
        }

        #[test]
        fn nothing_like_json_breaks_the_reading(text in r#"[{}\[\]":\\code message]{0,80}"#) {
            let _read = Evidence::read(&error(&text)).said();
        }
    }
}
