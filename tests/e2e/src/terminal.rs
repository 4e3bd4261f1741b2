//! A program on a terminal: what was shown there, and what stood on it at which moment.
//!
//! `terminal/on_a_terminal.py` plays the terminal and records; `vt100` knows what a terminal makes of what it is sent.

use std::{num::NonZero, path::Path};

use crate::process::Program;

/// The terminal that most people have.
pub const USUAL: Size = Size { rows: 24, columns: 80 };

/// One with much room, and one with little.
pub const LARGE: Size = Size { rows: 50, columns: 200 };
/// See [`LARGE`].
pub const SMALL: Size = Size { rows: 20, columns: 40 };

/// More rows than a recording has: on such a terminal nothing leaves at the top.
const ALL_ROWS: u16 = 5000;

/// How our frame begins to be taken away: back to the start of its first row. Before that, a screen is complete.
const ERASES: &str = "\r\u{1b}[";

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: u16,
    /// Letters in a row.
    pub columns: u16,
}

/// What a terminal was sent.
#[derive(Clone, Debug)]
pub struct Recording {
    sent: String,
    size: Size,
}

impl Program {
    /// The same on a terminal; once `ctrl_c_after` has been shown, Ctrl-C is typed. Empty: it never is.
    #[must_use]
    pub fn on_a_terminal(self, checkout: &Path, size: Size, ctrl_c_after: &str) -> Self {
        let script = checkout.join("tests/e2e/src/terminal/on_a_terminal.py");
        let before = [
            script.to_string_lossy().into_owned(),
            size.rows.to_string(),
            size.columns.to_string(),
            ctrl_c_after.to_owned(),
        ];
        self.env("TERM", "xterm").run_by("python3", &before)
    }
}

impl Recording {
    /// What [`Program::on_a_terminal`] wrote to stdout.
    #[must_use]
    pub fn new(stdout: &str, size: Size) -> Self {
        Self {
            sent: stdout.to_owned(),
            size,
        }
    }

    /// Everything that was ever shown, without escapes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut pieces = self.sent.split('\u{1b}');
        let first = pieces.next().unwrap_or_default().to_owned();
        // An escape ends with its first letter.
        let after = pieces.filter_map(|piece| piece.split_once(|letter: char| letter.is_ascii_alphabetic()));
        after
            .fold(first, |text, (_escape, shown)| text + shown)
            .replace('\r', "")
    }

    /// The rows that stand there in the end, with those that have left the terminal at its top.
    #[must_use]
    pub fn screen(&self) -> Vec<String> {
        let mut terminal = Size {
            rows: ALL_ROWS,
            ..self.size
        }
        .terminal();
        terminal.process(self.sent.as_bytes());
        let mut rows = rows(&terminal);
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        rows
    }

    /// The terminal as it stood when it first showed all of these; nothing when it never did.
    #[must_use]
    pub fn pane(&self, shows: &[&str]) -> Option<String> {
        let mut terminal = self.size.terminal();
        self.sent.split_inclusive(ERASES).find_map(|piece| {
            let (shown, erases) = match piece.strip_suffix(ERASES) {
                Some(shown) => (shown, ERASES),
                None => (piece, ""),
            };
            terminal.process(shown.as_bytes());
            let pane = framed(&rows(&terminal));
            terminal.process(erases.as_bytes());
            shows.iter().all(|part| pane.contains(part)).then_some(pane)
        })
    }

    /// The terminal as it stands in the end.
    #[must_use]
    pub fn last_pane(&self) -> String {
        let mut terminal = self.size.terminal();
        terminal.process(self.sent.as_bytes());
        framed(&rows(&terminal))
    }
}

impl Size {
    /// Columns and rows, as in the names of files.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}x{}", self.columns, self.rows)
    }

    fn terminal(self) -> vt100::Parser {
        let [rows, columns] = [self.rows, self.columns].map(|count| NonZero::new(count).unwrap_or(NonZero::<u16>::MIN));
        vt100::Parser::new(rows, columns, 0)
    }
}

/// The rows as they stand on the terminal, without what is blank at their ends.
fn rows(terminal: &vt100::Parser) -> Vec<String> {
    let screen = terminal.screen();
    let (_rows, columns) = screen.size();
    screen
        .rows(0, columns.get())
        .map(|row| row.trim_end().to_owned())
        .collect()
}

/// Rows as a text, without those at the end on which nothing stands yet.
fn framed(rows: &[String]) -> String {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!("{}\n", rows.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_is_not_on_the_screen_and_was_shown_all_the_same() {
        let recording = Recording::new("one\r\n\u{1b}[1mframe\u{1b}[0m\r\n^C\r\u{1b}[1A\u{1b}[Jtwo\r\n", USUAL);
        assert_eq!(recording.screen(), ["one", "two"]);
        assert_eq!(recording.text(), "one\nframe\n^Ctwo\n");
        assert_eq!(recording.pane(&["frame"]).as_deref(), Some("one\nframe\n^C\n"));
        assert_eq!(recording.pane(&["frame", "two"]), None);
        assert_eq!(recording.last_pane(), "one\ntwo\n");
    }

    #[test]
    fn a_row_that_is_too_long_is_broken_and_rows_leave_at_the_top() {
        let screen = Recording::new(&"x".repeat(90), USUAL).screen();
        assert_eq!(screen.iter().map(String::len).collect::<Vec<_>>(), [80, 10]);
        let rows: String = (0..30).map(|row| format!("row {row}\r\n")).collect();
        let recording = Recording::new(&rows, USUAL);
        assert_eq!(recording.screen().len(), 30);
        assert!(
            recording.last_pane().starts_with("row 7\n"),
            "{}",
            recording.last_pane()
        );
    }
}
