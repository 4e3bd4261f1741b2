//! Requests about jobs, as far as roll-outs touch them.
//!
//! Tasks of a job are answered in `tasks`.

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::authenticate::ensure_vouched;
use super::site::{Answer, Site, only};
use super::tasks;
use crate::batch::allocation::DeallocationOption;
use crate::batch::auto_pool::{AutoPool, Lifetime};
use crate::batch::conditions;
use crate::batch::ids::JobId;
use crate::batch::job::{self, DisableTasks, Job, JobState, NewJob, SETTINGS};
use crate::batch::listing::{self, Kind};
use crate::batch::node::TaskRun;
use crate::batch::pool::body::{object, required};
use crate::batch::refusal::{INVALID_REQUEST_BODY, OPERATION_INVALID_FOR_STATE, Refusal};
use crate::batch::wire::{Naming, Reply, Version};

/// `jobs`.
pub(crate) const JOBS: Kind = Kind {
    metadata: "jobs",
    filterable: &[
        "id",
        "displayName",
        "state",
        "stateTransitionTime",
        "previousState",
        "creationTime",
        "lastModified",
        "priority",
        "executionInfo/poolId",
        "executionInfo/startTime",
        "executionInfo/endTime",
    ],
    selectable: &[
        "id",
        "displayName",
        "url",
        "eTag",
        "lastModified",
        "creationTime",
        "state",
        "stateTransitionTime",
        "previousState",
        "previousStateTransitionTime",
        "priority",
        "allowTaskPreemption",
        "maxParallelTasks",
        "constraints",
        "jobManagerTask",
        "jobPreparationTask",
        "jobReleaseTask",
        "commonEnvironmentSettings",
        "poolInfo",
        "onAllTasksComplete",
        "onTaskFailure",
        "networkConfiguration",
        "metadata",
        "executionInfo",
        "stats",
        "usesTaskDependencies",
    ],
};

/// `/jobs…`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn answer(site: &mut Site<'_>, method: &Method, rest: &[&str]) -> Answer {
    match rest {
        [] if *method == Method::GET => list(site),
        [] => only(method, &Method::POST, || create(site)),
        [job] => element(site, method, &JobId::of(job)),
        [job, "tasks", rest @ ..] => tasks::answer(site, method, &JobId::of(job), rest),
        [job, "addtaskcollection"] => only(method, &Method::POST, || tasks::add_collection(site, &JobId::of(job))),
        [job, "taskcounts"] => only(method, &Method::GET, || task_counts(site, &JobId::of(job))),
        [job, "disable"] => only(method, &Method::POST, || disable(site, &JobId::of(job))),
        [job, "enable"] => only(method, &Method::POST, || enable(site, &JobId::of(job))),
        [job, "terminate"] => only(method, &Method::POST, || terminate(site, &JobId::of(job))),
        _ => Err(Refusal::unsupported(site.request)),
    }
}

fn list(site: &Site<'_>) -> Answer {
    let now = site.scene.now;
    let jobs = site.account.jobs.iter().filter(|job| !job.is_gone(now));
    let items = jobs.map(|job| (job.id.as_str().to_ascii_lowercase(), job.render(&site.base, now)));
    site.list("jobs", JOBS, items.collect())
}

fn element(site: &mut Site<'_>, method: &Method, id: &JobId) -> Answer {
    let now = site.scene.now;
    match *method {
        Method::GET => {
            let job = site.account.job(id, now)?;
            conditions::check(site.request, &job.version)?;
            let body = listing::select(site.request, JOBS, &job.render(&site.base, now))?;
            Ok(Reply::element(&site.base, "jobs", body).versioned(job.version.clone()))
        }
        Method::PATCH | Method::PUT => update(site, method, id),
        Method::DELETE => {
            open_job(site, id)?;
            delete(site, id);
            Ok(Reply::empty(StatusCode::ACCEPTED))
        }
        _ => Err(Refusal::verb(method)),
    }
}

fn create(site: &mut Site<'_>) -> Answer {
    let body = site.body()?;
    let id = required(&body, "id")?;
    let id = JobId::parse(id).ok_or_else(|| Refusal::property("id", id, "The id is not valid."))?;
    let settings = read_settings(&body, &["id"])?;
    ensure_pool_named(site, &settings, Lifetime::Job)?;
    let new = NewJob {
        id: id.clone(),
        settings,
        schedule: None,
        shared: None,
        age: site.age(),
    };
    job::rules::add(site.account, new, &mut site.scene)?;
    let job = site.account.job(&id, site.scene.now)?;
    // Recorded: six jobs of six names were all answered with this one.
    let url = format!("{}/jobs/job-1", site.base);
    Ok(Reply::empty(StatusCode::CREATED)
        .versioned(job.version.clone())
        .naming(url, Naming::Created))
}

