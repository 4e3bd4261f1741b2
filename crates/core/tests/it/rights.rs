//! README's table of rights is exact: with these actions every flow runs, and without any one of them it fails, or warns,
//! by that action's name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use azure_batch_core::{
    client::Client,
    deletion::{self, expired},
    error::{Error, ErrorKind},
    listing,
    options::{
        fleet::{EXPIRED, YES},
        pool::{ACCOUNT, POOL_ID},
    },
    promotion, publish as publishing, rollout as rolling,
    settings::{
        self, Canary, Generalized, Goal, ListSettings, PromotionSettings, PublishSettings, RolloutSettings, Sight,
        Stopped, UsedBy, Values,
    },
    status,
};
use azure_emulator::seed::Seed;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    estate::definition,
    given::checked,
    publish,
    rollout::{good, image, roll_out, settings as rolling_out, world},
    rollout_in_place::{in_place, working},
    support::{APPLICATION, Azure, GROUP, lines},
};

/// The subscription in which everything of the example lies.
const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";

/// Actions of the table that only further settings need; each has a test of its own.
const FURTHER: [&str; 5] = [
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Compute/galleries/write",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Batch/register/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
];

/// How long the expired pool was wanted.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Without it Azure's lists leave an account out, so a flow cannot know that there is one to warn of.
const UNSEEN: &str = "Microsoft.Batch/batchAccounts/read";

/// A flow, by what the table calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Publish,
    List,
    Promote,
    RollOut,
    InPlace,
    Delete,
    DeleteExpired,
    Status,
}

/// An action of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    action: String,
    /// Without it the run goes on.
    is_optional: bool,
}

impl Work {
    const ALL: [Self; 8] = [
        Self::Publish,
        Self::List,
        Self::Promote,
        Self::RollOut,
        Self::InPlace,
        Self::Delete,
        Self::DeleteExpired,
        Self::Status,
    ];

    /// Its rows.
    const fn rows(self) -> &'static [&'static str] {
        match self {
            Self::Publish => &["publish"],
            Self::List => &["list versions"],
            Self::Promote => &["list versions", "promote, demote"],
            Self::RollOut | Self::InPlace => &["roll out"],
            Self::Delete => &["delete"],
            Self::DeleteExpired => &["delete expired pools"],
            Self::Status => &["status"],
        }
    }

    /// What the table gives it.
    fn rights(self) -> Vec<Right> {
        let table = table();
        let mut rights: BTreeMap<String, bool> = BTreeMap::new();
        for row in self.rows() {
            for right in &table[*row] {
                let is_optional = rights.entry(right.action.clone()).or_insert(right.is_optional);
                *is_optional &= right.is_optional;
            }
        }
        let is_of_jobs = |action: &str| action.contains("/jobs/");
        rights
            .into_iter()
            .filter(|(action, _)| self != Self::RollOut || !is_of_jobs(action))
            .filter(|(action, _)| !FURTHER.contains(&action.as_str()))
            .map(|(action, is_optional)| Right { action, is_optional })
            .collect()
    }

    /// Whether it finds accounts by itself.
    const fn looks_around(self) -> bool {
        matches!(self, Self::List | Self::Promote | Self::DeleteExpired | Self::Status)
    }

    async fn world(self) -> Azure {
        let azure = match self {
            Self::Publish => Azure::example(),
            Self::InPlace => working().await,
            _ => world(|_| ()),
        };
        match self {
            Self::Publish => start_again(&azure),
            Self::Delete | Self::Status | Self::List => drop(good(roll_out(&azure, &rolling_out("acct1", 5)).await)),
            Self::DeleteExpired => {
                drop(good(roll_out(&azure, &for_a_day()).await));
                tokio::time::advance(2 * DAY).await;
            }
            Self::Promote | Self::RollOut | Self::InPlace => {}
        }
        azure.turn_the_page();
        azure
    }

    /// Runs, and gives what was said.
    async fn run(self, azure: &Azure) -> (Result<(), Error>, Vec<String>) {
        let (client, mut events) = azure.client(&CancellationToken::new()).await;
        let mut said = Vec::new();
        let result = match self {
            Self::Publish => publishing::run(&client, &checked(&published())).await.result.map(drop),
            Self::List => listing::run(&client, &listed()).await.map(|listing| {
                said.push(serde_json::to_string(&listing).unwrap());
            }),
            Self::Promote => promote(&client, &mut said).await,
            Self::RollOut => rolled(&client, &rolling_out("acct1", 5), &mut said).await,
            Self::InPlace => rolled(&client, &replaced(), &mut said).await,
            Self::Delete => deleted(&client).await,
            Self::DeleteExpired => {
                let values = Values::default().with(EXPIRED, true).with(YES, true);
                let asked = settings::expired(&values).unwrap();
                expired::run(&client, &asked.settings).await.map(|report| {
                    said.push(serde_json::to_string(&report).unwrap());
                })
            }
            Self::Status => {
                let asked = settings::status(&Values::default()).unwrap();
                status::run(&client, &asked.settings).await.map(|report| {
                    said.push(serde_json::to_string(&report).unwrap());
                })
            }
        };
        said.extend(lines(&mut events));
        (result, said)
    }
}

