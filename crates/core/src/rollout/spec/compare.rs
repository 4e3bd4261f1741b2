//! Is the pool that is there the one that was asked for? By the mark it carries, and by name where it differs.
//!
//! A pool that we did not make is compared by image, size and node agent only.

use serde_json::Value;

use super::{
    IMAGE_REFERENCE, NODE_AGENT, SPEC, Spec, is_same,
    mark::{self, without_secrets},
};
use crate::{
    batch::pool::Pool,
    json as read_json,
    options::pool::{NODE_AGENT_SKU_ID, VM_SIZE},
    rollout::verdict::is_version,
};

/// How a pool compares with what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Likeness {
    /// The same.
    Same,
    /// The same in what is compared of a pool that a roll-out of ours did not make.
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
            None => return Likeness::OtherImage("an image that is not a gallery image version".to_owned()),
        }
        let complete = self.completed_from(pool);
        let asked = &self.body;
        let mut differences: Vec<String> = [("/vmSize", VM_SIZE), (NODE_AGENT, NODE_AGENT_SKU_ID)]
            .into_iter()
            .filter_map(|(pointer, opt)| {
                let (asked, found) = (asked.pointer(pointer)?, read_json::at(pool.body(), pointer));
                (!is_same(asked, found)).then(|| format!("{opt} ({found} there, {asked} asked for)"))
            })
            .collect();
        match pool.metadata(SPEC) {
            None if differences.is_empty() => return Likeness::SameAsFarAsCompared,
            Some(mark) if differences.is_empty() && mark == complete.mark() => return Likeness::Same,
            None => {}
            Some(mark) => {
                let found = without_secrets(pool.body());
                differences.extend(other_settings(&without_secrets(&complete.body), &found));
                if differences.is_empty() && !mark::is_known(mark) {
                    return Likeness::SameAsFarAsCompared;
                }
            }
        }
        if differences.is_empty() {
            differences.push("settings that are no longer asked for".to_owned());
        }
        Likeness::OtherSpec(differences)
    }

    /// The mark of the body without targets, timeouts, image version and metadata.
    pub(super) fn mark(&self) -> String {
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
        mark::of(&body)
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

/// Collects the paths at which what is asked for is not found; what Batch adds by itself does not count.
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
        // Our own items stand among those that were asked for.
        Value::Array(items) if path == "metadata" => {
            let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let missing = items.iter().filter(|item| !found.contains(item));
            names
                .extend(missing.map(|item| format!("metadata.{}", read_json::text(item, "/name").unwrap_or_default())));
        }
        _ if is_same(asked, found) => {}
        _ => names.push(path.to_owned()),
    }
}
