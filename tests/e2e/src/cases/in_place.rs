//! A pool that is there: changed in place, killed on the way, finished, brought back; and one of others, left alone.

use std::{ffi::OsString, time::Duration};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    lab::Lab,
    pool::{self, AGENT, LIMIT, POOL, SIZE},
    process::{Program, Signal},
    suite::Case,
    time::wait_for,
    world,
};

/// How long until the roll-out has disabled the job.
const PLACE_LIMIT: Duration = Duration::from_secs(120);

/// The job on the pool.
const JOB: &str = "render";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "killed_change_in_place_is_finished_by_the_same_again_and_goes_back",
        run: killed_change_in_place_is_finished_by_the_same_again_and_goes_back,
    },
    Case {
        name: "pool_of_others_is_left_alone",
        run: pool_of_others_is_left_alone,
    },
];

fn killed_change_in_place_is_finished_by_the_same_again_and_goes_back(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(with_pool(lab)?)?;
    let in_place = |log: &str| {
        let program = pool::rollout(lab, &azure, log, ("1.0.1", 3))?;
        Ok::<_, Failure>(program.args(["--strategy", "in-place", "--adopt"]))
    };
    let planned = command(lab, &azure, "plan", "plan")?
        .args(["--image-version", &pool::version_id("1.0.1")])
        .args(["--vm-size", SIZE, "--node-agent-sku-id", AGENT])
        .args(["--target-dedicated-nodes", "3", "--strategy", "in-place", "--adopt"])
        .run(LIMIT)?
        .ended_with(10)?;
    let steps = [
        "disable the jobs of pool pool1 (render)",
        "remove the 2 nodes",
        "a return is possible",
    ];
    ensure_says("the plan", &planned.said(), &steps)?;
    ensure_equal("writes of a plan", &azure.journal()?.writes().count(), &0)?;

    let killed = in_place("killed")?.start()?;
    wait_for("the job to be disabled", PLACE_LIMIT, || {
        Ok((azure.journal()?.count("POST", &["/disable"]) > 0).then_some(()))
    })?;
    killed.signal(Signal::Kill)?;
    killed.wait(LIMIT)?.ended_with(-9)?;

    in_place("again")?.run(LIMIT)?.ended_with(0)?;
    ensure_equal(
        "the pool after the change",
        &state(&azure)?,
        &"1.0.1 with 3, job active".to_owned(),
    )?;
    ensure_equal(
        "times that the job was disabled",
        &azure.journal()?.count("POST", &["/disable"]),
        &1,
    )?;
    let back = command(lab, &azure, "back", "rollback")?.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("the rollback", &back.said(), &["what it was before"])?;
    ensure_equal(
        "the pool after the return",
        &state(&azure)?,
        &"1.0.0 with 2, job active".to_owned(),
    )
}

fn pool_of_others_is_left_alone(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(with_pool(lab)?)?;
    let refused = pool::rollout(lab, &azure, "rollout", ("1.0.0", 50))?
        .run(LIMIT)?
        .ended_with(7)?;
    lab.keep_journal(&azure)?;
    ensure_says(
        "the refusal",
        &refused.said(),
        &[POOL, "was not made by a roll-out", "adopt"],
    )?;
    let writes = azure.journal()?.writes().count();
    ensure(writes == 0, || format!("{writes} writes to a pool of others"))
}

/// A verb without a version, signed in as the example's application.
fn command(lab: &Lab<'_>, azure: &LocalAzure, log: &str, verb: &str) -> Result<Program> {
    let program = Program::new(&lab.tools.pool, &lab.dir, log)
        .dir(&lab.dir)
        .env("AZURE_CLIENT_SECRET", world::client_secret(lab)?)
        .args([verb, "--tenant-id", world::TENANT, "--client-id", world::CLIENT])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL])
        .args(["--metadata-host", azure.host()])
        .arg("--ca-file")
        .arg(OsString::from(&azure.ca));
    Ok(program)
}

/// The example with a pool of two nodes on 1.0.0 that another tool made, and a job on it.
fn with_pool(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = pool::with_versions(lab, &["1.0.0", "1.0.1"])?;
    let reference = json!({ "virtualMachineImageId": pool::version_id("1.0.0") });
    let account = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut);
    let account = account.ok_or_else(|| Failure::unexpected("the example has no Batch account"))?;
    account.insert(
        "pools".to_owned(),
        json!([{ "id": POOL, "vmSize": SIZE, "targetDedicatedNodes": 2, "targetLowPriorityNodes": 0,
            "virtualMachineConfiguration": { "imageReference": reference, "nodeAgentSKUId": AGENT } }]),
    );
    account.insert(
        "jobs".to_owned(),
        json!([{ "id": JOB, "poolInfo": { "poolId": POOL } }]),
    );
    Ok(seed)
}

/// Version, nodes and job in one line.
fn state(azure: &LocalAzure) -> Result<String> {
    let resources = azure.resources()?;
    let batch = resources.get("batch").and_then(Value::as_object);
    let find = |end: &str| batch.and_then(|all| all.iter().find(|(id, _)| id.ends_with(end)).map(|(_, found)| found));
    let (pool, job) = (find("/pools/pool1"), find("/jobs/render"));
    let text = |from: Option<&Value>, pointer: &str| {
        let found = from.and_then(|from| from.pointer(pointer));
        found
            .map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned))
            .unwrap_or_default()
    };
    let image = text(
        pool,
        "/virtualMachineConfiguration/imageReference/virtualMachineImageId",
    );
    let version = image.rsplit('/').next().unwrap_or_default();
    Ok(format!(
        "{version} with {}, job {}",
        text(pool, "/currentDedicatedNodes"),
        text(job, "/state")
    ))
}