fn published() -> PublishSettings {
    let mut settings = publish::settings();
    settings.machine.if_running = Stopped::Deallocate;
    settings.machine.generalized = Generalized::Mark;
    settings.used_by = vec![UsedBy {
        account: format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
            .parse()
            .unwrap(),
        nodes: 5,
        vm_size: Some("Standard_D4s_v5".parse().unwrap()),
    }];
    settings
}

fn listed() -> ListSettings {
    ListSettings {
        definition: definition().parse().unwrap(),
        sight: Sight::Everything,
    }
}

fn for_a_day() -> RolloutSettings {
    let mut settings = rolling_out("acct1", 5);
    settings.pool.expires_after = Some(DAY);
    settings
}

fn replaced() -> RolloutSettings {
    let mut settings = in_place(5);
    settings.change.canary = Canary {
        command: Some("true".to_owned()),
        ..Canary::default()
    };
    settings
}

async fn promote(client: &Client, said: &mut Vec<String>) -> Result<(), Error> {
    let settings = PromotionSettings {
        version: image("1.0.0").parse().unwrap(),
        goal: Goal::Exclude,
        regions: Vec::new(),
        sight: Sight::Everything,
    };
    let plan = promotion::plan(client, &settings).await?;
    said.push(serde_json::to_string(&plan).unwrap());
    promotion::carry_out(client, &settings).await
}

async fn rolled(client: &Client, settings: &RolloutSettings, said: &mut Vec<String>) -> Result<(), Error> {
    let outcome = rolling::run(client, &checked(settings)).await;
    said.extend(outcome.report.skipped_checks);
    outcome.result
}

async fn deleted(client: &Client) -> Result<(), Error> {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(ACCOUNT, account)
        .with(POOL_ID, "p1")
        .with(YES, true);
    let asked = settings::deletion(&values).unwrap();
    deletion::run(client, &asked.settings).await.map(drop)
}

/// README's table: for each flow the actions of its rows.
fn table() -> BTreeMap<String, BTreeSet<Right>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let page = std::fs::read_to_string(readme).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| to | on |")).skip(2);
    let mut table: BTreeMap<String, BTreeSet<Right>> = BTreeMap::new();
    let (mut work, mut place) = (String::new(), String::new());
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for (current, cell) in [(&mut work, cells[1]), (&mut place, cells[2])] {
            if !cell.is_empty() {
                cell.clone_into(current);
            }
        }
        let is_optional = place.contains("if possible");
        let actions = cells[3]
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| text.starts_with("Microsoft."));
        let rights = actions.flat_map(spread).map(|action| Right { action, is_optional });
        table.entry(work.clone()).or_default().extend(rights);
    }
    table
}

