//! Requests about tasks: enough to run a canary command and read how it ended.
//!
//! Subtasks, reactivation and updates are not served.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::site::{Answer, Site, only};
use crate::batch::conditions;
use crate::batch::ids::{JobId, TaskId};
use crate::batch::listing::{self, Kind};
use crate::batch::pool::body::{object, required};
use crate::batch::refusal::{FILE_NOT_FOUND, INVALID_REQUEST_BODY, Refusal, TASK_EXISTS, TASK_NOT_FOUND};
use crate::batch::task::{SETTINGS, Task, TaskState};
use crate::batch::wire::{File, Naming, Reply, Version, timestamp};

/// The service's limit on the tasks of one collection.
const MOST_ADDED: usize = 100;

const TASKS: Kind = Kind {
    metadata: "tasks",
    filterable: &[
        "id",
        "displayName",
        "state",
        "stateTransitionTime",
        "creationTime",
        "lastModified",
        "executionInfo/exitCode",
        "executionInfo/result",
    ],
    selectable: &[
        "id",
        "displayName",
        "url",
        "eTag",
        "lastModified",
        "creationTime",
        "exitConditions",
        "state",
        "stateTransitionTime",
        "previousState",
        "previousStateTransitionTime",
        "commandLine",
        "containerSettings",
        "resourceFiles",
        "outputFiles",
        "environmentSettings",
        "affinityInfo",
        "constraints",
        "requiredSlots",
        "userIdentity",
        "executionInfo",
        "nodeInfo",
        "multiInstanceSettings",
        "stats",
        "dependsOn",
        "applicationPackageReferences",
    ],
};

/// `/jobs/{id}/tasks…`.
///
/// # Errors
/// What the service refuses.
pub(crate) fn answer(site: &mut Site<'_>, method: &Method, job: &JobId, rest: &[&str]) -> Answer {
    match rest {
        [] if *method == Method::GET => list(site, job),
        [] => only(method, &Method::POST, || create(site, job)),
        [task] => element(site, method, job, &TaskId::of(task)),
        [task, "terminate"] => only(method, &Method::POST, || terminate(site, job, &TaskId::of(task))),
        [task, "files", path @ ..] if !path.is_empty() => file(site, method, job, (&TaskId::of(task), &path.join("/"))),
        _ => Err(Refusal::unsupported(site.request)),
    }
}

/// POST addtaskcollection.
///
/// # Errors
/// The body is none; what is wrong with single tasks is reported one by one.
pub(crate) fn add_collection(site: &mut Site<'_>, job: &JobId) -> Answer {
    let body = site.body()?;
    let tasks = crate::json::list(&body, "/value");
    if tasks.is_empty() || tasks.len() > MOST_ADDED {
        let reason = "A collection has 1 to 100 tasks.";
        return Err(Refusal::property("value", &tasks.len().to_string(), reason));
    }
    site.account.job(job, site.scene.now)?.ensure_open(site.scene.now)?;
    let results: Vec<Value> = tasks.iter().map(|task| add_result(site, job, task)).collect();
    Ok(Reply::result(&site.base, "taskaddresult", json!({"value": results})))
}

fn add_result(site: &mut Site<'_>, job: &JobId, body: &Value) -> Value {
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    match add(site, job, body) {
        Ok((url, version)) => json!({
            "status": "Success", "taskId": id, "eTag": version.etag,
            "lastModified": timestamp(version.modified), "location": url
        }),
        Err(refusal) => json!({
            "status": "ClientError", "taskId": id,
            "error": {"code": refusal.code(), "message": {"lang": "en-US", "value": refusal.message()}}
        }),
    }
}

