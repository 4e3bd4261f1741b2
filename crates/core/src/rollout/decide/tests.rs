//! Tests of what comes next: each pool at each stage, and what another client did to it meanwhile.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::rollout::spec::tests::settings;

const AT: &str = "2026-01-01T00:00:00Z";

fn intent(pending: PendingResize) -> Intent {
    let mut settings = settings(json!({}));
    settings.policy.resize.pending = pending;
    Intent::new(Spec::new(&settings).unwrap(), &settings)
}

fn adopting() -> Intent {
    Intent {
        adopt: Adopt::Yes,
        ..intent(PendingResize::Wait)
    }
}

/// The pool of 700 nodes that was asked for, as Batch shows it, with a change.
fn pool(change: impl FnOnce(&mut Value)) -> Pool {
    let intent = intent(PendingResize::Wait);
    let mut body = intent
        .spec
        .asked()
        .unwrap()
        .create_body(intent.goal.targets, Duration::from_secs(900))
        .unwrap();
    body["allocationState"] = json!("steady");
    body["allocationStateTransitionTime"] = json!(AT);
    body["currentDedicatedNodes"] = json!(700);
    change(&mut body);
    Pool::new(body)
}

fn resizing(targets: u32) -> Pool {
    pool(|body| {
        body["allocationState"] = json!("resizing");
        body["targetDedicatedNodes"] = json!(targets);
    })
}

fn why(next: Next<'_>) -> String {
    match next {
        Next::Refuse(refusal) => refusal.why,
        other => panic!("{other:?}"),
    }
}

