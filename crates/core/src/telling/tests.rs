//! What is shown, event by event.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// The lines for events that all come at the start.
fn tell(events: impl IntoIterator<Item = Event>) -> Vec<Show> {
    let mut teller = Teller::default();
    let mut shown = Vec::new();
    for event in events {
        shown.extend(teller.tell(News::of(&event), Duration::ZERO));
    }
    shown
}

/// What a reader without bars reads.
fn lines(shown: &[Show]) -> Vec<&str> {
    let line = |show| match show {
        &Show::Headline(ref text)
        | &Show::StepBegins(ref text)
        | &Show::StepEnds(ref text)
        | &Show::Detail(ref text)
        | &Show::Warning { ref text, .. } => Some(text.as_str()),
        Show::Bar { line, .. } => line.as_deref(),
    };
    shown.iter().filter_map(line).collect()
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
        ("westeurope: Replicating 30 %", "westeurope: Completed 100 %")
    );
    let bars = shown.iter().filter(|show| matches!(show, Show::Bar { .. }));
    assert_eq!(bars.count(), 101, "the bar moves at every step");
}

#[test]
fn each_region_has_its_own_lines() {
    let shown = tell([
        replication("eastus2", "Replicating", 5),
        replication("westeurope", "Replicating", 5),
        replication("eastus2", "Replicating", 6),
    ]);
    assert_eq!(lines(&shown).len(), 2);
}

#[test]
fn a_region_that_failed_and_starts_again_has_a_line_for_each_state() {
    let shown = tell([
        replication("eastus2", "Replicating", 50),
        replication("eastus2", "Failed", 50),
        replication("eastus2", "Replicating", 0),
        replication("eastus2", "Replicating", 10),
    ]);
    assert_eq!(lines(&shown).len(), 4);
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
    let said: Vec<bool> = shown
        .iter()
        .map(|show| matches!(show, Show::Bar { line: Some(_), .. }))
        .collect();
    assert_eq!(said, [true, false, true, true, false, true]);
}

#[test]
fn many_copies_and_many_allocated_nodes_get_few_lines() {
    let copies = tell((0..=64).map(|done| Event::Copied { done, total: 64 }));
    assert_eq!(lines(&copies).len(), 11, "{copies:?}");
    let allocated = tell((0..=3800).map(|allocated| Event::Allocation {
        state: "resizing".to_owned(),
        wanted: 3800,
        allocated,
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
    assert_eq!(teller.tick(4 * MINUTE), []);
    assert_eq!(lines(&teller.tick(5 * MINUTE)), ["eastus2: Replicating 7 %"]);
    assert_eq!(teller.tick(9 * MINUTE), []);
    drop(teller.tell(News::of(&replication("eastus2", "Replicating", 9)), 9 * MINUTE));
    assert_eq!(
        lines(&teller.tick(10 * MINUTE)),
        ["eastus2: Replicating 9 %"],
        "the newest figure"
    );
    drop(teller.tell(News::of(&replication("eastus2", "Completed", 100)), 11 * MINUTE));
    assert_eq!(teller.tick(60 * MINUTE), []);
}

#[test]
fn a_step_without_any_news_says_every_five_minutes_that_it_goes_on() {
    let mut teller = Teller::default();
    let begins = Event::StepStarted {
        step: "observe",
        what: "looking at the pool".to_owned(),
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
    let shown = tell([
        check("a", CheckOutcome::Pass),
        check("b", CheckOutcome::Pass),
        check("c", CheckOutcome::Ignored),
        check("d", CheckOutcome::Pass),
        check("e", CheckOutcome::Fail),
    ]);
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