fn add(site: &mut Site<'_>, job: &JobId, body: &Value) -> Result<(String, Version), Refusal> {
    let id = required(body, "id")?;
    let id = TaskId::parse(id).ok_or_else(|| Refusal::property("id", id, "The id is not valid."))?;
    required(body, "commandLine")?;
    let mut settings = Map::new();
    for (name, value) in object(body)? {
        if SETTINGS.contains(&name.as_str()) {
            settings.insert(name.clone(), value.clone());
        } else if name != "id" {
            return Err(Refusal::from(INVALID_REQUEST_BODY).with("PropertyName", name));
        }
    }
    let version = Version {
        etag: site.scene.ids.etag(),
        modified: site.scene.now,
    };
    let job = site.account.job_mut(job, site.scene.now)?;
    job.ensure_open(site.scene.now)?;
    if job.tasks.iter().any(|task| task.id == id) {
        return Err(TASK_EXISTS.into());
    }
    let task = Task::new(id, version.clone(), settings);
    let url = task.url(&site.base, &job.id);
    job.tasks.push(task);
    Ok((url, version))
}

fn create(site: &mut Site<'_>, job: &JobId) -> Answer {
    let body = site.body()?;
    let (url, version) = add(site, job, &body)?;
    Ok(Reply::empty(StatusCode::CREATED)
        .versioned(version)
        .naming(url, Naming::Created))
}

fn list(site: &Site<'_>, id: &JobId) -> Answer {
    let now = site.scene.now;
    let job = site.account.job(id, now)?;
    let items = job.tasks.iter().map(|task| {
        (
            task.id.as_str().to_ascii_lowercase(),
            task.render(&site.base, &job.id, now),
        )
    });
    site.list(&format!("jobs/{id}/tasks"), TASKS, items.collect())
}

fn element(site: &mut Site<'_>, method: &Method, job: &JobId, id: &TaskId) -> Answer {
    let now = site.scene.now;
    let task = find(site, job, id)?;
    conditions::check(site.request, &task.version)?;
    match *method {
        Method::GET => {
            let body = listing::select(site.request, TASKS, &task.render(&site.base, job, now))?;
            Ok(Reply::element(&site.base, "tasks", body).versioned(task.version.clone()))
        }
        Method::DELETE => {
            site.account.job_mut(job, now)?.tasks.retain(|task| task.id != *id);
            Ok(Reply::empty(StatusCode::OK))
        }
        Method::PUT | Method::PATCH => Err(Refusal::unsupported(site.request)),
        _ => Err(Refusal::verb(method)),
    }
}

fn terminate(site: &mut Site<'_>, job: &JobId, id: &TaskId) -> Answer {
    let now = site.scene.now;
    find(site, job, id)?;
    let url = format!("{}/jobs/{job}/tasks/{id}", site.base);
    let tasks = &mut site.account.job_mut(job, now)?.tasks;
    if let Some(task) = tasks
        .iter_mut()
        .find(|task| task.id == *id && task.state(now) != TaskState::Completed)
    {
        task.terminate(now);
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT).naming(url, Naming::Written))
}

fn find<'a>(site: &'a Site<'_>, job: &JobId, id: &TaskId) -> Result<&'a Task, Refusal> {
    let job = site.account.job(job, site.scene.now)?;
    job.tasks
        .iter()
        .find(|task| task.id == *id)
        .ok_or_else(|| TASK_NOT_FOUND.into())
}

fn file(site: &Site<'_>, method: &Method, job: &JobId, (id, path): (&TaskId, &str)) -> Answer {
    let now = site.scene.now;
    let task = find(site, job, id)?;
    let run = task.run(now).ok_or(FILE_NOT_FOUND)?;
    let failed = run.end <= now && run.exit_code != 0;
    let text = match path {
        "stdout.txt" => format!("emulated: {}\n", task.command()),
        "stderr.txt" if failed => format!("emulated: exit code {}\n", run.exit_code),
        "stderr.txt" => String::new(),
        _ => return Err(FILE_NOT_FOUND.into()),
    };
    let file = File {
        url: format!("{}/files/{path}", task.url(&site.base, job)),
        text,
        modified: run.end.min(now),
    };
    match *method {
        Method::GET => Ok(Reply::file(file)),
        Method::HEAD => Ok(Reply::file_head(file)),
        _ => Err(Refusal::verb(method)),
    }
}
