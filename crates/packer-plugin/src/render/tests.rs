//! Tests of what is shown, line by line.

use super::*;
use crate::imaging::v1;

fn replication(region: &str, state: &str, percent: u32) -> PublishEvent {
    PublishEvent {
        sequence: 1,
        text: format!("{region}: {state} {percent} %"),
        event: Some(Event::Replication(Replication {
            region: region.to_owned(),
            state: state.to_owned(),
            percent,
        })),
    }
}

fn copied(done: u64) -> PublishEvent {
    PublishEvent {
        sequence: 1,
        text: format!("snapshots complete: {done} of 3"),
        event: Some(Event::Copied(Copied { done, total: 3 })),
    }
}

fn lines(shown: &[Show]) -> Vec<&str> {
    let mut lines = Vec::new();
    for show in shown {
        if let Show::Line(text) = show {
            lines.push(text.as_str());
        }
    }
    lines
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_region_gets_a_line_every_ten_percent_and_at_every_new_state() {
    let mut renderer = Renderer::default();
    let mut shown = Vec::new();
    for percent in 0..=100 {
        let state = if percent == 100 { "Completed" } else { "Replicating" };
        shown.extend(renderer.show(&replication("westeurope", state, percent), Duration::ZERO));
    }
    let said = lines(&shown);
    assert_eq!(said.len(), 11, "{said:?}");
    assert_eq!(said[3], "  westeurope: Replicating 30 %");
    assert_eq!(said[10], "  westeurope: Completed 100 %");
    let bars = shown.iter().filter(|show| matches!(show, Show::Bar { .. }));
    assert_eq!(bars.count(), 101, "the bar moves at every step");
}

#[test]
fn regions_are_told_of_apart() {
    let mut renderer = Renderer::default();
    let mut shown = renderer.show(&replication("eastus2", "Replicating", 5), Duration::ZERO);
    shown.extend(renderer.show(&replication("westeurope", "Replicating", 5), Duration::ZERO));
    shown.extend(renderer.show(&replication("eastus2", "Replicating", 6), Duration::ZERO));
    assert_eq!(lines(&shown).len(), 2);
}

#[test]
fn what_does_not_move_is_told_every_five_minutes_until_it_ends() {
    let mut renderer = Renderer::default();
    drop(renderer.show(&replication("eastus2", "Replicating", 7), Duration::ZERO));
    assert_eq!(renderer.tick(4 * MINUTE), []);
    assert_eq!(lines(&renderer.tick(5 * MINUTE)), ["  eastus2: Replicating 7 %"]);
    assert_eq!(renderer.tick(9 * MINUTE), []);
    drop(renderer.show(&replication("eastus2", "Replicating", 9), 9 * MINUTE));
    assert_eq!(
        lines(&renderer.tick(10 * MINUTE)),
        ["  eastus2: Replicating 9 %"],
        "the newest figure"
    );
    drop(renderer.show(&replication("eastus2", "Completed", 100), 11 * MINUTE));
    assert_eq!(renderer.tick(60 * MINUTE), []);
}

#[test]
fn a_region_that_failed_and_starts_anew_is_told_of() {
    let mut renderer = Renderer::default();
    let mut shown = Vec::new();
    for (state, percent) in [
        ("Replicating", 50),
        ("Failed", 50),
        ("Replicating", 0),
        ("Replicating", 10),
    ] {
        shown.extend(renderer.show(&replication("eastus2", state, percent), Duration::ZERO));
    }
    assert_eq!(lines(&shown).len(), 4);
}

#[test]
fn every_finished_snapshot_has_its_line() {
    let mut renderer = Renderer::default();
    let mut shown = Vec::new();
    for done in [0, 0, 1, 1, 3] {
        shown.extend(renderer.show(&copied(done), Duration::ZERO));
    }
    assert_eq!(
        lines(&shown),
        [
            "  snapshots complete: 0 of 3",
            "  snapshots complete: 1 of 3",
            "  snapshots complete: 3 of 3"
        ]
    );
}

#[test]
fn steps_stand_at_the_margin_and_what_belongs_to_them_is_indented() {
    let mut renderer = Renderer::default();
    let event = |text: &str, event| PublishEvent {
        sequence: 1,
        text: text.to_owned(),
        event,
    };
    let events = [
        event("copying 3 disks", Some(Event::StepStarted(v1::StepStarted::default()))),
        event("warning: two\nlines", Some(Event::Warning(v1::Warning {}))),
        event("something new", None),
        event("published v", Some(Event::Published(Box::default()))),
    ];
    let shown: Vec<Show> = events
        .iter()
        .flat_map(|event| renderer.show(event, Duration::ZERO))
        .collect();
    assert_eq!(
        lines(&shown),
        [
            "copying 3 disks",
            "  warning: two\n  lines",
            "  something new",
            "published v"
        ]
    );
}

#[test]
fn checks_that_pass_share_a_line_and_the_others_have_their_own() {
    let mut renderer = Renderer::default();
    let check = |name: &str, outcome: &str| PublishEvent {
        sequence: 1,
        text: format!("check {name}: {outcome}: as seen"),
        event: Some(Event::Check(v1::Check {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            text: "as seen".to_owned(),
        })),
    };
    let mut shown = Vec::new();
    for (name, outcome) in [
        ("a", "pass"),
        ("b", "pass"),
        ("c", "ignored"),
        ("d", "pass"),
        ("e", "fail"),
    ] {
        shown.extend(renderer.show(&check(name, outcome), Duration::ZERO));
    }
    assert_eq!(
        lines(&shown),
        [
            "  2 checks passed: a, b",
            "  check c: ignored: as seen",
            "  check passed: d",
            "  check e: fail: as seen"
        ]
    );
}

#[test]
fn resources_are_named_by_type_and_name() {
    let group = "/subscriptions/s/resourceGroups/rg/providers";
    assert_eq!(
        short(&format!("{group}/Microsoft.Compute/snapshots/s1")),
        "snapshots/s1"
    );
    assert_eq!(
        short(&format!("{group}/Microsoft.Compute/galleries/g/images/i")),
        "galleries/g/images/i"
    );
    assert_eq!(short("s1"), "s1");
}
