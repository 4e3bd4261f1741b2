//! The commands for pools that are there, as a person types them.

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
];

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
