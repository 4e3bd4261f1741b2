//! What a ruler sees of the code: sizes, the order inside a file, layers, circles, names of options.
//!
//! It reads and counts. What the code does is for the tests, and style is for rustfmt and clippy.

mod circles;
mod graph;
mod layers;
mod options;
mod order;
mod read;
mod sizes;
mod uses;

use std::path::Path;

use azure_batch_e2e::{
    console::say,
    failure::{Result, ensure},
    files,
};

use graph::Tree;

/// What is tolerated of each kind. Every number only ever goes down, to zero; texts that name an option to below twenty.
const TOLERATED: [(&str, usize); 6] = [
    ("sizes", 1),
    ("order", 61),
    ("rows of layers", 0),
    ("upward imports", 0),
    ("files in circles", 2),
    ("texts that name an option", 41),
];

/// The folders of the packages.
const PACKAGES: [&str; 6] = [
    "crates/core",
    "crates/packer-plugin",
    "crates/action",
    "tests/emulator",
    "tests/e2e",
    "xtask",
];

/// The package that has layers, and that holds the table of options.
const CORE: &str = "crates/core";

/// Reads all Rust files and holds them against the rules.
///
/// # Errors
/// When more of a kind is found than is tolerated, with all findings of that kind.
pub(crate) fn check(root: &Path) -> Result {
    let sources = read::sources(root, &PACKAGES)?;
    let trees: Vec<Tree<'_>> = PACKAGES
        .iter()
        .flat_map(|package| graph::trees(package, &sources))
        .collect();
    let core = || trees.iter().filter(|tree| tree.package == CORE);
    let page = files::read(&root.join("ARCHITECTURE.md"))?;
    let table = layers::table(&page);
    let found = [
        sizes::faults(&sources, &PACKAGES),
        sources.iter().filter_map(order::fault).collect(),
        core().flat_map(|tree| layers::rows(tree, &table)).collect(),
        core().flat_map(|tree| layers::upward(tree, &table)).collect(),
        trees.iter().flat_map(circles::files).collect(),
        options::literals(&sources),
    ];
    say(sizes::summary(&sources, &PACKAGES));
    let mut broken = Vec::new();
    for ((kind, most), findings) in TOLERATED.iter().zip(&found) {
        let count = findings.len();
        say(format!("▸ {kind}: {count} found, {most} tolerated"));
        findings.iter().for_each(|finding| say(format!("    {finding}")));
        if count > *most {
            broken.push(format!("{kind}: {count} found, {most} tolerated"));
        }
    }
    ensure(broken.is_empty(), || broken.join("\n"))
}
