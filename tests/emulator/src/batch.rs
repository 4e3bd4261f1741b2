//! Azure Batch: accounts on the resource manager, and pools, nodes, jobs and tasks on both planes.
//!
//! A guided tour: `data_plane` and `arm_plane` read requests and show answers in each plane's words; both call the
//! rules in `pool`, `job` and `account`. `allocation` decides how a resize goes, `image` whether an image boots, `node`
//! how a node lives; all three are functions of values. Everything that takes time is a `timeline`, so nothing ticks;
//! `settle` carries out what was due since the last request. `wire` is the only file that knows the data plane's
//! envelope.
//!
//! It does not know where images come from: `galleries` asks [`crate::compute::Compute::image_version`].

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::compute::Compute;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::entra::{Caller, Denied, Entra};
use crate::http::{Request, Response};
use crate::rights::Rights;

mod account;
mod allocation;
mod arm_plane;
mod auto_pool;
mod autoscale;
mod conditions;
mod data_plane;
mod galleries;
mod ids;
mod image;
mod job;
mod listing;
mod misfortune;
mod node;
mod odata;
mod overview;
mod pace;
mod pool;
mod refusal;
mod scene;
mod schedule;
mod scheduling_error;
mod secrets;
mod seed;
mod settle;
mod shared_key;
mod subnet;
mod supported_images;
mod task;
mod timeline;
mod upgrade;
mod wire;

use account::Account;
use data_plane::Site;
use data_plane::authenticate::authenticate;
use galleries::Galleries;
use pace::Pace;
use refusal::{ACCOUNT_NOT_FOUND, Refusal};
use scene::Scene;
use shared_key::Credential;
use subnet::Subnet;

/// Everything Batch knows.
#[derive(Debug, Default)]
pub struct Batch {
    accounts: Vec<Account>,
    operations: Vec<arm_plane::operations::Operation>,
    pace: Pace,
}

/// What Batch answers with: its own accounts, the mechanics, and what it sees of the other services.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) batch: &'a mut Batch,
    pub(crate) engine: &'a mut Engine,
    pub(crate) compute: &'a Compute,
    pub(crate) directory: &'a Directory,
    pub(crate) entra: &'a Entra,
    pub(crate) rights: &'a Rights,
    /// Every network resource, as the resource manager shows it.
    pub(crate) networks: Vec<Value>,
}

/// Where a data-plane request goes.
#[derive(Debug)]
struct Route {
    account: String,
    /// What stands before the path that the service knows, e.g. `/batch/acct1`; usually nothing.
    prefix: String,
}

impl Batch {
    /// Reads the seed's `batchAccounts`. One that is there already keeps its pools, jobs and schedules, but for those that
    /// the seed has too; all else is as the seed says. Accounts that name no subscription are in the one given. Tasks of its jobs wait for a node from `now` on.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the value.
    pub fn seed(&mut self, value: &Value, subscription: &str, now: Timestamp) -> Result<(), String> {
        for value in value.as_array().map_or(&[] as &[Value], Vec::as_slice) {
            let mut account = seed::read_account(value, subscription, now)?;
            let is_same = |known: &Account| known.name.eq_ignore_ascii_case(&account.name);
            if let Some(place) = self.accounts.iter().position(is_same) {
                account.keep_what_is_in(self.accounts.swap_remove(place));
            }
            self.accounts.push(account);
        }
        Ok(())
    }

