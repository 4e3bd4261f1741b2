//! Requests about job schedules, as far as roll-outs touch them.
//!
//! When a schedule makes its jobs is decided in `schedule` and carried out in `settle`.

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::jobs;
use super::site::{Answer, Site, only};
use crate::batch::auto_pool::Lifetime;
use crate::batch::conditions;
use crate::batch::ids::{JobId, ScheduleId};
use crate::batch::job::Job;
use crate::batch::listing::{self, Kind};
use crate::batch::pool::body::{object, required};
use crate::batch::refusal::{
    INVALID_REQUEST_BODY, JOB_QUOTA_REACHED, JOB_WITH_SAME_ID, Refusal, SCHEDULE_BEING_DELETED, SCHEDULE_EXISTS,
    SCHEDULE_NOT_FOUND,
};
use crate::batch::schedule::{Dates, SETTINGS, Schedule, ScheduleState};
use crate::batch::settle::settle;
use crate::batch::timeline::Timeline;
use crate::batch::wire::{Naming, Reply, Version};

const SCHEDULES: Kind = Kind {
    metadata: "jobschedules",
    filterable: &[
        "id",
        "displayName",
        "state",
        "stateTransitionTime",
        "creationTime",
        "lastModified",
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
        "schedule",
        "jobSpecification",
        "executionInfo",
        "metadata",
        "stats",
    ],
};

/// `/jobschedules…`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn answer(site: &mut Site<'_>, method: &Method, rest: &[&str]) -> Answer {
    match rest {
        [] if *method == Method::GET => list(site),
        [] => only(method, &Method::POST, || create(site)),
        [id] => element(site, method, &ScheduleId::of(id)),
        [id, "jobs"] => only(method, &Method::GET, || list_jobs(site, &ScheduleId::of(id))),
        [id, "disable"] => turn(site, method, &ScheduleId::of(id), ScheduleState::Disabled),
        [id, "enable"] => turn(site, method, &ScheduleId::of(id), ScheduleState::Active),
        [id, "terminate"] => only(method, &Method::POST, || terminate(site, &ScheduleId::of(id))),
        _ => Err(Refusal::unsupported(site.request)),
    }
}

fn list(site: &Site<'_>) -> Answer {
    let now = site.scene.now;
    let schedules = site.account.schedules.iter();
    let items = schedules.map(|schedule| {
        (
            schedule.id.as_str().to_ascii_lowercase(),
            schedule.render(&site.base, now),
        )
    });
    site.list("jobschedules", SCHEDULES, items.collect())
}

fn list_jobs(site: &Site<'_>, id: &ScheduleId) -> Answer {
    let now = site.scene.now;
    find(site, id)?;
    let jobs = site.account.jobs.iter();
    let jobs = jobs.filter(|job| !job.is_gone(now) && job.schedule.as_ref() == Some(id));
    let items = jobs.map(|job| (job.id.as_str().to_ascii_lowercase(), job.render(&site.base, now)));
    site.list(&format!("jobschedules/{id}/jobs"), jobs::JOBS, items.collect())
}

fn create(site: &mut Site<'_>) -> Answer {
    let body = site.body()?;
    let text = required(&body, "id")?;
    let id = ScheduleId::parse(text).ok_or_else(|| Refusal::property("id", text, "The id is not valid."))?;
    let settings = read_settings(&body, &["id"])?;
    ensure_jobs_can_be_made(site, &settings)?;
    let dates = Dates::read(settings.get("schedule"))?;
    let now = site.scene.now;
    let account = &mut *site.account;
    if account.schedules.iter().any(|known| known.id == id) {
        return Err(SCHEDULE_EXISTS.into());
    }
    if account.job(&JobId::of(text), now).is_ok() {
        return Err(JOB_WITH_SAME_ID.into());
    }
    if account.active_jobs_and_schedules(now) >= account.quotas.active_jobs_and_schedules {
        return Err(JOB_QUOTA_REACHED.into());
    }
    let version = Version {
        etag: site.scene.ids.etag(),
        modified: now,
    };
    let url = format!("{}/jobschedules/{id}", site.base);
    account.schedules.push(Schedule {
        id,
        version: version.clone(),
        created: now,
        settings,
        life: Timeline::new(now, ScheduleState::Active),
        made: 0,
        recent: None,
        next_run: Some(dates.first(now)),
        auto_pool: None,
        gone: None,
    });
    settle(account, &mut site.scene);
    Ok(Reply::empty(StatusCode::CREATED)
        .versioned(version)
        .naming(url, Naming::Created))
}

/// # Errors
/// There is no specification, or the service would refuse a job of it.
fn ensure_jobs_can_be_made(site: &Site<'_>, settings: &Map<String, Value>) -> Result<(), Refusal> {
    let specification = settings
        .get("jobSpecification")
        .ok_or_else(|| Refusal::missing("jobSpecification"))?;
    let settings = jobs::read_settings(specification, &[])?;
    jobs::ensure_pool_named(site, &settings, Lifetime::JobSchedule)
}

