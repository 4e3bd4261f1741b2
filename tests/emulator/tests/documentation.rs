//! Holds the pages about the emulator to their word: every test that they name as a proof exists.
//!
//! What the tests prove is theirs to say.

#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
};

const PAGES: [&str; 2] = [
    include_str!("../../../docs/emulator.md"),
    include_str!("../../../docs/emulator-batch.md"),
];

/// Where the named tests are: the emulator's own, and core's that read the same recording.
const FOLDERS: [&str; 3] = ["src", "tests", "../../crates/core/tests"];

/// The names in the chapter "Proven by" that are a test's, without its module; one that ends in `…` is a beginning.
fn named(page: &str) -> Vec<&str> {
    let (_, rest) = page.split_once("## Proven by\n").unwrap();
    let chapter = rest.split("\n## ").next().unwrap();
    let quoted = chapter.split('`').skip(1).step_by(2);
    quoted
        .map(|name| name.rsplit("::").next().unwrap_or(name))
        .filter(|name| name.matches('_').count() > 1 && !name.contains(|c: char| "/. {".contains(c)))
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_that_the_pages_name_exists() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let exists = |name: &str| match name.strip_suffix('…') {
        Some(beginning) => text.contains(&format!("fn {beginning}")),
        None => text.contains(&format!("fn {name}(")),
    };
    for page in PAGES {
        let names = named(page);
        assert!(names.len() > 10, "the chapter names its proofs: {names:?}");
        for name in names {
            assert!(exists(name), "no test is called {name}");
        }
    }
}
