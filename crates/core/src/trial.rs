//! A command as tasks on nodes, to try an image: the task, what it wrote, and what its end means.
//!
//! A roll-out tries the first nodes of a pool so, and a publish tries a version on a pool of its own. Where the nodes come
//! from, and what becomes of a bad image, they decide.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    batch::{
        API_VERSION,
        job::{self, TaskEnd},
        node,
        pool::{self, Pool, PoolLife, iso_minutes},
    },
    client::Client,
    error::{Error, Result},
    ids::{BatchEndpoint, PoolId},
    json as read_json,
    one_line::one_line,
    request::Request,
    write,
};

/// The metadata item of a pool that tests a version; its value is the version's id.
pub const TESTS: &str = "azure-batch-test";

/// The metadata item that says after when no run needs the pool.
pub const EXPIRES: &str = "azure-batch-expires";

/// How long until a deletion that Batch has refused is sent again.
const PAUSE: Duration = Duration::from_secs(15);

/// So often a refused deletion is sent again: what refuses it for longer is left to a later run.
const MOST_REFUSALS: u32 = 3;

/// How much of what a task wrote is kept: the end, which says why it failed.
const KEPT: usize = 2000;

/// What became of a command on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedTask {
    /// The task.
    pub task: String,
    /// Its exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// The end of what it wrote: to standard error, or to standard output when that is empty.
    pub output: String,
}

/// The body of a task that runs a command line once, and takes that many slots of its node.
#[must_use]
pub fn task(id: &str, line: &str, slots: u64, longest: Duration) -> Value {
    json!({
        "id": id,
        "commandLine": line,
        "requiredSlots": slots,
        "constraints": {"maxWallClockTime": iso_minutes(longest), "maxTaskRetryCount": 0},
    })
}

/// What tasks of a job wrote. What cannot be read is no reason to fail.
pub async fn outputs(client: &Client, endpoint: &BatchEndpoint, job: &str, ends: &[TaskEnd]) -> Vec<TriedTask> {
    let mut tasks = Vec::new();
    for end in ends {
        let mut output = String::new();
        for file in ["stderr.txt", "stdout.txt"] {
            if output.is_empty() {
                output = read(client, endpoint, (job, &end.task), file).await;
            }
        }
        tasks.push(TriedTask {
            task: end.task.clone(),
            exit_code: end.exit_code,
            output,
        });
    }
    tasks
}

/// The end of a file of a task.
async fn read(client: &Client, endpoint: &BatchEndpoint, (job, task): (&str, &str), file: &str) -> String {
    let path = format!("/jobs/{job}/tasks/{task}/files/{file}");
    let doing = format!("read {file} of task {task}");
    let request = Request::batch(endpoint, Method::GET, path, API_VERSION, doing).for_file();
    file_end(client, &request).await
}

/// The end of what the start task of a node wrote: to standard error, or to standard output when that is empty.
pub async fn start_task_end(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId, node: &str) -> String {
    let mut output = String::new();
    for file in ["startup/stderr.txt", "startup/stdout.txt"] {
        if output.trim().is_empty() {
            output = file_end(client, &node::file(endpoint, pool, node, file)).await;
        }
    }
    output
}

/// The end of a file that a task or a node wrote: it says why something failed. What cannot be read is no reason to fail.
pub async fn file_end(client: &Client, file: &Request) -> String {
    let Ok(answer) = client.send(file).await else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let start = text.char_indices().rev().nth(KEPT - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}

/// On how many nodes it failed, and how the first of them did; nothing when all went well.
#[must_use]
pub fn failure(ends: &[TaskEnd]) -> Option<String> {
    let how = how(ends.iter().find(|end| !end.is_success())?);
    let failed = ends.iter().filter(|end| !end.is_success()).count();
    Some(format!("on {failed} of {} nodes: {how}", ends.len()))
}

/// How a task ended that failed.
#[must_use]
pub fn how(end: &TaskEnd) -> String {
    match (end.exit_code, &end.failure) {
        (Some(code), _) if code != 0 => format!("exit code {code}"),
        (_, Some(failure)) => one_line(failure),
        _ => "no exit code".to_owned(),
    }
}

/// The error with what a task that failed wrote.
#[must_use]
pub fn said(error: Error, tasks: &[TriedTask]) -> Error {
    let wrote = |task: &&TriedTask| task.exit_code != Some(0) && !task.output.trim().is_empty();
    match tasks.iter().find(wrote) {
        Some(task) => {
            let output = one_line(&task.output);
            Error::new(error.kind(), error.to_string()).because(format!("it wrote: {output}"))
        }
        None => error,
    }
}

/// After when no run needs a pool of a test.
#[must_use]
pub fn expires(pool: &Pool) -> Option<Timestamp> {
    pool.metadata(EXPIRES)?.parse().ok()
}

/// Whether no run needs a pool of a test any more.
#[must_use]
pub fn is_over(pool: &Pool, now: Timestamp) -> bool {
    pool.life == PoolLife::Active && expires(pool).is_some_and(|time| time < now)
}

/// Removes a pool that tests that version, with its job, which has the pool's id. One that is gone, or of something else,
/// is left alone.
///
/// # Errors
/// When Batch refuses, or the run ends.
pub async fn remove(client: &Client, endpoint: &BatchEndpoint, id: &PoolId, version: &str) -> Result<()> {
    let look = || async {
        let found = client.find(&pool::get(endpoint, id)).await?;
        let ours = found.map(|answer| Pool::new(answer.value()));
        let ours = ours.filter(|pool| {
            pool.metadata(TESTS)
                .is_some_and(|own| own.eq_ignore_ascii_case(version))
        });
        Ok(ours.is_none_or(|pool| pool.life == PoolLife::Deleting).then_some(()))
    };
    if let Some(()) = look().await? {
        return Ok(());
    }
    let is_ended = || async {
        let found = client.find(&job::get(endpoint, id.as_str())).await?;
        let state = found.and_then(|answer| Some(read_json::text(&answer.value(), "/state")?.to_owned()));
        Ok(state.is_none_or(|state| state == "deleting").then_some(()))
    };
    let job = until_going(client, &job::delete(endpoint, id.as_str()), is_ended).await;
    // A node is billed, and a job that stays is not: it keeps no pool.
    until_going(client, &pool::delete(endpoint, id, None), look).await?;
    job
}

/// Sends a deletion until what it deletes is gone or going. Batch refuses one with 409 both when that is being deleted already
/// and for what passes: only a look says which it was.
async fn until_going<F>(client: &Client, request: &Request, is_going: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<Option<()>>>,
{
    let mut refusals = 0;
    loop {
        let error = match write::send(client, request, &is_going).await {
            Err(error) if error.has_status(404) => return Ok(()),
            Err(error) if error.has_status(409) => error,
            sent => return sent.map(drop),
        };
        if let Some(()) = is_going().await? {
            return Ok(());
        }
        if refusals == MOST_REFUSALS {
            return Err(error);
        }
        refusals += 1;
        client.run().pause(PAUSE, &request.doing).await?;
    }
}
