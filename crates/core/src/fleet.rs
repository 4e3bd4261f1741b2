//! Many pools in one run: all are looked at first, then one is rolled out, then the rest, some at a time.
//!
//! What becomes of one pool is decided in `rollout`; here it is only when its turn is, and whether it has one. Whether all
//! of them fit together is found out in `room`.

mod common;
mod overlap;
mod returning;
mod room;

use std::collections::VecDeque;

pub use common::SharedFact;
pub use returning::{FleetReturnPlan, PoolReturn, PoolReturnPlan, Prospect, ReturnEnd, plan_returns, return_all};

use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::{
    choice::Choosing,
    client::Client,
    error::{ErrorKind, Result},
    ids::PoolId,
    plan::Plan,
    rollout::{self, Demand, Extent, Foreseen, Resolved, Resumes, RolloutOutcome, RolloutStep},
    settings::{AfterFailure, Checked, FleetSettings},
    watch::Looks,
};

/// What became of one of the pools.
#[derive(Debug)]
pub struct PoolRun {
    /// The pool.
    pub pool: PoolId,
    /// 1 for the pool that goes first, 2 for the rest.
    pub wave: usize,
    /// How its roll-out ended; nothing when it was not begun, since another one had failed.
    pub outcome: Option<RolloutOutcome>,
}

/// What a roll-out of one of the pools would do.
#[derive(Debug)]
pub struct PoolPlan {
    /// The pool.
    pub pool: PoolId,
    /// 1 for the pool that goes first, 2 for the rest.
    pub wave: usize,
    /// Its steps, or why it cannot be rolled out.
    pub plan: Result<Plan<RolloutStep>>,
}

/// What a roll-out of all pools would do.
#[derive(Debug)]
pub struct FleetPlan {
    /// What more than one of them needs or brings, said once: what they have in common, and their sums.
    pub facts: Vec<SharedFact>,
    /// Each of them, with what is its own, in the order of the file.
    pub pools: Vec<PoolPlan>,
}

/// What one pool shall run and what that takes, or why it cannot be rolled out.
type Looked = Result<(Resolved, Foreseen)>;

/// The pools whose turn has not come, and those that have ended.
struct Queue {
    waiting: VecDeque<usize>,
    ended: Vec<Option<RolloutOutcome>>,
    after_failure: AfterFailure,
    stopped: bool,
}

impl Queue {
    fn new(pools: usize, after_failure: AfterFailure) -> Self {
        Self {
            waiting: (0..pools).collect(),
            ended: (0..pools).map(|_| None).collect(),
            after_failure,
            stopped: false,
        }
    }

    /// The next pool whose turn it is, when so many are under way.
    fn next(&mut self, under_way: usize, max_parallel: usize) -> Option<usize> {
        let begun = self.ended.len() - self.waiting.len();
        let room = if begun == 0 || self.is_first_under_way(begun, under_way) {
            usize::from(begun == 0)
        } else {
            max_parallel
        };
        if self.stopped || under_way >= room {
            return None;
        }
        let next = self.waiting.pop_front()?;
        // Its look has failed, or it went on before all others.
        if self.has_ended(next) {
            return self.next(under_way, max_parallel);
        }
        Some(next)
    }

    const fn is_first_under_way(&self, begun: usize, under_way: usize) -> bool {
        begun == 1 && under_way == 1
    }

    fn has_ended(&self, pool: usize) -> bool {
        self.ended.get(pool).is_some_and(Option::is_some)
    }

    fn end(&mut self, pool: usize, outcome: RolloutOutcome) {
        if let Err(error) = &outcome.result {
            // Who asked to stop, or has no time left, wants no further pool begun.
            let ends_run = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
            self.stopped |= ends_run || self.after_failure == AfterFailure::Stop;
        }
        if let Some(place) = self.ended.get_mut(pool) {
            *place = Some(outcome);
        }
    }
}

