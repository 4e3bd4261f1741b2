//! Tries an image on a few nodes: a command as a task on each of them, then a time in which they must stay ready.
//!
//! Its job is removed however it ends; what its tasks wrote is in the report.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    decide::Intent,
    explain::refused,
    one_line::one_line,
    pool::PoolAccess,
    spec::{command_line, unusable},
};
use crate::{
    batch::{
        API_VERSION,
        job::{self, Job, JobState, TaskEnd},
        pool::{Pool, iso_minutes},
    },
    error::{Error, ErrorKind, Result},
    json as read_json,
    options::pool::CANARY_COMMAND,
    request::Request,
    settings::fault::Fault,
};

/// The metadata item of a job that tries an image.
pub(super) const CANARY: &str = "azure-batch-canary";

/// How much of what a task wrote is kept: the end, which says why it failed.
const KEPT: usize = 2000;

/// What became of a command on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CanaryTask {
    /// The task.
    pub task: String,
    /// Its exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// The end of what it wrote: to standard error, or to standard output when that is empty.
    pub output: String,
}

/// Runs the command on all nodes that the pool has, and waits for its end.
///
/// # Errors
/// `Azure` when it fails on one of them or does not end; `Refused` when others change the pool meanwhile; when Batch
/// refuses, or the run ends.
pub(super) async fn run(
    access: &PoolAccess<'_>,
    (pool, jobs): (&Pool, &[Job]),
    (command, intent): (&str, &Intent),
    longest: Duration,
) -> Result<Vec<CanaryTask>> {
    let endpoint = access.watch().endpoint();
    let client = access.client();
    let line =
        command_line(command, pool).map_err(|text| unusable(access.id(), &[Fault::new(CANARY_COMMAND, text)]))?;
    let id = free_id(access, jobs);
    client
        .send(&job::create(endpoint, &id, access.id(), (CANARY, access.id().as_str())))
        .await?;
    let ended = async {
        for number in 1..=intent.goal.targets.total() {
            // A task that takes all slots of a node is alone on it, so each node gets one.
            let task = json!({
                "id": format!("canary-{number}"),
                "commandLine": line,
                "requiredSlots": read_json::number(pool.body(), "/taskSlotsPerNode").unwrap_or(1),
                "constraints": {"maxWallClockTime": iso_minutes(longest), "maxTaskRetryCount": 0},
            });
            client.send(&job::add_task(endpoint, &id, task)).await?;
        }
        wait(access, &id, intent, longest).await
    };
    let ended = ended.await;
    let tasks = match &ended {
        Ok(ends) => with_output(access, &id, ends).await,
        Err(_) => Vec::new(),
    };
    remove(access, &id).await;
    judge(&ended?)
        .map(|()| tasks.clone())
        .map_err(|error| said(error, &tasks))
}

/// Whether it is a job that tries an image and is not on its way out.
pub(super) fn is_trial(job: &Job) -> bool {
    job.metadata(CANARY).is_some() && job.state != JobState::Other
}

/// An id that no job of the pool has, not even one that is being deleted.
fn free_id(access: &PoolAccess<'_>, jobs: &[Job]) -> String {
    // A job's id has 64 letters at most.
    let pool: String = access.id().as_str().chars().take(20).collect();
    let now = access.client().run().now().as_millisecond();
    let id = |number: usize| format!("azure-batch-canary-{pool}-{now}-{number}");
    let is_free = |id: &String| jobs.iter().all(|job| !job.id.eq_ignore_ascii_case(id));
    (1..).map(id).find(is_free).unwrap_or_default()
}

/// Removes a job that tried an image. What is left is removed by the next run, so a failure is only said.
pub(super) async fn remove(access: &PoolAccess<'_>, id: &str) {
    if let Err(error) = access.client().send(&job::delete(access.watch().endpoint(), id)).await {
        access.client().warn(format!("job {id} is left: {error}"));
    }
}

async fn wait(access: &PoolAccess<'_>, job: &str, intent: &Intent, longest: Duration) -> Result<Vec<TaskEnd>> {
    let (began, nodes) = (Instant::now(), intent.goal.targets.total());
    loop {
        let seen = access.look().await?;
        let unchanged = intent.unchanged(seen.pool.as_ref());
        unchanged.map_err(|refusal| refused(access.at(), refusal))?;
        let items = access
            .client()
            .list(&job::tasks(access.watch().endpoint(), job))
            .await?;
        let ends: Vec<TaskEnd> = items.iter().filter_map(TaskEnd::read).collect();
        let is_over = ends.len() >= usize::try_from(nodes).unwrap_or(usize::MAX);
        if is_over || ends.iter().any(|end| !end.is_success()) {
            return Ok(ends);
        }
        // A task that was never put on a node has no limit of its own.
        if began.elapsed() > 2 * longest {
            let text = format!("the canary command has ended on {} of {nodes} nodes only", ends.len());
            return Err(Error::new(ErrorKind::Azure, text));
        }
        access.pause(began, "the command on the first nodes").await?;
    }
}

async fn with_output(access: &PoolAccess<'_>, job: &str, ends: &[TaskEnd]) -> Vec<CanaryTask> {
    let mut tasks = Vec::new();
    for end in ends {
        let mut output = String::new();
        for file in ["stderr.txt", "stdout.txt"] {
            if output.is_empty() {
                output = read(access, job, &end.task, file).await;
            }
        }
        tasks.push(CanaryTask {
            task: end.task.clone(),
            exit_code: end.exit_code,
            output,
        });
    }
    tasks
}

/// The end of a file of a task. What cannot be read is no reason to fail.
async fn read(access: &PoolAccess<'_>, job: &str, task: &str, file: &str) -> String {
    let path = format!("/jobs/{job}/tasks/{task}/files/{file}");
    let doing = format!("read {file} of task {task}");
    let request = Request::batch(access.watch().endpoint(), Method::GET, path, API_VERSION, doing).for_file();
    let Ok(answer) = access.client().send(&request).await else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let start = text.char_indices().rev().nth(KEPT - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}

fn judge(ends: &[TaskEnd]) -> Result<()> {
    let Some(bad) = ends.iter().find(|end| !end.is_success()) else {
        return Ok(());
    };
    let how = match (bad.exit_code, &bad.failure) {
        (Some(code), _) if code != 0 => format!("exit code {code}"),
        (_, Some(failure)) => one_line(failure),
        _ => "no exit code".to_owned(),
    };
    let text = format!(
        "the canary command failed on {} of {} nodes: {how}",
        ends.iter().filter(|end| !end.is_success()).count(),
        ends.len()
    );
    Err(Error::new(ErrorKind::Azure, text))
}

fn said(error: Error, tasks: &[CanaryTask]) -> Error {
    match tasks
        .iter()
        .find(|task| task.exit_code != Some(0) && !task.output.trim().is_empty())
    {
        Some(task) => {
            let output = one_line(&task.output);
            Error::new(error.kind(), error.to_string()).because(format!("it wrote: {output}"))
        }
        None => error,
    }
}
