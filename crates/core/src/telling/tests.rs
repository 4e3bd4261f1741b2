//! What is shown, event by event.

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::progress::Place;

const MINUTE: Duration = Duration::from_secs(60);

/// The lines for events that all come at the start.
fn tell(events: impl IntoIterator<Item = Event>) -> Vec<Show> {
    let mut teller = Teller::default();
    let mut shown = Vec::new();
    for event in events {
        shown.extend(teller.tell(News::of(&event), Duration::ZERO));
        shown.extend(teller.tick(Duration::ZERO));
    }
    shown.extend(teller.finish(Duration::ZERO));
    shown
}

fn lines(shown: &[Show]) -> Vec<&str> {
    let line = |show| match show {
        &Show::Headline(ref text)
        | &Show::StepBegins { what: ref text, .. }
        | &Show::StepEnds(ref text)
        | &Show::Detail(ref text)
        | &Show::Meanwhile(ref text)
        | &Show::Round { ref text, .. }
        | &Show::Warning { ref text, .. } => text.as_str(),
    };
    shown.iter().map(line).collect()
}

fn replication(region: &str, state: &str, percent: u8) -> Event {
    Event::Replication {
        region: region.parse().unwrap(),
        state: state.to_owned(),
        percent,
    }
}

fn nodes(ready: u32, states: &[&str]) -> Event {
    Event::Nodes {
        wanted: 700,
        ready,
        states: states.iter().map(|state| ((*state).to_owned(), 1)).collect(),
    }
}

fn check(name: &str, outcome: CheckOutcome) -> Event {
    Event::Check {
        name: name.to_owned(),
        outcome,
        text: "as seen".to_owned(),
    }
}

#[test]
fn a_region_gets_a_line_every_ten_percent_and_at_every_new_state() {
    let shown = tell((0..=100).map(|percent| {
        let state = if percent == 100 { "Completed" } else { "Replicating" };
        replication("westeurope", state, percent)
    }));
    let said = lines(&shown);
    assert_eq!(said.len(), 11, "{said:?}");
    assert_eq!(
        (said[3], said[10]),
        ("westeurope 30 %", "westeurope: complete after 0 s")
    );
}

#[test]
fn one_look_at_five_regions_is_one_line() {
    let mut teller = Teller::default();
    for region in ["eastus2", "westus2", "westeurope", "northeurope", "japaneast"] {
        assert_eq!(
            teller.tell(News::of(&replication(region, "Replicating", 5)), MINUTE),
            []
        );
    }
    assert_eq!(
        lines(&teller.tick(MINUTE)),
        ["eastus2 5 %, westus2 5 %, westeurope 5 %, northeurope 5 %, japaneast 5 %"]
    );
}

#[test]
fn nodes_get_a_line_every_ten_percent_and_at_every_new_state() {
    let heard = [
        nodes(0, &["creating"]),
        nodes(10, &["creating"]),
        nodes(80, &["creating"]),
        nodes(81, &["creating", "unusable"]),
        nodes(82, &["creating", "unusable"]),
        nodes(700, &["idle"]),
    ];
    let shown = tell(heard);
    let said: Vec<u64> = lines(&shown)
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(said, [0, 80, 81, 700]);
}

#[test]
fn many_copies_and_many_allocated_nodes_get_few_lines() {
    let copies = tell((0..=64).map(|done| Event::Copied { done, total: 64 }));
    assert_eq!(lines(&copies).len(), 5, "{copies:?}");
    let allocated = tell((0..=3800).map(|allocated| Event::Allocation {
        state: "resizing".to_owned(),
        wanted: 3800,
        allocated,
        states: BTreeMap::new(),
    }));
    assert_eq!(lines(&allocated).len(), 11);
    let few = tell([0, 0, 1, 1, 3].map(|done| Event::Copied { done, total: 3 }));
    assert_eq!(
        lines(&few),
        [
            "snapshots complete: 0 of 3",
            "snapshots complete: 1 of 3",
            "snapshots complete: 3 of 3"
        ]
    );
}

#[test]
fn what_does_not_move_gets_a_line_every_five_minutes_until_it_ends() {
    let mut teller = Teller::default();
    let mut tell = |event: &Event, at| teller.tell(News::of(event), at);
    drop(tell(&replication("eastus2", "Replicating", 7), Duration::ZERO));
    assert_eq!(lines(&teller.tick(Duration::ZERO)), ["eastus2 7 %"]);
    assert_eq!(teller.tick(4 * MINUTE), []);
    assert_eq!(lines(&teller.tick(5 * MINUTE)), ["eastus2 7 % after 5 min"]);
    assert_eq!(teller.tick(9 * MINUTE), []);
    drop(teller.tell(News::of(&replication("eastus2", "Replicating", 9)), 9 * MINUTE));
    assert_eq!(
        lines(&teller.tick(10 * MINUTE)),
        ["eastus2 9 % after 10 min, about 7 h 35 min left"],
        "the newest figure"
    );
    drop(teller.tell(News::of(&replication("eastus2", "Completed", 100)), 11 * MINUTE));
    assert_eq!(lines(&teller.tick(11 * MINUTE)), ["eastus2: complete after 11 min"]);
    assert_eq!(teller.tick(60 * MINUTE), []);
}

