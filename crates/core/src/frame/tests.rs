//! The frame's rows at a moment of a run, on terminals of several widths.

use super::{row::Colours, *};

const MINUTE: Duration = Duration::from_secs(60);

fn begins(step: &'static str, what: &str) -> Event {
    Event::StepStarted {
        step,
        what: what.to_owned(),
        place: None,
    }
}

const fn ends(step: &'static str, seconds: u64) -> Event {
    Event::StepDone { step, seconds }
}

fn states(all: &[(&str, u32)]) -> BTreeMap<String, u32> {
    all.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
}

fn allocation(allocated: u32, all: &[(&str, u32)]) -> Event {
    Event::Allocation {
        state: "resizing".to_owned(),
        wanted: 700,
        allocated,
        states: states(all),
    }
}

const fn round(round: u32) -> Event {
    Event::Resize {
        round,
        rounds: 5,
        dedicated: 700,
        spot: 0,
        timeout_minutes: 45,
    }
}

/// A roll-out in its second round.
fn rolling_out() -> Frame {
    let mut frame = Frame::new("rollout", Duration::from_secs(4 * 3600));
    let goal = Event::Goal {
        text: "pool render-2026-11 in acct1 → ubuntu 1.4.2, 700 nodes".to_owned(),
    };
    let so_far = [
        (0, goal),
        (0, begins("observe", "looking at account and image version")),
        (0, ends("observe", 0)),
        (0, begins("plan", "looking at the pool")),
        (0, ends("plan", 0)),
        (0, begins("replicas", "checking the version's replicas")),
        (10, ends("replicas", 620)),
        (10, begins("resize", "bringing the pool to its size")),
        (10, round(1)),
        (25, allocation(412, &[("idle", 380), ("starting", 32)])),
        (25, round(2)),
        (
            27,
            allocation(650, &[("creating", 12), ("idle", 618), ("unusable", 20)]),
        ),
    ];
    for (minute, event) in so_far {
        frame.note(&event, minute * MINUTE);
    }
    frame
}

fn text(frame: &Frame, at: Duration, columns: usize) -> String {
    let rows = frame.rows(at, columns);
    assert!(rows.len() <= MOST_ROWS, "{rows:?}");
    assert!(rows.iter().all(|row| row.width() < columns), "{rows:?}");
    let texts: Vec<String> = rows.iter().map(|row| row.text(Colours::Off)).collect();
    texts.join("\n")
}

