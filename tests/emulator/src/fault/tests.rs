//! What the script hits, and what it counts.

use http::Method;
use serde_json::json;

use super::*;

fn script(fault: Fault) -> Faults {
    let mut faults = Faults::default();
    faults.add(fault);
    faults
}

#[test]
fn hits_the_nth_match_the_first_ones_or_every_one() {
    let cases = [
        (Occurrence::Nth(2), [false, true, false]),
        (Occurrence::First(2), [true, true, false]),
        (Occurrence::Every, [true, true, true]),
    ];
    for (occurrence, expected) in cases {
        let mut faults = script(
            Fault::new(Effect::EndlessBody)
                .on(&Method::PUT, "*/images/*")
                .occurring(occurrence),
        );
        assert!(faults.meet(1, &Method::GET, "/a/images/b").is_none(), "another verb");
        let hits = expected.map(|_| faults.meet(2, &Method::PUT, "/a/Images/b").is_some());
        assert_eq!(hits, expected, "{occurrence:?}");
    }
}

#[test]
fn every_fault_counts_every_request_that_it_matches() {
    let mut faults = script(Fault::new(Effect::EndlessBody).occurring(Occurrence::First(1)));
    faults.add(Fault::new(Effect::ResetBeforeEffect).occurring(Occurrence::Nth(2)));
    assert!(matches!(faults.meet(1, &Method::GET, "/a"), Some(Effect::EndlessBody)));
    assert!(matches!(
        faults.meet(2, &Method::GET, "/a"),
        Some(Effect::ResetBeforeEffect)
    ));
    assert_eq!(faults.script()[1].matches, 2);
}

#[test]
fn a_fault_with_times_stays_with_the_request_that_it_hit_first() {
    let mut faults = script(Fault::new(Effect::EndlessBody).at_request(2).times(3));
    let mut hit = |number: u64, method: Method, path: &str| {
        let met = faults.meet(number, &method, path).is_some();
        if met {
            faults.took_effect();
        }
        met
    };
    assert!(!hit(1, Method::PUT, "/a"));
    assert!(hit(2, Method::PUT, "/a"));
    assert!(!hit(3, Method::GET, "/a"), "a look at it");
    assert!(hit(4, Method::PUT, "/A"));
    assert!(!hit(5, Method::PUT, "/b"));
    assert!(hit(6, Method::PUT, "/a"));
    assert!(!hit(7, Method::PUT, "/a"), "three times");
}

#[test]
fn a_fault_for_an_operation_counts_only_when_an_operation_starts() {
    let mut faults = script(Fault::new(Effect::OperationStuck).occurring(Occurrence::Every));
    assert!(faults.meet(1, &Method::PUT, "/x").is_none());
    assert_eq!(faults.take_hit(), None);
    assert_eq!(faults.script()[0].hits, 0);
    assert!(faults.meet(2, &Method::PUT, "/x").is_none());
    assert!(matches!(faults.take_operation(), Some(Effect::OperationStuck)));
    assert_eq!(faults.take_hit().as_deref(), Some("fault-1"));
    assert_eq!(faults.script()[0].hits, 1);
}

#[test]
fn reads_the_documented_json_form() {
    let fault: Fault = serde_json::from_value(json!({
        "name": "slow down", "method": "PUT", "path": "*/versions/*", "occurrence": {"first": 2},
        "kind": "throttle", "retryAfter": 7
    }))
    .unwrap();
    assert!(matches!(fault.effect, Effect::Throttle { retry_after: Some(7) }));
    assert_eq!(fault.occurrence, Occurrence::First(2));

    let fault: Fault = serde_json::from_value(json!({
        "target": "acct1/*", "occurrence": "every", "kind": "allocationTimeout", "deliver": 3, "code": "AllocationTimedout"
    }))
    .unwrap();
    let mut faults = script(fault);
    assert!(faults.next(Moment::Allocation, "acct2/p").is_none());
    assert!(faults.next(Moment::Nodes, "acct1/p").is_none());
    assert!(faults.next(Moment::Allocation, "ACCT1/p").is_some());
    assert_eq!(faults.script()[0].hits, 1);
}

/// The script in the documentation is one that the control port takes.
#[test]
fn the_documented_script_is_valid() {
    let text = include_str!("../../../../docs/emulator.md");
    let (_, rest) = text.split_once("## Script faults").unwrap();
    let (_, rest) = rest.split_once("```json").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let faults: Vec<Fault> = serde_json::from_str(script).unwrap();
    assert_eq!(faults.len(), 4);
}

/// Each fault in Batch's table of them is one that the control port takes.
#[test]
fn the_documented_faults_of_batch_are_valid() {
    let text = include_str!("../../../../docs/emulator-batch.md");
    let documented = text.split('`').filter(|code| code.starts_with("{\"kind\""));
    let documented: Vec<String> = documented.map(|code| code.replace("{…}", "{}")).collect();
    for fault in &documented {
        let read: Result<Fault, _> = serde_json::from_str(fault);
        assert!(read.is_ok(), "{fault}: {read:?}");
    }
    assert_eq!(documented.len(), 17);
}

#[test]
fn a_preemption_comes_back_unless_asked_otherwise() {
    for (fault, expected) in [
        (json!({"kind": "preempted", "count": 1}), Some(300)),
        (json!({"kind": "preempted", "count": 1, "returnsAfter": 5}), Some(5)),
        (json!({"kind": "preempted", "count": 1, "returnsAfter": null}), None),
    ] {
        let read: Effect = serde_json::from_value(fault.clone()).unwrap();
        let Effect::Preempted { returns_after, .. } = read else {
            panic!("{fault} is another kind");
        };
        assert_eq!(returns_after, expected, "{fault}");
    }
}
