//! The commands for pools that are there, as a person types them.

use serde_json::json;

use crate::{
    failure::{Result, ensure, ensure_equal, ensure_says},
    lab::Lab,
    pool::{self, LIMIT, POOL},
    process::Program,
    suite::Case,
    world,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "status_shows_a_pool_that_is_behind_and_writes_nothing",
        run: status_shows_a_pool_that_is_behind_and_writes_nothing,
    },
    Case {
        name: "delete_shows_its_plan_and_deletes_only_when_told",
        run: delete_shows_its_plan_and_deletes_only_when_told,
    },
    Case {
        name: "migrate_lists_plans_and_moves_a_pool_on_a_managed_image",
        run: migrate_lists_plans_and_moves_a_pool_on_a_managed_image,
    },
    Case {
        name: "migrate_moves_all_pools_of_an_account_and_says_how_each_ended",
        run: migrate_moves_all_pools_of_an_account_and_says_how_each_ended,
    },
];

fn migrate_lists_plans_and_moves_a_pool_on_a_managed_image(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::on_managed_image(lab, &[(POOL, 3)])?)?;
    let account = world::account(world::ACCOUNT);
    let of_pool = ["--account", &account, "--pool-id", POOL];
    let listed = pool::command(lab, &azure, "list", "migrate")?
        .run(LIMIT)?
        .ended_with(10)?;
    let row = listed
        .stdout
        .lines()
        .find(|line| line.contains(POOL))
        .unwrap_or_default();
    ensure_says("the pool's row", row, &["acct1", "built", "3", "1.0.0"])?;
    let planned = pool::command(lab, &azure, "plan", "migrate")?
        .args(of_pool)
        .run(LIMIT)?
        .ended_with(10)?;
    let said = planned.said();
    ensure_says(
        "the plan",
        &said,
        &["managed image built is its source", "blue-green", "Nothing was done"],
    )?;
    let written = azure.journal()?.0.iter().filter(|entry| entry.is_write()).count();
    ensure_equal("writes of list and plan", &written, &0)?;
    let moved = pool::command(lab, &azure, "move", "migrate")?
        .args(of_pool)
        .args(["--yes", "--json"])
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    let result = pool::result_of(&moved.stdout)?;
    ensure(result.pointer("/result") == Some(&json!("moved")), || {
        result.to_string()
    })?;
    let again = pool::command(lab, &azure, "again", "migrate")?
        .args(of_pool)
        .arg("--yes")
        .run(LIMIT)?
        .ended_with(0)?;
    ensure_says("the second run", &again.said(), &["does the work of pool"])
}

fn migrate_moves_all_pools_of_an_account_and_says_how_each_ended(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::on_managed_image(lab, &[("render-a", 3), ("render-b", 2)])?)?;
    let account = world::account(world::ACCOUNT);
    let all = ["--account", &account, "--all-pools"];
    let planned = pool::command(lab, &azure, "plan", "migrate")?
        .args(all)
        .run(LIMIT)?
        .ended_with(10)?;
    let says = ["render-a (wave 1)", "render-b (wave 2)", "in 2 pools. Nothing was done"];
    ensure_says("the plan", &planned.said(), &says)?;
    let written = azure.journal()?.0.iter().filter(|entry| entry.is_write()).count();
    ensure_equal("writes of the plan", &written, &0)?;
    let moved = pool::command(lab, &azure, "move", "migrate")?
        .args(all)
        .args(["--yes", "--json"])
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    let result = pool::result_of(&moved.stdout)?;
    for (pointer, value) in [
        ("/result", "reached"),
        ("/pools/0/pool", "render-a"),
        ("/pools/0/result", "moved"),
        ("/pools/1/pool", "render-b"),
        ("/pools/1/result", "moved"),
    ] {
        ensure(result.pointer(pointer) == Some(&json!(value)), || result.to_string())?;
    }
    let again = pool::command(lab, &azure, "again", "migrate")?
        .args(all)
        .arg("--yes")
        .run(LIMIT)?
        .ended_with(0)?;
    ensure_says("the second run", &again.said(), &["does the work of pool render-a"])
}

fn status_shows_a_pool_that_is_behind_and_writes_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "1.0.1"])?)?;
    pool::rollout(lab, &azure, "rollout", ("1.0.0", 5))?
        .run(LIMIT)?
        .ended_with(0)?;
    let before = azure.journal()?.0.len();
    let shown = pool::command(lab, &azure, "status", "status")?
        .run(LIMIT)?
        .ended_with(10)?;
    lab.keep_journal(&azure)?;
    let row = shown
        .stdout
        .lines()
        .find(|line| line.contains(POOL))
        .unwrap_or_default();
    ensure_says(
        "the pool's row",
        row,
        &["acct1", "1.0.0", "5 of 5", "1 version behind 1.0.1"],
    )?;
    let journal = azure.journal()?;
    let asked = journal.0.iter().skip(before);
    let written = asked.filter(|entry| entry.is_write()).count();
    ensure_equal("writes of a status", &written, &0)?;
    let json = pool::command(lab, &azure, "json", "status")?
        .args(["--json"])
        .run(LIMIT)?
        .ended_with(10)?;
    let result = pool::result_of(&json.stdout)?;
    let finding = result.pointer("/pools/0/findings/0/finding");
    ensure(finding.and_then(|word| word.as_str()) == Some("behind"), || {
        result.to_string()
    })
}

fn delete_shows_its_plan_and_deletes_only_when_told(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    pool::rollout(lab, &azure, "rollout", ("1.0.0", 5))?
        .run(LIMIT)?
        .ended_with(0)?;
    let of_pool = |log: &str, verb: &str| -> Result<Program> {
        let command = pool::command(lab, &azure, log, verb)?;
        Ok(command.args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL]))
    };
    of_pool("wait", "wait")?.run(LIMIT)?.ended_with(0)?;
    let plan = of_pool("plan", "delete")?.run(LIMIT)?.ended_with(10)?;
    ensure_says("the plan", &plan.stdout, &["delete pool pool1 with 5 nodes", "--yes"])?;
    ensure_equal("deletions", &azure.journal()?.count("DELETE", &["/pools/pool1"]), &0)?;
    let done = of_pool("delete", "delete")?.args(["--yes"]).run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("the end", &done.stdout, &["pool pool1 is gone"])?;
    ensure_equal("deletions", &azure.journal()?.count("DELETE", &["/pools/pool1"]), &1)
}
