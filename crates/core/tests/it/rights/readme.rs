//! The roles that README calls enough are enough: they give every right without which a command stops.
//!
//! Pure: README's table is held against `docs/rights.md`, which other tests hold to what the programs do.

use std::collections::{BTreeMap, BTreeSet};

use azure_batch_core::arm::permission::matches;

use super::page::{self, Row, Without};

/// A role: its actions, and its data actions.
type Role = (&'static str, &'static [&'static str], &'static [&'static str]);

/// What each role gives of what our rows need, as Microsoft's page of built-in roles lists it (azure-docs, 2026).
const ROLES: &[Role] = &[
    ("Reader", &["*/read"], &[]),
    ("Contributor", &["*"], &[]),
    (
        "Compute Gallery Artifacts Publisher",
        &["Microsoft.Compute/galleries/*"],
        &[],
    ),
    ("Network Contributor", &["Microsoft.Network/*"], &[]),
    (
        "Managed Identity Operator",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
        ],
        &[],
    ),
    (
        "Azure Batch Data Contributor",
        &[
            "Microsoft.Batch/batchAccounts/read",
            "Microsoft.Batch/batchAccounts/pools/*",
        ],
        &[
            "Microsoft.Batch/batchAccounts/jobs/*",
            "Microsoft.Batch/batchAccounts/jobSchedules/*",
        ],
    ),
];

/// How README's rows begin, and the commands that each is about.
const COMMANDS: &[(&str, &[&str])] = &[
    ("publish", &["publish"]),
    (
        "roll out",
        &[
            "rollout", "plan", "rollback", "doctor", "judge", "wait", "delete", "status",
        ],
    ),
    ("list", &["list", "promote", "demote", "scale", "prune"]),
];

/// What README's table leaves to the page.
const LEFT: &[&str] = &[
    "`create_gallery`",
    "`disk_encryption_set_id`",
    "`register_provider`",
    "`test.pool_identity`",
    "`test.subnet_id`",
    "the source is VHDs",
    "the source is a version",
    "the source is a version of a community gallery",
];

/// A place as README calls it, and as the page does.
const PLACES: &[(&str, &str)] = &[
    ("the Batch accounts in `used_by`", "the Batch account"),
    ("its account", "the Batch account"),
    ("their Batch accounts", "the Batch account"),
    ("each Batch account", "the Batch account"),
    ("the subnet when the pool has one", "the subnet"),
    ("the subscriptions in sight", "the subscription"),
];

/// What a place lies in. An assignment there holds for it too.
const WITHIN: &[(&str, &str)] = &[
    ("the image version", "the image definition"),
    ("the image definition", "the gallery"),
    ("the gallery", "the subscription"),
    ("the source's resource group", "the subscription"),
    ("the Batch account", "the subscription"),
];

fn named<'a>(names: &[(&str, &'a str)], name: &'a str) -> &'a str {
    names
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(name, |(_, other)| other)
}

/// The roles of a cell, by the place where each is assigned.
fn assigned(cell: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut assigned: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let parts: Vec<&str> = cell.split('*').collect();
    for pair in parts[1..].chunks_exact(2) {
        let place = pair[1]
            .strip_prefix(" on ")
            .unwrap_or_else(|| panic!("{cell}: where is {}?", pair[0]));
        let place = place.split([',', ';']).next().unwrap().trim();
        assigned.entry(named(PLACES, place)).or_default().push(pair[0]);
    }
    assigned
}

fn is_given(assigned: &BTreeMap<&str, Vec<&str>>, place: &str, action: &str) -> bool {
    let here = assigned.get(place).into_iter().flatten();
    let mut patterns = here.flat_map(|role| {
        let known = ROLES.iter().find(|(name, ..)| name == role);
        let (_, control, data) = known.unwrap_or_else(|| panic!("{role} is not known"));
        if page::is_of_data(action) { *data } else { *control }
    });
    if patterns.any(|pattern| matches(pattern, action)) {
        return true;
    }
    let within = WITHIN.iter().find(|(inner, _)| *inner == place);
    within.is_some_and(|(_, outer)| is_given(assigned, outer, action))
}

/// What the commands need to go on, and the roles of that row do not give.
fn missing(commands: &[&str], cell: &str) -> Vec<String> {
    let assigned = assigned(cell);
    let is_asked = |row: &Row| {
        let is_left = LEFT.contains(&row.when.as_str());
        commands.contains(&row.command.as_str()) && !is_left && row.without == Without::Stops
    };
    let asked = page::rows().into_iter().filter(is_asked);
    asked
        .flat_map(|row| {
            let place = named(PLACES, &row.on).to_owned();
            let lacking = row
                .actions
                .into_iter()
                .filter(|action| !is_given(&assigned, &place, action));
            lacking
                .map(|action| format!("{}: {action} on {place}", row.command))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_roles_of_the_readme_are_enough_for_every_command() {
    let readme = page::read("README.md");
    let table = readme.split("| to | built-in roles that are enough |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut found = 0;
    for line in rows {
        let [to, cell] = line.trim_matches('|').splitn(2, " | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let row = COMMANDS.iter().find(|(begin, _)| to.trim().starts_with(begin));
        let (_, commands) = row.unwrap_or_else(|| panic!("{to}: which commands are these?"));
        assert_eq!(missing(commands, cell.trim()), [""; 0], "{to}");
        found += 1;
    }
    assert_eq!(found, COMMANDS.len(), "rows");
}

#[test]
fn a_role_that_is_too_small_is_found() {
    let cell = "*Reader* on the Batch account, *Reader* on the image definition";
    let missing = missing(&["delete"], cell);
    let missing: BTreeSet<String> = missing.into_iter().collect();
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert!(
        missing.iter().any(|action| action.contains("pools/delete")),
        "{missing:?}"
    );
}