fn name(next: &Next<'_>) -> &'static str {
    match next {
        Next::Create => "create",
        Next::Replace(_) => "replace",
        Next::Update(..) => "update",
        Next::Resize(_) => "resize",
        Next::Follow(_) => "follow",
        Next::StopOther(_) => "stop other",
        Next::Join(_) => "join",
        Next::Wait(Waiting::Deletion) => "wait for deletion",
        Next::Wait(Waiting::OtherResize(_)) => "wait for other",
        Next::Wait(Waiting::OurResize) => "wait for ours",
        Next::RoundEnded(_, Errors::OfThisRound) => "round ended",
        Next::RoundEnded(_, Errors::Stale) => "round ended, stale errors",
        Next::Sized(_) => "sized",
        Next::Refuse(_) => "refuse",
    }
}

#[test]
fn before_the_first_write_each_pool_leads_to_its_step() {
    let (wait, stop) = (PendingResize::Wait, PendingResize::Stop);
    let table = [
        ("sized", wait, pool(|_| {})),
        ("resize", wait, pool(|body| body["currentDedicatedNodes"] = json!(686))),
        ("sized", wait, pool(|body| body["metadata"] = with_mark(body, "v7:0"))),
        ("resize", wait, pool(|body| body["currentDedicatedNodes"] = json!(685))),
        ("resize", wait, pool(|body| body["currentDedicatedNodes"] = json!(701))),
        ("resize", wait, pool(|body| body["targetDedicatedNodes"] = json!(690))),
        ("join", stop, resizing(700)),
        ("wait for other", wait, resizing(100)),
        ("stop other", stop, resizing(100)),
        (
            "wait for other",
            stop,
            pool(|body| body["allocationState"] = json!("stopping")),
        ),
        (
            "wait for deletion",
            wait,
            pool(|body| body["state"] = json!("deleting")),
        ),
    ];
    for (expected, pending, pool) in table {
        let intent = intent(pending);
        let next = intent.decide(Stage::Before, Some(&pool));
        assert_eq!(name(&next), expected, "{:?}", pool.body());
    }
    assert_eq!(intent(wait).decide(Stage::Before, None), Next::Create);
}

#[test]
fn a_pool_that_was_there_and_is_deleted_meanwhile_is_not_made_again() {
    let (there, going) = (pool(|_| {}), pool(|body| body["state"] = json!("deleting")));
    let found = intent(PendingResize::Wait).found(Some(&there));
    assert_eq!(why(found.decide(Stage::Before, None)), "was deleted meanwhile");
    assert_eq!(
        why(found.decide(Stage::Before, Some(&going))),
        "is being deleted meanwhile"
    );
    for not_there in [None, Some(&going)] {
        let asked = intent(PendingResize::Wait).found(not_there);
        assert_eq!(asked.decide(Stage::Before, None), Next::Create);
    }
}

#[test]
fn refusals_name_what_stands_in_the_way_before_any_wait() {
    let image = "/virtualMachineConfiguration/imageReference/virtualMachineImageId";
    let why = |change: &dyn Fn(&mut Value)| {
        let pool = pool(|body| {
            body["allocationState"] = json!("resizing");
            change(body);
        });
        why(intent(PendingResize::Stop).decide(Stage::Before, Some(&pool)))
    };
    let edit = |body: &mut Value, edit: &dyn Fn(&str) -> String| {
        let id = body.pointer(image).unwrap().as_str().unwrap().to_owned();
        *body.pointer_mut(image).unwrap() = json!(edit(&id));
    };
    assert_eq!(
        why(&|body| edit(body, &|id| id.replace("1.0.0", "0.9.0"))),
        "exists and runs d 0.9.0, not d 1.0.0"
    );
    assert!(
        why(&|body| edit(body, &|id| id.replace("/versions/1.0.0", "")))
            .starts_with("exists and follows the definition ")
    );
    assert!(why(&|body| body["enableAutoScale"] = json!(true)).contains("autoscale"));
    assert_eq!(
        why(&|body| body["vmSize"] = json!("standard_d8s_v5")),
        r#"exists and differs in {vm_size} (it has "standard_d8s_v5", not "Standard_D4s_v5")"#
    );
}

/// The pool's metadata with another mark, and so that of another version of ours.
fn with_mark(body: &Value, mark: &str) -> Value {
    let mut metadata = body["metadata"].clone();
    metadata[0]["value"] = json!(mark);
    metadata
}

/// The same pool, made by another tool.
fn foreign(change: impl FnOnce(&mut Value)) -> Pool {
    pool(|body| {
        body["metadata"] = json!([{"name": "team", "value": "render"}]);
        change(body);
    })
}

#[test]
fn a_pool_that_others_made_is_written_to_only_when_it_may_be_adopted() {
    let same = foreign(|_| {});
    let table = [
        (foreign(|_| {}), "sized", ""),
        (
            foreign(|body| body["targetDedicatedNodes"] = json!(5)),
            "refuse",
            "was not made by a roll-out, and has other targets or nodes than asked for: 700 nodes there, targets 5",
        ),
        (
            foreign(|body| {
                body["allocationState"] = json!("resizing");
                body["targetDedicatedNodes"] = json!(5);
            }),
            "refuse",
            "is being resized to 5 nodes",
        ),
        (foreign(|body| body["allocationState"] = json!("resizing")), "join", ""),
    ];
    for (pool, expected, text) in table {
        let decided = intent(PendingResize::Wait);
        let next = decided.decide(Stage::Before, Some(&pool));
        assert_eq!(name(&next), expected, "{:?}", pool.body());
        if expected == "refuse" {
            let why = why(next);
            assert!(why.contains(text), "{why}");
        }
        assert_eq!(name(&adopting().decide(Stage::Before, Some(&pool))), "update");
    }
    let Next::Update(pool, difference) = adopting().decide(Stage::Before, Some(&same)).clone() else {
        panic!("it is adopted");
    };
    let body = adopting().spec.asked().unwrap().update_body(pool, &difference);
    let names: Vec<&str> = body["metadata"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "team",
            "azure-batch-spec",
            "azure-batch-version",
            "azure-batch-adopted",
            "azure-batch-asked"
        ]
    );
}

