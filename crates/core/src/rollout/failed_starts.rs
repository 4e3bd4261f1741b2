//! Nodes that take tasks though their start task failed: found in a list of nodes, and what is said of them.
//!
//! What a start task wrote is read in `follow`. Nodes that a failed one keeps from being ready are `explain`'s.

use serde::Serialize;

use crate::{
    batch::node::{Node, takes_tasks},
    one_line::{last_line, one_line},
    words::plural,
};

/// Nodes whose start task failed in the same way, and which take tasks all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedStarts {
    /// Its exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// Batch's code for the failure.
    pub code: String,
    /// What Batch says of the first node.
    pub why: String,
    /// The nodes.
    pub nodes: Vec<String>,
    /// The end of what it wrote on the first node; empty where that was not read.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl FailedStarts {
    /// The groups in a list of nodes, each as soon as its first node comes.
    pub(super) fn of(nodes: &[Node]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for node in nodes.iter().filter(|node| takes_tasks(node.state.as_str())) {
            let Some(failure) = &node.start_task else { continue };
            let is_alike = |group: &&mut Self| group.exit_code == failure.exit_code && group.code == failure.code;
            match all.iter_mut().find(is_alike) {
                Some(group) => group.nodes.push(node.id.clone()),
                None => all.push(Self {
                    exit_code: failure.exit_code,
                    code: failure.code.clone(),
                    why: failure.to_string(),
                    nodes: vec![node.id.clone()],
                    output: String::new(),
                }),
            }
        }
        all
    }

    /// The nodes of all groups.
    pub(super) fn nodes_of(all: &[Self]) -> Vec<&str> {
        all.iter().flat_map(|group| &group.nodes).map(String::as_str).collect()
    }
}

/// What is said of them where so many nodes take tasks; nothing when there are none.
pub(super) fn warning(all: &[FailedStarts], ready: usize) -> Option<String> {
    let group = all.first()?;
    let node = one_line(group.nodes.first()?);
    let count = FailedStarts::nodes_of(all).len();
    let how = match group.exit_code {
        Some(code) => format!(" with exit code {code}"),
        None => format!(" ({})", one_line(&group.why)),
    };
    let wrote = last_line(&group.output);
    let wrote = wrote.map_or_else(String::new, |line| {
        format!("; the last line that it wrote there: {line}")
    });
    Some(format!(
        "the start task failed on {count} of {} that are ready, first on {node}{how}: they take tasks all the same, \
         since waitForSuccess is false{wrote}",
        plural(ready, "node"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(id: &str, state: &str, start: Value) -> Node {
        Node::new(&json!({"id": id, "state": state, "startTaskInfo": start}))
    }

    fn failed(code: &str, exit_code: Option<i64>) -> Value {
        json!({"state": "completed", "result": "failure", "exitCode": exit_code,
            "failureInfo": {"category": "usererror", "code": code, "message": "it failed"}})
    }

    #[test]
    fn nodes_that_take_tasks_are_grouped_by_how_their_start_task_failed() {
        let exit = |code| failed("FailureExitCode", Some(code));
        let list = [
            node("a", "idle", exit(42)),
            node(
                "b",
                "idle",
                json!({"state": "completed", "result": "success", "exitCode": 0}),
            ),
            node("c", "starttaskfailed", exit(42)),
            node("d", "running", exit(1)),
            node("e", "running", exit(42)),
            node("f", "idle", failed("ResourceContainerAccessDenied", None)),
        ];
        let groups = FailedStarts::of(&list);
        let shown: Vec<(Option<i64>, String)> = groups
            .iter()
            .map(|group| (group.exit_code, group.nodes.join(" ")))
            .collect();
        let expected = [(Some(42), "a e"), (Some(1), "d"), (None, "f")];
        assert_eq!(shown, expected.map(|(code, nodes)| (code, nodes.to_owned())));
        assert_eq!(groups[2].why, "ResourceContainerAccessDenied: it failed");
    }

    #[test]
    fn a_warning_names_the_first_node_and_the_last_line_that_says_something() {
        let mut groups = FailedStarts::of(&[node("a", "idle", failed("FailureExitCode", Some(42)))]);
        groups[0].output = "mounting\nmount: /mnt: wrong fs type\n\n".to_owned();
        assert_eq!(
            warning(&groups, 10).unwrap(),
            "the start task failed on 1 of 10 nodes that are ready, first on a with exit code 42: they take tasks all \
             the same, since waitForSuccess is false; the last line that it wrote there: mount: /mnt: wrong fs type"
        );
        let never_ran = FailedStarts::of(&[node("a", "idle", failed("ResourceContainerAccessDenied", None))]);
        let text = warning(&never_ran, 1).unwrap();
        assert!(
            text.contains("first on a (ResourceContainerAccessDenied: it failed): they"),
            "{text}"
        );
        assert_eq!(warning(&[], 10), None);
    }
}
