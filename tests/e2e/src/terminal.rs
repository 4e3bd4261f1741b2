//! A program on a terminal: what was shown there, and what stands on it in the end.
//!
//! `terminal/on_a_terminal.py` plays the terminal; this file reads what it recorded. It knows only the escapes that our
//! programs send.

use std::path::Path;

use crate::{
    failure::{Failure, Result},
    process::Program,
};

/// The terminal of the cases.
const ROWS: usize = 24;
const COLUMNS: usize = 80;

/// What a terminal was sent.
#[derive(Clone, Debug)]
pub struct Recording(String);

impl Program {
    /// The same on a terminal; once `ctrl_c_after` has been shown, Ctrl-C is typed. Empty: it never is.
    #[must_use]
    pub fn on_a_terminal(self, checkout: &Path, ctrl_c_after: &str) -> Self {
        let script = checkout.join("tests/e2e/src/terminal/on_a_terminal.py");
        let (rows, columns) = (ROWS.to_string(), COLUMNS.to_string());
        let before = [
            script.to_string_lossy().into_owned(),
            rows,
            columns,
            ctrl_c_after.to_owned(),
        ];
        self.env("TERM", "xterm").run_by("python3", &before)
    }
}

impl Recording {
    /// What [`Program::on_a_terminal`] wrote to stdout.
    #[must_use]
    pub fn new(stdout: &str) -> Self {
        Self(stdout.to_owned())
    }

    /// Everything that was ever shown, without escapes, and with rows that the terminal broke.
    ///
    /// # Errors
    /// As [`Self::screen`].
    pub fn text(&self) -> Result<String> {
        let mut text = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, escape)) = rest.split_once('\u{1b}') {
            text.push_str(before);
            rest = parse(escape)?.2;
        }
        text.push_str(rest);
        Ok(text.replace('\r', ""))
    }

    /// The rows that stand there in the end, with those that have left the terminal at its top.
    ///
    /// # Errors
    /// When an escape was sent that our programs have no use for.
    pub fn screen(&self) -> Result<Vec<String>> {
        let mut rows: Vec<Vec<char>> = vec![Vec::new()];
        let (mut row, mut column) = (0_usize, 0_usize);
        let mut rest = self.0.as_str();
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            match letter {
                '\u{1b}' => {
                    let (number, command, after) = parse(rest)?;
                    rest = after;
                    match command {
                        'A' => row = row.saturating_sub(number.max(1)),
                        'J' => {
                            rows.truncate(row + 1);
                            if let Some(row) = rows.get_mut(row) {
                                row.truncate(column);
                            }
                        }
                        _ => {}
                    }
                }
                '\r' => column = 0,
                '\n' => row += 1,
                letter => {
                    if column == COLUMNS {
                        (row, column) = (row + 1, 0);
                    }
                    put(&mut rows, (row, column), letter);
                    column += 1;
                }
            }
            rows.resize_with(rows.len().max(row + 1), Vec::new);
        }
        let text = |row: Vec<char>| row.into_iter().collect::<String>().trim_end().to_owned();
        Ok(rows.into_iter().map(text).collect())
    }
}

fn put(rows: &mut Vec<Vec<char>>, (row, column): (usize, usize), letter: char) {
    rows.resize_with(rows.len().max(row + 1), Vec::new);
    let Some(cells) = rows.get_mut(row) else { return };
    if cells.len() <= column {
        cells.resize(column + 1, ' ');
    }
    if let Some(cell) = cells.get_mut(column) {
        *cell = letter;
    }
}

/// The number and the command of an escape, and what follows it.
fn parse(escape: &str) -> Result<(usize, char, &str)> {
    let unknown = || Failure::unexpected(format!("an escape that our programs do not send: {escape:.12?}"));
    let body = escape.strip_prefix('[').ok_or_else(unknown)?;
    let end = body
        .find(|letter: char| letter.is_ascii_alphabetic())
        .ok_or_else(unknown)?;
    let (number, rest) = body.split_at(end);
    let mut letters = rest.chars();
    match letters.next() {
        Some(command @ ('A' | 'J' | 'm')) => Ok((number.parse().unwrap_or(0), command, letters.as_str())),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_is_not_on_the_screen_and_was_shown_all_the_same() {
        let recording = Recording::new("one\r\n\u{1b}[1mframe\u{1b}[0m\r\n^C\r\u{1b}[1A\u{1b}[Jtwo\r\n");
        assert_eq!(recording.screen().unwrap(), ["one", "two", ""]);
        assert_eq!(recording.text().unwrap(), "one\nframe\n^Ctwo\n");
    }

    #[test]
    fn a_row_that_is_too_long_is_broken_and_a_strange_escape_is_an_error() {
        let screen = Recording::new(&"x".repeat(90)).screen().unwrap();
        assert_eq!(screen.iter().map(String::len).collect::<Vec<_>>(), [80, 10]);
        assert!(Recording::new("\u{1b}[2K").screen().is_err());
    }
}
