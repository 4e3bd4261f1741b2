//! A table for people: columns of text, each row one line, as `grep` wants it; on a terminal no wider than that. Pure.
//!
//! On a terminal a table that is too wide has its last column broken at words. Where too little room is left for that,
//! the widest columns stand below their row, each with its name, until the others fit. No word is ever broken.

use unicode_width::UnicodeWidthStr as _;

use crate::{failure::wrapped, telling::hung};

/// Letters between two columns.
const GAP: usize = 2;

/// What the last column needs to be read as text, in letters.
const LEAST: usize = 24;

/// What stands before a column that is below its row.
const BELOW: &str = "    ";

/// A column in which something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    /// Its place among all columns.
    at: usize,
    /// The letters that its name and its cells need.
    width: usize,
}

/// Where the columns of a table stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// Those that stand side by side.
    abreast: Vec<Column>,
    /// Those that stand below their row.
    below: Vec<Column>,
    /// The room of the last one of those side by side, where its text is broken.
    last: Option<usize>,
}

impl Layout {
    /// How columns stand on a terminal of so many letters; the first `stay` of all columns say which row it is, so they are
    /// never below it.
    fn of(columns: Vec<Column>, stay: usize, terminal: Option<usize>) -> Self {
        let mut layout = Self {
            abreast: columns,
            below: Vec::new(),
            last: None,
        };
        let Some(room) = terminal.filter(|room| layout.width() > *room) else {
            return layout;
        };
        let last = layout.abreast.last().map_or(0, |last| last.width);
        let before = layout.width() - last;
        if before > 0 && before + LEAST <= room {
            layout.last = Some(room - before);
            return layout;
        }
        while layout.width() > room {
            let may_go = layout.abreast.iter().filter(|column| column.at >= stay);
            let Some(widest) = may_go.max_by_key(|column| column.width).copied() else {
                break;
            };
            layout.abreast.retain(|column| *column != widest);
            layout.below.push(widest);
        }
        layout.below.sort_unstable_by_key(|column| column.at);
        layout
    }

    /// The letters of a row.
    fn width(&self) -> usize {
        let letters: usize = self.abreast.iter().map(|column| column.width).sum();
        letters + GAP * self.abreast.len().saturating_sub(1)
    }

    /// The lines of a row: one, or as many as its last cell is broken into.
    fn lines<'c>(&self, cell: impl Fn(usize) -> &'c str) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut begin = 0;
        for (number, column) in self.abreast.iter().enumerate() {
            let room = self.last.filter(|_| number + 1 == self.abreast.len());
            let pieces = match room {
                Some(room) => wrapped(cell(column.at), room),
                None => vec![cell(column.at).to_owned()],
            };
            lines.resize(lines.len().max(pieces.len()), String::new());
            for (line, piece) in lines.iter_mut().zip(pieces).filter(|(_, piece)| !piece.is_empty()) {
                line.push_str(&" ".repeat(begin - line.width().min(begin)));
                line.push_str(&piece);
            }
            begin += column.width + GAP;
        }
        lines
    }
}

/// The text of a table, no wider than a terminal of so many letters where there is one. The first `stay` columns say which
/// row it is. Columns in which nothing stands are left out.
#[must_use]
pub fn table(names: &[&str], rows: &[impl AsRef<[String]>], stay: usize, terminal: Option<usize>) -> String {
    let name = |at: usize| names.get(at).copied().unwrap_or_default();
    let width = |at| rows.iter().map(|row| cell(row, at).width()).max().unwrap_or_default();
    let used = (0..names.len())
        .map(|at| (at, width(at)))
        .filter(|(_, width)| *width > 0);
    let columns = used.map(|(at, width)| Column {
        at,
        width: width.max(name(at).width()),
    });
    let layout = Layout::of(columns.collect(), stay.max(1), terminal);
    let mut lines = layout.lines(name);
    for row in rows {
        lines.extend(layout.lines(|at| cell(row, at)));
        let below = layout
            .below
            .iter()
            .map(|column| (name(column.at), cell(row, column.at)));
        let below = below.filter(|(_, text)| !text.is_empty());
        lines.extend(below.map(|(name, text)| hung(BELOW, &format!("{}: {text}", name.to_lowercase()), terminal)));
    }
    lines.join("\n")
}

fn cell(row: &impl AsRef<[String]>, at: usize) -> &str {
    row.as_ref().get(at).map_or("", String::as_str)
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
        table(&names, &rows, 1, terminal)
    }

    #[test]
    fn columns_stand_under_each_other_and_an_empty_one_is_left_out() {
        let rows = [row(["1.10.0", "", "a"]), row(["1.9.0", "", ""])];
        for terminal in [None, Some(80)] {
            let text = table(&["VERSION", "END", "POOLS"], &rows, 1, terminal);
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
    fn the_widest_columns_stand_below_their_row_with_their_names_until_the_others_fit() {
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
        insta::assert_snapshot!(table(&names, &rows, 1, Some(60)), @r"
        VERSION  STATE      LATEST IN  AGE  POOLS
        1.0.0    Succeeded  eastus2    3 h  p1 in acct1 (5 nodes)
            regions: eastus2 3, westus2 2, northeurope 1, japaneast
            1 Replicating
        ");
        insta::assert_snapshot!(table(&names, &rows, 1, Some(40)), @r"
        VERSION  STATE      LATEST IN  AGE
        1.0.0    Succeeded  eastus2    3 h
            regions: eastus2 3, westus2 2,
            northeurope 1, japaneast 1
            Replicating
            pools: p1 in acct1 (5 nodes)
        ");
    }

    #[test]
    fn what_says_which_row_it_is_stays_however_wide_it_is() {
        let rows = [row([
            "acct1",
            "render-farm-production",
            "ubuntu",
            "2 versions behind 1.0.1",
        ])];
        let names = ["ACCOUNT", "POOL", "IMAGE", "TO ACT ON"];
        insta::assert_snapshot!(table(&names, &rows, 2, Some(40)), @r"
        ACCOUNT  POOL                    IMAGE
        acct1    render-farm-production  ubuntu
            to act on: 2 versions behind 1.0.1
        ");
        insta::assert_snapshot!(table(&names, &rows, 2, Some(20)), @r"
        ACCOUNT  POOL
        acct1    render-farm-production
            image: ubuntu
            to act on: 2
            versions behind
            1.0.1
        ");
    }
}
