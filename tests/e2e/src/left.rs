//! What is in the local Azure after a run, by kind.
//!
//! It reads the emulator's own list of resources; what should be there is up to the cases.

use serde_json::Value;

use crate::failure::{Result, ensure};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Snapshots.
    Snapshot,
    /// Managed images.
    ManagedImage,
    /// Gallery image versions.
    Version,
}

/// The names of all resources of a kind, sorted.
#[must_use]
pub fn names(resources: &Value, kind: Kind) -> Vec<String> {
    let mut names: Vec<String> = ids(resources).into_iter().filter_map(|id| name_if(&id, kind)).collect();
    names.sort();
    names.dedup();
    names
}

/// Fails if a snapshot or managed image is left.
///
/// # Errors
/// When one is, naming all.
pub fn ensure_no_temporaries(resources: &Value) -> Result {
    let mut left = names(resources, Kind::Snapshot);
    left.extend(names(resources, Kind::ManagedImage));
    ensure(left.is_empty(), || format!("left over: {}", left.join(", ")))
}

/// Every text that looks like a resource's own id, wherever it stands as `id` or as a key.
fn ids(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("id").and_then(Value::as_str).map(str::to_owned);
            let keys = fields.keys().filter(|key| key.starts_with("/subscriptions/")).cloned();
            own.into_iter()
                .chain(keys)
                .chain(fields.values().flat_map(ids))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}

fn name_if(id: &str, kind: Kind) -> Option<String> {
    let (rest, name) = id.rsplit_once('/')?;
    let lower = rest.to_ascii_lowercase();
    let in_gallery = lower.contains("/galleries/");
    let fits = match kind {
        Kind::Snapshot => lower.ends_with("/snapshots"),
        Kind::ManagedImage => lower.ends_with("/images") && !in_gallery,
        Kind::Version => lower.ends_with("/versions") && in_gallery,
    };
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_managed_images_from_definitions_and_versions() {
        let gallery = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/d";
        let resources = json!([
            { "id": gallery },
            { "id": format!("{gallery}/versions/1.0.0"), "source": { "id": "/x/snapshots/inner" } },
            { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i" },
        ]);
        assert_eq!(names(&resources, Kind::Version), ["1.0.0"]);
        assert_eq!(names(&resources, Kind::ManagedImage), ["i"]);
        assert!(
            ensure_no_temporaries(&resources)
                .unwrap_err()
                .to_string()
                .contains("inner, i")
        );
    }
}
