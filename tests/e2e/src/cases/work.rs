//! Pools that work while they change: what runs on them, what may not be lost, and who else decides about them.
//!
//! Tasks are of the local Azure: one of `sleep 600` takes ten seconds here.

use std::{thread, time::Duration};

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

/// How long a phase of a roll-out may take to come.
const PHASE_LIMIT: Duration = Duration::from_secs(180);
/// How long the tasks that are left may take.
const WORK_LIMIT: Duration = Duration::from_secs(300);
/// A roll-out that judges waits for tasks.
const JUDGED_LIMIT: Duration = Duration::from_secs(600);

/// The jobs on the pool: of one work by their names, so that one of them is compared with another.
const JOBS: [&str; 3] = ["render-1", "render-2", "render-3"];
/// The nodes of the pool.
pub(super) const NODES: u32 = 5;
/// Tasks that keep these nodes at work for two minutes, which is most of the time that five steps take with 30 s between
/// two writes to a pool.
const STEADY_WORK: u32 = 60;

/// The points at which a roll-out to a second pool is killed: what the service has been sent by then.
const PHASES: [(&str, &str, &str); 4] = [
    ("record", "PATCH", "/pools/pool1"),
    ("second", "POST", "/pools?"),
    ("jobs", "POST", "/disable"),
    ("shrink", "POST", "/pools/pool1/resize"),
];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "blue_green_within_120_percent_of_the_pool_loses_no_task",
        run: blue_green_within_120_percent_of_the_pool_loses_no_task,
    },
    Case {
        name: "blue_green_killed_in_each_phase_is_finished_by_the_same_again",
        run: blue_green_killed_in_each_phase_is_finished_by_the_same_again,
    },
    Case {
        name: "a_version_whose_tasks_fail_is_returned_from_by_itself",
        run: a_version_whose_tasks_fail_is_returned_from_by_itself,
    },
    Case {
        name: "in_place_with_running_tasks_loses_nothing",
        run: in_place_with_running_tasks_loses_nothing,
    },
    Case {
        name: "autoscale_pool_is_never_resized",
        run: autoscale_pool_is_never_resized,
    },
    Case {
        name: "spot_nodes_taken_away_fail_nothing",
        run: spot_nodes_taken_away_fail_nothing,
    },
];

fn blue_green_within_120_percent_of_the_pool_loses_no_task(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(working(lab, STEADY_WORK, NODES + 1)?)?;
    let plan = change(lab, &azure, "plan", "plan")?.run(LIMIT)?.ended_with(10)?;
    ensure_says("the plan", &plan.said(), &["pool1-1-0-1", "render-1"])?;
    let done = change(lab, &azure, "rollout", "rollout")?.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("the end", &done.said(), &["pool1-1-0-1"])?;
    let journal = azure.journal()?;
    let resizes = journal.of("POST", &["/resize"]).count();
    ensure(resizes >= 4, || format!("{resizes} resizes are not steps"))?;
    ensure_equal(
        "the pools",
        &pools(&azure)?,
        &"pool1 0 on 1.0.0, pool1-1-0-1 5 on 1.0.1".to_owned(),
    )?;
    nothing_is_lost(&azure, STEADY_WORK)
}

fn blue_green_killed_in_each_phase_is_finished_by_the_same_again(lab: &Lab<'_>) -> Result {
    let parts: Vec<(Lab<'_>, (&str, &str, &str))> = PHASES
        .into_iter()
        .map(|phase| Ok((lab.part(phase.0)?, phase)))
        .collect::<Result<_>>()?;
    thread::scope(|scope| {
        let killed = |(part, phase): &'_ (Lab<'_>, (&str, &str, &str))| killed_in(part, *phase);
        let runs: Vec<_> = parts.iter().map(|part| scope.spawn(move || killed(part))).collect();
        let ended = runs.into_iter().map(|run| {
            let lost = || Failure::unexpected("a part of the case panicked");
            run.join().map_err(|_panic| lost())?
        });
        ended.collect::<Result<Vec<()>>>().map(drop)
    })
}

fn killed_in(lab: &Lab<'_>, (phase, method, path): (&str, &str, &str)) -> Result {
    let azure = lab.azure(working(lab, 40, 2 * NODES)?)?;
    let killed = change(lab, &azure, "killed", "rollout")?.start()?;
    wait_for(&format!("the phase {phase}"), PHASE_LIMIT, || {
        let journal = azure.journal()?;
        let is_there = journal.writes().any(|entry| {
            let whole = format!("{}?", entry.path);
            entry.method == method && whole.to_ascii_lowercase().contains(path)
        });
        Ok(is_there.then_some(()))
    })?;
    killed.signal(Signal::Kill)?;
    killed.wait(LIMIT)?.ended_with(-9)?;
    change(lab, &azure, "again", "rollout")?.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_equal(
        &format!("the pools after a kill in the phase {phase}"),
        &pools(&azure)?,
        &"pool1 0 on 1.0.0, pool1-1-0-1 5 on 1.0.1".to_owned(),
    )?;
    nothing_is_lost(&azure, 40)
}