/// Rolls all of them out; the results are in the order of the file.
pub async fn run(client: &Client, fleet: &Checked<FleetSettings>) -> Vec<PoolRun> {
    let looks = Looks::of_many();
    let (mut looked, _sums) = look(client, fleet, (&looks, Extent::Steps)).await;
    let mut queue = Queue::new(fleet.pools.len(), fleet.after_failure);
    if are_held_up(&looked) {
        finish(client, &looks, &looked, &mut queue).await;
        if !queue.stopped {
            looked = look(client, fleet, (&looks, Extent::Steps)).await.0;
        }
    }
    let mut resolved = Vec::new();
    for (number, (settings, looked)) in fleet.pools.iter().zip(looked).enumerate() {
        resolved.push(match looked {
            Ok((settings, foreseen)) => Some((settings, foreseen.demand)),
            Err(_) if queue.has_ended(number) => None,
            Err(error) => {
                queue.end(number, rollout::refused(settings, error));
                None
            }
        });
    }
    let mut running = FuturesUnordered::new();
    loop {
        while let Some(next) = queue.next(running.len(), fleet.max_parallel) {
            if let Some(Some((resolved, _demand))) = resolved.get(next) {
                running.push(one(client, resolved, &looks, next));
            }
        }
        let Some((number, outcome)) = running.next().await else {
            break;
        };
        if number == 0 && outcome.result.is_ok() {
            expect_rest(client, &looks, resolved.iter().skip(1).flatten()).await;
        }
        queue.end(number, outcome);
    }
    let all = fleet.pools.iter().zip(queue.ended).enumerate();
    all.map(|(number, (settings, outcome))| PoolRun {
        pool: settings.pool.id.clone(),
        wave: wave(number),
        outcome,
    })
    .collect()
}

/// Whether a pool finds no room while a move of another run holds that of two pools.
fn are_held_up(looked: &[Looked]) -> bool {
    let finds_none = |looked: &Looked| {
        let error = looked.as_ref().err();
        error.is_some_and(|error| matches!(error.kind(), ErrorKind::Quota | ErrorKind::Refused))
    };
    looked.iter().any(goes_on) && looked.iter().any(finds_none)
}

fn goes_on(looked: &Looked) -> bool {
    looked
        .as_ref()
        .is_ok_and(|(_, foreseen)| foreseen.resumes == Resumes::Yes)
}

/// Goes on with the moves that another run began, one by one, before the others are looked at once more.
async fn finish(client: &Client, looks: &Looks, looked: &[Looked], queue: &mut Queue) {
    for (number, looked) in looked.iter().enumerate() {
        if let Ok((resolved, _)) = looked
            && goes_on(looked)
            && !queue.stopped
        {
            let (_, outcome) = one(client, resolved, looks, number).await;
            queue.end(number, outcome);
        }
    }
}

/// What rolling all of them out would do now. It writes nothing.
pub async fn plan(client: &Client, fleet: &Checked<FleetSettings>) -> FleetPlan {
    let (looked, quotas) = look(client, fleet, (&Looks::of_many(), Extent::WithNeeds)).await;
    let (mut pools, mut billed) = (Vec::new(), Vec::new());
    for (number, (settings, looked)) in fleet.pools.iter().zip(looked).enumerate() {
        let pool = settings.pool.id.clone();
        let plan = looked.map(|(_resolved, foreseen)| {
            billed.extend(foreseen.upkeep.map(|upkeep| (pool.clone(), upkeep)));
            foreseen.plan
        });
        let wave = wave(number);
        pools.push(PoolPlan { pool, wave, plan });
    }
    let mut facts = common::split(&mut pools);
    facts.extend(quotas);
    let is_priced = fleet.pools.iter().any(|pool| pool.prices.is_some());
    facts.extend(common::sums(&billed, is_priced));
    FleetPlan { facts, pools }
}

async fn one(client: &Client, resolved: &Resolved, looks: &Looks, number: usize) -> (usize, RolloutOutcome) {
    let client = client.for_pool(&resolved.settings.pool.id);
    (number, Box::pin(rollout::run_among(&client, resolved, looks)).await)
}

/// Once the first pool is good, the image version gets the replicas that all others need, in one change.
async fn expect_rest(client: &Client, looks: &Looks, rest: impl Iterator<Item = &(Resolved, Option<Demand>)>) {
    for (resolved, demand) in rest {
        let Some(demand) = demand else { continue };
        let watch = looks.watch(client, demand.account.endpoint.clone(), demand.pool.clone());
        let version = resolved.settings.pool.version.clone();
        watch.expect(demand.pool.clone(), version, demand.wanted.total()).await;
    }
}

