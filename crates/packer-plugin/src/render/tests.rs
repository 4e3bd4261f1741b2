//! What an event of the service is to a reader.

use super::*;

fn event(text: &str, kind: Option<Kind>) -> v1::Event {
    v1::Event {
        text: text.to_owned(),
        kind,
        ..v1::Event::default()
    }
}

fn check(name: &str, outcome: v1::CheckOutcome) -> Option<Kind> {
    Some(Kind::Check(v1::Check {
        name: name.to_owned(),
        outcome: outcome.into(),
        text: "as seen".to_owned(),
    }))
}

#[test]
fn steps_and_results_stand_out_and_what_belongs_to_them_does_not() {
    let role = |of| news(&event("text", of)).role;
    assert_eq!(
        role(Some(Kind::StepStarted(v1::StepStarted::default()))),
        Role::StepBegins
    );
    assert_eq!(role(Some(Kind::StepDone(v1::StepDone::default()))), Role::StepEnds);
    assert_eq!(role(Some(Kind::Published(Box::default()))), Role::Headline);
    assert_eq!(role(Some(Kind::Warning(v1::Warning {}))), Role::Detail);
    assert_eq!(role(check("a", v1::CheckOutcome::Fail)), Role::Detail);
    let passed = Role::CheckPassed { check: "a".to_owned() };
    assert_eq!(role(check("a", v1::CheckOutcome::Pass)), passed);
}

#[test]
fn an_event_of_a_newer_service_is_shown_by_its_text() {
    let shown = news(&event("something new", None));
    assert_eq!((shown.text.as_str(), shown.role), ("something new", Role::Detail));
}

#[test]
fn what_goes_on_for_long_is_watched() {
    let replication = v1::Replication {
        region: "eastus2".to_owned(),
        state: "Replicating".to_owned(),
        percent: 7,
    };
    let shown = news(&event("eastus2: Replicating 7 %", Some(Kind::Replication(replication))));
    assert_eq!(shown.role, Role::Moved(Sight::replication("eastus2", "Replicating", 7)));
    let copied = v1::Copied { done: 1, total: 3 };
    let shown = news(&event("snapshots complete: 1 of 3", Some(Kind::Copied(copied))));
    assert_eq!(shown.role, Role::Moved(Sight::copies(1, 3)));
}

#[test]
fn resources_are_named_by_type_and_name() {
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/snapshots/s1".to_owned();
    let created = Some(Kind::Created(v1::ResourceCreated { id }));
    assert_eq!(news(&event("created …", created)).text, "created snapshots/s1");
}
