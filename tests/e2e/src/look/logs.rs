//! Whole outputs of a roll-out, in a file, on GitHub with its summary, and on terminals of 80×24, 200×50 and 40×20,
//! compared with what they were.
//!
//! What stands in them is decided in core and tested there; here nothing of it may change unseen.

use super::{
    scene::{Played, Scene, View, play_all},
    scenes, snapshot,
};
use crate::{
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
    suite::Case,
    terminal::{LARGE, Recording, SMALL, USUAL},
};

/// What only a frame has: nothing of it stays when the run is over.
const OF_A_FRAME: [&str; 3] = ["●", "░", "of at most"];

/// When a frame is looked at, and what it shows then.
const MOMENTS: [(&str, &[&str]); 2] = [
    ("middle", &["● resize", "of 20 nodes allocated"]),
    ("pause", &["◌ waiting before", "round 2 "]),
];

/// Where most verbs are seen.
const USUALLY: [View; 3] = [View::GitHub, View::Pipe, View::Terminal(USUAL)];

/// Where roll-outs are seen.
const EVERYWHERE: [View; 5] = [
    View::Pipe,
    View::GitHub,
    View::Terminal(USUAL),
    View::Terminal(LARGE),
    View::Terminal(SMALL),
];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "logs_of_a_change_in_place_are_what_they_were",
        run: |lab| ensure_same(lab, &scenes::in_place(), &[]),
    },
    Case {
        name: "logs_of_a_good_run_are_what_they_were",
        run: |lab| ensure_same(lab, &scenes::created_in_two_rounds(), &["middle", "pause"]),
    },
    Case {
        name: "logs_of_a_failed_start_task_are_what_they_were",
        run: |lab| ensure_same(lab, &scenes::start_task_failed(), &["middle"]),
    },
    Case {
        name: "logs_of_a_quota_are_what_they_were",
        run: |lab| ensure_same(lab, &scenes::quota(), &["middle"]),
    },
    Case {
        name: "logs_of_a_cancelled_run_are_what_they_were",
        run: |lab| ensure_same(lab, &scenes::cancelled(), &["middle"]),
    },
    Case {
        name: "logs_of_a_change_that_is_taken_back_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::rolled_back(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_a_bad_image_that_is_returned_from_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::returned(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_many_pools_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::pools_mixed(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_a_bad_image_that_is_judged_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::judged_bad(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_an_image_that_cannot_be_judged_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::judged_unknown(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_status_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::status(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_a_list_of_migrate_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::migrate_list(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_a_plan_of_migrate_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::migrate_plan(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_two_pools_that_migrate_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::migrate(), &[], &USUALLY),
    },
    Case {
        name: "logs_of_a_plan_of_prune_are_what_they_were",
        run: |lab| ensure_same_in(lab, &scenes::prune(), &[], &[View::Pipe]),
    },
];

fn ensure_same(lab: &Lab<'_>, scene: &Scene, moments: &[&str]) -> Result {
    ensure_same_in(lab, scene, moments, &EVERYWHERE)
}

/// Plays the scene in those places side by side. `moments` are those that its frame must have had.
fn ensure_same_in(lab: &Lab<'_>, scene: &Scene, moments: &[&str], views: &[View]) -> Result {
    let scenes: Vec<_> = views.iter().map(|view| (scene.clone(), *view)).collect();
    let mut changed = Vec::new();
    for (played, view) in play_all(lab, &scenes)?.iter().zip(views) {
        for (name, text) in texts(played, *view, moments)? {
            let name = format!("{}-{name}", scene.name);
            files::write(&lab.dir.join(format!("{name}.txt")), &text)?;
            if is_compared(*view, &name)
                && let Err(failure) = snapshot::ensure_same(lab, &name, &text)
            {
                changed.push(failure.report());
            }
        }
    }
    ensure(changed.is_empty(), || changed.join("\n"))
}

/// Whether a text is the same in every run. A small frame leaves out what tells one moment from the next.
fn is_compared(view: View, name: &str) -> bool {
    view != View::Terminal(SMALL) || name.ends_with("-end")
}

/// What is looked at of a view, each with its name.
fn texts(played: &Played, view: View, moments: &[&str]) -> Result<Vec<(String, String)>> {
    let View::Terminal(size) = view else {
        let summary = Some(("summary".to_owned(), played.summary.clone()));
        let log = (view.name(), played.log.clone());
        return Ok(std::iter::once(log)
            .chain(summary.filter(|(_, text)| !text.is_empty()))
            .collect());
    };
    let recording = Recording::new(&played.log, size);
    ensure_clean(&recording)?;
    // All rows: how many have left the terminal depends on how many steps took long enough for a row of their own.
    let end = recording.screen().join("\n") + "\n";
    let mut texts = vec![(format!("{}-end", view.name()), end)];
    for (name, shows) in MOMENTS.iter().filter(|(name, _)| moments.contains(name)) {
        // A narrow frame leaves words out, and so does a low one.
        let shows = if size == SMALL {
            shows.get(..1).unwrap_or(shows)
        } else {
            shows
        };
        let pane = recording.pane(shows).ok_or_else(|| {
            Failure::unexpected(format!(
                "the {} never showed {shows:?}:\n{}",
                view.name(),
                recording.text()
            ))
        })?;
        texts.push((format!("{}-{name}", view.name()), pane));
    }
    Ok(texts)
}

fn ensure_clean(recording: &Recording) -> Result {
    let screen = recording.screen().join("\n");
    let left = OF_A_FRAME.iter().find(|mark| screen.contains(**mark));
    ensure(left.is_none(), || format!("something of the frame was left:\n{screen}"))
}
