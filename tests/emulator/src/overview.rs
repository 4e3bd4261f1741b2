//! What happens in the world at a glance, for the page of the control port and for tests: pools with the states of their
//! nodes, jobs with their tasks, versions with their regions, operations under way, faults.
//!
//! It is small whatever the world holds: nodes and tasks are counted, bodies are left out. `resources` has everything else.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{Emulator, batch, json as edit};

impl Emulator {
    /// What happens at `now`, as the page needs it.
    #[must_use]
    pub fn overview(&mut self, now: Timestamp) -> Value {
        self.world.settle(now);
        batch::catch_up(&mut self.world.batch_parts(), now);
        json!({
            "now": now.to_string(),
            "timeScale": self.world.engine.timing.scale,
            "pools": self.world.batch.overview(now),
            "jobs": self.world.batch.overview_of_jobs(now),
            "versions": self.versions(now),
            "operations": self.world.engine.operations.under_way(now),
            "faults": self.faults(),
            "requests": self.journal.next() - 1,
        })
    }

    fn versions(&self, now: Timestamp) -> Vec<Value> {
        let versions = self.world.compute.expanded_versions(now);
        versions.iter().map(version).collect()
    }
}

/// A version: its gallery, definition and number apart, and how far each region is.
fn version(view: &Value) -> Value {
    let id = edit::text(view, "/id").unwrap_or_default();
    let parts: Vec<&str> = id.split('/').collect();
    let after = |word: &str| {
        let place = parts.iter().position(|part| part.eq_ignore_ascii_case(word));
        place.and_then(|place| parts.get(place + 1)).copied()
    };
    let summary = edit::list(view, "/properties/replicationStatus/summary");
    let regions: Vec<Value> = summary
        .iter()
        .map(|region| {
            json!({
                "region": region.get("region"),
                "state": region.get("state"),
                "progress": region.get("progress"),
            })
        })
        .collect();
    json!({
        "gallery": after("galleries"),
        "definition": after("images"),
        "version": after("versions"),
        "state": edit::text(view, "/properties/provisioningState"),
        "regions": regions,
    })
}
