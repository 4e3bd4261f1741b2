//! Requests about job schedules, as far as roll-outs touch them.
//!
//! Recurrence is not played: a schedule makes its first job and no other.

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::{Answer, Site, jobs, only};
use crate::batch::conditions;
use crate::batch::ids::{JobId, ScheduleId};
use crate::batch::listing::{self, Kind};
use crate::batch::pool::body::{object, required};
use crate::batch::refusal::{
    INVALID_REQUEST_BODY, JOB_COMPLETED, JOB_QUOTA_REACHED, Refusal, SCHEDULE_EXISTS, SCHEDULE_NOT_FOUND,
};
use crate::batch::schedule::{SETTINGS, Schedule, ScheduleState};
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
        [id, "disable"] => turn(site, method, &ScheduleId::of(id), ScheduleState::Disabled),
        [id, "enable"] => turn(site, method, &ScheduleId::of(id), ScheduleState::Active),
        [id, "terminate"] => turn(site, method, &ScheduleId::of(id), ScheduleState::Completed),
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

fn create(site: &mut Site<'_>) -> Answer {
    let body = site.body()?;
    let text = required(&body, "id")?;
    let id = ScheduleId::parse(text).ok_or_else(|| Refusal::property("id", text, "The id is not valid."))?;
    let settings = read_settings(&body, &["id"])?;
    let specification = settings
        .get("jobSpecification")
        .ok_or_else(|| Refusal::missing("jobSpecification"))?;
    let account = &mut *site.account;
    if account.schedules.iter().any(|known| known.id == id) {
        return Err(SCHEDULE_EXISTS.into());
    }
    if account.schedules.len() >= usize::try_from(account.quotas.active_jobs_and_schedules).unwrap_or(usize::MAX) {
        return Err(JOB_QUOTA_REACHED.into());
    }
    let job = first_job(&id, specification);
    if let Some((job, settings)) = job.clone() {
        jobs::add(account, &mut site.scene, job, settings)?;
    }
    let now = site.scene.now;
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
        job: job.map(|(job, _)| job),
    });
    Ok(Reply::empty(StatusCode::CREATED)
        .versioned(version)
        .naming(url, Naming::Created))
}

/// The schedule's first job, named as the service names it; none when the pool is to be made for it.
fn first_job(id: &ScheduleId, specification: &Value) -> Option<(JobId, Map<String, Value>)> {
    crate::json::text(specification, "/poolInfo/poolId")?;
    let settings = jobs::read_settings(specification, &[]).ok()?;
    Some((JobId::of(&format!("{id}:job-1")), settings))
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
    let found = site
        .account
        .schedules
        .iter()
        .find(|schedule| schedule.id == *id)
        .ok_or(SCHEDULE_NOT_FOUND)?;
    conditions::check(site.request, &found.version)?;
    match *method {
        Method::HEAD => Ok(Reply::empty(StatusCode::OK).versioned(found.version.clone())),
        Method::GET => {
            let body = listing::select(site.request, SCHEDULES, &found.render(&site.base, now))?;
            Ok(Reply::element(&site.base, "jobschedules", body).versioned(found.version.clone()))
        }
        Method::PATCH | Method::PUT => {
            let settings = read_settings(&site.body()?, &[])?;
            site.account.schedule_mut(id)?.settings.extend(settings);
            touched(site, id, StatusCode::OK)
        }
        Method::DELETE => {
            site.account.schedules.retain(|schedule| schedule.id != *id);
            Ok(Reply::empty(StatusCode::ACCEPTED))
        }
        _ => Err(Refusal::verb(method)),
    }
}

fn turn(site: &mut Site<'_>, method: &Method, id: &ScheduleId, state: ScheduleState) -> Answer {
    only(method, &Method::POST, || {
        let now = site.scene.now;
        let schedule = site.account.schedule_mut(id)?;
        conditions::check(site.request, &schedule.version)?;
        if schedule.life.at(now) == ScheduleState::Completed {
            return Err(Refusal::from(JOB_COMPLETED).saying("The specified job schedule is already completed."));
        }
        schedule.life.cut(now);
        schedule.life = schedule.life.clone().then(now, state);
        let status = if state == ScheduleState::Completed {
            StatusCode::ACCEPTED
        } else {
            StatusCode::NO_CONTENT
        };
        touched(site, id, status)
    })
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
