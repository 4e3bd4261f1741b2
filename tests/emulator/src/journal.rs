//! The journal: every request and its answer, with nothing secret in what is shown of it.
//!
//! It keeps what a run needs in memory and forgets the oldest of very long ones; writing it anywhere is up to the host.

use std::{fmt, ops::Deref, sync::OnceLock};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{http::Request, outcome::Outcome};

/// Keys whose values never appear, in bodies and queries; compared without case.
const SECRET_KEYS: [&str; 21] = [
    "keyvaultsecretvalue",
    "client_secret",
    "client_assertion",
    "access_token",
    "refresh_token",
    "id_token",
    "accesssas",
    "securitydataaccesssas",
    "sig",
    "primary",
    "secondary",
    "adminpassword",
    "password",
    "customdata",
    "userdata",
    "protectedsettings",
    "primarykey",
    "secondarykey",
    "accountkey",
    "saskey",
    "sshprivatekey",
];

/// Ends of flags whose value never appears in a command line.
const SECRET_FLAGS: [&str; 4] = ["password", "secret", "token", "key"];

/// How long a text may be before the journal only says how long it was: poll URLs are over 4 KB.
const LONGEST_TEXT: usize = 512;

/// How many bytes of bodies are kept: a publish and a roll-out of a thousand nodes leave a tenth of it.
const MOST_BYTES: usize = 64 << 20;

/// What an entry takes in addition to its bodies, about.
const ENTRY_BYTES: usize = 512;

/// The requests so far, without the oldest of a very long run.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    bytes: usize,
    forgotten: u64,
}

/// One request and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The number since the start, from 1.
    pub number: u64,
    /// The emulated time.
    pub time: Timestamp,
    /// The verb.
    pub method: String,
    /// Host and port as the client addressed them.
    pub authority: String,
    /// The path as sent.
    pub path: String,
    /// The query, decoded.
    pub query: Value,
    /// The status of the answer; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `resetBeforeEffect`, `resetAfterEffect` or `hang` when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<&'static str>,
    /// The fault that hit it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The `client-request-id` or `x-ms-client-request-id` that the client sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What the client sent.
    #[serde(skip_serializing_if = "Body::is_empty")]
    pub request: Body,
    /// What it was answered.
    #[serde(skip_serializing_if = "Body::is_empty")]
    pub response: Body,
}

/// A body as it was on the wire: a JSON value without secrets, null when there was none.
///
/// Most are never looked at, so it is read when it is.
#[derive(Clone)]
pub struct Body {
    bytes: Bytes,
    form: Form,
    read: OnceLock<Value>,
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    /// GitHub's id token and a secret at its vault's own host come in a field named `value`, which elsewhere is a list's.
    JsonWithSecretValue,
    /// A vault's secret comes in `properties.value`.
    JsonOfVault,
    /// A storage account's keys come in fields named `value`.
    JsonOfKeys,
    UrlEncoded,
}

impl Journal {
    /// The number of the next request.
    pub(crate) fn next(&self) -> u64 {
        self.forgotten + self.entries.len() as u64 + 1
    }

    /// Adds one; when there is too much, the older half goes.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push(entry);
        if self.bytes > MOST_BYTES {
            let half = self.entries.len() / 2;
            self.bytes -= self.entries.drain(..half).map(|entry| entry.bytes()).sum::<usize>();
            self.forgotten += half as u64;
        }
    }

    /// The requests, oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Form {
    /// Of an answer to that path, and of a JSON body sent there.
    fn of(path: &str) -> Self {
        if path.starts_with("/oidc/token") || path.starts_with("/secrets/") {
            Self::JsonWithSecretValue
        } else if path.to_ascii_lowercase().ends_with("/listkeys") {
            Self::JsonOfKeys
        } else if path.to_ascii_lowercase().contains("/microsoft.keyvault/") {
            Self::JsonOfVault
        } else {
            Self::Json
        }
    }
}

