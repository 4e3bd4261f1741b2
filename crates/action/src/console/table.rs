//! A table for people: columns of text, as wide as the terminal.
//!
//! What stands in it is made harmless and cleaned of secrets by the console that shows it.

use azure_batch_core::columns;

/// A table with a line of names and rows of texts.
#[derive(Clone, Debug, Default)]
pub struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The column that the last one is a remark on, which a page shows as a list instead.
    remarked: Option<usize>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new<const COLUMNS: usize>(names: [&str; COLUMNS]) -> Self {
        Self {
            names: names.map(str::to_owned).into(),
            rows: Vec::new(),
            remarked: None,
        }
    }

    /// The same whose last column is prose about what stands in the column of that number. On a telephone the last column
    /// of a wide table lies outside the screen, so a page shows it as a list.
    #[must_use]
    pub const fn remarking_on(mut self, column: usize) -> Self {
        self.remarked = Some(column);
        self
    }

    /// Adds a row.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.into());
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, with cells as `clean` makes them; no wider than a terminal of so many letters where there is one.
    #[must_use]
    pub fn text(&self, width: Option<u16>, clean: impl Fn(&str) -> String) -> String {
        let names: Vec<String> = self.names.iter().map(|name| name.to_uppercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let cells = |row: &Vec<String>| row.iter().map(|cell| clean(cell)).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        // What remarks are about says which row it is.
        let stay = self.remarked.map_or(1, |column| column + 1);
        columns::table(&names, &rows, stay, width.map(usize::from))
    }

    /// The remarks, each with what it is about; none when the table makes none.
    #[must_use]
    pub fn remarks(&self) -> Vec<(&str, &str)> {
        let Some(column) = self.remarked else { return Vec::new() };
        let remarked = self.rows.iter().filter_map(|row| Some((row.get(column)?, row.last()?)));
        remarked
            .filter(|(_, remark)| !remark.is_empty())
            .map(|(about, remark)| (about.as_str(), remark.as_str()))
            .collect()
    }

    /// The columns of a page: without the remarks, where there are some.
    #[must_use]
    pub fn beside_remarks(&self) -> (Vec<&str>, Vec<Vec<&str>>) {
        let last = self.names.len().saturating_sub(1);
        self.columns(|column| self.remarked.is_none() || column != last)
    }

    fn columns(&self, is_wanted: impl Fn(usize) -> bool) -> (Vec<&str>, Vec<Vec<&str>>) {
        let used: Vec<usize> = (0..self.names.len())
            .filter(|column| is_wanted(*column) && self.is_used(*column))
            .collect();
        (
            pick(&self.names, &used),
            self.rows.iter().map(|row| pick(row, &used)).collect(),
        )
    }

    fn is_used(&self, column: usize) -> bool {
        self.rows
            .iter()
            .any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()))
    }
}

/// The cells of some columns.
fn pick<'row>(row: &'row [String], columns: &[usize]) -> Vec<&'row str> {
    let cells = columns.iter().filter_map(|at| row.get(*at));
    cells.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["pool", "empty", "notes"]);
        table.row(["render".to_owned(), String::new(), "2 versions behind 1.4.2".to_owned()]);
        table.row(["a".to_owned(), String::new(), "x".to_owned()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let text = table().text(None, str::to_owned);
        insta::assert_snapshot!(text, @r"
        POOL    NOTES
        render  2 versions behind 1.4.2
        a       x
        ");
    }

    #[test]
    fn a_page_shows_remarks_as_a_list_and_a_terminal_as_a_column() {
        let table = table().remarking_on(0);
        assert_eq!(table.remarks(), [("render", "2 versions behind 1.4.2"), ("a", "x")]);
        assert_eq!(table.beside_remarks().0, ["pool"]);
        assert!(table.text(None, str::to_owned).contains("NOTES"));
    }

    #[test]
    fn a_narrow_terminal_has_no_wider_line_and_no_broken_word() {
        let clean = |cell: &str| cell.replace("1.4.2", "***");
        insta::assert_snapshot!(table().remarking_on(0).text(Some(28), clean), @r"
        POOL
        render
            notes: 2 versions behind
            ***
        a
            notes: x
        ");
    }
}
