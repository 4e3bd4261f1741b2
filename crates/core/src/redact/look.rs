//! What looks like a secret: by the name that it is given, or by its own form.
//!
//! A secret that has neither cannot be known, so whoever gives one in free text should give it by reference.

use secrecy::SecretString;
use serde_json::Value;

use super::{STRUCK, is_struck_out};

/// Parts of a name, without case and separators, that make its value a secret: those of Batch's pool JSON
/// (`password`, `accountKey`, `sasKey`, `sshPrivateKey`, `protectedSettings`), and what people name theirs.
const PARTS_OF_NAMES: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "saskey",
    "privatekey",
    "connectionstring",
    "protectedsettings",
    "sharedaccess",
];

/// Whole names that do.
const NAMES: [&str; 4] = ["sig", "sas", "key", "pass"];

/// Names of values that are struck out of every text, also of one that is not ours: the signature of a SAS, and the key
/// in a storage account's connection string. No ordinary sentence holds them.
const STRUCK_EVERYWHERE: [&str; 3] = ["sig=", "AccountKey=", "SharedAccessKey="];

/// With this every JSON web token begins: base64 of `{"`.
const TOKEN: &str = "eyJ";

/// Values that say nothing secret whatever they are called, and that many other sentences hold.
const PLAIN: [&str; 4] = ["true", "false", "null", "none"];

/// Everything in JSON that looks like a secret. Of a text that is not JSON it is what the text itself shows.
#[must_use]
pub fn secrets_in_json(text: &str) -> Vec<SecretString> {
    let mut found = Vec::new();
    match serde_json::from_str(text) {
        Ok(value) => walk(&value, &mut found),
        Err(_) => in_text(text, &mut found),
    }
    found
}

/// The text without what looks like a secret by its own form.
pub(super) fn struck(text: &str) -> String {
    let marked = STRUCK_EVERYWHERE.iter().fold(text.to_owned(), |text, mark| {
        each_after(&text, mark, |rest| rest.find(ends_value).unwrap_or(rest.len()))
    });
    each_after(&marked, TOKEN, token_length)
}