impl Entry {
    pub(crate) fn new(request: &Request, outcome: &Outcome, place: (u64, Timestamp), fault: Option<String>) -> Self {
        let (number, time) = place;
        let (status, cut, response) = match outcome {
            Outcome::Answer(answer) => (Some(answer.status.as_u16()), None, answer.body.clone()),
            Outcome::ResetBeforeEffect => (None, Some("resetBeforeEffect"), Bytes::new()),
            Outcome::ResetAfterEffect => (None, Some("resetAfterEffect"), Bytes::new()),
            Outcome::Hang => (None, Some("hang"), Bytes::new()),
            Outcome::EndlessBody(answer) => (Some(answer.status.as_u16()), Some("endlessBody"), answer.body.clone()),
        };
        let answered = Form::of(&request.path);
        let is_form = |kind: &str| kind.contains("x-www-form-urlencoded");
        let sent = if request.header("content-type").is_some_and(is_form) {
            Form::UrlEncoded
        } else {
            answered
        };
        let text = |name: &str| request.header(name).map(str::to_owned);
        Self {
            number,
            time,
            method: request.method.to_string(),
            authority: request.authority.clone(),
            path: shortened(&request.path),
            query: pairs(request.query.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
            status,
            cut,
            fault,
            client_request_id: text("x-ms-client-request-id").or_else(|| text("client-request-id")),
            user_agent: text("user-agent"),
            request: Body::new(request.body.clone(), sent),
            response: Body::new(response, answered),
        }
    }

    /// The same without what was sent and answered, and a copy therefore costs little.
    pub(crate) fn without_bodies(&self) -> Self {
        let none = || Body::new(Bytes::new(), Form::Json);
        Self {
            query: self.query.clone(),
            request: none(),
            response: none(),
            method: self.method.clone(),
            authority: self.authority.clone(),
            path: self.path.clone(),
            fault: self.fault.clone(),
            client_request_id: self.client_request_id.clone(),
            user_agent: self.user_agent.clone(),
            ..*self
        }
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.request.bytes.len() + self.response.bytes.len()
    }
}

impl Body {
    const fn new(bytes: Bytes, form: Form) -> Self {
        Self {
            bytes,
            form,
            read: OnceLock::new(),
        }
    }

    fn read(&self) -> Value {
        if self.is_empty() {
            return Value::Null;
        }
        if self.form == Form::UrlEncoded {
            let form: Vec<_> = url::form_urlencoded::parse(&self.bytes).collect();
            return pairs(form.iter().map(|(key, value)| (key.as_ref(), value.as_ref())));
        }
        let Ok(value) = serde_json::from_slice(&self.bytes).map(without_secrets) else {
            return Value::String(format!("<{} bytes, not JSON>", self.bytes.len()));
        };
        match self.form {
            Form::JsonWithSecretValue => hidden(value, &["value"]),
            Form::JsonOfVault => hidden(value, &["properties", "value"]),
            Form::JsonOfKeys => without_keys(value),
            Form::Json | Form::UrlEncoded => without_secure_parameters(value),
        }
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Deref for Body {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.read.get_or_init(|| self.read())
    }
}

impl Serialize for Body {
    // Whoever writes the whole journal down needs each value once: keeping them would take ten times the memory.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

impl fmt::Debug for Body {
    // The bytes may hold tokens and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let object: Map<String, Value> = pairs
        .map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())))
        .collect();
    without_secrets(Value::Object(object))
}

/// A text at that place is hidden.
fn hidden(mut body: Value, path: &[&str]) -> Value {
    if body
        .pointer(&format!("/{}", path.join("/")))
        .is_some_and(Value::is_string)
    {
        crate::json::set(&mut body, path, Value::from("<secret>"));
    }
    body
}

/// What a template deployment is given for parameters that its template calls secure.
fn without_secure_parameters(mut body: Value) -> Value {
    let is_secure = |parameter: &Value| {
        let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.to_ascii_lowercase().starts_with("secure")
    };
    let declared = body
        .pointer("/properties/template/parameters")
        .and_then(Value::as_object);
    let secure: Vec<String> = declared
        .into_iter()
        .flatten()
        .filter(|(_, parameter)| is_secure(parameter))
        .map(|(name, _)| name.clone())
        .collect();
    for name in secure {
        if body
            .pointer("/properties/parameters")
            .and_then(|all| all.get(&name))
            .is_some()
        {
            let path = ["properties", "parameters", &name, "value"];
            crate::json::set(&mut body, &path, Value::from("<secret>"));
        }
    }
    body
}

/// What `listKeys` of a storage account gives.
fn without_keys(mut body: Value) -> Value {
    if let Some(keys) = body.get_mut("keys") {
        *keys = without_values(keys.take());
    }
    body
}

/// Settings of a process's environment are where people put their keys.
fn without_values(settings: Value) -> Value {
    match settings {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| hidden(item, &["value"])).collect()),
        other => other,
    }
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| {
                    let secret = SECRET_KEYS.iter().any(|name| name.eq_ignore_ascii_case(&key));
                    let value = if secret && !value.is_null() {
                        Value::from("<secret>")
                    } else if key.eq_ignore_ascii_case("environmentSettings") {
                        without_values(value)
                    } else {
                        without_secrets(value)
                    };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        Value::String(text) => Value::String(shortened(&without_credentials(&text))),
        other => other,
    }
}

/// A text without what grants access by itself: signatures, passwords of addresses, and the values of flags such as
/// `--password`.
fn without_credentials(text: &str) -> String {
    let parts = text.split("sig=").enumerate().map(|(number, part)| match number {
        0 => part.to_owned(),
        _ => format!(
            "sig=<secret>{}",
            &part[part.find(['&', ' ', '"', '\'']).unwrap_or(part.len())..]
        ),
    });
    without_flags(&without_passwords(&parts.collect::<String>()))
}

