//! Holds the pages of this repository to each other: links lead somewhere, and what is shown twice is the same.
//!
//! Whether the pages are true is for the cases and for `capabilities` to say.

use std::path::{Path, PathBuf};

use crate::files;

/// Pages that people read; what is below `target` is not ours.
const PLACES: [&str; 3] = ["docs", ".web-docs", ".github"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> Vec<PathBuf> {
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let below = PLACES
        .iter()
        .flat_map(|place| files::below(&root().join(place)).unwrap());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    top.chain(below).filter(is_page).collect()
}

/// Targets of links within this repository, without the place on the page.
fn links(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let ours = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '/', '<']));
    ours.map(|target| target.split('#').next().unwrap_or(target)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 10, "only {} pages were found", pages.len());
    for page in pages {
        for link in links(&files::read(&page).unwrap()) {
            let target = page.parent().unwrap().join(link);
            assert!(
                target.exists(),
                "{} links to {link}, which is not there",
                page.display()
            );
        }
    }
}

#[test]
fn the_readme_shows_the_smallest_example_as_it_is() {
    let readme = files::read(&root().join("README.md")).unwrap();
    let example = files::read(&root().join("examples/minimal.pkr.hcl")).unwrap();
    assert!(
        readme.contains(&format!("```hcl\n{}\n```", example.trim_end())),
        "README.md shows another template"
    );
    assert!(example.lines().count() <= 12, "the smallest template has grown");
}

#[test]
fn the_readme_shows_the_frame_as_it_is() {
    let readme = files::read(&root().join("README.md")).unwrap();
    let recorded = "crates/core/tests/it/snapshots/it__shown__roll_out_80x24.snap";
    let recorded = files::read(&root().join(recorded)).unwrap();
    let last = recorded.rsplit("──\n").next().unwrap();
    assert!(
        readme.contains(&format!("```text\n{}\n```", last.trim_end())),
        "README.md shows another frame than\n{last}"
    );
}

/// Names of tests in a page: three words at least, joined by `_`.
fn tests_named(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        text.matches('_').count() > 1
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted.filter(is_name).collect()
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let page = files::read(&root().join("docs/reliability.md")).unwrap();
    let names = tests_named(&page);
    assert!(names.len() > 40, "only {} tests are named", names.len());
    let sources = ["crates", "tests"].map(|folder| files::below(&root().join(folder)).unwrap());
    let rust = sources
        .iter()
        .flatten()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"));
    let text: String = rust.map(|file| files::read(file).unwrap()).collect();
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| !text.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "there is no test {}", missing.join(", "));
}

#[test]
fn links_are_distinguished_from_addresses_and_places() {
    let page = "[a](docs/a.md#part) [b](https://example.com/b) [c](#here) [d](../d.md)";
    assert_eq!(links(page), ["docs/a.md", "../d.md"]);
}
