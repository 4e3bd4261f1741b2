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
/// When anything is found; all findings are said.
pub(crate) fn check(root: &Path) -> Result {
    let sources = read::sources(root, &PACKAGES)?;
    let trees: Vec<Tree<'_>> = PACKAGES
        .iter()
        .flat_map(|package| graph::trees(package, &sources))
        .collect();
    let core = || trees.iter().filter(|tree| tree.package == CORE);
    let page = files::read(&root.join("ARCHITECTURE.md"))?;
    let table = layers::table(&page);
    let found: [(&str, Vec<String>); 6] = [
        ("sizes", sizes::faults(&sources, &PACKAGES)),
        ("order", sources.iter().filter_map(order::fault).collect()),
        (
            "rows of layers",
            core().flat_map(|tree| layers::rows(tree, &table)).collect(),
        ),
        (
            "upward imports",
            core().flat_map(|tree| layers::upward(tree, &table)).collect(),
        ),
        ("files in circles", trees.iter().flat_map(circles::files).collect()),
        (
            "texts that name an option",
            options::literals(&sources, options::NAMESAKES),
        ),
    ];
    say(sizes::summary(&sources, &PACKAGES));
    for (kind, findings) in &found {
        say(format!("▸ {kind}: {}", findings.len()));
        findings.iter().for_each(|finding| say(format!("    {finding}")));
    }
    let broken = found.iter().filter(|(_, findings)| !findings.is_empty());
    let broken: Vec<String> = broken
        .map(|(kind, findings)| format!("{kind}: {} found", findings.len()))
        .collect();
    ensure(broken.is_empty(), || broken.join("\n"))
}
