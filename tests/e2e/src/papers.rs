//! Holds the pages of this repository to each other: links lead somewhere, and what is shown twice is the same.
//!
//! Whether the pages are true is for the cases and for `capabilities` to say.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

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

#[test]
fn the_readme_shows_a_return_as_it_is() {
    let readme = files::read(&root().join("README.md")).unwrap();
    let said = files::read(&root().join("tests/e2e/src/look/snapshots/returned-pipe.txt")).unwrap();
    let (_, end) = said.split_once("\nerror: ").unwrap();
    let (end, _) = end.split_once("\n\n  More about it").unwrap();
    let shown = format!("```text\nerror: {end}\n```");
    assert!(readme.contains(&shown), "README.md shows another end than\n{shown}");
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
    let pages = ["docs/reliability.md", "docs/threat-model.md", "SECURITY.md"];
    let promises = pages.map(|page| {
        let text = files::read(&root().join(page)).unwrap();
        text.split_once("| shown by |").unwrap().1.to_owned()
    });
    for table in &promises {
        for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            assert!(
                !tests_named(row).is_empty() || row.contains("](reliability.md)"),
                "no test is named: {row}"
            );
        }
    }
    let names: Vec<&str> = promises.iter().flat_map(|table| tests_named(table)).collect();
    assert!(names.len() > 60, "only {} tests are named", names.len());
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

/// Where users copy from, and what GitHub runs of ours.
fn copied() -> Vec<PathBuf> {
    let workflows = [".github", "examples"].map(|folder| files::below(&root().join(folder)).unwrap());
    pages().into_iter().chain(workflows.into_iter().flatten()).collect()
}

/// What follows `uses:` in a line.
fn uses(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("- ").unwrap_or(line).strip_prefix("uses: ")
}

/// A tag can be moved. Different pins of one action would also mean that some of them grow old.
#[test]
fn every_action_of_others_is_pinned_to_one_commit() {
    let mut pins = BTreeMap::new();
    for file in copied() {
        let text = files::read(&file).unwrap();
        for used in text
            .lines()
            .filter_map(uses)
            .filter(|used| !used.starts_with(['.', '/']))
        {
            let (action, pin) = used.split_once('@').unwrap();
            if action == "azure-batch-tools/packer-plugin-azure-batch" {
                continue;
            }
            let commit = pin.split(' ').next().unwrap();
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit && pin.contains(" # "), "{}: {used}", file.display());
            let first = pins.entry(action.to_owned()).or_insert_with(|| commit.to_owned());
            assert_eq!(first, commit, "{}: another commit of {action}", file.display());
        }
    }
    assert!(pins.len() > 4, "only {} actions were found", pins.len());
}

/// A page of the last version would send its readers to files that are older than the page.
#[test]
fn pages_and_examples_name_the_files_of_this_version() {
    let mut found = 0;
    for file in copied().into_iter().filter(|file| !file.ends_with("CHANGELOG.md")) {
        let text = files::read(&file).unwrap();
        for name in [
            "packer-plugin-azure-batch@v",
            "azure-batch_v",
            "azure-batch-pool_v",
            "azure-emulator_v",
        ] {
            for rest in text
                .split(name)
                .skip(1)
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            {
                found += 1;
                assert!(
                    rest.starts_with(env!("CARGO_PKG_VERSION")),
                    "{}: {name}{}",
                    file.display(),
                    rest.lines().next().unwrap_or_default()
                );
            }
        }
    }
    assert!(found > 10, "only {found} places were found");
}

/// Packer lists tags: one without files stops those who install the plugin. So a person starts the release, and its tag
/// comes with the last command, when all files are there.
#[test]
fn a_release_is_started_by_a_person_and_makes_its_tag_last() {
    let text = files::read(&root().join(".github/workflows/release.yml")).unwrap();
    let (_, starts) = text.split_once("\non:\n").unwrap();
    let starts: Vec<&str> = starts.lines().take_while(|line| line.starts_with(' ')).collect();
    let triggers: Vec<&str> = starts.into_iter().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(triggers, ["  workflow_dispatch:"]);
    for (job, needs) in [("build", "ready"), ("attest", "build"), ("publish", "attest")] {
        let (_, rest) = text.split_once(&format!("\n  {job}:\n")).unwrap();
        let head: String = rest.lines().take_while(|line| *line != "    steps:").collect();
        assert!(head.contains(&format!("needs: {needs}")), "{job} does not need {needs}");
    }
    assert_eq!(
        text.trim_end().lines().last().unwrap().trim(),
        "gh release edit \"$TAG\" --draft=false"
    );
    assert_eq!(text.matches("--draft=false").count(), 1);
}

#[test]
fn links_are_distinguished_from_addresses_and_places() {
    let page = "[a](docs/a.md#part) [b](https://example.com/b) [c](#here) [d](../d.md)";
    assert_eq!(links(page), ["docs/a.md", "../d.md"]);
}
