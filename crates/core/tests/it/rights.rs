//! `docs/rights.md` is exact: with the actions of its rows every command works, each action assigned where the row says,
//! and without any one of them it ends, or goes on, as the row says, and names that action.

mod page;
mod readme;
mod rows;
pub(crate) mod work;

use crate::reads_well::MustFail as _;
use std::collections::{BTreeMap, BTreeSet};

use azure_batch_core::error::ErrorKind;
use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Value, json};

use crate::{
    estate::definition,
    preflight,
    rights::{
        page::{Row, Without},
        work::Work,
    },
    rollout::image,
    support::{APPLICATION, Azure, GROUP},
    testing_identity::identity,
};

/// The subscription in which everything of the example lies.
const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";

/// An action at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    on: String,
    action: String,
}

/// What the rows of a command and its settings give; what one row needs, no other makes optional.
fn rights(work: Work) -> BTreeMap<Right, Without> {
    let mut rights = BTreeMap::new();
    for row in rows_of(work) {
        for action in row.actions {
            let right = Right {
                on: row.on.clone(),
                action,
            };
            let without = rights.entry(right).or_insert(row.without);
            *without = (*without).min(row.without);
        }
    }
    rights
}

fn rows_of(work: Work) -> Vec<Row> {
    let (command, when) = work.rows();
    let holds = |row: &Row| row.command == command && (row.when == "always" || when.contains(&row.when.as_str()));
    page::rows().into_iter().filter(holds).collect()
}

/// Where in the example what a row calls so is.
fn scopes(on: &str) -> Vec<String> {
    let of_compute = |rest: &str| format!("{GROUP}/providers/Microsoft.Compute/{rest}");
    let account = |name: &str| format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}");
    match on {
        "the subscription" => vec![SUBSCRIPTION.to_owned(), preflight::subscription_of_others()],
        "the source's resource group"
        | "the managed image's resource group"
        | "the gallery's resource group"
        | "the resource groups"
        | "the temporary resource group" => vec![GROUP.to_owned()],
        "the gallery" => vec![of_compute("galleries/gal1")],
        "the image definition" => {
            let of_others = preflight::image_of_others();
            let of_others = of_others.split("/versions/").next().map(str::to_owned);
            of_others.into_iter().chain([definition()]).collect()
        }
        "the image version" => vec![image("1.0.0"), image("0.9.0"), preflight::image_of_others()],
        "the source definition" => vec![of_compute("galleries/theirs/images/other")],
        "the disk encryption sets" => ["eastus2", "westus2", "archive-eastus2", "archive-westus2"]
            .map(|set| of_compute(&format!("diskEncryptionSets/{set}")))
            .into(),
        "the storage account" => vec![format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/vhds")],
        "the Batch account" => vec![account("acct1")],
        "each Batch account" => vec![account("acct1"), account("acct2")],
        "the subnet" => vec![work::subnet()],
        "the managed identities" => vec![identity("mi1")],
        "the virtual network" => vec![work::subnet().replace("/subnets/nodes", "")],
        other => panic!("{other:?} is nowhere in the example"),
    }
}