    /// Every account, pool and job as ARM or the data plane shows it, by id.
    pub(crate) fn resources(&self, now: Timestamp) -> Value {
        let mut all = Map::new();
        let there = |account: &&Account| account.life.word(now).is_some();
        for account in self.accounts.iter().filter(there) {
            let id = account.id().to_lowercase();
            let pools = account.pools.iter().filter(|pool| !pool.is_gone(now));
            let pools = pools.map(|pool| (format!("{id}/pools/{}", pool.id).to_lowercase(), pool.render("", now)));
            let jobs = account.jobs.iter().filter(|job| !job.is_gone(now));
            let jobs = jobs.map(|job| (format!("{id}/jobs/{}", job.id).to_lowercase(), job.render("", now)));
            let working = account
                .jobs
                .iter()
                .filter(|job| !job.tasks.is_empty() && !job.is_gone(now));
            let work = working.map(|job| (format!("{id}/jobs/{}/tasks", job.id).to_lowercase(), job.work(now)));
            let schedules = account.schedules.iter().filter(|schedule| !schedule.is_gone(now));
            let schedules = schedules.map(|schedule| {
                (
                    format!("{id}/jobschedules/{}", schedule.id).to_lowercase(),
                    schedule.render("", now),
                )
            });
            let others: Vec<(String, Value)> = pools.chain(jobs).chain(work).chain(schedules).collect();
            all.insert(id, arm_plane::accounts::render(account, None, now));
            all.extend(others);
        }
        let mut sorted: Vec<(String, Value)> = all.into_iter().collect();
        sorted.sort_by(|left, right| left.0.cmp(&right.0));
        secrets::without_secrets(Value::Object(sorted.into_iter().collect()))
    }

    /// Forgets the accounts whose deletion is over at `now`.
    fn settle(&mut self, now: Timestamp) {
        self.accounts.retain(|account| account.life.word(now).is_some());
    }

    /// Removes the accounts of a resource group.
    pub(crate) fn remove_group(&mut self, group: &str) {
        let prefix = format!("{}/", group.to_lowercase());
        self.accounts
            .retain(|account| !account.id().to_lowercase().starts_with(&prefix));
    }

    /// Which account a data-plane request is for: by host, by path prefix, by the key's name, or the only one.
    fn route(&self, call: &Call<'_>) -> Option<Route> {
        let request = call.request;
        // What is being made has no data plane yet; what is being deleted has none any more.
        let known = |name: &str| {
            self.account(name)
                .filter(|account| account.life.word(call.now) == Some("Succeeded"))
        };
        let host = request.authority.split(':').next().unwrap_or_default();
        if let Some((name, _)) = host.split_once('.').filter(|(_, rest)| rest.contains("batch.")) {
            return known(name).map(|account| Route {
                account: account.name.clone(),
                prefix: String::new(),
            });
        }
        if let Some(rest) = request.path.strip_prefix("/batch/") {
            let name = rest.split('/').next().unwrap_or_default();
            let prefix = format!("/batch/{name}");
            return known(name).map(|account| Route {
                account: account.name.clone(),
                prefix,
            });
        }
        let signed = request
            .header("authorization")
            .and_then(Credential::parse)
            .and_then(|key| known(key.account));
        let only = self.accounts.first().filter(|_| self.accounts.len() == 1);
        signed.or(only).map(|account| Route {
            account: account.name.clone(),
            prefix: String::new(),
        })
    }

    fn account(&self, name: &str) -> Option<&Account> {
        let mut accounts = self.accounts.iter();
        accounts.find(|account| account.name.eq_ignore_ascii_case(name))
    }

    fn account_mut(&mut self, name: &str) -> Option<&mut Account> {
        self.accounts
            .iter_mut()
            .find(|account| account.name.eq_ignore_ascii_case(name))
    }
}

/// Answers a data-plane request.
pub(crate) fn respond(parts: &mut Parts<'_>, call: &Call<'_>) -> Response {
    parts.batch.settle(call.now);
    let id = parts.engine.ids.guid();
    let Some(route) = parts.batch.route(call) else {
        let base = format!("https://{}", call.request.authority);
        return wire::respond(call.request, &base, &id, call.now, Err(nobody(call.request)));
    };
    let base = format!("https://{}{}", call.request.authority, route.prefix);
    let answer = answer(parts, call, &route, &base);
    wire::respond(call.request, &base, &id, call.now, answer)
}

/// Why a request reaches no account: there is none of that name, or it is no request to Batch at all.
fn nobody(request: &Request) -> Refusal {
    let first = request.segments().into_iter().next().unwrap_or_default();
    let is_batch = matches!(
        first.as_str(),
        "pools" | "jobs" | "jobschedules" | "supportedimages" | "nodecounts" | "batch"
    );
    if is_batch {
        ACCOUNT_NOT_FOUND.into()
    } else {
        Refusal::unsupported(request)
    }
}