#[test]
fn a_step_without_any_news_says_every_five_minutes_that_it_goes_on() {
    let mut teller = Teller::default();
    let begins = Event::StepStarted {
        step: "observe",
        what: "looking at the pool".to_owned(),
        place: None,
    };
    drop(teller.tell(News::of(&begins), MINUTE));
    assert_eq!(teller.tick(5 * MINUTE), []);
    assert_eq!(lines(&teller.tick(6 * MINUTE)), ["looking at the pool: 5 min so far"]);
    assert_eq!(teller.tick(10 * MINUTE), []);
    assert_eq!(lines(&teller.tick(11 * MINUTE)), ["looking at the pool: 10 min so far"]);
    let ends = Event::StepDone {
        step: "observe",
        seconds: 660,
    };
    drop(teller.tell(News::of(&ends), 12 * MINUTE));
    assert_eq!(teller.tick(60 * MINUTE), []);
}

#[test]
fn checks_that_pass_share_a_line_and_the_others_have_their_own() {
    let mut teller = Teller::default();
    let events = [
        check("a", CheckOutcome::Pass),
        check("b", CheckOutcome::Pass),
        check("c", CheckOutcome::Ignored),
        check("d", CheckOutcome::Pass),
        check("e", CheckOutcome::Fail),
    ];
    let shown: Vec<Show> = events
        .iter()
        .flat_map(|event| teller.tell(News::of(event), Duration::ZERO))
        .collect();
    let failed = Show::Warning {
        about: Some("check e".to_owned()),
        text: "as seen".to_owned(),
    };
    assert_eq!(
        lines(&shown),
        [
            "2 checks passed: a, b",
            "check c: ignored: as seen",
            "check passed: d",
            "as seen"
        ]
    );
    assert_eq!(shown.last(), Some(&failed));
}

#[test]
fn a_check_that_passed_last_is_said_at_the_next_tick() {
    let mut teller = Teller::default();
    assert_eq!(teller.tell(News::of(&check("a", CheckOutcome::Pass)), MINUTE), []);
    assert_eq!(lines(&teller.tick(MINUTE)), ["check passed: a"]);
}

#[test]
fn resources_are_named_by_type_and_name() {
    let group = "/subscriptions/s/resourceGroups/rg/providers";
    let created = Event::Created {
        id: format!("{group}/Microsoft.Compute/snapshots/s1"),
    };
    assert_eq!(lines(&tell([created])), ["created snapshots/s1"]);
    assert_eq!(
        short(&format!("{group}/Microsoft.Compute/galleries/g/images/i")),
        "galleries/g/images/i"
    );
    assert_eq!(short("s1"), "s1");
}

#[test]
fn a_step_that_took_no_time_has_no_end_and_the_result_names_the_longest() {
    let began = |what: &str, number| Event::StepStarted {
        step: "x",
        what: what.to_owned(),
        place: Some(Place { number, of: 2 }),
    };
    let ended = |seconds| Event::StepDone { step: "x", seconds };
    let mut teller = Teller::default();
    let mut shown = Vec::new();
    for event in [began("looking", 1), ended(0), began("copying", 2), ended(300)] {
        shown.extend(teller.tell(News::of(&event), MINUTE));
    }
    let result = News {
        text: "published 1.0.0".to_owned(),
        role: Role::Result,
    };
    shown.extend(teller.tell(result, 6 * MINUTE));
    assert_eq!(
        lines(&shown),
        [
            "step 1 of 2: looking",
            "step 2 of 2: copying",
            "done in 5 min",
            "published 1.0.0, in 6 min; the longest step took 5 min: copying"
        ]
    );
}

#[test]
fn what_is_removed_one_after_the_other_is_one_line_at_the_end_of_the_step() {
    let group = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute";
    let mut teller = Teller::default();
    for number in 0..33 {
        let id = format!("{group}/snapshots/s{number}");
        let at = Duration::from_millis(number * 100);
        assert_eq!(teller.tell(News::of(&Event::Removed { id }), at), []);
        assert_eq!(teller.tick(at), []);
    }
    let ends = Event::StepDone {
        step: "cleanup",
        seconds: 4,
    };
    assert_eq!(
        lines(&teller.tell(News::of(&ends), Duration::from_secs(4))),
        ["removed 33 snapshots"],
        "and no step was begun, so none ends"
    );
}
