//! What a person at a terminal sees: a frame while it lasts, and nothing of it afterwards.
//!
//! The frame itself is tested in core; here it is on a real terminal.

use crate::{
    failure::{Result, ensure, ensure_says},
    lab::Lab,
    pool::{self, LIMIT},
    suite::Case,
    terminal::{Recording, USUAL},
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "terminal_shows_every_line_of_the_log",
        run: terminal_shows_every_line_of_the_log,
    },
    Case {
        name: "terminal_is_left_clean_by_ctrl_c",
        run: terminal_is_left_clean_by_ctrl_c,
    },
];

/// What only a frame has.
const OF_A_FRAME: [&str; 3] = ["●", "░", "of at most"];

fn terminal_shows_every_line_of_the_log(lab: &Lab<'_>) -> Result {
    let log = {
        let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
        let plain = pool::people_rollout(lab, &azure, "plain", ("1.0.0", 40))?;
        plain.run(LIMIT)?.ended_with(0)?
    };
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let program = pool::people_rollout(lab, &azure, "terminal", ("1.0.0", 40))?;
    let shown = program
        .on_a_terminal(&lab.tools.checkout, USUAL, "")
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    let recording = Recording::new(&shown.stdout, USUAL);
    // A terminal breaks long rows, so spaces and ends of rows do not count.
    let text = packed(&recording.text());
    for line in log.stdout.lines() {
        let Some(said) = said(line) else { continue };
        ensure(text.contains(&packed(said)), || {
            format!("{said:?} is in the log and was not on the terminal:\n{}", shown.stdout)
        })?;
    }
    ensure_says("the terminal", &text, &["●", "of40nodesallocated"])?;
    ensure_clean(&recording)
}

fn terminal_is_left_clean_by_ctrl_c(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let program = pool::people_rollout(lab, &azure, "terminal", ("1.0.0", 40))?;
    let program = program.on_a_terminal(&lab.tools.checkout, USUAL, "created pool");
    let shown = program.run(LIMIT)?.ended_with(130)?;
    lab.keep_journal(&azure)?;
    let recording = Recording::new(&shown.stdout, USUAL);
    ensure_clean(&recording)?;
    ensure_says("the terminal", &recording.screen().join("\n"), &["stopped as asked"])
}

/// A line of the log without its time, its place in the step and the counts at its end; none for lines of time alone.
fn said(line: &str) -> Option<&str> {
    let text = line.split_once(']').map_or(line, |(_, text)| text).trim();
    let text = text
        .strip_prefix("pool steady: ")
        .or_else(|| text.strip_prefix("pool resizing: "))
        .unwrap_or(text);
    let text = text.split_once(" nodes allocated (").map_or(text, |(count, _)| count);
    let text = text.split_once(" nodes ready (").map_or(text, |(count, _)| count);
    // Ports differ from run to run, and the time of a step stands beside it.
    let is_of_this_run = text.starts_with("done in ") || text.contains("reading the cloud");
    (!is_of_this_run).then_some(text)
}

fn packed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

fn ensure_clean(recording: &Recording) -> Result {
    let screen = recording.screen().join("\n");
    let left = OF_A_FRAME.iter().find(|mark| screen.contains(**mark));
    ensure(left.is_none() && !screen.contains("^C"), || {
        format!("something of the frame was left:\n{screen}")
    })
}
