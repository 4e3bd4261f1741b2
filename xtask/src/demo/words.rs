//! What there is in the end, and what was asked on the way, in words; pure.

use azure_batch_e2e::{journal::Entry, world};
use serde_json::Value;

/// How many requests there were, and how many of them changed something.
pub(super) fn requests(entries: &[Entry]) -> String {
    let writes = entries.iter().filter(|entry| entry.is_write()).count();
    format!("{} requests, {writes} of which changed something.", entries.len())
}

/// Machine, image and pool, as the manifest and the roll-out's report have them.
pub(super) fn result(manifest: &Value, report: &Value) -> Vec<String> {
    let text = |of: &Value, place: &str| of.pointer(place).and_then(Value::as_str).unwrap_or("–").to_owned();
    let number = |place: &str| report.pointer(place).and_then(Value::as_u64).unwrap_or_default();
    let version = text(manifest, "/image_version");
    let definition = text(manifest, "/image_definition_id");
    let definition = definition.rsplit('/').next().unwrap_or_default();
    let regions = manifest.pointer("/regions").and_then(Value::as_array);
    let regions: Vec<String> = regions.into_iter().flatten().map(region).collect();
    let nodes = format!(
        "{} of {} nodes ready on {version}",
        number("/rollout/ready"),
        number("/rollout/targets/dedicated")
    );
    vec![
        row("machine", world::MACHINE, "1 system disk, 2 data disks"),
        row(
            "image",
            &format!("{}/{definition} {version}", world::GALLERY),
            &regions.join(", "),
        ),
        row("pool", &text(report, "/rollout/pool"), &nodes),
    ]
}

fn region(region: &Value) -> String {
    let name = region.get("name").and_then(Value::as_str).unwrap_or_default();
    let replicas = region.get("replicas").and_then(Value::as_u64).unwrap_or_default();
    format!("{name} ×{replicas}")
}

fn row(what: &str, name: &str, rest: &str) -> String {
    format!("{what:<10}{name:<20}{rest}")
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::journal::Journal;
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_counted_and_so_are_those_that_change_something() {
        let lines = [
            ("GET", "/subscriptions/s"),
            ("PUT", "/…/snapshots/a"),
            ("POST", "/t/oauth2/v2.0/token"),
        ]
        .map(|(method, path)| json!({"number": 1, "time": "2026-01-01T00:00:00Z", "method": method, "path": path, "status": 200, "request": null}).to_string());
        let journal = Journal::parse(&lines.join("\n")).unwrap();
        assert_eq!(requests(&journal.0), "3 requests, 1 of which changed something.");
    }

    #[test]
    fn the_end_is_three_rows() {
        let manifest = json!({"image_version": "1.0.0", "image_definition_id": "/…/images/ubuntu",
            "regions": [{"name": "eastus2", "replicas": 4}, {"name": "westus2", "replicas": 2}]});
        let report = json!({"rollout": {"pool": "pool1", "ready": 700, "targets": {"dedicated": 700}}});
        assert_eq!(
            result(&manifest, &report),
            [
                "machine   vm-build            1 system disk, 2 data disks",
                "image     gal1/ubuntu 1.0.0   eastus2 ×4, westus2 ×2",
                "pool      pool1               700 of 700 nodes ready on 1.0.0",
            ]
        );
    }
}