/// The settings of a body; other names must be among `others`.
pub(crate) fn read_settings(body: &Value, others: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let mut settings = Map::new();
    for (name, value) in object(body)? {
        if SETTINGS.contains(&name.as_str()) {
            settings.insert(name.clone(), value.clone());
        } else if !others.contains(&name.as_str()) {
            return Err(Refusal::from(INVALID_REQUEST_BODY).with("PropertyName", name));
        }
    }
    Ok(settings)
}

/// A job must name a pool, which need not be there, or say what pool is to be made, for no longer than `longest`.
///
/// # Errors
/// It does neither or both, or asks for a pool that the service would refuse.
pub(crate) fn ensure_pool_named(
    site: &Site<'_>,
    settings: &Map<String, Value>,
    longest: Lifetime,
) -> Result<(), Refusal> {
    let info = settings.get("poolInfo").ok_or_else(|| Refusal::missing("poolInfo"))?;
    let auto = AutoPool::read(info, site.age())?;
    match (crate::json::text(info, "/poolId"), auto) {
        (Some(_), None) => Ok(()),
        (Some(pool), Some(_)) => Err(Refusal::property(
            "poolInfo",
            pool,
            "poolId and autoPoolSpecification are mutually exclusive.",
        )),
        (None, Some(auto)) if auto.lifetime == Lifetime::JobSchedule && longest == Lifetime::Job => {
            let reason = "The value is allowed only for jobs of a schedule.";
            Err(Refusal::property("poolLifetimeOption", "jobschedule", reason))
        }
        (None, Some(auto)) => match auto.pool().as_object() {
            Some(pool) => ensure_vouched(site.proof, pool),
            None => Ok(()),
        },
        (None, None) => Err(Refusal::missing("poolInfo.poolId")),
    }
}

fn update(site: &mut Site<'_>, method: &Method, id: &JobId) -> Answer {
    let body = site.body()?;
    // A client that read a job and puts it back sends what it cannot change, too; the service takes those names.
    let settings = read_settings(
        &body,
        &[
            "id",
            "url",
            "eTag",
            "lastModified",
            "creationTime",
            "state",
            "stateTransitionTime",
            "previousState",
            "previousStateTransitionTime",
            "executionInfo",
            "stats",
        ],
    )?;
    if *method == Method::PUT || settings.contains_key("poolInfo") {
        let of_schedule = site.account.job(id, site.scene.now)?.schedule.is_some();
        let longest = if of_schedule {
            Lifetime::JobSchedule
        } else {
            Lifetime::Job
        };
        ensure_pool_named(site, &settings, longest)?;
    }
    let (now, etag) = (site.scene.now, site.scene.ids.etag());
    let job = open_job(site, id)?;
    if let Some(info) = settings.get("poolInfo") {
        job.ensure_may_move(info, now)?;
    }
    if *method == Method::PUT {
        for name in ["metadata", "constraints", "priority", "onAllTasksComplete"] {
            job.settings.shift_remove(name);
        }
    }
    job.settings.extend(settings);
    job::fill_defaults(&mut job.settings);
    touch(job, etag, now);
    named(site, id, StatusCode::OK)
}

fn disable(site: &mut Site<'_>, id: &JobId) -> Answer {
    let body = site.body()?;
    let text = required(&body, "disableTasks")?;
    let tasks =
        DisableTasks::parse(text).ok_or_else(|| Refusal::property("disableTasks", text, "The value is not known."))?;
    let (now, etag) = (site.scene.now, site.scene.ids.etag());
    let changed = site.scene.after(site.scene.pace.job_change);
    let job = open_job(site, id)?;
    if job.life.at(now) == JobState::Enabling {
        return Err(OPERATION_INVALID_FOR_STATE.into());
    }
    if job.life.at(now) != JobState::Disabled {
        let last = job
            .tasks
            .iter()
            .filter_map(|task| task.end().filter(|end| *end > now))
            .max();
        let done = if tasks == DisableTasks::Wait {
            last.unwrap_or(changed).max(changed)
        } else {
            changed
        };
        job.pass(now, JobState::Disabling, done, JobState::Disabled);
    }
    touch(job, etag, now);
    match tasks {
        DisableTasks::Wait => {}
        DisableTasks::Requeue => interrupt_all(site, id, DeallocationOption::Requeue),
        DisableTasks::Terminate => interrupt_all(site, id, DeallocationOption::Terminate),
    }
    named(site, id, StatusCode::ACCEPTED)
}

