//! Roll-outs with the command line, where nothing of GitHub matters.

use std::time::Duration;

use crate::{
    failure::{Result, ensure, ensure_equal, ensure_says},
    lab::Lab,
    pool::{self, LIMIT, POOL},
    suite::Case,
    time::wait_for,
};

/// How long a pool may take to appear.
const POOL_LIMIT: Duration = Duration::from_secs(60);

/// What the example's machine sends along, so that no other program on it gets its tokens.
const IDENTITY_HEADER: &str = "example-identity-header";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "running_resize_to_the_same_target_is_joined",
        run: running_resize_to_the_same_target_is_joined,
    },
    Case {
        name: "rollout_a_second_time_writes_nothing",
        run: rollout_a_second_time_writes_nothing,
    },
    Case {
        name: "rollout_of_another_version_to_a_pool_is_refused",
        run: rollout_of_another_version_to_a_pool_is_refused,
    },
    Case {
        name: "rollout_names_all_wrong_inputs_at_once",
        run: rollout_names_all_wrong_inputs_at_once,
    },
    Case {
        name: "rollout_as_the_machine_s_own_identity",
        run: rollout_as_the_machine_s_own_identity,
    },
    Case {
        name: "rollout_with_a_wrong_secret_says_so",
        run: rollout_with_a_wrong_secret_says_so,
    },
];

fn running_resize_to_the_same_target_is_joined(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let first = pool::rollout(lab, &azure, "first", ("1.0.0", 400))?.start()?;
    wait_for("the pool", POOL_LIMIT, || {
        Ok((azure.journal()?.count("POST", &["/pools"]) > 0).then_some(()))
    })?;
    let second = pool::rollout(lab, &azure, "second", ("1.0.0", 400))?
        .run(LIMIT)?
        .ended_with(0)?;
    first.wait(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let result = pool::result_of(&second.stdout)?;
    ensure_says("the second roll-out's result", &result.to_string(), &["joined"])?;
    ensure_equal("pools created", &azure.journal()?.count("POST", &["/pools"]), &1)?;
    ensure_equal("resizes sent", &azure.journal()?.count("POST", &["/resize"]), &0)
}

fn rollout_a_second_time_writes_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    pool::rollout(lab, &azure, "first", ("1.0.0", 10))?
        .run(LIMIT)?
        .ended_with(0)?;
    let before = azure.journal()?.0.len();
    let second = pool::rollout(lab, &azure, "second", ("1.0.0", 10))?
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    let journal = azure.journal()?;
    let writes: Vec<String> = journal
        .0
        .iter()
        .skip(before)
        .filter(|e| e.is_write())
        .map(|e| e.line())
        .collect();
    ensure(writes.is_empty(), || {
        format!("the second roll-out wrote:\n{}", writes.join("\n"))
    })?;
    ensure_says(
        "the second roll-out's result",
        &pool::result_of(&second.stdout)?.to_string(),
        &["unchanged"],
    )
}

fn rollout_of_another_version_to_a_pool_is_refused(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "1.0.1"])?)?;
    pool::rollout(lab, &azure, "first", ("1.0.0", 5))?
        .run(LIMIT)?
        .ended_with(0)?;
    let before = azure.journal()?.0.len();
    let other = pool::rollout(lab, &azure, "other", ("1.0.1", 5))?
        .run(LIMIT)?
        .ended_with(7)?;
    lab.keep_journal(&azure)?;
    ensure_says("the refusal", &other.said(), &[POOL, "1.0.0"])?;
    let written = azure
        .journal()?
        .0
        .iter()
        .skip(before)
        .filter(|entry| entry.is_write())
        .count();
    ensure_equal("writes after the refusal", &written, &0)
}

fn rollout_names_all_wrong_inputs_at_once(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let program = pool::rollout(lab, &azure, "rollout", ("newest", 5))?;
    let ended = program
        .args(["--deadline", "soon", "--nodes-per-replica", "7"])
        .run(LIMIT)?
        .ended_with(2)?;
    ensure_says(
        "the complaint",
        &ended.said(),
        &["image-version", "deadline", "soon", "nodes-per-replica"],
    )?;
    ensure_equal("requests sent", &azure.journal()?.0.len(), &0)
}

/// As on a machine of Azure: no application is named, the platform says where tokens are given out.
fn rollout_as_the_machine_s_own_identity(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let program = pool::rollout_without_sign_in(lab, &azure, "rollout", ("1.0.0", 5))
        .env("IDENTITY_ENDPOINT", format!("{}/msi/token", azure.control))
        .env("IDENTITY_HEADER", IDENTITY_HEADER);
    program.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_equal("pools", &azure.journal()?.count("POST", &["/pools"]), &1)
}

fn rollout_with_a_wrong_secret_says_so(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let program = pool::rollout(lab, &azure, "rollout", ("1.0.0", 5))?;
    let ended = program
        .env("AZURE_CLIENT_SECRET", "not-the-secret")
        .run(LIMIT)?
        .ended_with(3)?;
    lab.keep_journal(&azure)?;
    ensure_says("the complaint", &ended.said(), &["AADSTS7000215"])?;
    ensure(!ended.said().contains("not-the-secret"), || {
        "the wrong secret is shown".to_owned()
    })?;
    ensure_equal("pools", &azure.journal()?.count("POST", &["/pools"]), &0)?;
    Ok(())
}
