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

impl Kind {
    /// Where the emulator lists them.
    const fn place(self) -> &'static str {
        match self {
            Self::Snapshot => "/compute/snapshots",
            Self::ManagedImage => "/compute/images",
            Self::Version => "/compute/galleries~1images~1versions",
        }
    }
}

/// The names of all resources of a kind, sorted.
#[must_use]
pub fn names(resources: &Value, kind: Kind) -> Vec<String> {
    let listed = resources
        .pointer(kind.place())
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut names: Vec<String> = listed.iter().filter_map(name_of).collect();
    names.sort();
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

fn name_of(resource: &Value) -> Option<String> {
    let id = resource.get("id")?.as_str()?;
    Some(id.rsplit('/').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_resource_names_is_not_there_for_that() {
        let resources = json!({ "compute": {
            "galleries/images/versions": [{ "id": "/x/versions/1.0.0", "source": { "id": "/x/snapshots/gone" } }],
            "images": [{ "id": "/x/images/i" }],
        }});
        assert_eq!(names(&resources, Kind::Version), ["1.0.0"]);
        assert_eq!(
            ensure_no_temporaries(&resources).unwrap_err().to_string(),
            "left over: i"
        );
    }
}