#[test]
fn settings_that_can_change_at_any_time_are_updated_and_others_need_a_strategy_or_a_new_pool() {
    let decided = intent(PendingResize::Wait);
    let why = |change: &dyn Fn(&mut Value)| {
        let pool = pool(|body| change(body));
        why(decided.decide(Stage::Before, Some(&pool)))
    };
    let mut settings = settings(json!({"taskSlotsPerNode": 2, "startTask": {"commandLine": "true"},
        "virtualMachineConfiguration": {"dataDisks": [{"lun": 0, "diskSizeGB": 64}]}}));
    settings.pool.targets.dedicated = 700;
    let spec = Spec::new(&settings).unwrap();
    let decided = Intent::new(spec, &settings);
    let made = |change: &dyn Fn(&mut Value)| {
        let mut body = decided
            .spec
            .asked()
            .unwrap()
            .create_body(decided.goal.targets, Duration::from_secs(900))
            .unwrap();
        body["allocationState"] = json!("steady");
        body["currentDedicatedNodes"] = json!(700);
        change(&mut body);
        let pool = Pool::new(body);
        match decided.decide(Stage::Before, Some(&pool)) {
            Next::Refuse(refusal) => format!("{}; {}", refusal.why, refusal.remedy),
            next => name(&next).to_owned(),
        }
    };
    assert_eq!(made(&|_| {}), "sized");
    assert_eq!(
        made(&|body| body["startTask"]["commandLine"] = json!("false")),
        "update"
    );
    let slots = made(&|body| body["taskSlotsPerNode"] = json!(1));
    assert!(
        slots.contains("taskSlotsPerNode") && slots.contains("new {pool_id}"),
        "{slots}"
    );
    let disks = made(&|body| body["virtualMachineConfiguration"]["dataDisks"] = json!([]));
    assert!(disks.contains("dataDisks; Batch never changes these"), "{disks}");
    assert!(why(&|body| body["vmSize"] = json!("standard_d8s_v5")).contains("vm_size"));
}

#[test]
fn what_a_change_in_place_cannot_bring_is_named_and_not_the_image() {
    let found = pool(|body| {
        body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] = json!("/x/versions/0.9.0");
        body["virtualMachineConfiguration"]["dataDisks"] = json!([{"lun": 0, "diskSizeGB": 8}]);
    });
    let mut settings = settings(json!({"virtualMachineConfiguration": {"dataDisks": [{"lun": 0, "diskSizeGB": 16}]}}));
    let mut refused = |strategy| {
        settings.change.strategy = strategy;
        let intent = Intent::new(Spec::new(&settings).unwrap(), &settings);
        match intent.decide(Stage::Before, Some(&found)) {
            Next::Refuse(refusal) => format!("{}; {}", refusal.why, refusal.remedy),
            other => panic!("{other:?}"),
        }
    };
    let in_place = refused(crate::settings::Strategy::InPlace);
    assert!(
        in_place.contains("differs in virtualMachineConfiguration.dataDisks; Batch never"),
        "{in_place}"
    );
    assert!(!in_place.contains("strategy"), "{in_place}");
    assert!(refused(crate::settings::Strategy::CreateOnly).contains("exists and runs"));
}

#[test]
fn a_pool_that_shall_follow_a_formula_is_given_it_once_and_never_resized() {
    let mut settings = settings(json!({}));
    settings.pool.targets.dedicated = 0;
    settings.pool.autoscale = Some(Autoscale {
        formula: "$TargetDedicatedNodes=4".to_owned(),
        minutes: None,
    });
    let intent = |pending| {
        settings.policy.resize.pending = pending;
        Intent::new(Spec::new(&settings).unwrap(), &settings)
    };
    let mut intent = intent;
    let following = |formula: &str, state: &str| {
        pool(|body| {
            body["enableAutoScale"] = json!(true);
            body["autoScaleFormula"] = json!(formula);
            body["allocationState"] = json!(state);
        })
    };
    let (wait, stop) = (PendingResize::Wait, PendingResize::Stop);
    for (expected, pending, pool) in [
        ("follow", wait, pool(|_| {})),
        ("wait for other", wait, resizing(100)),
        ("stop other", stop, resizing(100)),
        ("sized", wait, following("$TargetDedicatedNodes=4", "steady")),
        ("sized", stop, following("$TargetDedicatedNodes=4", "resizing")),
        ("follow", wait, following("$TargetDedicatedNodes=5", "steady")),
        ("wait for other", wait, following("$TargetDedicatedNodes=5", "resizing")),
    ] {
        let next = intent(pending);
        let next = next.decide(Stage::Before, Some(&pool));
        assert_eq!(name(&next), expected, "{:?}", pool.body());
    }
}

