//! The emulator's journal and resources in words; pure.

use azure_batch_e2e::journal::Entry;
use serde_json::Value;

/// What each kind of path is called, the most special first.
const KINDS: [(&str, &str); 10] = [
    ("/snapshots/", "snapshot"),
    ("/versions/", "image version"),
    ("/galleries/", "image definition"),
    ("/images/", "managed image"),
    ("/virtualmachines/", "virtual machine"),
    ("/disks/", "disk"),
    ("/batchaccounts/", "Batch account"),
    ("/resize", "resize of pool"),
    ("/nodes", "nodes of pool"),
    ("/pools", "pool"),
];

/// Every write as a line, then how many questions there were.
pub(super) fn summary(entries: &[Entry]) -> Vec<String> {
    let mut lines: Vec<String> = entries
        .iter()
        .filter(|entry| entry.is_write())
        .map(write_line)
        .collect();
    let asked = entries
        .iter()
        .filter(|entry| matches!(entry.method.as_str(), "GET" | "HEAD"))
        .count();
    let signed_in = entries.iter().filter(|entry| entry.path.ends_with("/token")).count();
    lines.push(format!(
        "and {asked} questions about how things are, {signed_in} sign-ins"
    ));
    lines
}

fn write_line(entry: &Entry) -> String {
    let verb = match entry.method.as_str() {
        "PUT" => "make",
        "DELETE" => "delete",
        "PATCH" => "change",
        _ => "ask for",
    };
    let name = name_of(entry);
    let answer = match entry.status {
        Some(status @ (200 | 201 | 202 | 204)) => format!("{status} {}", meaning(status)),
        Some(status) => format!("{status} refused"),
        None => "no answer".to_owned(),
    };
    format!("{verb:<8}{:<18}{name:<56}→ {answer}", kind_of(entry))
}

const fn meaning(status: u16) -> &'static str {
    match status {
        201 => "created",
        202 => "accepted, under way",
        204 => "gone",
        _ => "done",
    }
}

fn kind_of(entry: &Entry) -> &'static str {
    let path = format!("{}/", entry.path.to_ascii_lowercase());
    KINDS
        .iter()
        .find(|(part, _)| path.contains(part))
        .map_or("request", |(_, kind)| kind)
}

/// What the path or the body calls it.
fn name_of(entry: &Entry) -> String {
    let of_body = entry.request.get("id").and_then(Value::as_str);
    let path = entry.path.trim_end_matches("/resize");
    let of_path = path.rsplit('/').next().unwrap_or(path);
    of_body.unwrap_or(of_path).to_owned()
}

/// The pools, and the nodes by state as the roll-out's report counts them.
pub(super) fn pool_table(resources: &Value, report: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for pool in pools(resources) {
        let text = |place: &str| pool.pointer(place).map(shown).unwrap_or_default();
        let image = text("/virtualMachineConfiguration/imageReference/virtualMachineImageId");
        let image = image
            .rsplit("/providers/Microsoft.Compute/")
            .next()
            .unwrap_or(&image)
            .to_owned();
        let nodes = format!(
            "{} of {}",
            text("/currentDedicatedNodes"),
            text("/targetDedicatedNodes")
        );
        let state = format!("{}, {}", text("/state"), text("/allocationState"));
        let rows = [
            ("pool", text("/id")),
            ("state", state),
            ("VM size", text("/vmSize")),
            ("image version", image),
            ("nodes", nodes),
        ];
        lines.extend(rows.iter().map(|(name, value)| row(name, value)));
    }
    let states = report.pointer("/states").and_then(Value::as_object);
    lines.extend(
        states
            .into_iter()
            .flatten()
            .map(|(state, count)| row(&format!("  {state}"), &count.to_string())),
    );
    lines
}

fn row(name: &str, value: &str) -> String {
    format!("│ {name:<15} │ {value:<58} │")
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every object that has a pool's own fields, wherever it stands.
fn pools(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) if fields.contains_key("allocationState") => vec![value],
        Value::Object(fields) => fields.values().flat_map(pools).collect(),
        Value::Array(items) => items.iter().flat_map(pools).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::journal::Journal;
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_are_lines_and_questions_are_counted() {
        let lines = [
            json!({"number":1,"time":"","method":"POST","path":"/t/oauth2/v2.0/token","status":200}),
            json!({"number":2,"time":"","method":"PUT","path":"/s/providers/Microsoft.Compute/snapshots/one","status":202}),
            json!({"number":3,"time":"","method":"GET","path":"/s/providers/Microsoft.Compute/snapshots/one","status":200}),
            json!({"number":4,"time":"","method":"POST","path":"/pools","status":201,"request":{"id":"pool1"}}),
        ];
        let text = lines.map(|line| line.to_string()).join("\n");
        let told = summary(&Journal::parse(&text).unwrap().0);
        assert!(told[0].starts_with("make    snapshot          one "), "{}", told[0]);
        assert!(told[0].ends_with("→ 202 accepted, under way"), "{}", told[0]);
        assert!(told[1].starts_with("ask for pool              pool1 "), "{}", told[1]);
        assert_eq!(told[2], "and 1 questions about how things are, 1 sign-ins");
    }

    #[test]
    fn a_pool_is_found_wherever_it_stands() {
        let resources = json!({"batch": [{"pools": [{"id": "p", "allocationState": "steady"}]}]});
        let table = pool_table(&resources, &json!({"states": {"idle": 700}}));
        assert_eq!(table[0], row("pool", "p"));
        assert_eq!(table[5], row("  idle", "700"));
    }
}