fn read_settings(body: &Value, others: &[&str]) -> Result<Map<String, Value>, Refusal> {
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

fn element(site: &mut Site<'_>, method: &Method, id: &ScheduleId) -> Answer {
    let now = site.scene.now;
    let found = find(site, id)?;
    conditions::check(site.request, &found.version)?;
    match *method {
        Method::HEAD => Ok(Reply::empty(StatusCode::OK).versioned(found.version.clone())),
        Method::GET => {
            let body = listing::select(site.request, SCHEDULES, &found.render(&site.base, now))?;
            Ok(Reply::element(&site.base, "jobschedules", body).versioned(found.version.clone()))
        }
        Method::PATCH | Method::PUT => update(site, method, id),
        Method::DELETE => delete(site, id),
        _ => Err(Refusal::verb(method)),
    }
}

/// PATCH keeps what it does not name; PUT does not. Either affects only the jobs to come.
fn update(site: &mut Site<'_>, method: &Method, id: &ScheduleId) -> Answer {
    let now = site.scene.now;
    find(site, id)?.ensure_open(now)?;
    let settings = read_settings(&site.body()?, &[])?;
    if *method == Method::PUT || settings.contains_key("jobSpecification") {
        ensure_jobs_can_be_made(site, &settings)?;
    }
    let dates = Dates::read(settings.get("schedule"))?;
    let reschedules = *method == Method::PUT || settings.contains_key("schedule");
    let schedule = site.account.schedule_mut(id)?;
    if *method == Method::PUT {
        schedule.settings.retain(|name, _| name == "displayName");
    }
    schedule.settings.extend(settings);
    if reschedules && (schedule.made == 0 || schedule.next_run.is_some()) {
        schedule.next_run = Some(dates.first(now));
    }
    touched(site, id, StatusCode::OK)
}

/// Its jobs go with it.
fn delete(site: &mut Site<'_>, id: &ScheduleId) -> Answer {
    let (now, gone) = (site.scene.now, site.scene.after(site.scene.pace.job_change));
    let schedule = site.account.schedule_mut(id)?;
    if schedule.gone.is_some() {
        return Err(SCHEDULE_BEING_DELETED.into());
    }
    schedule.life.cut(now);
    schedule.life = schedule.life.clone().then(now, ScheduleState::Deleting);
    schedule.gone = Some(gone);
    for job in jobs_of(site, id, |_| true) {
        jobs::delete(site, &job);
    }
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// Its active job ends with it.
fn terminate(site: &mut Site<'_>, id: &ScheduleId) -> Answer {
    let (now, changed) = (site.scene.now, site.scene.after(site.scene.pace.job_change));
    open(site, id)?;
    let schedule = site.account.schedule_mut(id)?;
    schedule.life.cut(now);
    let life = schedule.life.clone().then(now, ScheduleState::Terminating);
    schedule.life = life.then(changed, ScheduleState::Completed);
    for job in jobs_of(site, id, |job| job.ensure_open(now).is_ok()) {
        jobs::end(site, &job, "JobScheduleTerminate");
    }
    touched(site, id, StatusCode::ACCEPTED)
}

fn turn(site: &mut Site<'_>, method: &Method, id: &ScheduleId, state: ScheduleState) -> Answer {
    only(method, &Method::POST, || {
        let now = site.scene.now;
        open(site, id)?;
        let schedule = site.account.schedule_mut(id)?;
        if schedule.life.at(now) != state {
            schedule.life.cut(now);
            schedule.life = schedule.life.clone().then(now, state);
        }
        touched(site, id, StatusCode::NO_CONTENT)
    })
}

fn find<'a>(site: &'a Site<'_>, id: &ScheduleId) -> Result<&'a Schedule, Refusal> {
    let mut schedules = site.account.schedules.iter();
    schedules
        .find(|schedule| schedule.id == *id)
        .ok_or_else(|| SCHEDULE_NOT_FOUND.into())
}

/// The conditions hold, and it is neither completed nor on its way there or out.
fn open(site: &Site<'_>, id: &ScheduleId) -> Result<(), Refusal> {
    let schedule = find(site, id)?;
    conditions::check(site.request, &schedule.version)?;
    schedule.ensure_open(site.scene.now)
}

fn jobs_of(site: &Site<'_>, id: &ScheduleId, wanted: impl Fn(&Job) -> bool) -> Vec<JobId> {
    let now = site.scene.now;
    let jobs = site.account.jobs.iter().filter(|job| !job.is_gone(now));
    let jobs = jobs.filter(|job| job.schedule.as_ref() == Some(id) && wanted(job));
    jobs.map(|job| job.id.clone()).collect()
}

fn touched(site: &mut Site<'_>, id: &ScheduleId, status: StatusCode) -> Answer {
    let version = Version {
        etag: site.scene.ids.etag(),
        modified: site.scene.now,
    };
    let url = format!("{}/jobschedules/{id}", site.base);
    site.account.schedule_mut(id)?.version = version.clone();
    Ok(Reply::empty(status).versioned(version).naming(url, Naming::Written))
}