fn a_version_whose_tasks_fail_is_returned_from_by_itself(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(working(lab, 400, 2 * NODES)?)?;
    azure.add_faults(
        &json!([{ "kind": "tasksFail", "occurrence": "every", "rate": 0.6, "exitCode": 137,
        "image": "/versions/1.0.1", "seed": 7 }]),
    )?;
    let judged = change(lab, &azure, "rollout", "rollout")?
        .args(["--judge", "act", "--min-tasks", "10", "--window", "10m"])
        .run(JUDGED_LIMIT)?
        .ended_with(9)?;
    lab.keep_journal(&azure)?;
    let says = ["tasks fail more often", "Pool pool1 does the work again"];
    ensure_says("the end", &judged.said(), &says)?;
    ensure(pools(&azure)?.starts_with("pool1 5 on 1.0.0"), || {
        pools(&azure).unwrap_or_default()
    })?;
    for job in JOBS {
        ensure_equal("the job's pool", &job_pool(&azure, job)?, &POOL.to_owned())?;
    }
    Ok(())
}

fn in_place_with_running_tasks_loses_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(working(lab, 12, NODES)?)?;
    pool::rollout(lab, &azure, "rollout", ("1.0.1", NODES))?
        .args(["--strategy", "in-place", "--adopt"])
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_equal("the pools", &pools(&azure)?, &"pool1 5 on 1.0.1".to_owned())?;
    nothing_is_lost(&azure, 12)
}

fn autoscale_pool_is_never_resized(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    let following = |log: &str, nodes: u32| -> Result<Program> {
        let formula = format!("$TargetDedicatedNodes = {nodes}");
        Ok(asked(lab, &azure, log, "rollout", "1.0.0")?.args(["--autoscale-formula", &formula]))
    };
    following("first", 3)?.run(LIMIT)?.ended_with(0)?;
    ensure_equal("the pools", &pools(&azure)?, &"pool1 3 on 1.0.0".to_owned())?;
    following("other", 4)?.run(LIMIT)?.ended_with(0)?;
    let before = azure.journal()?.writes().count();
    following("same", 4)?.run(LIMIT)?.ended_with(0)?;
    let refused = pool::rollout(lab, &azure, "fixed", ("1.0.0", 9))?
        .run(LIMIT)?
        .ended_with(7)?;
    lab.keep_journal(&azure)?;
    ensure_says(
        "the refusal",
        &refused.said(),
        &["autoscale formula", "autoscale-formula"],
    )?;
    let journal = azure.journal()?;
    ensure_equal(
        "writes of the same again and of a refusal",
        &journal.writes().count(),
        &before,
    )?;
    ensure_equal(
        "evaluations before the other formula",
        &journal.count("POST", &["/evaluateautoscale"]),
        &1,
    )?;
    ensure_equal("resizes", &journal.count("POST", &["/resize"]), &0)?;
    ensure_equal("the pools", &pools(&azure)?, &"pool1 4 on 1.0.0".to_owned())
}

fn spot_nodes_taken_away_fail_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0"])?)?;
    azure.add_faults(
        &json!([{ "kind": "preempted", "count": 2, "after": 0, "returnsAfter": null, "occurrence": "every" }]),
    )?;
    let done = pool::rollout(lab, &azure, "rollout", ("1.0.0", 2))?
        .args(["--target-spot-nodes", "3"])
        .run(LIMIT)?
        .ended_with(0)?;
    ensure_says(
        "the result",
        &pool::result_of(&done.stdout)?.to_string(),
        &["\"ready\":2"],
    )?;
    let again = pool::rollout(lab, &azure, "again", ("1.0.0", 2))?
        .args(["--target-spot-nodes", "3"])
        .run(LIMIT)?
        .ended_with(0)?;
    ensure_says(
        "the second result",
        &pool::result_of(&again.stdout)?.to_string(),
        &["unchanged"],
    )?;
    let replaced = pool::rollout(lab, &azure, "replaced", ("1.0.0", 2))?
        .args(["--target-spot-nodes", "3", "--spot-fallback", "100%"])
        .args(["--spot-fallback-after", "10s"])
        .run(LIMIT)?
        .ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says(
        "the result with nodes that stand in",
        &pool::result_of(&replaced.stdout)?.to_string(),
        &["\"stand_ins\":2", "\"ready\":4"],
    )
}

/// A change of the pool to 1.0.1 by a second one, for people.
pub(super) fn change(lab: &Lab<'_>, azure: &LocalAzure, log: &str, verb: &str) -> Result<Program> {
    let nodes = NODES.to_string();
    let program = asked(lab, azure, log, verb, "1.0.1")?;
    Ok(program.args([
        "--target-dedicated-nodes",
        &nodes,
        "--strategy",
        "blue-green",
        "--adopt",
    ]))
}

