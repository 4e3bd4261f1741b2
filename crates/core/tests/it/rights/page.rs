//! The tables of `docs/rights.md`, and the role of each command that follows from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// The command that asks GitHub and nothing of Azure.
const OF_GITHUB: &str = "notify";

/// What becomes of a run without an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Without {
    Stops,
    GoesOn,
}

/// A row of the tables, for one of its commands.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) command: String,
    pub(super) when: String,
    pub(super) on: String,
    pub(super) actions: Vec<String>,
    pub(super) without: Without,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

pub(super) fn rows() -> Vec<Row> {
    let page = read("docs/rights.md");
    let mut rows = Vec::new();
    let mut commands = String::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [command, when, on, actions, without] = cells[..] else {
            continue;
        };
        if command == "command" || command.starts_with("---") {
            continue;
        }
        if !command.is_empty() {
            command.clone_into(&mut commands);
        }
        let row = |command: &str| Row {
            command: command.trim().to_owned(),
            when: when.to_owned(),
            on: on.to_owned(),
            actions: actions.split('`').skip(1).step_by(2).flat_map(spread).collect(),
            without: match without {
                "stops" => Without::Stops,
                "goes on" => Without::GoesOn,
                other => panic!("{line}: {other:?} is not what becomes of a run"),
            },
        };
        rows.extend(commands.split(',').map(row));
    }
    rows
}

/// The verbs of both programs: each has a file of examples for its help.
pub(super) fn verbs() -> BTreeSet<String> {
    let folders = ["crates/action/src/cli", "crates/packer-plugin/src/cli/help"];
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let texts = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"));
    texts
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|verb| verb != OF_GITHUB)
        .collect()
}

/// `a/{b,c}` is `a/b` and `a/c`.
pub(super) fn spread(action: &str) -> Vec<String> {
    let parts = action
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (among, after))) => among.split(',').map(|one| format!("{before}{one}{after}")).collect(),
        None => vec![action.to_owned()],
    }
}

/// Whether roles list it under `DataActions`.
pub(super) fn is_of_data(action: &str) -> bool {
    ["/jobs/", "/jobSchedules/", "/blobs/"]
        .iter()
        .any(|kind| action.contains(kind))
}

/// The role of each command, as `az role definition create` takes it.
pub(super) fn roles() -> BTreeMap<String, Value> {
    let mut actions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows() {
        actions.entry(row.command).or_default().extend(row.actions);
    }
    actions
        .into_iter()
        .map(|(command, actions)| {
            let (data, control): (Vec<&String>, Vec<&String>) = actions.iter().partition(|action| is_of_data(action));
            let role = json!({
                "Name": format!("Azure Batch images: {command}"),
                "IsCustom": true,
                "Description": format!("What {command} of packer-plugin-azure-batch or azure-batch-pool needs."),
                "Actions": control,
                "NotActions": [],
                "DataActions": data,
                "NotDataActions": [],
                "AssignableScopes": ["/subscriptions/00000000-0000-0000-0000-000000000000"],
            });
            (command, role)
        })
        .collect()
}

/// Holds the files of roles to the tables, or writes them.
pub(super) fn hold_roles() {
    let folder = root().join("docs/roles");
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    let roles = roles();
    for (command, role) in &roles {
        let file = folder.join(format!("{command}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(role).unwrap());
        if is_update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(found, text, "docs/roles/{command}.json: UPDATE_DOCS=1 writes it");
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, roles.len(), "docs/roles holds a role of no command");
}
