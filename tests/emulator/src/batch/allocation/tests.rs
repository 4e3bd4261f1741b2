//! Tests of the plan of a resize: what comes, when, and with which errors.

use super::*;

const TIMEOUT: SignedDuration = SignedDuration::from_mins(15);

fn targets(dedicated: u32, low_priority: u32) -> Targets {
    Targets {
        dedicated,
        low_priority,
    }
}

fn ask(from: Targets, to: Targets) -> Ask {
    Ask {
        from,
        to,
        timeout: TIMEOUT,
    }
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.errors.iter().map(|error| error.code.as_str()).collect()
}

#[test]
fn growth_takes_a_minute_and_a_tenth_of_a_second_for_each_node() {
    let pace = Pace::default();
    for (from, to, seconds) in [
        (targets(0, 0), targets(700, 0), 130),
        (targets(10, 0), targets(20, 10), 62),
    ] {
        let plan = plan(&ask(from, to), &[], None, None, &pace);
        assert_eq!(plan.takes, Some(SignedDuration::from_secs(seconds)));
        assert_eq!(plan.grows, to.beyond(from));
        assert!(plan.errors.is_empty());
    }
}

#[test]
fn a_growth_longer_than_the_timeout_ends_there_with_what_came() {
    let pace = Pace::default();
    let plan = plan(&ask(targets(0, 0), targets(9_000, 5)), &[], None, None, &pace);
    assert_eq!(plan.takes, Some(TIMEOUT));
    assert_eq!(plan.grows, targets(8_400, 0), "14 minutes at ten nodes a second");
    assert_eq!(codes(&plan), ["AllocationTimedOut", "AllocationTimedOut"]);
    assert!(plan.errors[1].message.contains("low priority"));
}

#[test]
fn scripts_decide_how_a_growth_ends() {
    let pace = Pace::default();
    let growth = ask(targets(5, 0), targets(15, 10));
    let timed_out = Upset::TimedOut {
        deliver: 12,
        code: "AllocationTimedout".to_owned(),
    };
    let provider = json!({"error": {"code": "BadRequest", "message": "no"}});
    for (upset, takes, grows, expected) in [
        (timed_out, Some(TIMEOUT), targets(10, 2), vec!["AllocationTimedout"]),
        (
            Upset::Failed {
                deliver: 0,
                error: ResizeError::of_provider("AllocationFailed", &provider, true),
            },
            Some(pace.allocation_base),
            targets(0, 0),
            vec!["AllocationFailed"],
        ),
        (Upset::Stuck, None, targets(0, 0), vec![]),
    ] {
        let plan = plan(&growth, &[], None, Some(upset), &pace);
        assert_eq!((plan.takes, plan.grows, codes(&plan)), (takes, grows, expected));
    }
}

#[test]
fn a_ceiling_lets_in_what_fits_and_names_itself() {
    let ceiling = |kind, most| Ceiling {
        kind,
        most,
        error: ResizeError::coded("AccountCoreQuotaReached"),
    };
    let dedicated = ceiling(Some(NodeKind::Dedicated), 8);
    let spot = ceiling(Some(NodeKind::LowPriority), 100);
    let pace = Pace::default();
    for (ceilings, grows, errors) in [
        (vec![dedicated.clone(), spot.clone()], targets(3, 2), 1),
        (vec![dedicated, spot, ceiling(None, 9)], targets(3, 1), 2),
        (vec![ceiling(None, 4)], targets(0, 0), 1),
    ] {
        let plan = plan(&ask(targets(5, 0), targets(20, 2)), &ceilings, None, None, &pace);
        assert_eq!((plan.grows, codes(&plan).len()), (grows, errors));
    }
}

#[test]
fn a_shrink_can_leave_nodes_behind_and_a_growth_next_to_it_goes_on() {
    let pace = Pace::default();
    let upset = Upset::NotRemoved {
        deliver: 1,
        error: ResizeError::coded("RemoveNodesFailed"),
    };
    for (to, grows) in [(targets(1, 0), targets(0, 0)), (targets(1, 4), targets(0, 4))] {
        let plan = plan(&ask(targets(5, 0), to), &[], None, Some(upset.clone()), &pace);
        assert_eq!((plan.shrinks, plan.grows), (targets(1, 0), grows));
        assert_eq!(codes(&plan), ["RemoveNodesFailed"]);
    }
}

#[test]
fn an_image_that_cannot_boot_stops_growth_and_not_shrinking() {
    let pace = Pace::default();
    let error = ResizeError::new("AllocationFailed", "no");
    let growth = plan(
        &ask(targets(0, 0), targets(1, 0)),
        &[],
        Some(error.clone()),
        None,
        &pace,
    );
    assert_eq!(
        (growth.grows, codes(&growth)),
        (targets(0, 0), vec!["AllocationFailed"])
    );
    let shrink = plan(&ask(targets(3, 0), targets(1, 0)), &[], Some(error), None, &pace);
    assert!(shrink.errors.is_empty() && shrink.takes > Some(pace.leaving));
}

#[test]
fn a_truncated_provider_error_does_not_parse() {
    let provider = json!({"error": {"code": "BadRequest", "message": "The VM size ‘x’ cannot boot"}});
    for (truncated, parses, flag) in [(false, true, "False"), (true, false, "True")] {
        let error = ResizeError::of_provider("AllocationFailed", &provider, truncated);
        let body = &error.values[0].1;
        assert_eq!(serde_json::from_str::<Value>(body).is_ok(), parses);
        assert_eq!(error.values[1].1, flag);
        assert_eq!(ResizeError::read(&error.render()), error);
    }
}
