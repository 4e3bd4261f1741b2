//! A failure as text of a given width. Commands stand alone on their lines, since they are copied from there.

use unicode_width::UnicodeWidthStr as _;

use super::{Failure, Step};

/// What a line begins with that belongs to the first one.
const INDENT: &str = "  ";

impl Failure {
    /// All of it: the reason on the first line, then the rest.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        self.below(&self.happened, width)
    }

    /// All of it for a terminal: `error: … (exit code 4)` and the rest.
    #[must_use]
    pub fn complaint(&self, width: usize) -> String {
        let first = format!("error: {} (exit code {})", self.happened, self.exit_code);
        self.below(&wrapped(&first, width).join("\n"), width)
    }

    /// All but the reason, indented below a first sentence.
    fn below(&self, first: &str, width: usize) -> String {
        let rest = self.rest(width.saturating_sub(INDENT.len()));
        let indented: Vec<String> = rest.lines().map(indented).collect();
        format!("{first}\n\n{}", indented.join("\n"))
    }

    /// All but the reason: paragraphs with a blank line between them.
    #[must_use]
    pub fn rest(&self, width: usize) -> String {
        let sentences =
            |sentences: &[String]| (!sentences.is_empty()).then(|| wrapped(&sentences.join(" "), width).join("\n"));
        let faults: Vec<String> = self.listed_faults().iter().map(|fault| item(fault, width)).collect();
        let mut paragraphs: Vec<String> = sentences(&self.facts).into_iter().collect();
        paragraphs.extend((!faults.is_empty()).then(|| faults.join("\n")));
        paragraphs.extend(sentences(&self.kept));
        paragraphs.extend(self.next.iter().map(|step| step.text(width)));
        paragraphs.extend(self.page.iter().map(|address| format!("More about it: {address}")));
        paragraphs.extend(self.said.iter().map(|said| wrapped(said, width).join("\n")));
        paragraphs.join("\n\n")
    }
}

impl Step {
    fn text(&self, width: usize) -> String {
        let mut lines = wrapped(&self.text, width);
        lines.extend(self.command.iter().map(|line| indented(line)));
        lines.join("\n")
    }
}

fn item(text: &str, width: usize) -> String {
    wrapped(text, width.saturating_sub(INDENT.len()))
        .join("\n")
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let mark = if number == 0 { "- " } else { INDENT };
            format!("{mark}{line}")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn indented(line: &str) -> String {
    if line.is_empty() {
        String::new()
    } else {
        format!("{INDENT}{line}")
    }
}

/// The text in lines of so many letters. A word that is longer has a line of its own and is not broken, so that it can
/// be copied. Line breaks in the text stay.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut length = 0;
        for word in paragraph.split_whitespace() {
            let letters = word.width();
            if length > 0 && length + 1 + letters > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += letters;
        }
        lines.push(line);
    }
    lines
}
