//! Tests of a node's life at chosen times.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn node(fate: Fate, start_task: Option<Value>) -> Node {
    let plan = NodePlan {
        id: NodeId::of("tvmps_0_d"),
        kind: NodeKind::Dedicated,
        rank: 0,
        arrives: at(0),
        allocated: at(100),
        image: json!({}),
        vm_size: "STANDARD_D2S_V5".to_owned(),
        os: OsType::Linux,
        address: default_address(0),
        misfortune: None,
        fate,
        start_task,
    };
    Node::new(
        plan,
        Boot {
            pace: &Pace::default(),
            timing: &Timing::default(),
        },
    )
}

fn states(node: &Node, times: &[i64]) -> Vec<&'static str> {
    times.iter().map(|second| node.state(at(*second)).word()).collect()
}

#[test]
fn a_node_becomes_usable_in_its_own_time() {
    let waiting = json!({"commandLine": "true", "waitForSuccess": true});
    let hasty = json!({"commandLine": "true", "waitForSuccess": false});
    for (fate, task, expected) in [
        (Fate::Ready, None, ["creating", "starting", "idle", "idle"]),
        (
            Fate::Ready,
            Some(waiting.clone()),
            ["creating", "starting", "waitingforstarttask", "idle"],
        ),
        (Fate::Ready, Some(hasty), ["creating", "starting", "idle", "idle"]),
        (
            Fate::StartTaskFails {
                exit_code: 7,
                output: None,
            },
            Some(waiting.clone()),
            ["creating", "starting", "waitingforstarttask", "starttaskfailed"],
        ),
        (
            Fate::Unusable {
                code: None,
                details: BTreeMap::new(),
            },
            Some(waiting),
            ["creating", "unusable", "unusable", "unusable"],
        ),
    ] {
        assert_eq!(states(&node(fate, task), &[100, 115, 125, 150]), expected);
    }
}

#[test]
fn a_failed_start_task_tells_its_exit_code() {
    let node = node(
        Fate::StartTaskFails {
            exit_code: 7,
            output: None,
        },
        Some(json!({"commandLine": "false"})),
    );
    let body = node.render("https://acct", "p", at(200));
    assert_eq!(body["startTaskInfo"]["exitCode"], 7);
    assert_eq!(body["startTaskInfo"]["result"], "failure");
    assert_eq!(body["startTaskInfo"]["failureInfo"]["category"], "usererror");
    let before = node.render("https://acct", "p", at(125));
    assert_eq!(before["startTaskInfo"]["state"], "running");
    assert!(before["startTaskInfo"].get("exitCode").is_none());
}

#[test]
fn the_agent_speaks_only_once_the_node_has_booted() {
    let node = node(Fate::Ready, None);
    for (second, spoken) in [(100, false), (115, false), (130, true)] {
        let body = node.render("https://acct", "p", at(second));
        assert_eq!(body.get("nodeAgentInfo").is_some(), spoken, "at {second}");
        assert_eq!(body.get("lastBootTime").is_some(), spoken, "at {second}");
    }
}

#[test]
fn a_reboot_heals_and_a_deallocation_lasts_until_the_start() {
    let pace = Pace::default();
    let timing = Timing::default();
    let boot = Boot {
        pace: &pace,
        timing: &timing,
    };
    let mut node = node(
        Fate::Unusable {
            code: Some("DiskFull".to_owned()),
            details: BTreeMap::new(),
        },
        None,
    );
    assert_eq!(
        node.render("https://acct", "p", at(150))["errors"][0]["code"],
        "DiskFull"
    );
    node.restart(NodeState::Rebooting, None, at(200), boot);
    assert_eq!(states(&node, &[200, 265, 280]), ["rebooting", "starting", "idle"]);
    node.deallocate(at(300), boot);
    assert_eq!(
        states(&node, &[300, 335, 9_000]),
        ["deallocating", "deallocated", "deallocated"]
    );
    node.start(None, at(9_000), boot);
    assert_eq!(states(&node, &[9_005, 9_015]), ["starting", "idle"]);
}

#[test]
fn a_task_makes_the_node_run_for_as_long_as_it_lasts() {
    let mut node = node(Fate::Ready, None);
    let run = Run {
        start: at(200),
        end: at(210),
        exit_code: 0,
    };
    node.runs.push(TaskRun {
        job: JobId::of("j"),
        task: TaskId::of("t"),
        run,
    });
    assert_eq!(
        states(&node, &[199, 200, 209, 210]),
        ["idle", "running", "running", "idle"]
    );
    assert_eq!((node.since(at(205)), node.since(at(250))), (at(200), at(210)));
    node.leave(at(300), at(320));
    assert_eq!(node.state(at(310)), NodeState::LeavingPool);
    assert!(node.is_present(at(319)) && !node.is_present(at(320)));
}

#[test]
fn a_preempted_node_comes_back_under_its_id_or_stays_away() {
    let (pace, timing) = (Pace::default(), Timing::default());
    let boot = Boot {
        pace: &pace,
        timing: &timing,
    };
    for (returns, expected) in [
        (Some(60), ["preempted", "creating", "starting", "idle"]),
        (None, ["preempted", "preempted", "preempted", "preempted"]),
    ] {
        let preemption = Preemption {
            after: SignedDuration::from_secs(100),
            returns: returns.map(SignedDuration::from_secs),
        };
        let mut node = node(Fate::Preempted(preemption), None);
        node.runs.push(TaskRun {
            job: JobId::of("j"),
            task: TaskId::of("t"),
            run: Run {
                start: at(150),
                end: at(900),
                exit_code: 0,
            },
        });
        assert_eq!(node.preempted_at(), Some(at(200)));
        assert_eq!(node.preempt(at(200), boot).len(), 1, "its task is interrupted");
        assert_eq!(states(&node, &[200, 265, 275, 300]), expected);
        assert_eq!(node.preempted_at(), None, "once");
    }
}

#[test]
fn a_node_without_scheduling_is_offline_once_nothing_runs_on_it() {
    let mut node = node(Fate::Ready, None);
    node.schedule(Scheduling::Disabled, at(200));
    assert_eq!(states(&node, &[105, 250]), ["creating", "offline"]);
    assert_eq!(node.since(at(250)), at(200));
    node.schedule(Scheduling::Enabled, at(300));
    assert_eq!(states(&node, &[300]), ["idle"]);
}
