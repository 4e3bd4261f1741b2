//! A table for people: columns of text, each row one line, as `grep` wants it; on a terminal no wider than that. Pure.
//!
//! On a terminal a table that is too wide has its last column broken at words. Where too little room is left for that,
//! the columns that do not fit stand below their row, each with its name. No word is ever broken.

use azure_batch_core::{failure::wrapped, telling::hung};
use comfy_table::{Table, presets};
use unicode_width::UnicodeWidthStr as _;

/// Letters between two columns.
const GAP: usize = 2;

/// What the last column needs to be read as text, in letters; with less it stands below its row.
const LEAST: usize = 24;

/// What stands before a column that is below its row.
const BELOW: &str = "    ";

/// Where the columns of a table stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// How many stand side by side; the others stand below their row.
    beside: usize,
    /// The room of the last one of these, where its text is broken.
    last: Option<usize>,
}

/// The text of a table, no wider than a terminal of so many columns where there is one. Columns in which nothing stands
/// are left out.
pub(super) fn text<const COLUMNS: usize>(
    names: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    terminal: Option<usize>,
) -> String {
    let name = |at: &usize| names.get(*at).copied().unwrap_or_default();
    let is_used = |column: &usize| rows.iter().any(|row| !cell(row, *column).is_empty());
    let used: Vec<usize> = (0..COLUMNS).filter(is_used).collect();
    let widest = |at: &usize| rows.iter().map(|row| cell(row, *at).width()).max().unwrap_or_default();
    let widths: Vec<usize> = used.iter().map(|at| widest(at).max(name(at).width())).collect();
    let layout = layout(&widths, terminal);
    let (beside, below) = used.split_at(layout.beside.min(used.len()));
    let cells = |row: &[String; COLUMNS]| -> Vec<String> {
        let mut cells: Vec<String> = beside.iter().map(|at| cell(row, *at).to_owned()).collect();
        if let (Some(room), Some(last)) = (layout.last, cells.last_mut()) {
            *last = wrapped(last, room).join("\n");
        }
        cells
    };
    let head = beside.iter().map(|at| name(at).to_owned()).collect();
    let table = aligned(head, rows.iter().map(cells).collect());
    if below.is_empty() {
        return table;
    }
    // Each row is followed by what stands below it.
    let mut lines = table.lines().map(str::to_owned);
    let head = lines.next();
    let body = rows.iter().zip(lines).flat_map(|(row, line)| {
        let below = below.iter().filter(|at| !cell(row, **at).is_empty());
        let text = |at: &usize| format!("{}: {}", name(at).to_lowercase(), cell(row, *at));
        let below: Vec<String> = below.map(|at| hung(BELOW, &text(at), terminal)).collect();
        std::iter::once(line).chain(below)
    });
    head.into_iter().chain(body).collect::<Vec<_>>().join("\n")
}

fn cell(row: &[String], at: usize) -> &str {
    row.get(at).map_or("", String::as_str)
}

/// How columns of these widths stand on a terminal.
fn layout(widths: &[usize], terminal: Option<usize>) -> Layout {
    let all = Layout {
        beside: widths.len(),
        last: None,
    };
    let Some(columns) = terminal else { return all };
    let width = |count: usize| widths.iter().take(count).sum::<usize>() + GAP * count.saturating_sub(1);
    if width(widths.len()) <= columns {
        return all;
    }
    let before = width(widths.len().saturating_sub(1)) + GAP;
    if before + LEAST <= columns && widths.len() > 1 {
        return Layout {
            last: Some(columns - before),
            ..all
        };
    }
    let fits = (1..widths.len()).rev().find(|count| width(*count) <= columns);
    Layout {
        beside: fits.unwrap_or(1),
        last: None,
    }
}

fn aligned(names: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(names);
    table.add_rows(rows);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const COLUMNS: usize>(cells: [&str; COLUMNS]) -> [String; COLUMNS] {
        cells.map(str::to_owned)
    }

    /// What `prune` shows.
    fn pruned(terminal: Option<usize>) -> String {
        let names = ["VERSION", "STATE", "AGE", "WHAT", "WHY"];
        let why = "3 newer ones succeeded; it is older than 30 days; nothing in sight uses it";
        let rows = [
            row(["1.0.0", "Succeeded", "130 days", "is deprecated", why]),
            row([
                "1.0.1",
                "Succeeded",
                "90 days",
                "stays",
                "pool p1 in acct1 makes its nodes of it",
            ]),
        ];
        text(names, &rows, terminal)
    }

    #[test]
    fn columns_stand_under_each_other_and_an_empty_one_is_left_out() {
        let rows = [row(["1.10.0", "", "a"]), row(["1.9.0", "", ""])];
        for terminal in [None, Some(80)] {
            let text = text(["VERSION", "END", "POOLS"], &rows, terminal);
            assert_eq!(text, "VERSION  POOLS\n1.10.0   a\n1.9.0");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_word_is_broken_or_lost() {
        let words = |text: &str| -> Vec<String> {
            let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        let all = words(&pruned(None));
        for columns in [120, 80, 60] {
            let text = pruned(Some(columns));
            assert!(text.lines().all(|line| line.width() <= columns), "{columns}:\n{text}");
            let found = words(&text);
            assert!(
                all.iter().all(|word| word == "WHY" || found.contains(word)),
                "{columns}:\n{text}"
            );
        }
        assert_eq!(pruned(Some(400)), pruned(None));
    }

    #[test]
    fn the_last_column_is_broken_at_words_where_it_has_room_and_else_stands_below() {
        insta::assert_snapshot!(pruned(Some(80)), @r"
        VERSION  STATE      AGE       WHAT           WHY
        1.0.0    Succeeded  130 days  is deprecated  3 newer ones succeeded; it is older
                                                     than 30 days; nothing in sight uses
                                                     it
        1.0.1    Succeeded  90 days   stays          pool p1 in acct1 makes its nodes of
                                                     it
        ");
        insta::assert_snapshot!(pruned(Some(60)), @r"
        VERSION  STATE      AGE       WHAT
        1.0.0    Succeeded  130 days  is deprecated
            why: 3 newer ones succeeded; it is older than 30 days;
            nothing in sight uses it
        1.0.1    Succeeded  90 days   stays
            why: pool p1 in acct1 makes its nodes of it
        ");
    }

    #[test]
    fn columns_that_do_not_fit_stand_below_their_row_with_their_names() {
        let regions = "eastus2 3, westus2 2, northeurope 1, japaneast 1 Replicating";
        let rows = [row([
            "1.0.0",
            "Succeeded",
            "eastus2",
            regions,
            "3 h",
            "p1 in acct1 (5 nodes)",
        ])];
        let names = ["VERSION", "STATE", "LATEST IN", "REGIONS", "AGE", "POOLS"];
        insta::assert_snapshot!(text(names, &rows, Some(60)), @r"
        VERSION  STATE      LATEST IN
        1.0.0    Succeeded  eastus2
            regions: eastus2 3, westus2 2, northeurope 1, japaneast
            1 Replicating
            age: 3 h
            pools: p1 in acct1 (5 nodes)
        ");
    }
}