/// `a/{b,c}` is `a/b` and `a/c`.
fn spread(action: &str) -> Vec<String> {
    let parts = action
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (among, after))) => among.split(',').map(|one| format!("{before}{one}{after}")).collect(),
        None => vec![action.to_owned()],
    }
}

/// Gives the application these actions and no others.
fn allow(azure: &Azure, rights: &[Right]) {
    let (data, control): (Vec<&str>, Vec<&str>) = rights
        .iter()
        .map(|right| right.action.as_str())
        .partition(|action| ["/jobs/", "/jobSchedules/"].iter().any(|kind| action.contains(kind)));
    let role = json!({"principal": APPLICATION, "scope": SUBSCRIPTION, "actions": control, "dataActions": data});
    let seed: Value = json!({"subscriptions": [], "roleAssignments": [role]});
    let seed = Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

/// The example's machine runs again and was not generalized; it still says which image it was made of.
fn start_again(azure: &Azure) {
    let example: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let mut machine = example["vms"][0].clone();
    machine["powerState"] = json!("running");
    machine["generalized"] = json!(false);
    let seed = Seed::parse(&json!({"subscriptions": [], "vms": [machine]}).to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

fn refusals(azure: &Azure) -> Vec<String> {
    let journal = azure.journal();
    let refused = journal.iter().filter(|entry| entry.status == Some(403));
    refused
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn with_the_actions_of_the_table_every_flow_runs_and_nothing_is_refused() {
    let mut wrong = Vec::new();
    for work in Work::ALL {
        let azure = work.world().await;
        allow(&azure, &work.rights());
        let (result, _said) = work.run(&azure).await;
        if let Err(error) = result {
            wrong.push(format!("{work:?}: {}", error.report()));
        }
        wrong.extend(refusals(&azure).iter().map(|refused| format!("{work:?}: {refused}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn without_one_of_these_actions_a_flow_fails_or_warns_by_its_name() {
    let mut wrong = Vec::new();
    for work in Work::ALL {
        let rights = work.rights();
        for (place, missing) in rights.iter().enumerate() {
            let azure = work.world().await;
            let mut others = rights.clone();
            others.remove(place);
            allow(&azure, &others);
            let (result, said) = work.run(&azure).await;
            let told = match &result {
                Ok(()) => said.join("\n"),
                Err(error) => error.report(),
            };
            let is_as_written = match &result {
                Ok(()) => missing.is_optional,
                Err(error) => !missing.is_optional && error.kind() == ErrorKind::NoRights,
            };
            let is_named = told.contains(&missing.action) || (work.looks_around() && missing.action == UNSEEN);
            if !is_as_written || !is_named {
                wrong.push(format!("{work:?} without {missing:?}: {:?}\n{told}", result.is_ok()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_publish_lists_all_that_it_may_not_before_it_writes() {
    let azure = Work::Publish.world().await;
    let reads = |right: &Right| right.action.ends_with("/read");
    let (readable, others): (Vec<Right>, Vec<Right>) = Work::Publish.rights().into_iter().partition(reads);
    allow(&azure, &readable);
    let (result, _said) = Work::Publish.run(&azure).await;
    let report = result.unwrap_err().report();
    for Right { action, .. } in others {
        assert!(report.contains(&action), "{action} is not in\n{report}");
    }
    assert!(report.contains("az role assignment create --assignee"), "{report}");
    assert_eq!(azure.writes(), [""; 0]);
}

#[test]
fn the_table_is_read_with_its_braces() {
    assert_eq!(spread("a/{b,c/action}"), ["a/b", "a/c/action"]);
    let table = table();
    assert!(table.len() >= 6, "{:?}", table.keys());
    let optional = |row: &str, action: &str| {
        let found = table[row].iter().find(|right| right.action == action);
        found.map(|right| right.is_optional)
    };
    assert_eq!(optional("publish", "Microsoft.Compute/skus/read"), Some(true));
    assert_eq!(optional("publish", "Microsoft.Compute/snapshots/delete"), Some(false));
}