/// The password of each `//user:password@host`.
fn without_passwords(text: &str) -> String {
    let parts = text.split("://").enumerate().map(|(number, part)| {
        let authority = &part[..part.find(['/', '?', '#', ' ']).unwrap_or(part.len())];
        let user = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        match user {
            Some((user, password)) if number > 0 => {
                format!("{user}:<secret>{}", &part[user.len() + 1 + password.len()..])
            }
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("://")
}

/// The word after each flag that is named after a secret.
fn without_flags(text: &str) -> String {
    let mut hides_next = false;
    let words = text.split(' ').map(|word| {
        let is_hidden = std::mem::replace(&mut hides_next, false) && !word.is_empty();
        let flag = word.strip_prefix("--").map(str::to_ascii_lowercase);
        hides_next = flag.is_some_and(|flag| SECRET_FLAGS.iter().any(|name| flag.ends_with(name)));
        if is_hidden { "<secret>" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    if text.len() > LONGEST_TEXT {
        format!("<{} characters>", text.len())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(bytes: &str, form: Form) -> Value {
        Body::new(Bytes::copy_from_slice(bytes.as_bytes()), form).read()
    }

    #[test]
    fn secrets_of_forms_and_bodies_are_replaced() {
        let form = shown("client_id=a&client_secret=hunter2", Form::UrlEncoded);
        assert_eq!(form, json!({"client_id": "a", "client_secret": "<secret>"}));
        let sas =
            json!({"properties": {"output": {"accessSAS": "https://x?sig=abc"}}, "uri": "https://x?sv=1&sig=abc&se=2"});
        let sas = shown(&sas.to_string(), Form::Json);
        assert!(!sas.to_string().contains("abc"), "{sas}");
        assert_eq!(sas["uri"], "https://x?sv=1&sig=<secret>&se=2");
        let token = shown(r#"{"value": "eyJ"}"#, Form::JsonWithSecretValue);
        assert_eq!(token, json!({"value": "<secret>"}));
    }

    #[test]
    fn what_pools_vaults_and_templates_are_given_in_secret_is_replaced() {
        let bodies = [
            (
                "/batch/acct1/pools",
                json!({"mountConfiguration": [{"azureFileShareConfiguration": {"accountKey": "hunter2"}},
                    {"azureBlobFileSystemConfiguration": {"sasKey": "hunter2"}}],
                    "userAccounts": [{"password": "hunter2", "linuxUserConfiguration": {"sshPrivateKey": "hunter2"}}],
                    "startTask": {"environmentSettings": [{"name": "KEY", "value": "hunter2"}]}}),
            ),
            (
                "/batch/acct1/pools",
                json!({"startTask": {"commandLine": "run --db-password hunter2 --from https://u:hunter2@h/p and ftp://a:hunter2@h",
                    "resourceFiles": [{"httpUrl": "https://a/f?sig=hunter2&x=1 https://b/f?sig=hunter2"}]}}),
            ),
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/secrets/s",
                json!({"properties": {"value": "hunter2"}}),
            ),
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deployments/d",
                json!({"properties": {"parameters": {"word": {"value": "hunter2"}},
                    "template": {"parameters": {"word": {"type": "securestring"}}}}}),
            ),
        ];
        for (path, body) in bodies {
            let shown = shown(&body.to_string(), Form::of(path)).to_string();
            assert!(shown.contains("<secret>") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_is_not_secret_in_a_command_stays() {
        for text in [
            "run --threads 4 --from https://h/p?x=1@2 https://user@h/a:b",
            "a  b --keyboard de",
            "--password",
        ] {
            assert_eq!(without_credentials(text), text);
        }
        assert_eq!(
            without_credentials("x --api-token t --n 1 https://u:p@h/a?sig=s&b=1"),
            "x --api-token <secret> --n 1 https://u:<secret>@h/a?sig=<secret>&b=1"
        );
    }

    #[test]
    fn the_older_half_of_too_much_goes_and_numbers_go_on() {
        let body = Bytes::from(vec![b' '; 4 << 20]);
        let mut journal = Journal::default();
        for count in 1..=40 {
            assert_eq!(journal.next(), count);
            let request = Request {
                method: http::Method::PUT,
                authority: String::new(),
                path: "/".to_owned(),
                query: Vec::new(),
                headers: http::HeaderMap::new(),
                body: body.clone(),
            };
            let entry = Entry::new(&request, &Outcome::Hang, (count, Timestamp::UNIX_EPOCH), None);
            journal.add(entry);
        }
        let kept: Vec<u64> = journal.entries().iter().map(|entry| entry.number).collect();
        assert!(journal.bytes <= MOST_BYTES && kept.len() >= 8, "{kept:?}");
        assert_eq!(kept.last(), Some(&40));
        assert!(kept.is_sorted(), "{kept:?}");
    }
}