/// A scripted refusal in the data plane's envelope.
pub(crate) fn refuse(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    status: StatusCode,
    (code, message): (&str, &str),
) -> Response {
    let id = parts.engine.ids.guid();
    let prefix = parts.batch.route(call).map(|route| route.prefix).unwrap_or_default();
    let base = format!("https://{}{prefix}", call.request.authority);
    wire::respond(
        call.request,
        &base,
        &id,
        call.now,
        Err(Refusal::scripted(status, code, message)),
    )
}

/// A token's refusal in the data plane's envelope; `page` is where to sign in.
pub(crate) fn refuse_token(parts: &mut Parts<'_>, call: &Call<'_>, denied: &Denied, page: &str) -> Response {
    let id = parts.engine.ids.guid();
    let base = format!("https://{}", call.request.authority);
    let refusal = data_plane::authenticate::unauthenticated(denied, page);
    wire::respond(call.request, &base, &id, call.now, Err(refusal))
}

fn answer(parts: &mut Parts<'_>, call: &Call<'_>, route: &Route, base: &str) -> data_plane::Answer {
    let account = parts.batch.account(&route.account);
    let account = account.ok_or_else(|| Refusal::from(ACCOUNT_NOT_FOUND))?;
    let tenant = parts.directory.tenant_of(&account.subscription).unwrap_or("common");
    let proof = authenticate(account, tenant, parts.entra, call.request, call.now)?;
    if let Some(action) = parts
        .rights
        .missing_on_request(parts.entra, call, &account.id(), &route.prefix)
    {
        let message = format!("The caller's roles do not allow '{}'.", action.name());
        return Err(Refusal::scripted(
            StatusCode::FORBIDDEN,
            "InsufficientAccountPermissions",
            &message,
        ));
    }
    if let Some((action, id)) = parts.rights.missing_on_named(parts.entra, call) {
        return Err(Refusal::permission(action.name(), &id));
    }
    let path = call
        .request
        .path
        .strip_prefix(route.prefix.as_str())
        .unwrap_or_default();
    let segments = Request {
        path: path.to_owned(),
        ..call.request.clone()
    }
    .segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answer = with_scene(parts, &route.account, call.now, |account, scene| {
        let mut site = Site {
            account,
            scene,
            request: call.request,
            base: base.to_owned(),
            proof,
        };
        data_plane::answer(&mut site, &segments)
    });
    answer.unwrap_or_else(|| Err(ACCOUNT_NOT_FOUND.into()))
}

/// Brings every account up to `now`, for who looks without a request: tasks go on also while none is sent.
pub(crate) fn catch_up(parts: &mut Parts<'_>, now: Timestamp) {
    let names: Vec<String> = parts
        .batch
        .accounts
        .iter()
        .map(|account| account.name.clone())
        .collect();
    for name in names {
        with_scene(parts, &name, now, |_, _| ());
    }
}

/// Runs a rule with an account, brought up to `now`, and the world around it; `None` when there is no such account.
fn with_scene<T>(
    parts: &mut Parts<'_>,
    name: &str,
    now: Timestamp,
    rule: impl FnOnce(&mut Account, Scene<'_>) -> T,
) -> Option<T> {
    let subnets = Subnet::all(&parts.networks);
    let Parts {
        batch,
        compute,
        directory: arm,
        engine,
        ..
    } = parts;
    let Engine {
        timing, faults, ids, ..
    } = &mut **engine;
    let pace = batch.pace;
    let account = batch.account_mut(name)?;
    let gallery = Galleries {
        compute,
        arm,
        tenant: arm.tenant_of(&account.subscription),
    };
    let mut scene = Scene {
        now,
        timing,
        pace: &pace,
        faults,
        ids,
        gallery: &gallery,
        subnets: &subnets,
    };
    settle::settle(account, &mut scene);
    Some(rule(account, scene))
}

/// Answers a request under `Microsoft.Batch` on the resource manager.
pub(crate) fn respond_arm(parts: &mut Parts<'_>, call: &Call<'_>, _caller: &Caller) -> Response {
    parts.batch.settle(call.now);
    arm_plane::answer(parts, call).unwrap_or_else(|error| error.response())
}
