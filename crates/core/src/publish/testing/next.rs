//! What comes next with the pool that tests a version, from what is seen of it. Pure.

use std::time::Duration;

use super::PlannedTest;
use crate::{
    batch::{
        job::TaskEnd,
        node::{Node, Outlook},
        pool::{Pool, PoolLife},
    },
    ids::resource::ImageVersionId,
};

/// How long the node may take until it runs the command: a roll-out waits as long for nodes that do not change.
pub(super) const NODE_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What is seen of a test.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The pool.
    pub pool: Option<Pool>,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Its job's tasks; nothing when there is no job.
    pub tasks: Option<Vec<Option<TaskEnd>>>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The pool is made.
    CreatePool,
    /// The job is made.
    CreateJob,
    /// The command is given to it.
    AddTask,
    /// It goes on by itself; this is what is waited for.
    Wait(&'static str),
    /// The command has ended.
    Over(TaskEnd),
    /// Nothing will run it. Batch's resize errors say why.
    NoNode,
    /// The node does not start from the image.
    BadNode(String),
    /// A pool of that name is there and is not ours.
    NotOurs,
}

/// Decides; `waited` is how long it has been waited since the pool is there.
#[must_use]
pub(super) fn next(look: &Look, version: &ImageVersionId, waited: Duration, longest: Duration) -> Next {
    let Some(pool) = &look.pool else {
        return Next::CreatePool;
    };
    if !PlannedTest::is_of(pool, version) {
        return Next::NotOurs;
    }
    if pool.life == PoolLife::Deleting {
        return Next::Wait("the pool of an earlier test to be gone");
    }
    let task = match &look.tasks {
        None => return Next::CreateJob,
        Some(tasks) => match tasks.first() {
            None => return Next::AddTask,
            Some(task) => task,
        },
    };
    if let Some(end) = task {
        return Next::Over(end.clone());
    }
    if let Some(lost) = look.nodes.iter().find(|node| node.outlook() == Outlook::Lost) {
        return Next::BadNode(why(lost));
    }
    if pool.is_steady() && pool.current.total() == 0 {
        return Next::NoNode;
    }
    let is_ready = look.nodes.iter().any(|node| node.outlook() == Outlook::Ready);
    // Batch ends a command that runs too long; one that never came to a node has no limit of its own.
    let most = NODE_PATIENCE + if is_ready { longest } else { Duration::ZERO };
    if waited > most {
        return match look.nodes.first() {
            Some(node) => Next::BadNode(format!(
                "after {} minutes the node is {}",
                waited.as_secs() / 60,
                node.state
            )),
            None => Next::NoNode,
        };
    }
    Next::Wait(if is_ready {
        "the image's test"
    } else {
        "the node of the image's test"
    })
}

fn why(node: &Node) -> String {
    let task = node.start_task.as_ref().map(ToString::to_string);
    let said = node.said().or(task).map(|said| format!(": {said}")).unwrap_or_default();
    format!("the node is {}{said}", node.state)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    fn pool(more: &Value) -> Pool {
        let mut body = json!({"id": "p", "state": "active", "allocationState": "steady", "currentDedicatedNodes": 1,
            "metadata": [{"name": super::super::TESTS, "value": VERSION.to_uppercase()}]});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Pool::new(body)
    }

    fn node(state: &str, errors: Value) -> Node {
        Node::new(&json!({"id": "n", "state": state, "errors": errors}))
    }

    fn end(exit_code: i64) -> TaskEnd {
        TaskEnd {
            task: "test".to_owned(),
            exit_code: Some(exit_code),
            failure: None,
        }
    }

    #[test]
    fn every_state_of_a_test_has_its_next_step() {
        let is = |pool: Option<Pool>, nodes: Vec<Node>, tasks: Option<Vec<Option<TaskEnd>>>, minutes: u64| {
            let look = Look { pool, nodes, tasks };
            let waited = Duration::from_secs(minutes * 60);
            next(&look, &VERSION.parse().unwrap(), waited, Duration::from_secs(600))
        };
        let ours = || Some(pool(&json!({})));
        let runs = || Some(vec![None]);
        assert_eq!(is(None, vec![], None, 0), Next::CreatePool);
        assert_eq!(is(Some(pool(&json!({"metadata": []}))), vec![], None, 0), Next::NotOurs);
        let going = Some(pool(&json!({"state": "deleting"})));
        assert_eq!(
            is(going, vec![], None, 0),
            Next::Wait("the pool of an earlier test to be gone")
        );
        assert_eq!(is(ours(), vec![], None, 0), Next::CreateJob);
        assert_eq!(is(ours(), vec![], Some(vec![]), 0), Next::AddTask);
        assert_eq!(is(ours(), vec![], Some(vec![Some(end(3))]), 0), Next::Over(end(3)));
        let empty = || Some(pool(&json!({"currentDedicatedNodes": 0})));
        assert_eq!(is(empty(), vec![], runs(), 0), Next::NoNode);
        let resizing = Some(pool(
            &json!({"currentDedicatedNodes": 0, "allocationState": "resizing"}),
        ));
        assert_eq!(
            is(resizing, vec![], runs(), 0),
            Next::Wait("the node of the image's test")
        );
        let starting = || vec![node("starting", json!([]))];
        assert_eq!(
            is(ours(), starting(), runs(), 30),
            Next::Wait("the node of the image's test")
        );
        assert_eq!(
            is(ours(), starting(), runs(), 31),
            Next::BadNode("after 31 minutes the node is starting".to_owned())
        );
        let working = || vec![node("running", json!([]))];
        assert_eq!(is(ours(), working(), runs(), 31), Next::Wait("the image's test"));
        assert!(matches!(is(ours(), working(), runs(), 41), Next::BadNode(_)));
        let bad = vec![node("unusable", json!([{"code": "DiskFull", "message": "no room"}]))];
        assert_eq!(
            is(ours(), bad, runs(), 0),
            Next::BadNode("the node is unusable: DiskFull: no room".to_owned())
        );
    }

    #[test]
    fn a_node_that_never_came_has_no_state() {
        let resizing = pool(&json!({"currentDedicatedNodes": 0, "allocationState": "resizing"}));
        let look = Look {
            pool: Some(resizing),
            nodes: Vec::new(),
            tasks: Some(vec![None]),
        };
        let waited = NODE_PATIENCE + Duration::from_secs(60);
        let next = next(&look, &VERSION.parse().unwrap(), waited, Duration::ZERO);
        assert_eq!(next, Next::NoNode);
    }
}