fn walk(value: &Value, found: &mut Vec<SecretString>) {
    match value {
        Value::String(text) => in_text(text, found),
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(fields) => {
            // `{"name": "DB_PASSWORD", "value": "…"}`, as environments and metadata are written.
            let named = fields.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
            for (name, value) in fields {
                if is_secret_name(name) || (named && name == "value") {
                    take(value, found);
                } else {
                    walk(value, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes every text of a value.
fn take(value: &Value, found: &mut Vec<SecretString>) {
    match value {
        Value::String(text) => keep(text, found),
        Value::Array(items) => items.iter().for_each(|item| take(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| take(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Secrets within a text, such as a command line, mount options or an address: `name=value`, `--name value`, and the
/// password of `//user:password@host`.
fn in_text(text: &str, found: &mut Vec<SecretString>) {
    for (at, _) in text.match_indices('=') {
        let (before, after) = text.split_at(at);
        let name = before.rsplit(|letter: char| !is_of_name(letter)).next();
        if name.is_some_and(is_secret_name) {
            keep_value(after.trim_start_matches('='), found);
        }
    }
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.strip_prefix("--").is_some_and(is_secret_name)
            && let Some(value) = words.next()
        {
            keep_value(value, found);
        }
    }
    for (at, _) in text.match_indices("://") {
        let rest = text.get(at + "://".len()..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        if let Some((_, password)) = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
            keep(password, found);
        }
    }
}

/// Keeps a value that stands in a text: up to its quote when it is quoted. Of an address both its forms.
fn keep_value(text: &str, found: &mut Vec<SecretString>) {
    let quoted = text.strip_prefix(['"', '\'']);
    let value = match (quoted, text.chars().next()) {
        (Some(rest), Some(quote)) => rest.split(quote).next().unwrap_or(rest),
        _ => text.split(ends_value).next().unwrap_or(text),
    };
    keep(value, found);
    let pair = format!("x={value}");
    if let Some((_, decoded)) = url::form_urlencoded::parse(pair.as_bytes()).next()
        && decoded != value
    {
        keep(&decoded, found);
    }
}

fn keep(text: &str, found: &mut Vec<SecretString>) {
    let text = text.trim();
    let is_plain = PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(text));
    // A reference to a variable is not its value.
    if is_struck_out(text) && !is_plain && !text.starts_with('$') {
        found.push(SecretString::from(text));
    }
}

fn is_secret_name(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let bare: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let is_public = bare.contains("public");
    !is_public
        && (NAMES.contains(&bare.as_str())
            || PARTS_OF_NAMES.iter().any(|part| bare.contains(part))
            || name.to_ascii_lowercase().ends_with("_key")
            || name.to_ascii_lowercase().ends_with("_sas"))
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

/// Whether a letter ends a value that stands in a text without quotes.
const fn ends_value(letter: char) -> bool {
    letter.is_ascii_whitespace()
        || matches!(
            letter,
            '&' | ';' | ',' | '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}' | '|' | '\\' | '#'
        )
}

/// Strikes out what follows each mark, as far as `length` says.
fn each_after(text: &str, mark: &str, length: impl Fn(&str) -> usize) -> String {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, value)) = rest.split_once(mark) {
        let end = length(value);
        done.push_str(before);
        done.push_str(mark);
        done.push_str(if end > 0 { STRUCK } else { "" });
        rest = value.get(end..).unwrap_or_default();
    }
    done + rest
}

/// How long the rest of a JSON web token is; nothing when it is not one. A token has three parts.
fn token_length(rest: &str) -> usize {
    let is_inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let end = rest.find(|letter| !is_inside(letter)).unwrap_or(rest.len());
    let token = rest.get(..end).unwrap_or_default().trim_end_matches('.');
    let is_token = token.split('.').filter(|part| part.len() >= 4).count() >= 3;
    if is_token { token.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut found: Vec<String> = secrets_in_json(text)
            .iter()
            .map(|secret| secret.expose_secret().to_owned())
            .collect();
        found.sort();
        found
    }

    #[test]
    fn the_pool_json_of_batch_gives_up_its_secrets() {
        let pool = json!({
            "vmSize": "standard_d2s_v5",
            "startTask": {
                "commandLine": "/bin/bash -c 'wget \"https://s.blob.core.windows.net/c/a?se=2026&sig=aB%2Bc%3D&sp=r\" && run --password hunter2-flag'",
                "environmentSettings": [
                    {"name": "LICENSE_SERVER", "value": "license.example"},
                    {"name": "DB_PASSWORD", "value": "hunter2-env"},
                    {"name": "STORAGE_KEY", "value": "hunter2-key"},
                ],
                "resourceFiles": [{"httpUrl": "https://s.blob.core.windows.net/c/b?sig=file-sig"}],
                "containerSettings": {"registry": {"username": "u", "password": "hunter2-registry"}},
            },
            "userAccounts": [{"name": "admin", "password": "hunter2-user",
                "linuxUserConfiguration": {"sshPrivateKey": "-----BEGIN hunter2-ssh"}}],
            "mountConfiguration": [
                {"cifsMountConfiguration": {"mountOptions": "-o username=u,password=hunter2-mount,vers=3.0"}},
                {"azureFileShareConfiguration": {"accountKey": "hunter2-account"}},
                {"azureBlobFileSystemConfiguration": {"sasKey": "?sv=2026&sig=hunter2-sas"}},
            ],
            "virtualMachineConfiguration": {"extensions": [
                {"name": "x", "protectedSettings": {"script": {"deep": "hunter2-extension"}}}]},
            "metadata": [{"name": "owner", "value": "https://u:hunter2-url@git.example/x"}],
        });
        let found = found(&pool.to_string());
        for secret in [
            "hunter2-flag",
            "hunter2-env",
            "hunter2-key",
            "aB%2Bc%3D",
            "aB+c=",
            "file-sig",
            "hunter2-registry",
            "hunter2-user",
            "-----BEGIN hunter2-ssh",
            "hunter2-mount",
            "hunter2-account",
            "?sv=2026&sig=hunter2-sas",
            "hunter2-extension",
            "hunter2-url",
        ] {
            assert!(
                found.iter().any(|text| text == secret),
                "{secret} is not found: {found:#?}"
            );
        }
        for plain in ["license.example", "standard_d2s_v5", "https"] {
            assert!(!found.iter().any(|text| text == plain), "{plain} is not a secret");
        }
    }

    #[test]
    fn a_reference_or_a_switch_is_not_a_secret() {
        let pool =
            r#"{"a": "run --token $TOKEN", "tokenRequired": "true", "sshPublicKey": "ssh-rsa AAAA", "secret": "x"}"#;
        assert_eq!(found(pool), Vec::<String>::new());
    }

    #[test]
    fn json_that_is_broken_still_gives_up_what_it_shows() {
        assert_eq!(found(r#"{"url": "https://a/b?sig=abcdef&x", "#), ["abcdef"]);
    }

    #[test]
    fn a_signature_a_key_or_a_token_is_struck_out_of_any_text() {
        let cases = [
            (
                "GET https://s/c?se=1&sig=aB%2Bc&sp=r failed",
                "GET https://s/c?se=1&sig=***&sp=r failed",
            ),
            ("AccountName=s;AccountKey=abc==;x", "AccountName=s;AccountKey=***;x"),
            ("\"sig=a\\u0026b\"", "\"sig=***\\u0026b\""),
            (
                "assertion eyJhbGciOi.eyJpc3Mi.c2lnbmF0 was refused.",
                "assertion eyJ*** was refused.",
            ),
            (
                "eyJustice is a word, sig= is empty, sig=",
                "eyJustice is a word, sig= is empty, sig=",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(struck(text), expected);
        }
    }
}