/// Looks at every pool: nothing is written before all of them can be rolled out as far as one can see. What a rule means
/// is found out here for all of them, so that a version which is promoted meanwhile does not split the fleet.
async fn look(
    client: &Client,
    fleet: &FleetSettings,
    (looks, extent): (&Looks, Extent),
) -> (Vec<Looked>, Vec<SharedFact>) {
    let looking = async {
        let mut resolved = Vec::new();
        let mut choosing = Choosing::new(client);
        for settings in &fleet.pools {
            let client = client.for_pool(&settings.pool.id);
            resolved.push(rollout::resolve(&client, &mut choosing, settings).await);
        }
        let each = resolved.into_iter().map(async |resolved| {
            let resolved = resolved?;
            let client = client.for_pool(&resolved.settings.pool.id);
            let plan = Box::pin(rollout::plan_among(&client, &resolved, (looks, extent))).await?;
            Ok((resolved, plan))
        });
        let all = futures::stream::iter(each).buffered(fleet.max_parallel);
        let mut looked: Vec<Looked> = all.collect().await;
        overlap::refuse(&mut looked);
        let sums = room::check(client, (fleet, looks), &mut looked).await;
        Ok((looked, sums))
    };
    let what = format!("looking at {} pools", fleet.pools.len());
    let looked = client.run().step("fleet", what, looking).await;
    // No pool has its turn without a look, and a run without a failure would be a good one.
    looked.unwrap_or_else(|error| (vec![Err(error)], Vec::new()))
}

/// 1 for the pool that goes first, 2 for the rest.
pub(crate) const fn wave(number: usize) -> usize {
    if number == 0 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Error, settings::UnresolvedRollout};

    fn settings() -> Checked<UnresolvedRollout> {
        use crate::options::pool;
        let version = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let values = crate::settings::Values::default()
            .with(pool::IMAGE_VERSION, version)
            .with(pool::ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")
            .with(pool::POOL_ID, "render")
            .with(pool::TARGET_DEDICATED_NODES, 1u32);
        crate::settings::rollout(&values).unwrap().settings
    }

    fn outcome(kind: Option<ErrorKind>) -> RolloutOutcome {
        let settings = settings();
        match kind {
            Some(kind) => rollout::refused(&settings, Error::new(kind, "x")),
            None => RolloutOutcome {
                result: Ok(()),
                report: rollout::refused(&settings, Error::new(ErrorKind::Azure, "x")).report,
            },
        }
    }

    /// Which pools are begun when each ends as the table says, in the order of their beginning.
    fn begun(ends: &[Option<ErrorKind>], after_failure: AfterFailure) -> Vec<Vec<usize>> {
        let mut queue = Queue::new(ends.len(), after_failure);
        let mut running: VecDeque<usize> = VecDeque::new();
        let mut waves = Vec::new();
        loop {
            let mut wave = Vec::new();
            while let Some(next) = queue.next(running.len(), 2) {
                running.push_back(next);
                wave.push(next);
            }
            if !wave.is_empty() {
                waves.push(wave);
            }
            let Some(first) = running.pop_front() else {
                return waves;
            };
            queue.end(first, outcome(ends[first]));
        }
    }

    #[test]
    fn one_pool_goes_first_then_the_rest_some_at_a_time() {
        let good = [None, None, None, None];
        assert_eq!(begun(&good, AfterFailure::Stop), [vec![0], vec![1, 2], vec![3]]);
    }

    #[test]
    fn no_pool_begins_after_a_failure_unless_it_may() {
        let first_bad = [Some(ErrorKind::Quota), None, None];
        assert_eq!(begun(&first_bad, AfterFailure::Stop), [vec![0]]);
        assert_eq!(begun(&first_bad, AfterFailure::Continue), [vec![0], vec![1, 2]]);
        let second_bad = [None, Some(ErrorKind::Returned), None, None];
        assert_eq!(begun(&second_bad, AfterFailure::Stop), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn a_run_that_was_asked_to_stop_begins_no_further_pool() {
        let stopped = [Some(ErrorKind::Cancelled), None, None];
        assert_eq!(begun(&stopped, AfterFailure::Continue), [vec![0]]);
    }

    #[test]
    fn a_pool_whose_look_failed_has_no_turn() {
        let mut queue = Queue::new(3, AfterFailure::Continue);
        queue.end(1, outcome(Some(ErrorKind::BadInput)));
        assert_eq!(queue.next(0, 2), Some(0));
        assert_eq!(queue.next(1, 2), None);
        assert_eq!(queue.next(0, 2), Some(2));
        let mut stop = Queue::new(3, AfterFailure::Stop);
        stop.end(1, outcome(Some(ErrorKind::BadInput)));
        assert_eq!(
            stop.next(0, 2),
            None,
            "nothing is written when one of them cannot be rolled out"
        );
    }
}