/// A verb about the pool on that version, without its size.
fn asked(lab: &Lab<'_>, azure: &LocalAzure, log: &str, verb: &str, version: &str) -> Result<Program> {
    Ok(pool::command(lab, azure, log, verb)?
        .args(["--image-version", &pool::version_id(version)])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL])
        .args(["--vm-size", SIZE, "--node-agent-sku-id", AGENT]))
}

/// The example with a pool of others on 1.0.0 that works on three jobs, in an account with room for so many nodes.
pub(super) fn working(lab: &Lab<'_>, tasks: u32, room: u32) -> Result<Value> {
    let mut seed = pool::with_versions(lab, &["1.0.0", "1.0.1"])?;
    let reference = json!({ "virtualMachineImageId": pool::version_id("1.0.0") });
    let account = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut);
    let account = account.ok_or_else(|| Failure::unexpected("the example has no Batch account"))?;
    let task = |number: u32| json!({ "id": format!("t{number}"), "commandLine": "sleep 600" });
    let of_job = |place: usize| {
        let place = u32::try_from(place).unwrap_or_default();
        let tasks: Vec<Value> = (0..tasks).filter(|number| number % 3 == place).map(task).collect();
        tasks
    };
    let jobs = JOBS.iter().enumerate();
    let jobs = jobs.map(|(place, job)| json!({ "id": job, "poolInfo": { "poolId": POOL }, "tasks": of_job(place) }));
    account.insert("jobs".to_owned(), jobs.collect());
    account.insert("quotas".to_owned(), json!({ "dedicatedCores": 4 * room }));
    account.insert(
        "pools".to_owned(),
        json!([{ "id": POOL, "vmSize": SIZE, "targetDedicatedNodes": NODES, "targetLowPriorityNodes": 0,
            "virtualMachineConfiguration": { "imageReference": reference, "nodeAgentSKUId": AGENT } }]),
    );
    Ok(seed)
}

/// Waits for the rest of the work: every task has succeeded, and none has begun twice.
pub(super) fn nothing_is_lost(azure: &LocalAzure, tasks: u32) -> Result {
    let tasks = u64::from(tasks);
    wait_for("all tasks", WORK_LIMIT, || {
        let done = count(azure, "/tasks/completed")? == tasks;
        Ok(done.then_some(()))
    })?;
    ensure_equal("tasks that succeeded", &count(azure, "/tasks/succeeded")?, &tasks)?;
    ensure_equal("tasks that began again", &count(azure, "/tasks/requeued")?, &0)
}

/// A number of the work of all jobs together.
fn count(azure: &LocalAzure, pointer: &str) -> Result<u64> {
    let overview = azure.overview()?;
    let jobs = overview.get("jobs").and_then(Value::as_array);
    let jobs = jobs.ok_or_else(|| Failure::unexpected("the emulator shows no jobs"))?;
    let counts = jobs
        .iter()
        .filter_map(|job| job.pointer(pointer).and_then(Value::as_u64));
    Ok(counts.sum())
}

/// The pools with their nodes and versions, in one line.
pub(super) fn pools(azure: &LocalAzure) -> Result<String> {
    let all = batch(azure)?;
    let mut lines: Vec<String> = all
        .iter()
        .filter(|(id, _)| id.contains("/pools/"))
        .map(|(id, pool)| {
            let image = pool.pointer("/virtualMachineConfiguration/imageReference/virtualMachineImageId");
            let version = image.and_then(Value::as_str).and_then(|id| id.rsplit('/').next());
            let nodes = pool.get("currentDedicatedNodes").and_then(Value::as_u64);
            let name = id.rsplit('/').next().unwrap_or_default();
            format!(
                "{name} {} on {}",
                nodes.unwrap_or_default(),
                version.unwrap_or_default()
            )
        })
        .collect();
    lines.sort();
    Ok(lines.join(", "))
}

fn job_pool(azure: &LocalAzure, job: &str) -> Result<String> {
    let all = batch(azure)?;
    let found = all.iter().find(|(id, _)| id.ends_with(&format!("/jobs/{job}")));
    let pool = found
        .and_then(|(_, job)| job.pointer("/poolInfo/poolId"))
        .and_then(Value::as_str);
    Ok(pool.unwrap_or_default().to_owned())
}

/// Pools, jobs and their tasks by id, as the service has them.
pub(super) fn batch(azure: &LocalAzure) -> Result<serde_json::Map<String, Value>> {
    let resources = azure.resources()?;
    let batch = resources.get("batch").and_then(Value::as_object).cloned();
    batch.ok_or_else(|| Failure::unexpected("the emulator shows no Batch account"))
}
