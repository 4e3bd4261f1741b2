//! Tests of what is done about ill nodes: each illness, the brakes, and that it always ends.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::settings::{HealNodes, Share};

const NOW: &str = "2026-01-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn healing() -> Healing {
    Healing {
        nodes: HealNodes::Yes,
        ..Healing::default()
    }
}

fn node(id: u32, state: &str, more: &Value) -> Node {
    let mut item = json!({"id": format!("n{id}"), "state": state, "isDedicated": true,
        "allocationTime": "2026-01-01T10:00:00Z", "stateTransitionTime": "2026-01-01T11:30:00Z"});
    for (name, value) in more.as_object().unwrap() {
        item[name] = value.clone();
    }
    Node::new(&item)
}

/// Ten nodes, the first ones as given.
fn ten(first: Vec<Node>) -> Vec<Node> {
    let all = (0..10).map(|id| node(id, "idle", &json!({})));
    let rest: Vec<Node> = all.skip(first.len()).collect();
    first.into_iter().chain(rest).collect()
}

fn failed(id: u32) -> Node {
    let info = json!({"exitCode": 3, "result": "failure", "failureInfo": {"code": "FailureExitCode", "message": "m"}});
    node(id, "starttaskfailed", &json!({"startTaskInfo": info}))
}

fn broken(id: u32) -> Node {
    node(
        id,
        "unusable",
        &json!({"errors": [{"code": "DiskFull", "message": "m"}]}),
    )
}

fn decided(nodes: &[Node], done: &Done) -> String {
    let ids = |ill: &[Ill]| ill.iter().map(|ill| ill.id.clone()).collect::<Vec<_>>().join(" ");
    match next(nodes, done, healing(), now()) {
        Care::Nothing => "nothing".to_owned(),
        Care::Await => "await".to_owned(),
        Care::Reboot(ill) => format!("reboot {}", ids(&ill)),
        Care::Remove(ill) => format!("remove {}", ids(&ill)),
        Care::Brake(why) => format!("brake: {why}"),
    }
}

#[test]
fn each_illness_has_its_remedy() {
    let at = |since: &str| json!({"stateTransitionTime": since});
    let table = [
        (node(0, "idle", &json!({})), "nothing"),
        (failed(0), "reboot n0"),
        (broken(0), "remove n0"),
        (node(0, "unusable", &at("2026-01-01T11:40:00Z")), "remove n0"),
        (node(0, "unusable", &at("2026-01-01T11:41:00Z")), "nothing"),
        (
            node(
                0,
                "unusable",
                &json!({"runningTasksCount": 1, "errors": [{"code": "DiskFull"}]}),
            ),
            "nothing",
        ),
        (node(0, "upgradingos", &json!({})), "nothing"),
        (node(0, "preempted", &json!({})), "nothing"),
        (node(0, "offline", &json!({})), "nothing"),
    ];
    for (first, expected) in table {
        let state = first.state.to_string();
        assert_eq!(decided(&ten(vec![first]), &Done::default()), expected, "{state}");
    }
}

#[test]
fn a_failed_start_task_is_given_one_reboot_and_then_a_new_node() {
    let mut done = Done::default();
    let nodes = ten(vec![failed(0)]);
    done.note_reboot(&ill(&nodes, now())[0]);
    assert_eq!(decided(&ten(vec![node(0, "rebooting", &json!({}))]), &done), "await");
    assert_eq!(decided(&nodes, &done), "remove n0");
    // A new node that has got the id of one that is gone was never rebooted.
    let new = Node {
        allocated: Some(now()),
        ..failed(0)
    };
    assert_eq!(decided(&ten(vec![new]), &done), "reboot n0");
}

#[test]
fn not_more_than_some_at_once_and_none_when_too_many_are_ill() {
    assert_eq!(decided(&ten(vec![broken(0), broken(1)]), &Done::default()), "remove n0");
    let five: Vec<Node> = (0..5).map(broken).collect();
    assert_eq!(
        decided(&ten(five), &Done::default()),
        "brake: 5 of 10 nodes are ill, more than the 40% up to which nodes are healed, so none is touched; the first is n0: it is unusable: DiskFull: m"
    );
    let mut done = Done::default();
    done.note_removed(4);
    assert!(decided(&ten(vec![broken(0)]), &done).starts_with("brake: 1 of 10 nodes are ill after 4 were removed"));
    assert_eq!(decided(&[broken(0)], &Done::default()), "remove n0", "one of one");
}

proptest! {
    /// Whatever new nodes turn out to be, the healing ends, and has removed no more than it may.
    #[test]
    fn healing_ends_and_never_removes_more_than_the_brake_lets_it(ills in proptest::collection::vec(0_u8..3, 1..40), luck: u64) {
        let make = |id: u32, kind: u8| match kind {
            0 => node(id, "idle", &json!({})),
            1 => failed(id),
            _ => broken(id),
        };
        let mut nodes: Vec<Node> = ills.iter().zip(0_u32..).map(|(kind, id)| make(id, *kind)).collect();
        let (mut done, mut luck, mut ended) = (Done::default(), luck, false);
        for _step in 0..1000 {
            match next(&nodes, &done, healing(), now()) {
                Care::Nothing | Care::Brake(_) => { ended = true; break; }
                Care::Await => prop_assert!(false, "nothing is on its way"),
                Care::Reboot(ill) => for ill in &ill {
                    done.note_reboot(ill);
                    luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if luck > u64::MAX / 2 {
                        nodes.iter_mut().filter(|node| node.id == ill.id).for_each(|node| *node = make(99, 0));
                    }
                },
                Care::Remove(ill) => {
                    done.note_removed(ill.len());
                    for ill in &ill {
                        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let kind = u8::try_from(luck % 3).unwrap();
                        nodes.iter_mut().filter(|node| node.id == ill.id).for_each(|node| {
                            *node = Node { allocated: None, ..make(node.id.trim_start_matches('n').parse().unwrap(), kind) };
                        });
                    }
                }
            }
        }
        prop_assert!(ended);
        let total = u32::try_from(nodes.len()).unwrap();
        prop_assert!(done.removed <= Share::Percent(40).of(total));
    }
}
