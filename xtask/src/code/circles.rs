//! Files of one crate that use each other in a circle: none of them can be understood, or tested, without the others.
//!
//! A module and the modules inside it are one thing, written in several files: what they use of each other does not count.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use super::graph::{Edge, Tree};

/// Every file that stands in a circle, with what ties it there.
pub(super) fn files(tree: &Tree<'_>) -> Vec<String> {
    let mut edges = tree.edges();
    edges.retain(|edge| !edge.from.starts_with(&edge.to) && !edge.to.starts_with(&edge.from));
    let pairs = edges
        .iter()
        .map(|edge| (edge.from_file.as_str(), edge.to_file.as_str()));
    let graph: DiGraphMap<&str, ()> = DiGraphMap::from_edges(pairs);
    let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
    let mut found = Vec::new();
    for circle in circles.map(BTreeSet::from_iter) {
        for file in &circle {
            let used = inside(&edges, file, &circle);
            found.push(format!("{file}: in a circle of {} files by {used}", circle.len()));
        }
    }
    found
}

/// What a file uses of the others of its circle: the first name, and how many more files.
fn inside(edges: &BTreeSet<Edge>, file: &str, circle: &BTreeSet<&str>) -> String {
    let mut used = BTreeMap::new();
    for edge in edges {
        if edge.from_file == file && circle.contains(edge.to_file.as_str()) {
            used.entry(edge.to_file.as_str()).or_insert(edge.what.as_str());
        }
    }
    let more = match used.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = used.into_iter().next();
    first.map_or_else(String::new, |(to, what)| format!("{what} ({to}){more}"))
}

#[cfg(test)]
mod tests {
    use azure_batch_e2e::failure::Failure;

    use super::*;
    use crate::code::{graph::trees, read::File};

    #[test]
    fn a_circle_is_named_file_by_file() -> Result<(), Failure> {
        let texts = [
            ("p/src/lib.rs", "mod a;\nmod b;\nmod c;"),
            ("p/src/a.rs", "use crate::b::B;\npub struct A;"),
            ("p/src/b.rs", "use crate::a::A;\npub struct B;"),
            ("p/src/c.rs", "use crate::a::A;"),
        ];
        let sources = texts.iter().map(|(path, text)| File::parse(path, text));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let found: Vec<String> = trees("p", &sources).iter().flat_map(files).collect();
        assert_eq!(
            found,
            [
                "p/src/a.rs: in a circle of 2 files by crate::b::B (p/src/b.rs)",
                "p/src/b.rs: in a circle of 2 files by crate::a::A (p/src/a.rs)",
            ]
        );
        Ok(())
    }
}
