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
    let begun = v1::StepStarted {
        step: "snapshots".to_owned(),
        what: "copying".to_owned(),
        ..v1::StepStarted::default()
    };
    let begins = Role::StepBegins {
        step: "snapshots".to_owned(),
        what: "copying".to_owned(),
    };
    assert_eq!(role(Some(Kind::StepStarted(begun))), begins);
    let done = v1::StepDone {
        seconds: 7,
        ..v1::StepDone::default()
    };
    assert_eq!(role(Some(Kind::StepDone(done))), Role::StepEnds { seconds: 7 });
    assert_eq!(role(Some(Kind::Published(Box::default()))), Role::Result);
    let passed = Role::CheckPassed { check: "a".to_owned() };
    assert_eq!(role(check("a", v1::CheckOutcome::Pass)), passed);
}

#[test]
fn what_needs_a_person_is_a_warning_without_the_word_twice() {
    let warned = news(&event("warning: it is old", Some(Kind::Warning(v1::Warning {}))));
    assert_eq!(warned, News::warning(None, "it is old"));
    let failed = news(&event("check a: FAIL: as seen", check("a", v1::CheckOutcome::Fail)));
    assert_eq!(failed, News::warning(Some("check a".to_owned()), "as seen"));
}

#[test]
fn the_result_names_version_and_regions_and_leaves_the_id_to_packer() {
    let region = |name: &str, replicas| v1::PublishedRegion {
        name: name.to_owned(),
        replicas,
        ..v1::PublishedRegion::default()
    };
    let published = v1::Published {
        image_version: "1.4.2".to_owned(),
        image_definition_id: "/subscriptions/s/…/images/ubuntu".to_owned(),
        regions: vec![region("eastus2", 4), region("westus2", 1)],
        ..v1::Published::default()
    };
    let shown = news(&event("published …", Some(Kind::Published(Box::new(published)))));
    assert_eq!(shown.text, "published ubuntu 1.4.2 in eastus2 ×4, westus2 ×1");
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
    assert_eq!(shown.role, Role::Replicates(Replica::new("eastus2", "Replicating", 7)));
    let copied = v1::Copied { done: 1, total: 3 };
    let shown = news(&event("snapshots complete: 1 of 3", Some(Kind::Copied(copied))));
    assert_eq!(shown.role, Role::Moved(Sight::copies(1, 3)));
}
