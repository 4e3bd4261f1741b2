//! Many pools and many accounts in one process: a file of five hundred, typed parts in waves, a status, an expiry.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_equal, ensure_says},
    journal::{Entry, Journal},
    lab::Lab,
    pool::{self, AGENT, LIMIT, SIZE},
    process::Program,
    suite::Case,
    world,
};

/// The pools of a large fleet, and the nodes of each.
const POOLS: usize = 500;
const NODES: usize = 200;

/// As many accounts in one subscription as a status looks at here.
const ACCOUNTS: usize = 30;

/// Requests for the large fleet, at most: four of each pool's own, and looks at the account.
const MOST_REQUESTS: u64 = 2500;

/// What a roll-out writes into the metadata of its pools.
const MARK: &str = "azure-batch-spec";

/// A fleet of that size takes minutes of a slow machine's time.
const LONG: Duration = Duration::from_secs(600);

pub(super) const CASES: &[Case] = &[
    Case {
        name: "five_hundred_pools_of_two_hundred_nodes_are_watched_by_one_process",
        run: five_hundred_pools_of_two_hundred_nodes_are_watched_by_one_process,
    },
    Case {
        name: "a_file_of_pools_with_typed_parts_is_rolled_out_one_first",
        run: a_file_of_pools_with_typed_parts_is_rolled_out_one_first,
    },
    Case {
        name: "a_file_of_pools_goes_forward_and_back_but_for_one_that_it_leaves_alone",
        run: a_file_of_pools_goes_forward_and_back_but_for_one_that_it_leaves_alone,
    },
    Case {
        name: "status_of_many_accounts_asks_each_for_two_lists",
        run: status_of_many_accounts_asks_each_for_two_lists,
    },
    Case {
        name: "delete_expired_deletes_what_is_past_its_time_and_nothing_else",
        run: delete_expired_deletes_what_is_past_its_time_and_nothing_else,
    },
];

/// A roll-out to the pools of a file.
fn rollout(lab: &Lab<'_>, azure: &LocalAzure, (log, file): (&str, &str)) -> Result<Program> {
    let path = lab.file("pools.yml", file)?;
    Ok(pool::command(lab, azure, log, "rollout")?
        .args(["--json", "--account", &world::account(world::ACCOUNT), "--pool-file"])
        .arg(path))
}

/// What all pools of a file have in common, with further lines.
fn defaults(parts: &str) -> String {
    let version = pool::version_id("1.0.0");
    format!("defaults:\n  image-version: {version}\n  vm-size: {SIZE}\n  node-agent-sku-id: {AGENT}\n{parts}")
}

/// Room for the large fleet, and two definitions for it.
fn large_world(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = pool::with_versions(lab, &["1.0.0"])?;
    if let Some(account) = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut) {
        let quotas = json!({ "dedicatedCores": 1_000_000, "pools": POOLS });
        account.insert("quotas".to_owned(), quotas);
    }
    for (list, name) in [("definitions", "name"), ("versions", "definition")] {
        if let Some(all) = seed.get_mut(list).and_then(Value::as_array_mut) {
            add_other(all, name);
        }
    }
    Ok(seed)
}

/// Adds the same of another definition. A region holds a hundred replicas of a version, which serve 60,000 nodes.
fn add_other(all: &mut Vec<Value>, name: &str) {
    let mut other = all.first().cloned().unwrap_or_default();
    if let Some(place) = other.get_mut(name) {
        *place = json!("ubuntu-b");
    }
    all.push(other);
    let replicas = "/publishingProfile/targetRegions/0/regionalReplicaCount";
    let counts = all.iter_mut().filter_map(|version| version.pointer_mut(replicas));
    counts.for_each(|count| *count = json!(100));
}

/// The large fleet, every second pool on the other definition.
fn large_file() -> String {
    let other = pool::version_id("1.0.0").replace("/images/ubuntu/", "/images/ubuntu-b/");
    let each = (0..POOLS).map(|number| {
        let of_other = format!(", image-version: {other}");
        let version = if number % 2 == 0 { "" } else { &of_other };
        format!("  - {{pool-id: p{number}, target-dedicated-nodes: {NODES}{version}}}\n")
    });
    format!(
        "{}max-parallel: {POOLS}\npools:\n{}",
        defaults("  nodes-per-replica: 600\n"),
        each.collect::<String>()
    )
}

fn five_hundred_pools_of_two_hundred_nodes_are_watched_by_one_process(lab: &Lab<'_>) -> Result {
    let (azure, file) = (lab.azure(large_world(lab)?)?, large_file());
    let finished = rollout(lab, &azure, ("rollout", &file))?.run(LONG)?.ended_with(0)?;
    let result = pool::result_of(&finished.stdout)?;
    let made = result.pointer("/pools").and_then(Value::as_array).map_or(0, Vec::len);
    ensure_equal("pools in the report", &made, &POOLS)?;
    let Journal(entries) = azure.journal_without_bodies()?;
    let refused = entries.iter().filter(|entry| entry.status == Some(429));
    ensure_equal("requests that Azure had no patience for", &refused.count(), &0)?;
    let asked = entries.last().map_or(0, |entry| entry.number);
    // Two reads of each pool, the request that makes it, and its nodes; everything else is common to all.
    ensure(asked < MOST_REQUESTS, || format!("{asked} requests for {POOLS} pools"))
}

