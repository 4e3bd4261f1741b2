//! A table for people: columns of text, each row one line, as `grep` wants it. Pure.

use comfy_table::{Table, presets};

/// The text of a table. Columns in which nothing stands are left out.
pub(super) fn text<const COLUMNS: usize>(names: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let is_used = |column: &usize| {
        rows.iter()
            .any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()))
    };
    let used: Vec<usize> = (0..COLUMNS).filter(is_used).collect();
    let chosen = |row: &[String]| -> Vec<String> { used.iter().filter_map(|at| row.get(*at)).cloned().collect() };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(chosen(&names.map(str::to_owned)));
    table.add_rows(rows.iter().map(|row| chosen(row)));
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_an_empty_one_is_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let text = text(
            ["VERSION", "END", "POOLS"],
            &[row(["1.10.0", "", "a"]), row(["1.9.0", "", ""])],
        );
        assert_eq!(text, "VERSION  POOLS\n1.10.0   a\n1.9.0");
    }
}
