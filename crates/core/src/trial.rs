//! A command as tasks on nodes, to try an image: the task, what it wrote, and what its end means.
//!
//! A roll-out tries the first nodes of a pool so, and a publish tries a version on a pool of its own. Where the nodes come
//! from, and what becomes of a bad image, they decide.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    batch::{API_VERSION, job::TaskEnd, pool::iso_minutes},
    client::Client,
    error::Error,
    ids::BatchEndpoint,
    one_line::one_line,
    request::Request,
};

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
    let Ok(answer) = client.send(&request).await else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let start = text.char_indices().rev().nth(KEPT - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default().to_owned()
}

/// On how many nodes it failed, and how the first of them did; nothing when all went well.
#[must_use]
pub fn failure(ends: &[TaskEnd]) -> Option<String> {
    let bad = ends.iter().find(|end| !end.is_success())?;
    let how = match (bad.exit_code, &bad.failure) {
        (Some(code), _) if code != 0 => format!("exit code {code}"),
        (_, Some(failure)) => one_line(failure),
        _ => "no exit code".to_owned(),
    };
    let failed = ends.iter().filter(|end| !end.is_success()).count();
    Some(format!("on {failed} of {} nodes: {how}", ends.len()))
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