#[test]
fn a_pool_that_azure_upgrades_by_itself_is_seen_and_left_alone() {
    let policy = json!({"mode": "automatic", "automaticOSUpgradePolicy": {"enableAutomaticOSUpgrade": true}});
    let upgraded = pool(|body| body["upgradePolicy"] = policy.clone());
    for intent in [intent(PendingResize::Wait), adopting()] {
        let why = why(intent.decide(Stage::Before, Some(&upgraded)));
        assert!(why.contains("has automatic OS upgrades"), "{why}");
        assert!(
            why.contains("osRollingUpgradeDeferral is not true: Azure takes nodes down"),
            "{why}"
        );
    }
    let faults = Spec::new(&settings(json!({"upgradePolicy": policy}))).unwrap_err();
    assert!(
        faults[0].to_string().contains("puts a pool on one version"),
        "{}",
        faults[0]
    );
    assert!(
        faults[1].to_string().contains("osRollingUpgradeDeferral"),
        "{}",
        faults[1]
    );
}

#[test]
fn a_steady_pool_answers_our_write_only_when_its_state_is_younger_than_the_one_before() {
    let intent = intent(PendingResize::Wait);
    let after = Some(AT.parse().unwrap());
    let since = |state: &str, since: &str| {
        pool(|body| {
            body["allocationState"] = json!(state);
            body["allocationStateTransitionTime"] = json!(since);
        })
    };
    let table = [
        ("steady", AT, "wait for ours", "round ended, stale errors"),
        (
            "steady",
            "2025-12-31T00:00:00Z",
            "wait for ours",
            "round ended, stale errors",
        ),
        ("steady", "2026-01-01T00:00:00.0000001Z", "round ended", "round ended"),
        ("resizing", AT, "wait for ours", "wait for ours"),
        ("steady", "", "round ended", "round ended"),
    ];
    for (state, at, soon, late) in table {
        let pool = since(state, at);
        for (passed, expected) in [(Duration::from_secs(5), soon), (LAG, late)] {
            let next = intent.decide(Stage::UnderWay { after, passed }, Some(&pool));
            assert_eq!(name(&next), expected, "{state} since {at:?} after {passed:?}");
        }
    }
}

#[test]
fn what_somebody_else_does_to_a_pool_under_way_ends_the_run_and_is_named() {
    let intent = intent(PendingResize::Stop);
    let late = Stage::UnderWay {
        after: None,
        passed: LAG,
    };
    let table = [
        (
            Some(resizing(5)),
            "has other targets by now: 5 nodes there, 700 asked for",
        ),
        (
            Some(pool(|body| body["targetDedicatedNodes"] = json!(5))),
            "has other targets by now: 5",
        ),
        (
            Some(pool(|body| body["enableAutoScale"] = json!(true))),
            "follows an autoscale formula",
        ),
        (
            Some(pool(|body| body["state"] = json!("deleting"))),
            "is being deleted meanwhile",
        ),
        (None, "was deleted meanwhile"),
    ];
    for (pool, expected) in table {
        for stage in [late, Stage::Between] {
            let text = why(intent.decide(stage, pool.as_ref()));
            assert!(text.contains(expected), "{stage:?}: {text}");
        }
        assert!(intent.unchanged(pool.as_ref()).is_err(), "{expected}");
    }
    assert!(intent.unchanged(Some(&pool(|_| {}))).is_ok());
}

