//! Pieces of Markdown as GitHub shows it: paragraphs, tables, code, what is folded, and text that stays text.
//!
//! It knows nothing about roll-outs.

/// Cells of a bar: they fit next to the numbers on a telephone.
const CELLS: u32 = 20;

/// A page that is being written.
#[derive(Debug, Default)]
pub(in crate::report) struct Page(String);

impl Page {
    /// What was written.
    pub(in crate::report) fn done(self) -> String {
        format!("{}\n", self.0.trim_end())
    }

    /// A paragraph, a heading, or anything else with a blank line behind it.
    pub(in crate::report) fn paragraph(&mut self, line: &str) {
        self.end_list();
        self.0.push_str(line);
        self.0.push_str("\n\n");
    }

    /// An item of a list.
    pub(in crate::report) fn item(&mut self, line: &str) {
        self.0.push_str(&format!("- {line}\n"));
    }

    /// Text as it is, in a box with a horizontal scroll bar where a line is too long.
    pub(in crate::report) fn fenced(&mut self, language: &str, body: &str) {
        let fence = fence_around(body);
        self.paragraph(&format!("{fence}{language}\n{body}\n{fence}"));
    }

    /// A table.
    pub(in crate::report) fn table(&mut self, heads: &[&str], rows: Vec<Vec<String>>) {
        let mut lines = vec![
            format!("| {} |", heads.join(" | ")),
            format!("|{}", " --- |".repeat(heads.len())),
        ];
        lines.extend(rows.into_iter().map(|row| format!("| {} |", row.join(" | "))));
        self.paragraph(&lines.join("\n"));
    }

    /// A part that the reader opens.
    pub(super) fn folded(&mut self, title: &str, write: impl FnOnce(&mut Self)) {
        self.paragraph(&format!("<details><summary>{title}</summary>"));
        write(self);
        self.paragraph("</details>");
    }

    /// A list ends with a blank line; whatever else is written has one behind it already.
    fn end_list(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

/// Text that Markdown and HTML take for text, in one line.
pub(in crate::report) fn text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '@' => {
                shown.push_str(&format!("&#{};", u32::from(letter)));
            }
            letter if letter.is_control() => shown.push(' '),
            letter => shown.push(letter),
        }
    }
    shown
}

/// A value of ours whose letters are known to be harmless.
pub(super) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A bar of blocks: one at least where there is something, and not all where something is missing.
pub(super) fn bar(part: u32, whole: u32) -> String {
    let cells = (part.saturating_mul(CELLS)).checked_div(whole).unwrap_or(0).min(CELLS);
    let full = cells.max(u32::from(part > 0));
    let blocks: String = (0..CELLS).map(|at| if at < full { '█' } else { '░' }).collect();
    code(&blocks)
}

/// The place of something within a whole: dots before and after, blocks for its own time, one at least.
pub(super) fn timeline(before: u64, own: u64, total: u64) -> String {
    let cells = u64::from(CELLS);
    let cell = |seconds: u64| (seconds * cells).checked_div(total).unwrap_or(0);
    let start = cell(before).min(cells - 1);
    let end = cell(before + own).clamp(start + 1, cells);
    let blocks: String = (0..cells)
        .map(|at| if (start..end).contains(&at) { '█' } else { '·' })
        .collect();
    code(&blocks)
}

/// A fence longer than any in the text.
fn fence_around(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    fence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_service_is_shown_as_text() {
        assert_eq!(
            text("a|b\n<img> `x` [y](z)"),
            "a&#124;b &#60;img&#62; &#96;x&#96; &#91;y&#93;(z)"
        );
        assert_eq!(fence_around("a ```` b"), "`````");
    }

    #[test]
    fn a_bar_is_neither_empty_nor_full_unless_it_is() {
        let blocks = |part| bar(part, 700).matches('█').count();
        assert_eq!([0, 1, 350, 699, 700, 800].map(blocks), [0, 1, 10, 19, 20, 20]);
        assert_eq!(bar(0, 0).matches('█').count(), 0);
    }

    #[test]
    fn every_step_has_its_place_in_the_timeline() {
        assert_eq!(timeline(0, 0, 0).matches('█').count(), 1);
        assert_eq!(timeline(0, 50, 100), format!("`{}{}`", "█".repeat(10), "·".repeat(10)));
        assert_eq!(timeline(100, 0, 100), format!("`{}█`", "·".repeat(19)));
    }
}