#[test]
fn a_roll_out_shows_where_it_is_how_long_it_has_been_and_how_its_nodes_are() {
    insta::assert_snapshot!(text(&rolling_out(), 27 * MINUTE, 80), @"
    pool render-2026-11 in acct1 → ubuntu 1.4.2, 700 nodes    27 min of at most 4 h
      ✓ looking at account and image version, looking at the pool
      ✓ checking the version's replicas                                 10 min 20 s
      ● resize round 2 of 5 (timeout 45 min)                                  2 min
        ████████████████████████████████████████░░░░  650 of 700 nodes allocated
        unusable 20 · creating 12 · idle 618
    ");
    insta::assert_snapshot!(text(&rolling_out(), 27 * MINUTE, 40), @"
    pool render-2026-11 in acct1 →…  27 min
      ✓ looking at account and image versi…
      ✓ checking the version'…  10 min 20 s
      ● resize round 2 of 5 (timeou…  2 min
        650 of 700 nodes allocated
        unusable 20 · creating 12 · idle 6…
    ");
}

#[test]
fn states_that_are_bad_are_red_and_bars_green() {
    let rows = rolling_out().rows(27 * MINUTE, 80);
    let texts: Vec<String> = rows.iter().map(|row| row.text(Colours::On)).collect();
    assert!(
        texts.iter().any(|row| row.contains("\u{1b}[31munusable 20\u{1b}[0m")),
        "{texts:?}"
    );
    assert!(!texts.iter().any(|row| row.contains("\u{1b}[31midle")), "{texts:?}");
}

#[test]
fn a_pause_is_counted_down_and_is_over_with_the_next_news() {
    let mut frame = rolling_out();
    let pause = Event::Waiting {
        what: "before resize round 3".to_owned(),
        seconds: 90,
    };
    frame.note(&pause, 30 * MINUTE);
    let shown = text(&frame, 30 * MINUTE + Duration::from_millis(41_500), 80);
    assert!(shown.contains("◌ waiting before resize round 3"), "{shown}");
    assert!(shown.contains("49 s left"), "{shown}");
    let shown = text(&frame, 32 * MINUTE, 80);
    assert!(!shown.contains('◌'), "{shown}");
    frame.note(&round(3), 32 * MINUTE);
    let shown = text(&frame, 32 * MINUTE, 80);
    assert!(shown.contains("round 3 of 5 (timeout 45 min)"), "{shown}");
    assert!(!shown.contains("of 700"), "of the round before: {shown}");
}

#[test]
fn a_publish_shows_its_regions_with_the_time_left() {
    let mut frame = Frame::new("rollout", Duration::from_secs(8 * 3600));
    let place = |number| Some(Place { number, of: 5 });
    let replication = |region: &str, percent| Event::Replication {
        region: region.parse().unwrap(),
        state: "Replicating".to_owned(),
        percent,
    };
    let step = |number, what: &str| Event::StepStarted {
        step: "x",
        what: what.to_owned(),
        place: place(number),
    };
    let goal = Event::Goal {
        text: "virtual machine vm-build → gal1/ubuntu 1.0.0: eastus2 ×4, westus2 ×1".to_owned(),
    };
    let so_far = [
        (0, goal),
        (0, begins("source", "looking at virtual machine vm-build")),
        (0, ends("source", 0)),
        (0, step(1, "creating 3 snapshots at the same time")),
        (2, ends("x", 120)),
        (2, step(2, "creating the managed image")),
        (3, ends("x", 60)),
        (3, step(3, "creating image version 1.0.0 in eastus2, westus2")),
        (3, replication("eastus2", 0)),
        (3, replication("westus2", 0)),
        (11, replication("eastus2", 40)),
        (11, replication("westus2", 20)),
    ];
    for (minute, event) in so_far {
        frame.note(&event, minute * MINUTE);
    }
    insta::assert_snapshot!(text(&frame, 11 * MINUTE, 80), @"
    virtual machine vm-build → gal1/ubuntu 1.0.0: eastus2 ×4, westus2 ×1     11 min
      ✓ looking at virtual machine vm-build
      ✓ creating 3 snapshots at the same time                                 2 min
      ✓ creating the managed image                                            1 min
      ● step 3 of 5: creating image version 1.0.0 in eastus2, westus2         8 min
        █████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  30 %
        eastus2 40 %, westus2 20 % after 8 min, about 32 min left
    ");
}

#[test]
fn trouble_is_shown_until_the_next_news() {
    let mut frame = rolling_out();
    let retry = Event::Retrying {
        doing: "read pool render-2026-11".to_owned(),
        why: "503 ServerBusy".to_owned(),
        answer: None,
        seconds: 25,
    };
    frame.note(&retry, 28 * MINUTE);
    assert!(text(&frame, 28 * MINUTE, 80).contains("again in 25 s: 503 ServerBusy"));
    frame.note(&allocation(700, &[("idle", 700)]), 29 * MINUTE);
    assert!(!text(&frame, 29 * MINUTE, 80).contains("503"));
}

#[test]
fn many_steps_leave_room_for_what_goes_on_and_all_stay_at_the_end() {
    let mut frame = Frame::new("status", MINUTE);
    for number in 1..=9 {
        frame.note(&begins("x", &format!("step {number}")), Duration::ZERO);
        frame.note(&ends("x", number), Duration::ZERO);
    }
    frame.note(&begins("x", "the last"), Duration::ZERO);
    insta::assert_snapshot!(text(&frame, MINUTE, 80), @"
    status                                                   1 min of at most 1 min
      ✓ 7 earlier steps                                                        28 s
      ✓ step 8                                                                  8 s
      ✓ step 9                                                                  9 s
      ● the last                                                              1 min
    ");
    assert_eq!(frame.last_rows(80).len(), 9);
    frame.stop();
    assert!(text(&frame, MINUTE, 80).contains("stopping, after 1 min"));
}
