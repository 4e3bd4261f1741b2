//! The layers of core, as ARCHITECTURE.md draws them: the table there is the rule, this file reads it and holds the
//! imports against it.

use std::collections::BTreeMap;

use super::graph::Tree;

/// Under which heading the table stands.
const HEADING: &str = "## Layers of core";

/// Rows of the table from top to bottom; each has the modules it names.
pub(super) type Table = Vec<Vec<String>>;

/// Reads the table from the page.
pub(super) fn table(page: &str) -> Table {
    let section = page.split_once(HEADING).map_or("", |(_, after)| after);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let modules = |line: &str| -> Option<Vec<String>> {
        let cell = line.strip_prefix("| ")?.split(" | ").nth(1)?;
        let names = cell.split('`').skip(1).step_by(2);
        Some(names.map(str::to_owned).collect())
    };
    let rows = section.lines().filter_map(modules);
    rows.filter(|row| !row.is_empty()).collect()
}

/// Modules that do not stand in exactly one row, and names of rows that are not modules.
pub(super) fn rows(tree: &Tree<'_>, table: &Table) -> Vec<String> {
    let count = |name: &str| table.iter().flatten().filter(|row| row.as_str() == name).count();
    let lost = tree.top().filter(|name| count(name) != 1);
    let lost = lost.map(|name| format!("module {name} stands in {} rows of the table of layers", count(name)));
    let named = table
        .iter()
        .flatten()
        .filter(|name| tree.top().all(|top| top != name.as_str()));
    lost.chain(named.map(|name| format!("the table of layers names {name}, which is not a module of core")))
        .collect()
}

/// Imports that lead to a higher layer.
pub(super) fn upward(tree: &Tree<'_>, table: &Table) -> Vec<String> {
    let layer = |module: &[String]| {
        let top = module.first()?;
        table.iter().position(|row| row.contains(top))
    };
    let edges = tree.edges();
    let up = edges.iter().filter(|edge| {
        let pair = layer(&edge.from).zip(layer(&edge.to));
        pair.is_some_and(|(from, to)| to < from)
    });
    let by_files: BTreeMap<_, _> = up.map(|edge| ((&edge.from_file, &edge.to_file), &edge.what)).collect();
    let shown = by_files.into_iter();
    shown
        .map(|((from, to), what)| format!("{from}: {what} is of a higher layer ({to})"))
        .collect()
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;
    use crate::code::{graph::trees, read::File};

    const PAGE: &str = "# A\n\n| no | `table` | yet |\n\n## Layers of core\n\n| layer | modules | knows |\n| --- | --- | --- |\n\
                        | flows | `publish` | x |\n| words | `ids`, `error` | y |\n\n## Next\n\n| a | `b` | c |\n";

    fn faults(texts: &[(&str, &str)], of: impl Fn(&Tree<'_>, &Table) -> Vec<String>) -> Result<Vec<String>, Failure> {
        let sources = texts.iter().map(|(path, text)| File::parse(path, text));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let table = table(PAGE);
        Ok(trees("p", &sources).iter().flat_map(|tree| of(tree, &table)).collect())
    }

    #[test]
    fn the_table_is_read_from_the_page() {
        assert_eq!(table(PAGE), [vec!["publish"], vec!["ids", "error"]]);
    }

    #[test]
    fn an_import_that_runs_up_is_named() -> Result<(), Failure> {
        let texts = [
            ("p/src/lib.rs", "mod ids;\nmod publish;\nmod error;"),
            ("p/src/ids.rs", "use crate::{error::E, publish::P};\npub struct I;"),
            ("p/src/error.rs", "use crate::ids::I;\npub struct E;"),
            ("p/src/publish.rs", "use crate::ids::I;\npub struct P;"),
        ];
        assert_eq!(
            faults(&texts, upward)?,
            ["p/src/ids.rs: crate::publish::P is of a higher layer (p/src/publish.rs)"]
        );
        Ok(())
    }

    #[test]
    fn a_module_without_a_row_and_a_row_without_a_module_are_named() -> Result<(), Failure> {
        let texts = [
            ("p/src/lib.rs", "mod ids;\nmod publish;\nmod json;"),
            ("p/src/ids.rs", ""),
            ("p/src/json.rs", ""),
            ("p/src/publish.rs", ""),
        ];
        assert_eq!(
            faults(&texts, rows)?,
            [
                "module json stands in 0 rows of the table of layers",
                "the table of layers names error, which is not a module of core",
            ]
        );
        Ok(())
    }
}
