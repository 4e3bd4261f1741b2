//! Holds `docs/capabilities.md` to its word: every id has a line, and every command that it names exists.
//!
//! It does not run those commands; the suites they belong to do.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{cases, files, look, rehearsal, suite};

/// How many ids each group has.
const GROUPS: [(char, u32); 5] = [('A', 5), ('B', 8), ('C', 10), ('D', 21), ('E', 10)];

struct Line {
    state: String,
    commands: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn lines() -> BTreeMap<String, Line> {
    let text = files::read(&root().join("docs/capabilities.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| ")?
            .trim_end_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect();
        let [id, _what, state, shown_by] = cells[..] else {
            return None;
        };
        let commands = shown_by.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((
            id.to_owned(),
            Line {
                state: state.to_owned(),
                commands,
            },
        ))
    });
    rows.collect()
}

/// The names of all functions of a package, without those of other packages.
fn functions_of(package: &str) -> Vec<String> {
    let folders = [
        "crates/core",
        "crates/packer-plugin",
        "crates/action",
        "tests/emulator",
        "tests/e2e",
        "xtask",
    ];
    let named = |folder: &&&str| {
        let manifest = files::read(&root().join(folder).join("Cargo.toml")).unwrap();
        manifest.contains(&format!("name = \"{package}\""))
    };
    let folder = folders
        .iter()
        .find(named)
        .unwrap_or_else(|| panic!("there is no package {package}"));
    let sources = files::below(&root().join(folder)).unwrap();
    let rust = sources
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let text: String = rust.map(|file| files::read(file).unwrap()).collect();
    text.split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(['(', '<']).next())
        .map(str::to_owned)
        .collect()
}

fn exists(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["cargo", "xtask", "real", case] => {
            case == suite::SEARCH || cases::all().iter().any(|known| known.name == case)
        }
        ["cargo", "xtask", "look", case] => look::cases().iter().any(|known| known.name == case),
        ["cargo", "xtask", "release-rehearsal", case] => rehearsal::CASES.iter().any(|known| known.name == case),
        ["cargo", "xtask", "bench", measured] => ["start", "emulator", "publish", "rollout"].contains(&measured),
        ["cargo", "xtask", "judges"] => true,
        ["cargo", "xtask", "judges", judge] => ["sdk", "az", "sample", "arm", "recordings", "schemas"].contains(&judge),
        ["cargo", "test", "-p", package, .., name] => {
            let last = name.rsplit("::").next().unwrap_or(name);
            functions_of(package).iter().any(|function| function == last)
        }
        _ => false,
    }
}

#[test]
fn every_id_has_a_line_and_no_line_lacks_an_id() {
    let wanted: Vec<String> = GROUPS
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |n| format!("{group}{n}")))
        .collect();
    let mut found: Vec<String> = lines().into_keys().filter(|id| id.len() <= 3 && id != "id").collect();
    found.retain(|id| id.starts_with(|c: char| c.is_ascii_uppercase()));
    found.sort_by_key(|id| (id.as_bytes()[0], id[1..].parse::<u32>().unwrap_or(0)));
    assert_eq!(found, wanted);
}

#[test]
fn every_line_says_how_far_it_is_and_shows_what_is_there() {
    for (id, line) in lines().into_iter().filter(|(id, _)| id != "id" && !id.starts_with('-')) {
        match line.state.as_str() {
            "done" | "part" => assert!(!line.commands.is_empty(), "{id} is {} but nothing shows it", line.state),
            "not yet" => assert!(line.commands.is_empty(), "{id} is not yet there but something shows it"),
            other => panic!("{id} is {other:?}, which is neither done, part nor not yet"),
        }
    }
}

#[test]
fn every_command_named_exists() {
    for (id, line) in lines() {
        for command in line.commands {
            assert!(exists(&command), "{id}: nothing runs under `{command}`");
        }
    }
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    assert!(!exists("cargo xtask real no_such_case"));
    assert!(!exists("cargo xtask judges no_such_judge"));
    assert!(!exists("cargo test -p azure-batch-core no_such_test"));
    assert!(exists(
        "cargo test -p azure-batch-e2e a_command_that_does_not_exist_is_noticed"
    ));
}
