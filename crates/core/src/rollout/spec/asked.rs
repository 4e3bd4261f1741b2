//! What a pool was asked for, as its metadata remembers it: a list of paths, by which a later run sees what is no longer
//! asked for.
//!
//! Paths only: values may be secret, and Batch shows those that matter.

use serde_json::{Value, json};

use super::{IMAGE_REFERENCE, is_mark, name_of};
use crate::{expiry, json as read_json, settings::parts::TAGS};

/// The metadata item's name.
pub(in crate::rollout) const ASKED: &str = "azure-batch-asked";

/// A longer list is not written, since Batch refuses long metadata without saying where its limit is.
const LONGEST: usize = 2048;

/// What stands before the name of an item of metadata.
const METADATA: &str = "metadata.";

/// The metadata item for a body; nothing when it would be too long.
pub(super) fn item(body: &Value) -> Option<Value> {
    let list = json!(paths(body)).to_string();
    (list.len() <= LONGEST).then(|| json!({"name": ASKED, "value": list}))
}

/// The list that a pool carries, if it does.
pub(super) fn of(pool: &Value) -> Option<Vec<String>> {
    let item = read_json::items(pool, "/metadata").find(|item| name_of(item) == ASKED)?;
    serde_json::from_str(read_json::text(item, "/value")?).ok()
}

/// The items of metadata that were asked for, are there, and are not asked for any more.
pub(super) fn dropped_metadata<'p>(body: &Value, pool: &'p Value) -> Vec<&'p str> {
    let left = left(body, &of(pool).unwrap_or_default());
    let names = read_json::items(pool, "/metadata").map(name_of);
    let is_left = |name: &&str| left.iter().any(|path| path.strip_prefix(METADATA) == Some(*name));
    names.filter(is_left).collect()
}

/// The settings that were asked for and are not any more; metadata is left to [`dropped_metadata`].
pub(super) fn dropped_settings(body: &Value, list: &[String]) -> Vec<String> {
    let mut left = left(body, list);
    left.retain(|path| !path.starts_with(METADATA));
    left
}

fn left(body: &Value, list: &[String]) -> Vec<String> {
    let now = paths(body);
    list.iter().filter(|path| !now.contains(path)).cloned().collect()
}

/// The paths of everything in a body that says what the pool shall be. Lists are one thing each, but for metadata.
fn paths(body: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect("", body, &mut all);
    let image = IMAGE_REFERENCE.trim_start_matches('/').replace('/', ".");
    all.retain(|path| !path.starts_with(&image));
    // However the user orders the names, the pool is the same.
    all.sort();
    all
}

fn collect(path: &str, value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !path.is_empty() || *name != TAGS) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(&path, value, all);
            }
        }
        Value::Array(items) if path == "metadata" => {
            let names = items.iter().map(name_of);
            let names = names.filter(|name| !is_mark(name) && *name != expiry::ITEM);
            all.extend(names.map(|name| format!("{METADATA}{name}")));
        }
        _ => all.push(path.to_owned()),
    }
}