/// Gives the application these actions there and no others.
fn allow(azure: &Azure, rights: &BTreeSet<&Right>) {
    let mut by_scope: BTreeMap<String, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    // An identity without any assignment may do everything.
    by_scope.insert(
        format!("{SUBSCRIPTION}/resourceGroups/none"),
        (BTreeSet::from(["none"]), BTreeSet::new()),
    );
    for right in rights {
        for scope in scopes(&right.on) {
            let (control, data) = by_scope.entry(scope).or_default();
            let list = if page::is_of_data(&right.action) { data } else { control };
            list.insert(&right.action);
        }
    }
    let roles: Vec<Value> = by_scope
        .into_iter()
        .map(|(scope, (control, data))| json!({"principal": APPLICATION, "scope": scope, "actions": control, "dataActions": data}))
        .collect();
    let seed = Seed::parse(&json!({"subscriptions": [], "roleAssignments": roles}).to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

fn refusals(azure: &Azure) -> Vec<String> {
    let journal = azure.journal();
    let refused = journal.iter().filter(|entry| entry.status == Some(403));
    refused
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect()
}

/// Runs a verb alone, and holds what it asks of Azure against the rows of its command: in every test of a verb that does
/// so, not only in the worlds of [`Work`].
pub(crate) async fn held<T>(azure: &Azure, command: &str, run: impl Future<Output = T>) -> T {
    let before = azure.journal().len();
    let ended = run.await;
    // Anyone may list the subscriptions that they see.
    let mut known = BTreeSet::from(["microsoft.resources/subscriptions/read".to_owned()]);
    let rows = page::rows().into_iter().filter(|row| row.command == command);
    known.extend(rows.flat_map(|row| row.actions).map(|action| action.to_lowercase()));
    let journal = azure.journal();
    let asked = journal
        .iter()
        .skip(before)
        .filter_map(azure_emulator::rights::action_of);
    let asked = asked.map(|action| action.name().to_lowercase());
    // The poll of an operation that a request has begun is no right of its own.
    let asked: BTreeSet<String> = asked.filter(|action| !action.ends_with("operations/read")).collect();
    let missing: Vec<&String> = asked.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "no row of {command} in docs/rights.md has {missing:?}"
    );
    ended
}

/// What was changed in Azure.
fn written(azure: &Azure) -> Vec<String> {
    let is_done = |entry: &&Entry| entry.status.is_some_and(|status| status < 400);
    let is_write = |entry: &&Entry| entry.method != "GET" && entry.method != "HEAD" && !entry.path.contains("/oauth2/");
    let journal = azure.journal();
    let written = journal.iter().filter(is_done).filter(is_write);
    written
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect()
}

/// What writes, for each of the verbs that keep images in order.
const UPKEEP: [(Work, &str); 7] = [
    (Work::Promote, "Microsoft.Compute/galleries/images/versions/write"),
    (Work::Demote, "Microsoft.Compute/galleries/images/versions/write"),
    (Work::ScaleToFit, "Microsoft.Compute/galleries/images/versions/write"),
    (Work::Prune, "Microsoft.Compute/galleries/images/versions/delete"),
    (Work::Deprecate, "Microsoft.Compute/galleries/images/versions/write"),
    (Work::CollectSnapshots, "Microsoft.Compute/snapshots/delete"),
    (Work::CollectPools, "Microsoft.Batch/batchAccounts/jobs/delete"),
];

#[tokio::test(start_paused = true)]
async fn upkeep_asks_for_its_rights_before_the_first_write() {
    for (work, action) in UPKEEP {
        let azure = work.world().await;
        let rights = rights(work);
        let others: BTreeSet<&Right> = rights.keys().filter(|right| right.action != action).collect();
        assert!(others.len() < rights.len(), "{work:?}");
        allow(&azure, &others);
        let (result, _said) = work.run(&azure).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoRights, "{work:?}: {}", error.report());
        assert!(error.report().contains(action), "{work:?}: {}", error.report());
        assert_eq!(azure.writes(), Vec::<String>::new(), "{work:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_actions_of_the_table_every_flow_runs_and_nothing_is_refused() {
    let mut wrong = Vec::new();
    for work in Work::ALL {
        let azure = work.world().await;
        let rights = rights(work);
        allow(&azure, &rights.keys().collect());
        let (result, _said) = work.run(&azure).await;
        if let Err(error) = result {
            wrong.push(format!("{work:?}: {}", error.report()));
        }
        wrong.extend(refusals(&azure).iter().map(|refused| format!("{work:?}: {refused}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong when a command runs without that right.
async fn run_without(
    work: Work,
    missing: &Right,
    without: Without,
    rights: &BTreeMap<Right, Without>,
) -> Option<String> {
    let azure = work.world().await;
    allow(&azure, &rights.keys().filter(|right| *right != missing).collect());
    let (result, said) = work.run(&azure).await;
    let written = written(&azure);
    let (ended, told) = match &result {
        Ok(()) => (None, said.join("\n")),
        Err(error) => (Some(error.kind()), error.report()),
    };
    let is_as_written = match ended {
        None => without != Without::Stops,
        Some(ErrorKind::NoRights) => without == Without::Stops,
        Some(kind) => without == Without::Stops && work.also_ends_with() == Some(kind),
    };
    let is_named = told.contains(&missing.action);
    // Rights are asked for first, so a run that ends for want of one has done no part. One right is a guess, and not asked.
    let is_asked = missing.action != "Microsoft.Compute/diskEncryptionSets/read";
    let is_late = is_asked && ended == Some(ErrorKind::NoRights) && !written.is_empty();
    let is_right = is_as_written && is_named && !is_late;
    (!is_right).then(|| format!("{work:?} without {missing:?} {ended:?}\nwritten: {written:?}\n{told}"))
}

#[tokio::test(start_paused = true)]
async fn without_one_of_these_actions_a_flow_fails_or_warns_by_its_name() {
    let mut wrong = Vec::new();
    for work in Work::ALL {
        let rights = rights(work);
        for (missing, without) in &rights {
            wrong.extend(run_without(work, missing, *without, &rights).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_publish_lists_all_that_it_may_not_before_it_writes() {
    let azure = Work::Publish.world().await;
    let rights = rights(Work::Publish);
    let (readable, others): (Vec<&Right>, Vec<&Right>) =
        rights.keys().partition(|right| right.action.ends_with("/read"));
    allow(&azure, &readable.into_iter().collect());
    let (result, _said) = Work::Publish.run(&azure).await;
    let report = result.must_fail().report();
    for Right { action, .. } in others {
        assert!(report.contains(action), "{action} is not in\n{report}");
    }
    assert!(report.contains("az role assignment create --assignee"), "{report}");
    assert_eq!(azure.writes(), [""; 0]);
}

#[test]
fn every_row_is_tried_and_every_command_has_rows() {
    let mut tried: BTreeSet<(String, String)> = BTreeSet::new();
    for work in Work::ALL {
        let (command, when) = work.rows();
        for row in rows_of(work) {
            tried.insert((command.to_owned(), row.when));
        }
        for when in when {
            assert!(
                tried.contains(&(command.to_owned(), (*when).to_owned())),
                "{command}: no row for {when}"
            );
        }
    }
    let rows: BTreeSet<(String, String)> = page::rows().into_iter().map(|row| (row.command, row.when)).collect();
    assert_eq!(rows, tried, "rows on the left, what is tried on the right");
    let commands: BTreeSet<&str> = rows.iter().map(|(command, _)| command.as_str()).collect();
    let verbs = page::verbs();
    assert_eq!(commands, verbs.iter().map(String::as_str).collect());
}

#[test]
fn each_command_has_a_role_with_its_actions() {
    page::hold_roles();
}

#[test]
fn the_tables_are_read_with_their_braces() {
    assert_eq!(page::spread("a/{b,c/action}"), ["a/b", "a/c/action"]);
    let rights = rights(Work::Publish);
    let without = |on: &str, action: &str| {
        let (on, action) = (on.to_owned(), action.to_owned());
        rights.get(&Right { on, action }).copied()
    };
    assert_eq!(
        without("the subscription", "Microsoft.Compute/skus/read"),
        Some(Without::GoesOn)
    );
    assert_eq!(
        without("the source's resource group", "Microsoft.Compute/snapshots/delete"),
        Some(Without::Stops)
    );
}