/// Three pools with typed parts, of which tags make them resources.
fn typed_file() -> String {
    let parts = "  data-disks:\n    - {lun: 10, size-gb: 256}\n  inbound-ports:\n    - {name: ssh, port: 22, first: 50000, last: 50099}\n  application-packages: []\n  pool-tags: {team: render}\n";
    format!(
        "{}max-parallel: 2\npools:\n  - {{pool-id: first, target-dedicated-nodes: 2}}\n  - {{pool-id: second, target-dedicated-nodes: 3}}\n  - {{pool-id: third, target-dedicated-nodes: 2, vm-size: Standard_D2s_v5}}\n",
        defaults(parts)
    )
}

fn a_file_of_pools_with_typed_parts_is_rolled_out_one_first(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let file = typed_file();
    let finished = rollout(lab, &azure, ("rollout", &file))?.run(LIMIT)?.ended_with(0)?;
    let result = pool::result_of(&finished.stdout)?;
    let text = |pointer: &str| result.pointer(pointer).cloned().unwrap_or_default();
    ensure_equal(
        "waves",
        &[text("/pools/0/wave"), text("/pools/1/wave"), text("/pools/2/wave")],
        &[json!(1), json!(2), json!(2)],
    )?;
    let journal = azure.journal()?;
    lab.keep_journal(&azure)?;
    let made: Vec<&Entry> = journal.writes().filter(|entry| entry.method == "PUT").collect();
    ensure_equal("pools made through ARM, since they have tags", &made.len(), &3)?;
    for entry in &made {
        let said = entry.request.to_string();
        ensure_says("the pool", &said, &["\"lun\":10", "50000", "\"team\":\"render\""])?;
    }
    is_ready_before(&journal, &made)
}

/// The first one was ready before the others were asked for.
fn is_ready_before(journal: &Journal, made: &[&Entry]) -> Result {
    let place = |entry: Option<&&Entry>| entry.map_or(0, |entry| entry.number);
    let (first, second) = (place(made.first()), place(made.get(1)));
    let listed = journal
        .of("GET", &["/pools/first/nodes"])
        .next()
        .map_or(0, |entry| entry.number);
    ensure(first < listed && listed < second, || {
        format!("made {first}, its nodes listed {listed}, the next one made {second}")
    })
}

/// A pool that stays on 1.0.0 whatever the others get, one that is changed in place, and one with a second pool.
fn three_ways() -> String {
    let version = pool::version_id("1.0.0");
    format!(
        "{}pools:\n  - {{pool-id: kept, image-version: {version}}}\n  - {{pool-id: emptied, strategy: in-place}}\n  - {{pool-id: moved, strategy: blue-green}}\n",
        defaults("  target-dedicated-nodes: 1\n")
    )
}

fn a_file_of_pools_goes_forward_and_back_but_for_one_that_it_leaves_alone(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "1.0.1"])?)?;
    let former = three_ways();
    // Only the version that all have in common is another one.
    let next = former.replacen("1.0.0", "1.0.1", 1);
    for (log, file) in [("former", &former), ("next", &next)] {
        rollout(lab, &azure, (log, file))?.run(LIMIT)?.ended_with(0)?;
    }
    let forward = "emptied: 1.0.1, 1; kept: 1.0.0, 1; moved: 1.0.0, 0; moved-1-0-1: 1.0.1, 1";
    ensure_equal(
        "after the roll-out",
        &pool::states(&azure)?.join("; "),
        &forward.to_owned(),
    )?;
    let (account, path) = (world::account(world::ACCOUNT), lab.file("pools.yml", &next)?);
    let back = |log: &str| -> Result<Program> {
        let back = pool::command(lab, &azure, log, "rollback")?;
        Ok(back.args(["--account", &account, "--pool-file"]).arg(&path))
    };
    plan_only_shows(&azure, back("plan")?.arg("--plan-only"))?;
    let returned = back("back")?.arg("--json").run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let result = pool::result_of(&returned.stdout)?;
    for (pointer, value) in [
        ("/result", "returned"),
        ("/pools/0/result", "unchanged"),
        ("/pools/1/result", "returned"),
        ("/pools/1/image", "ubuntu 1.0.0"),
        ("/pools/2/result", "returned"),
        ("/pools/2/image", "ubuntu 1.0.0"),
    ] {
        ensure(result.pointer(pointer) == Some(&json!(value)), || {
            format!("{pointer} of {result}")
        })?;
    }
    let all = "emptied: 1.0.0, 1; kept: 1.0.0, 1; moved: 1.0.0, 1";
    ensure_equal("after the return", &pool::states(&azure)?.join("; "), &all.to_owned())?;
    let again = back("again")?.run(LIMIT)?.ended_with(0)?;
    ensure_says(
        "the same again",
        &again.said(),
        &["0 of 3 pools brought back, 3 as before"],
    )
}