fn enable(site: &mut Site<'_>, id: &JobId) -> Answer {
    let (now, etag) = (site.scene.now, site.scene.ids.etag());
    let changed = site.scene.after(site.scene.pace.job_change);
    let job = open_job(site, id)?;
    match job.life.at(now) {
        JobState::Disabled | JobState::Disabling => {
            job.pass(now, JobState::Enabling, changed, JobState::Active);
        }
        JobState::Active => {}
        _ => return Err(OPERATION_INVALID_FOR_STATE.into()),
    }
    touch(job, etag, now);
    named(site, id, StatusCode::ACCEPTED)
}

fn terminate(site: &mut Site<'_>, id: &JobId) -> Answer {
    let body = site.optional_body()?;
    let reason = crate::json::text(&body, "/terminateReason")
        .unwrap_or("UserTerminate")
        .to_owned();
    open_job(site, id)?;
    end(site, id, &reason);
    named(site, id, StatusCode::ACCEPTED)
}

/// Ends a job that is open.
pub(crate) fn end(site: &mut Site<'_>, id: &JobId, reason: &str) {
    let (now, etag) = (site.scene.now, site.scene.ids.etag());
    let changed = site.scene.after(site.scene.pace.job_change);
    if let Ok(job) = site.account.job_mut(id, now) {
        job.pass(now, JobState::Terminating, changed, JobState::Completed);
        job.terminate_reason = Some(reason.to_owned());
        touch(job, etag, now);
    }
    interrupt_all(site, id, DeallocationOption::Terminate);
}

/// Deletes a job that is there.
pub(crate) fn delete(site: &mut Site<'_>, id: &JobId) {
    let (now, gone) = (site.scene.now, site.scene.after(site.scene.pace.job_change));
    if let Ok(job) = site.account.job_mut(id, now) {
        job.pass(now, JobState::Deleting, gone, JobState::Deleting);
        job.gone = Some(gone);
    }
    interrupt_all(site, id, DeallocationOption::Terminate);
}

fn task_counts(site: &Site<'_>, id: &JobId) -> Answer {
    let job = site.account.job(id, site.scene.now)?;
    Ok(Reply::result(
        &site.base,
        "taskcountsresult",
        job.task_counts(site.scene.now),
    ))
}

/// The job, once its conditions hold and it is neither completed nor on its way out.
fn open_job<'a>(site: &'a mut Site<'_>, id: &JobId) -> Result<&'a mut Job, Refusal> {
    let now = site.scene.now;
    let job = site.account.job_mut(id, now)?;
    conditions::check(site.request, &job.version)?;
    // Completed jobs can still be deleted and are otherwise closed.
    let deletes = site.request.method == Method::DELETE && job.life.at(now) == JobState::Completed;
    if !deletes {
        job.ensure_open(now)?;
    }
    Ok(job)
}

/// Takes the job's running tasks off their nodes; ends the waiting ones, too, when tasks are to be terminated.
fn interrupt_all(site: &mut Site<'_>, id: &JobId, option: DeallocationOption) {
    let now = site.scene.now;
    let mut runs: Vec<TaskRun> = Vec::new();
    for node in site.account.pools.iter_mut().flat_map(|pool| &mut pool.nodes) {
        let running = |run: &&mut TaskRun| run.job == *id && run.run.start <= now && now < run.run.end;
        for run in node.runs.iter_mut().filter(running) {
            runs.push(run.clone());
            run.run.end = now;
        }
    }
    job::interrupt::interrupt(site.account, &runs, option, now);
}

fn touch(job: &mut Job, etag: String, now: jiff::Timestamp) {
    job.version = Version { etag, modified: now };
}

fn named(site: &Site<'_>, id: &JobId, status: StatusCode) -> Answer {
    let job = site.account.job(id, site.scene.now)?;
    let url = format!("{}/jobs/{}", site.base, job.id);
    Ok(Reply::empty(status)
        .versioned(job.version.clone())
        .naming(url, Naming::Written))
}
