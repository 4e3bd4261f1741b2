//! Tries an image on a few nodes: a command as a task on each of them, then a time in which they must stay ready.
//!
//! Its job is removed however it ends; what its tasks wrote is in the report.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    decide::Intent,
    explain::refused,
    pool::PoolAccess,
    spec::{command_line, unusable},
    verdict::speaks_against_image,
};
use crate::{
    batch::{
        job::{self, Job, JobState, TaskEnd},
        pool::Pool,
    },
    error::{Error, ErrorKind, Result},
    json as read_json,
    options::pool::CANARY_COMMAND,
    settings::fault::Fault,
    trial::{self, TriedTask},
};

/// The metadata item of a job that tries an image.
pub(super) const CANARY: &str = "azure-batch-canary";

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
) -> Result<Vec<TriedTask>> {
    let endpoint = access.watch().endpoint();
    let client = access.client();
    let line =
        command_line(command, pool).map_err(|text| unusable(access.id(), &[Fault::new(CANARY_COMMAND, text)]))?;
    let id = free_id(access, jobs);
    client
        .send(&job::create(endpoint, &id, access.id(), (CANARY, access.id().as_str())))
        .await
        .map_err(own_trouble)?;
    let ended = async {
        for number in 1..=intent.goal.targets.total() {
            // A task that takes all slots of a node is alone on it, so each node gets one.
            let slots = read_json::number(pool.body(), "/taskSlotsPerNode").unwrap_or(1);
            let task = trial::task(&format!("canary-{number}"), &line, slots, longest);
            let added = client.send(&job::add_task(endpoint, &id, task)).await;
            added.map_err(own_trouble)?;
        }
        wait(access, &id, intent, longest).await
    };
    let ended = ended.await;
    let tasks = match &ended {
        Ok(ends) => trial::outputs(client, endpoint, &id, ends).await,
        Err(_) => Vec::new(),
    };
    remove(access, &id).await;
    judge(&ended?)
        .map(|()| tasks.clone())
        .map_err(|error| trial::said(error, &tasks))
}

/// Whether it is a job that tries an image and is not on its way out.
pub(super) fn is_trial(job: &Job) -> bool {
    job.metadata(CANARY).is_some() && job.state != JobState::Other
}

/// What Batch has against the job itself says nothing of the image, which is then neither good nor bad.
fn own_trouble(error: Error) -> Error {
    if !speaks_against_image(error.kind()) {
        return error;
    }
    Error::new(
        ErrorKind::Refused,
        "the canary command could not be run, which says nothing of the image",
    )
    .because(error)
    .with_hint(
        "remove what Batch names, then run again: the run goes on from here; or go back with azure-batch-pool rollback",
    )
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

fn judge(ends: &[TaskEnd]) -> Result<()> {
    match trial::failure(ends) {
        Some(how) => Err(Error::new(ErrorKind::Azure, format!("the canary command failed {how}"))),
        None => Ok(()),
    }
}