/// The plan of the return has each pool, and writes nothing.
fn plan_only_shows(azure: &LocalAzure, plan: Program) -> Result {
    let before = azure.journal()?.writes().count();
    let planned = plan.run(LIMIT)?.ended_with(10)?;
    let said = [
        "4 changes in 2 of 3 pools. Nothing was done.",
        "bring pool moved to 1 node",
        "delete pool moved-1-0-1",
        "Pool kept stays as it is: no roll-out has changed it",
    ];
    ensure_says("the plan", &planned.said(), &said)?;
    ensure_equal("writes of a plan", &azure.journal()?.writes().count(), &before)
}

/// So many further accounts, each with a pool on 1.0.0.
fn with_accounts(mut seed: Value) -> Value {
    let account = |number: usize| {
        json!({ "name": format!("many{number:02}"), "resourceGroup": world::GROUP, "location": "eastus2",
            "pools": [{ "id": "render", "vmSize": SIZE, "targetDedicatedNodes": 1, "virtualMachineConfiguration": {
                "nodeAgentSKUId": AGENT, "imageReference": { "virtualMachineImageId": pool::version_id("1.0.0") } } }] })
    };
    if let Some(accounts) = seed.pointer_mut("/batchAccounts").and_then(Value::as_array_mut) {
        accounts.extend((0..ACCOUNTS).map(account));
    }
    seed
}

fn status_of_many_accounts_asks_each_for_two_lists(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(with_accounts(pool::with_versions(lab, &["1.0.0", "1.0.1"])?))?;
    let shown = pool::command(lab, &azure, "status", "status")?
        .run(LIMIT)?
        .ended_with(10)?;
    lab.keep_journal(&azure)?;
    let rows = shown
        .stdout
        .lines()
        .filter(|line| line.contains("1 version behind 1.0.1"));
    ensure_equal("pools that are behind", &rows.count(), &ACCOUNTS)?;
    let headline = format!("{ACCOUNTS} pools in {ACCOUNTS} Batch accounts: {ACCOUNTS} need attention");
    ensure_says("the end", &shown.stdout, &[&headline])?;
    let Journal(entries) = azure.journal()?;
    let of_accounts = entries
        .iter()
        .filter(|entry| entry.path.ends_with("/pools") || entry.path.ends_with("/nodecounts"));
    // The example has two accounts of its own.
    ensure_equal("lists of accounts", &of_accounts.count(), &(2 * (ACCOUNTS + 2)))?;
    ensure(entries.len() < 2 * (ACCOUNTS + 2) + 20, || {
        format!("{} requests", entries.len())
    })
}

/// A pool with an expiry, made by a roll-out or by another program.
fn expiring(id: &str, at: &str, mark: &str) -> Value {
    json!({ "id": id, "vmSize": SIZE, "targetDedicatedNodes": 1,
        "metadata": [
            { "name": mark, "value": "v0:example" },
            { "name": "azure-batch-expiry", "value": format!(r#"{{"v":1,"at":"{at}","after":3600}}"#) },
        ],
        "virtualMachineConfiguration": {
            "nodeAgentSKUId": AGENT, "imageReference": { "virtualMachineImageId": pool::version_id("1.0.0") } } })
}

/// Two pools past their time, one before it, and one that no roll-out has made.
fn expiring_world(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = pool::with_versions(lab, &["1.0.0"])?;
    let (past, ahead) = ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    let pools = json!([
        expiring("branch-1", past, MARK),
        expiring("branch-2", past, MARK),
        expiring("nightly", ahead, MARK),
        expiring("theirs", past, "team"),
    ]);
    if let Some(account) = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut) {
        account.insert("pools".to_owned(), pools);
    }
    Ok(seed)
}

fn delete_expired_deletes_what_is_past_its_time_and_nothing_else(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(expiring_world(lab)?)?;
    let expired = |log: &str| -> Result<Program> { Ok(pool::command(lab, &azure, log, "delete")?.args(["--expired"])) };
    let plan = expired("plan")?.run(LIMIT)?.ended_with(10)?;
    let due = [
        "acct1    branch-1  1      2020-01-01 00:00 UTC  is deleted with --yes",
        "acct1    branch-2  1      2020-01-01 00:00 UTC  is deleted with --yes",
        "acct1    theirs    1      2020-01-01 00:00 UTC  stays: no roll-out has made it",
        "2 pools expired, 1 kept; nothing was changed",
    ];
    ensure_says("the plan", &plan.stdout, &due)?;
    ensure(!plan.stdout.contains("nightly"), || plan.stdout.clone())?;
    ensure_equal("deletions", &azure.journal()?.count("DELETE", &["/pools/"]), &0)?;
    expired("delete")?.args(["--yes"]).run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let journal = azure.journal()?;
    let deleted = journal.of("DELETE", &["/pools/"]).map(|entry| entry.path.as_str());
    ensure_equal(
        "deleted",
        &deleted.collect(),
        &vec!["/batch/acct1/pools/branch-1", "/batch/acct1/pools/branch-2"],
    )
}
