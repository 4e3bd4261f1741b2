//! A line of a run as it stands on a terminal: broken at words, with what belongs to it below its text. Pure.
//!
//! What is to be typed is never broken here, since it is copied from there.

use unicode_width::UnicodeWidthStr as _;

use crate::failure::wrapped;

/// With less room a line would be a column of single words.
const LEAST: usize = 20;

/// Lines that are indented so far are commands, as in the texts of failures.
const COMMAND_INDENT: usize = 4;

/// What the commands begin with that we print.
const PROGRAMS: [&str; 4] = ["az", "azure-batch-pool", "packer", "packer-plugin-azure-batch"];

/// The text behind `before`, for a terminal of so many columns: lines are broken at words, and all but the first begin
/// below the text's begin. Commands stay as they are, and so does a word that is longer than a line. Without a terminal
/// nothing is broken.
#[must_use]
pub fn hung(before: &str, text: &str, columns: Option<usize>) -> String {
    let below = format!("\n{}", " ".repeat(before.width()));
    let room = columns.map(|columns| columns.saturating_sub(before.width()).max(LEAST));
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let is_command = goes_on || is_command(line);
        goes_on = is_command && line.ends_with('\\');
        match room {
            Some(room) if !is_command => lines.extend(broken(line, room)),
            _ => lines.push(line.to_owned()),
        }
    }
    format!("{before}{}", lines.join(&below))
}

fn is_command(line: &str) -> bool {
    let program = line.split_whitespace().next().unwrap_or_default();
    indent_of(line) >= COMMAND_INDENT || PROGRAMS.contains(&program)
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A line in pieces that fit, each with the line's own indent.
fn broken(line: &str, room: usize) -> Vec<String> {
    if line.width() <= room {
        return vec![line.to_owned()];
    }
    let indent = " ".repeat(indent_of(line));
    let pieces = wrapped(line, room.saturating_sub(indent.len()));
    pieces.into_iter().map(|piece| format!("{indent}{piece}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "warning: round 1 brought 12 of 20 nodes: AllocationTimedOut: Desired number of dedicated nodes \
                        could not be allocated as the resize timeout was reached; not all nodes came";

    #[test]
    fn no_word_is_broken_at_any_width_and_all_words_stay() {
        for columns in [40, 80, 200] {
            for before in ["", "  ", "[  0:05]   "] {
                let text = hung(before, TEXT, Some(columns));
                for (number, line) in text.lines().enumerate() {
                    assert!(line.width() <= columns, "{columns}: {line}");
                    let begin = if number == 0 {
                        before.to_owned()
                    } else {
                        " ".repeat(before.len())
                    };
                    assert!(line.starts_with(&begin), "{columns}: {line:?}");
                }
                let words: Vec<&str> = text.strip_prefix(before).unwrap().split_whitespace().collect();
                assert_eq!(words.join(" "), TEXT, "{columns}");
            }
        }
    }

    #[test]
    fn a_line_of_a_terminal_goes_on_below_its_text() {
        insta::assert_snapshot!(hung("  ", TEXT, Some(40)), @r"
          warning: round 1 brought 12 of 20
          nodes: AllocationTimedOut: Desired
          number of dedicated nodes could not be
          allocated as the resize timeout was
          reached; not all nodes came
        ");
    }

    #[test]
    fn commands_and_lines_without_a_terminal_are_not_broken() {
        let command =
            "az batch pool resize --account-name acct1 --pool-id a-pool-with-a-long-name \\\n  --abort --and more";
        assert_eq!(hung("", command, Some(40)), command);
        let indented = "    do this --with a-very-long-value-that-does-not-fit-into-a-line at all";
        assert_eq!(hung("", indented, Some(40)), indented);
        assert_eq!(hung("  ", TEXT, None), format!("  {TEXT}"));
    }

    #[test]
    fn wide_letters_count_as_two() {
        let text = hung("", "画像画像画像画像画像 画像画像画像画像画像", Some(24));
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
