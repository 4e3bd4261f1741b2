//! The mark that a pool carries: which specification it was made from, without anything that is secret.
//!
//! Everybody who may read a pool reads its mark, so nothing secret goes into it: not the named secrets, no signature of
//! an address wherever it stands, no value of an environment setting. They may change without the pool being another.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::rollout::made_by::AS_FOUND;

/// The version of this mark. A pool with a mark of another version is compared field by field.
const V1: &str = "v1:";

/// Names of values that are secret. The service does not show them.
const SECRETS: [&str; 5] = ["password", "sshPrivateKey", "accountKey", "sasKey", "protectedSettings"];

/// The mark of a specification's body.
pub(super) fn of(body: &Value) -> String {
    format!("{V1}{}", short(&without_secrets(body)))
}

/// The mark of a pool that was taken over as it was found.
pub(super) fn as_found(body: &Value) -> String {
    format!("{AS_FOUND}{}", short(&without_secrets(body)))
}

/// A short name of a value that holds no secret.
pub(super) fn short(value: &Value) -> String {
    let mut name = String::new();
    // 16 of the 32 bytes: enough to distinguish specifications, and short in a list of metadata.
    let hash = Sha256::digest(canonical(value).to_string());
    for byte in hash.iter().take(16) {
        let _infallible = write!(name, "{byte:02x}");
    }
    name
}

/// Whether a pool's mark can be compared with ours.
pub(super) fn is_known(mark: &str) -> bool {
    mark.starts_with(V1)
}

/// The value without what is secret.
pub(super) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let open = fields.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
            let open = open.map(|(name, value)| match (name.as_str(), value) {
                ("environmentSettings", Value::Array(settings)) => (name.clone(), names_alone(settings)),
                _ => (name.clone(), without_secrets(value)),
            });
            Value::Object(open.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        Value::String(text) => Value::String(without_signatures(text)),
        other => other.clone(),
    }
}

/// Where the value holds secrets that the service does not show: paths without indexes, each once.
pub(super) fn hidden_secrets(value: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk("", value, &mut |path, name, _| {
        if SECRETS.contains(&name) && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    });
    paths
}

/// The values that are secret and that the service shows again, in their order: those of environment settings, and
/// addresses that may be signed.
pub(super) fn shown_secrets(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", value, &mut |path, name, value| {
        let is_setting = name == "value" && path.ends_with("environmentSettings.value");
        match value.as_str() {
            Some(text) if is_setting || without_signatures(text) != text => found.push(text.to_owned()),
            _ => {}
        }
    });
    found
}

/// Calls for each named value with its path without indexes, its name and itself; the names of an object in order.
fn walk<'v>(path: &str, value: &'v Value, call: &mut impl FnMut(&str, &'v str, &'v Value)) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                call(&path, name, value);
                walk(&path, value, call);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(path, item, call)),
        _ => {}
    }
}

fn names_alone(settings: &[Value]) -> Value {
    let names = settings
        .iter()
        .map(|setting| setting.get("name").cloned().unwrap_or_default());
    Value::Array(names.collect())
}

/// The text without the queries of the addresses in it: signatures are there, with the times that they are good for.
fn without_signatures(text: &str) -> String {
    let mut open = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        let end = address.find(is_end).unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        open.push_str(before);
        open.push_str("://");
        open.push_str(address.split('?').next().unwrap_or_default());
        rest = after;
    }
    open.push_str(rest);
    open
}

/// Letters that end an address in a command line.
const fn is_end(letter: char) -> bool {
    letter.is_ascii_whitespace() || matches!(letter, '"' | '\'' | '`' | '<' | '>' | '|' | ';' | ')')
}

/// The value with the names of all objects in order, so that their order in a file does not matter.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let fields: Map<String, Value> = sorted
                .into_iter()
                .map(|(name, value)| (name.clone(), canonical(value)))
                .collect();
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_secret_is_in_a_mark() {
        let body = |secret: &str| {
            json!({"userAccounts": [{"name": "a", "password": secret}],
                "mountConfiguration": [{"azureBlobFileSystemConfiguration": {"sasKey": secret, "containerName": "c"}}],
                "startTask": {
                    "commandLine": format!("/bin/bash -c 'azcopy cp \"https://st1.example/c?sv=1&sig={secret}\" . && ls'"),
                    "resourceFiles": [{"httpUrl": format!("https://st1.example/x.sh?sig={secret}"), "filePath": "x.sh"}],
                    "environmentSettings": [{"name": "TOKEN", "value": secret}]}})
        };
        assert_eq!(of(&body("one")), of(&body("two")));
        assert!(!without_secrets(&body("hunter2")).to_string().contains("hunter2"));
        assert!(of(&body("one")).starts_with("v1:"));
    }

    #[test]
    fn what_is_not_secret_is_in_the_mark() {
        let mark = |command: &str, name: &str| {
            of(&json!({"startTask": {"commandLine": command, "environmentSettings": [{"name": name, "value": "x"}]}}))
        };
        let base = mark("cp https://st1.example/c?sig=a . && ls", "A");
        assert_ne!(base, mark("cp https://st1.example/d?sig=a . && ls", "A"));
        assert_ne!(base, mark("cp https://st1.example/c?sig=a . && rm x", "A"));
        assert_ne!(base, mark("cp https://st1.example/c?sig=a . && ls", "B"));
    }

    #[test]
    fn text_behind_an_address_stays() {
        let table = [
            ("a https://h/p?q=1 b?c", "a https://h/p b?c"),
            ("'https://h/p?q'; x=https://i?k", "'https://h/p'; x=https://i"),
            ("no address? none", "no address? none"),
        ];
        for (text, expected) in table {
            assert_eq!(without_signatures(text), expected);
        }
    }

    proptest! {
        #[test]
        fn taking_signatures_out_ends_and_does_it_once(text: String) {
            let once = without_signatures(&text);
            prop_assert_eq!(without_signatures(&once), once);
        }
    }
}
