//! Is the pool that is there the one that was asked for? By the hash it carries, and by name where it differs.
//!
//! A pool that we did not make is compared by image, size and node agent only.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{IMAGE_REFERENCE, NODE_AGENT, SPEC, Spec, is_same};
use crate::{batch::pool::Pool, json as read_json, rollout::verdict::is_version};

/// How a pool compares with what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Likeness {
    /// The same.
    Same,
    /// The same in what is compared of a pool that somebody else made.
    SameAsFarAsCompared,
    /// It runs another image: that one.
    OtherImage(String),
    /// It differs in these things.
    OtherSpec(Vec<String>),
}

impl Spec {
    /// Compares a pool with what is asked for.
    pub(in crate::rollout) fn compare(&self, pool: &Pool) -> Likeness {
        match pool.image_id() {
            Some(id) if is_version(id, &self.version) => {}
            Some(id) => return Likeness::OtherImage(id.to_owned()),
            None => return Likeness::OtherImage("an image that is no gallery image version".to_owned()),
        }
        let asked = &self.body;
        let mut differences: Vec<String> = [("/vmSize", "vm_size"), (NODE_AGENT, "node_agent_sku")]
            .into_iter()
            .filter_map(|(pointer, setting)| {
                let (asked, found) = (asked.pointer(pointer)?, read_json::at(pool.body(), pointer));
                (!is_same(asked, found)).then(|| format!("{setting} ({found} there, {asked} asked for)"))
            })
            .collect();
        match pool.metadata(SPEC) {
            None if differences.is_empty() => return Likeness::SameAsFarAsCompared,
            Some(hash) if differences.is_empty() && hash == self.completed_from(pool).hash() => return Likeness::Same,
            None => {}
            Some(_) => differences.extend(other_settings(&without_secrets(asked), &without_secrets(pool.body()))),
        }
        if differences.is_empty() {
            differences.push("settings that are no longer asked for".to_owned());
        }
        Likeness::OtherSpec(differences)
    }

    /// Whether a pool was made for this specification and version, by us or by an equal run.
    pub(in crate::rollout) fn has_made(&self, pool: &Pool) -> bool {
        pool.metadata(SPEC) == Some(&self.hash()) && self.compare(pool) == Likeness::Same
    }

    /// The hash of the body without targets, timeouts, image version and our metadata.
    pub(super) fn hash(&self) -> String {
        let mut body = self.body.clone();
        if let Some(configuration) = body
            .get_mut("virtualMachineConfiguration")
            .and_then(Value::as_object_mut)
        {
            configuration.remove("imageReference");
        }
        if let Some(Value::String(size)) = body.get_mut("vmSize") {
            size.make_ascii_lowercase();
        }
        let mut hash = String::new();
        // 16 of the 32 bytes: enough to tell specifications apart, and short in a list of metadata.
        for byte in Sha256::digest(canonical(&without_secrets(&body)).to_string())
            .iter()
            .take(16)
        {
            let _infallible = write!(hash, "{byte:02x}");
        }
        hash
    }
}

/// The names of further settings that differ; their values may be secret.
fn other_settings(asked: &Value, found: &Value) -> Vec<String> {
    let mut names = Vec::new();
    differing("", asked, found, &mut names);
    names.retain(|name| {
        let pointer = format!("/{}", name.replace('.', "/"));
        pointer != "/vmSize" && pointer != NODE_AGENT && !pointer.starts_with(IMAGE_REFERENCE)
    });
    names
}

/// Collects the paths at which what is asked for is not found; what Batch adds by itself is no difference.
fn differing(path: &str, asked: &Value, found: &Value, names: &mut Vec<String>) {
    match asked {
        Value::Object(fields) => {
            for (name, asked) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                differing(&path, asked, found.get(name).unwrap_or(&Value::Null), names);
            }
        }
        _ if is_same(asked, found) || path == "metadata" => {}
        _ => names.push(path.to_owned()),
    }
}

/// Names of values that are secret. They change without the pool being another one, the service does not show them,
/// and a hash that everybody may read must not depend on them.
const SECRETS: [&str; 5] = ["password", "sshPrivateKey", "accountKey", "sasKey", "protectedSettings"];

/// The value without secrets: those named so, and the signatures of addresses.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let open = fields.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
            Value::Object(
                open.map(|(name, value)| (name.clone(), without_secrets(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        Value::String(text) if text.starts_with("https://") => {
            Value::String(text.split('?').next().unwrap_or_default().to_owned())
        }
        other => other.clone(),
    }
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
