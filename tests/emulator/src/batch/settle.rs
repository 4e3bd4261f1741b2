//! Brings an account up to a moment: whatever had to happen by then has happened, in order and at its own time.
//!
//! Called before every request, it makes the same history however far apart requests are: nothing in it depends on
//! when it is called. Tasks and jobs that end with their tasks are in `task`.

use jiff::Timestamp;

use super::account::Account;
use super::allocation::DeallocationOption;
use super::auto_pool;
use super::ids::{NodeId, PoolId, ScheduleId};
use super::job::interrupt::interrupt;
use super::job::{self, Job, MadePool, NewJob};
use super::pool::{Preemptions, change};
use super::scene::Scene;
use super::schedule::{Recent, Schedule, ScheduleState, Step};
use super::task;
use super::upgrade;

/// Something that happens without a request.
#[derive(Clone, Debug)]
enum Event {
    /// Azure takes a spot node away.
    Preempt(PoolId, NodeId),
    /// Azure puts a newer version on a node.
    Upgrade(PoolId, NodeId),
    /// What a pool was made for is over.
    Retire(PoolId),
    /// A schedule makes its next job or ends.
    Step(ScheduleId, Step),
}

/// Carries out what was due by the scene's time.
pub(crate) fn settle(account: &mut Account, scene: &mut Scene<'_>) {
    let now = scene.now;
    upgrade::begin(account, scene);
    loop {
        let due = next(account, now);
        let until = due.as_ref().map_or(now, |(at, _)| *at);
        task::assign::settle(account, until, scene.pace, scene.timing);
        match due {
            Some((at, event)) => {
                scene.now = at;
                carry_out(account, event, scene);
            }
            // Jobs may have ended with their tasks just now.
            None if next(account, now).is_none() => break,
            None => {}
        }
    }
    scene.now = now;
    account.schedules.retain(|schedule| !schedule.is_gone(now));
}

/// The earliest event up to `now`.
fn next(account: &Account, now: Timestamp) -> Option<(Timestamp, Event)> {
    let pools = account.pools.iter();
    let pools = pools.filter(|pool| pool.preemptions == Preemptions::Planned && pool.deletion.is_none());
    let preempted = pools.flat_map(|pool| {
        let nodes = pool.nodes.iter();
        nodes.filter_map(|node| Some((node.preempted_at()?, Event::Preempt(pool.id.clone(), node.id.clone()))))
    });
    let retired = account
        .jobs
        .iter()
        .filter_map(end_of_pool)
        .chain(account.schedules.iter().filter_map(end_of_shared_pool))
        .filter(|(_, pool)| is_standing(account, pool))
        .map(|(at, pool)| (at, Event::Retire(pool.clone())));
    let steps = account.schedules.iter().filter_map(|schedule| {
        let (at, step) = schedule.due(recent(account, schedule))?;
        Some((at, Event::Step(schedule.id.clone(), step)))
    });
    let upgraded = account.pools.iter().filter_map(|pool| {
        let (at, node) = upgrade::due(pool)?;
        Some((at, Event::Upgrade(pool.id.clone(), node)))
    });
    preempted
        .chain(upgraded)
        .chain(retired)
        .chain(steps)
        .filter(|(at, _)| *at <= now)
        .min_by_key(|(at, _)| *at)
}

fn is_standing(account: &Account, id: &PoolId) -> bool {
    let mut pools = account.pools.iter();
    pools.any(|pool| pool.id == *id && pool.deletion.is_none())
}

/// When the pool that was made for a job alone goes, if it does.
fn end_of_pool(job: &Job) -> Option<(Timestamp, &PoolId)> {
    let Some(MadePool::Own(pool)) = &job.made_pool else {
        return None;
    };
    let kept = auto_pool::is_kept(job.settings.get("poolInfo"));
    job.ends_at().filter(|_| !kept).map(|at| (at, pool))
}

fn end_of_shared_pool(schedule: &Schedule) -> Option<(Timestamp, &PoolId)> {
    let pool = schedule.auto_pool.as_ref()?;
    let kept = auto_pool::is_kept(schedule.pool_info());
    schedule.ends_at().filter(|_| !kept).map(|at| (at, pool))
}

fn recent(account: &Account, schedule: &Schedule) -> Recent {
    let job = schedule.recent.as_ref();
    let job = job.and_then(|id| account.jobs.iter().find(|job| job.id == *id));
    match job.map(Job::ends_at) {
        Some(None) => Recent::Open,
        Some(Some(at)) => Recent::EndsAt(at),
        None => Recent::EndsAt(schedule.created),
    }
}

fn carry_out(account: &mut Account, event: Event, scene: &mut Scene<'_>) {
    match event {
        Event::Preempt(pool, node) => preempt(account, &pool, &node, scene),
        Event::Upgrade(pool, node) => upgrade::carry_out(account, &pool, &node, scene),
        Event::Retire(pool) => {
            // It stands and is not being deleted, which is all that could be refused.
            let _stands = change::delete(account, &pool, scene);
        }
        Event::Step(id, Step::Run { next }) => run(account, &id, next, scene),
        Event::Step(id, Step::Finish) => {
            if let Ok(schedule) = account.schedule_mut(&id) {
                schedule.life = schedule.life.clone().then(scene.now, ScheduleState::Completed);
            }
        }
    }
}

fn preempt(account: &mut Account, pool: &PoolId, node: &NodeId, scene: &Scene<'_>) {
    let nodes = account.pools.iter_mut().filter(|known| known.id == *pool);
    let node = nodes.flat_map(|pool| &mut pool.nodes).find(|known| known.id == *node);
    let interrupted = node
        .map(|node| node.preempt(scene.now, scene.boot()))
        .unwrap_or_default();
    interrupt(account, &interrupted, DeallocationOption::Requeue, scene.now);
}

/// Makes the schedule's next job. One that the account has no room for is left out.
fn run(account: &mut Account, id: &ScheduleId, next: Option<Timestamp>, scene: &mut Scene<'_>) {
    let shared = account
        .schedule_mut(id)
        .ok()
        .and_then(|schedule| schedule.auto_pool.clone());
    let standing = shared.filter(|pool| is_standing(account, pool));
    let Ok(schedule) = account.schedule_mut(id) else {
        return;
    };
    schedule.next_run = next;
    schedule.made += 1;
    let new = NewJob::of_schedule(schedule, standing);
    let job = new.id.clone();
    if job::rules::add(account, new, scene).is_err() {
        return;
    }
    let made = account.jobs.iter().find(|known| known.id == job);
    let pool = made.and_then(|made| made.made_pool.clone());
    if let Ok(schedule) = account.schedule_mut(id) {
        schedule.recent = Some(job);
        if let Some(MadePool::Shared(pool)) = pool {
            schedule.auto_pool = Some(pool);
        }
    }
}