#[test]
fn what_lags_behind_our_write_is_no_change_of_somebody_else() {
    let intent = intent(PendingResize::Wait);
    let soon = Stage::UnderWay {
        after: None,
        passed: Duration::from_secs(10),
    };
    for pool in [
        Some(resizing(5)),
        Some(pool(|body| body["targetDedicatedNodes"] = json!(5))),
        None,
    ] {
        assert_eq!(intent.decide(soon, pool.as_ref()), Next::Wait(Waiting::OurResize));
    }
}

#[test]
fn another_image_in_the_pause_between_two_rounds_is_not_filled_with_nodes() {
    let intent = intent(PendingResize::Wait);
    let few = |body: &mut Value| body["currentDedicatedNodes"] = json!(10);
    let same = pool(few);
    assert_eq!(name(&intent.decide(Stage::Between, Some(&same))), "resize");
    let other = pool(|body| {
        few(body);
        let image = &mut body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"];
        *image = json!(image.as_str().unwrap().replace("1.0.0", "1.0.1"));
    });
    assert!(why(intent.decide(Stage::Between, Some(&other))).contains(" 1.0.1, not "));
}

proptest! {
    #[test]
    fn nothing_is_written_to_a_pool_that_somebody_else_changed_meanwhile(
        targets in 0_u32..2000, current in 0_u32..2000, is_steady: bool, passed in 0_u64..1000
    ) {
        let intent = intent(PendingResize::Stop);
        let pool = pool(|body| {
            body["targetDedicatedNodes"] = json!(targets);
            body["currentDedicatedNodes"] = json!(current);
            body["allocationState"] = json!(if is_steady { "steady" } else { "resizing" });
        });
        let passed = Duration::from_secs(passed);
        for stage in [Stage::Between, Stage::UnderWay { after: None, passed }] {
            let next = intent.decide(stage, Some(&pool));
            let writes = matches!(next, Next::Create | Next::Resize(_) | Next::StopOther(_));
            prop_assert!(!writes || targets == 700, "{next:?}");
        }
    }

    #[test]
    fn over_random_looks_a_pool_within_a_change_is_written_to_only_as_the_change_has_it(
        targets in proptest::sample::select(vec![0_u32, 3, 100, 690, 700]), current in 0_u32..800, is_steady: bool,
        is_deleting: bool, follows: bool, is_other_image: bool, is_there: bool
    ) {
        let from = NodeCounts { dedicated: 3, spot: 0 };
        let intent = intent(PendingResize::Stop);
        let nodes = intent.sized(intent.goal, from);
        let found = pool(|body| {
            body["targetDedicatedNodes"] = json!(targets);
            body["currentDedicatedNodes"] = json!(current);
            body["allocationState"] = json!(if is_steady { "steady" } else { "resizing" });
            body["state"] = json!(if is_deleting { "deleting" } else { "active" });
            if follows {
                body["enableAutoScale"] = json!(true);
                body["autoScaleFormula"] = json!("$TargetDedicatedNodes = 6;");
            }
            if is_other_image {
                body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] = json!("/other");
            }
        });
        let look = is_there.then_some(&found);
        let is_write = |next: &Next<'_>| matches!(next,
            Next::Create | Next::Update(..) | Next::Resize(_) | Next::Follow(_) | Next::StopOther(_) | Next::Replace(_));
        let next = nodes.decide(Stage::Before, look);
        let is_as_left = is_there && !is_deleting && !follows && !is_other_image && [3, 700].contains(&targets);
        prop_assert!(!is_write(&next) || is_as_left, "{next:?}");
        prop_assert_eq!(matches!(next, Next::Refuse(_)), !is_as_left, "{:?}", next);
        // A pool that was there when the run began is not made once it is gone.
        let next = intent.found(Some(&pool(|_| {}))).decide(Stage::Before, look);
        prop_assert!(!is_write(&next) || (is_there && !is_deleting && !follows && !is_other_image), "{next:?}");
    }
}
