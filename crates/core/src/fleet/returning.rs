//! All pools of a file go back to what they were: all are looked at first, then each goes, some at a time.
//!
//! One return takes back one roll-out: the version that came last to any of the pools, or those that are named. How one
//! pool goes back is decided in `rollout`. No pool goes first, and a failure holds no other pool back: a return is urgent.

use std::collections::VecDeque;

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::room;
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::PoolId,
    rollout::{self, Demand, Going, LastChange, ReturnPlan, ReturnSurvey, RolloutOutcome, ToGoBack, tell_return},
    settings::{AccountRef, Checked, FleetReturnSettings, LeftVersion, RollbackSettings},
    watch::Looks,
};

/// What became of one of the pools.
#[derive(Debug)]
pub struct PoolReturn {
    /// The pool that was asked for.
    pub pool: PoolId,
    /// Its account.
    pub account: AccountRef,
    /// The image that it gets again, where that is known.
    pub image: Option<String>,
    /// How it ended.
    pub end: ReturnEnd,
}

/// How it ended with one of the pools.
#[derive(Debug)]
pub enum ReturnEnd {
    /// It had its turn.
    Ran(Box<RolloutOutcome>),
    /// Its turn did not come: the run ended before.
    NotBegun,
    /// It has nothing to go back to, or what it has is no part of this return: why.
    Stays(String),
    /// It cannot go back, and was left alone.
    Refused(Error),
}

/// What the return would do.
#[derive(Debug)]
pub struct FleetReturnPlan {
    /// What more than one of them shares.
    pub facts: Vec<String>,
    /// Each of them, in the order of the file.
    pub pools: Vec<PoolReturnPlan>,
}

/// What the return would do with one of the pools.
#[derive(Debug)]
pub struct PoolReturnPlan {
    /// The pool.
    pub pool: PoolId,
    /// Its account.
    pub account: AccountRef,
    /// What comes, or why it cannot go back.
    pub prospect: Result<Prospect>,
}

/// What comes for a pool.
#[derive(Debug)]
pub enum Prospect {
    /// It goes back.
    Goes(ReturnPlan),
    /// It stays: why.
    Stays(String),
}

/// What the first look shows of a pool.
#[derive(Debug)]
enum Look {
    Goes(Box<Going>),
    Stays(String),
    Refused(Error),
}

/// What the first look shows of all of them.
struct Looked {
    looks: Vec<Look>,
    /// Pools whose nodes do not fit at one time go back one by one.
    lanes: Vec<Lane>,
}

/// Pools of which one goes back at a time.
struct Lane {
    pools: Vec<usize>,
    /// What they share.
    why: String,
}

/// An account, and what was seen of it.
type Surveyed = (AccountRef, Result<ReturnSurvey>);

/// The versions that this return takes back.
struct Left<'a> {
    /// Those that were named.
    named: &'a [LeftVersion],
    /// The change that came last to any of the pools.
    newest: Option<LastChange>,
}

/// The pools whose turn has not come, and those under way.
struct Turns {
    waiting: VecDeque<usize>,
    under_way: Vec<usize>,
    lanes: Vec<Vec<usize>>,
    max_parallel: usize,
    stopped: bool,
}

impl Lane {
    fn fact(&self) -> String {
        format!("one after another, since not all of them fit at one time: {}", self.why)
    }
}

impl<'a> Left<'a> {
    /// A run that has stopped at a failure has not touched every pool of its file: the last change of those is an older
    /// one, which was not found bad.
    fn of(found: &[ToGoBack], named: &'a [LeftVersion]) -> Self {
        let last = |found: &ToGoBack| match found {
            ToGoBack::Change(last) => Some(last.clone()),
            ToGoBack::Nothing { last, .. } => last.clone(),
            ToGoBack::Absent(_) | ToGoBack::Unknown(_) => None,
        };
        Self {
            named,
            newest: found.iter().filter_map(last).max_by_key(LastChange::since),
        }
    }

    /// Whether the change is taken back. A return that has begun ends, whatever it takes back.
    fn is_meant(&self, change: &LastChange) -> bool {
        let is_newest = self.newest().is_some_and(|newest| newest.brings_same(change));
        change.is_returning() || is_newest || self.named.iter().any(|left| change.is_to(left))
    }

    /// Whether the image is one of them.
    fn covers(&self, image: &str) -> bool {
        let is_newest = self.newest().is_some_and(|newest| newest.is_to_image(image));
        is_newest || self.named.iter().any(|left| left.is_meant_by(image))
    }

    /// The change that counts where no version is named.
    fn newest(&self) -> Option<&LastChange> {
        self.newest.as_ref().filter(|_| self.named.is_empty())
    }

    /// Their names.
    fn named(&self) -> String {
        match self.newest() {
            Some(newest) => newest.version(),
            None => self
                .named
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// Why a pool with another last change stays.
    fn other(&self, change: &LastChange) -> String {
        format!(
            "its last roll-out gave it {}, and this return takes back {}; azure-batch-pool rollback of this pool alone \
             brings it back",
            change.version(),
            self.named()
        )
    }
}

impl Turns {
    /// The next pool whose turn it is.
    fn next(&mut self) -> Option<usize> {
        if self.stopped || self.under_way.len() >= self.max_parallel {
            return None;
        }
        let place = self.waiting.iter().position(|pool| !self.is_held(*pool))?;
        let next = self.waiting.remove(place)?;
        self.under_way.push(next);
        Some(next)
    }

    /// Whether another pool of its lane is under way.
    fn is_held(&self, pool: usize) -> bool {
        let lanes = self.lanes.iter().filter(|lane| lane.contains(&pool));
        lanes.flatten().any(|other| self.under_way.contains(other))
    }

    fn end(&mut self, pool: usize, outcome: &RolloutOutcome) {
        self.under_way.retain(|other| *other != pool);
        // Who asked to stop, or has no time left, wants no further pool begun.
        let kind = outcome.result.as_ref().err().map(Error::kind);
        self.stopped |= matches!(kind, Some(ErrorKind::Cancelled | ErrorKind::Deadline));
    }
}

/// Brings all of them back that have something to go back to; the results are in the order of the file.
///
/// # Errors
/// When the run ends before the first of them has its turn, or signing in fails.
pub async fn return_all(client: &Client, fleet: &Checked<FleetReturnSettings>) -> Result<Vec<PoolReturn>> {
    let shared = Looks::of_many();
    let looked = look(client, fleet, &shared).await?;
    tell(client, fleet, &looked);
    let mut turns = Turns {
        waiting: order(&looked.looks),
        under_way: Vec::new(),
        lanes: looked.lanes.into_iter().map(|lane| lane.pools).collect(),
        max_parallel: fleet.max_parallel,
        stopped: false,
    };
    let mut outcomes: Vec<Option<RolloutOutcome>> = fleet.pools.iter().map(|_| None).collect();
    let mut running = FuturesUnordered::new();
    loop {
        while let Some(next) = turns.next() {
            if let (Some(settings), Some(Look::Goes(going))) = (fleet.pools.get(next), looked.looks.get(next)) {
                running.push(one((client, &shared), (settings, going), next));
            }
        }
        let Some((number, outcome)) = running.next().await else {
            break;
        };
        turns.end(number, &outcome);
        if let Some(place) = outcomes.get_mut(number) {
            *place = Some(outcome);
        }
    }
    drop(running);
    let all = fleet.pools.iter().zip(looked.looks).zip(outcomes);
    Ok(all
        .map(|((settings, look), outcome)| ended(settings, look, outcome))
        .collect())
}

/// What that would do now. It writes nothing.
///
/// # Errors
/// When the run ends, or signing in fails.
pub async fn plan_returns(client: &Client, fleet: &Checked<FleetReturnSettings>) -> Result<FleetReturnPlan> {
    let Looked { looks, lanes } = look(client, fleet, &Looks::of_many()).await?;
    let pools = fleet.pools.iter().zip(looks).map(|(settings, look)| PoolReturnPlan {
        pool: settings.pool.clone(),
        account: settings.account.clone(),
        prospect: match look {
            Look::Goes(going) => Ok(Prospect::Goes(going.plan)),
            Look::Stays(why) => Ok(Prospect::Stays(why)),
            Look::Refused(error) => Err(error),
        },
    });
    Ok(FleetReturnPlan {
        pools: pools.collect(),
        facts: lanes.iter().map(Lane::fact).collect(),
    })
}

async fn one(
    (client, looks): (&Client, &Looks),
    (settings, going): (&Checked<RollbackSettings>, &Going),
    number: usize,
) -> (usize, RolloutOutcome) {
    let client = client.for_pool(&settings.pool);
    let returned = rollout::roll_back_among((&client, looks), settings, going);
    (number, Box::pin(returned).await)
}

fn ended(settings: &RollbackSettings, look: Look, outcome: Option<RolloutOutcome>) -> PoolReturn {
    let (image, end) = match (look, outcome) {
        (Look::Goes(going), Some(outcome)) => (going.image, ReturnEnd::Ran(Box::new(outcome))),
        (Look::Goes(going), None) => (going.image, ReturnEnd::NotBegun),
        (Look::Stays(why), _) => (None, ReturnEnd::Stays(why)),
        (Look::Refused(error), _) => (None, ReturnEnd::Refused(error)),
    };
    PoolReturn {
        pool: settings.pool.clone(),
        account: settings.account.clone(),
        image,
        end,
    }
}

/// Those that go back. What another run has begun holds room and jobs, so it ends first.
fn order(looks: &[Look]) -> VecDeque<usize> {
    let is = |begun: bool| {
        looks.iter().enumerate().filter_map(move |(number, look)| match look {
            Look::Goes(going) => (going.last.is_returning() == begun).then_some(number),
            Look::Stays(_) | Look::Refused(_) => None,
        })
    };
    is(true).chain(is(false)).collect()
}

/// Says what comes for each, before the first write.
fn tell(client: &Client, fleet: &FleetReturnSettings, looked: &Looked) {
    for (settings, look) in fleet.pools.iter().zip(&looked.looks) {
        let client = client.for_pool(&settings.pool);
        match look {
            Look::Goes(going) => tell_return(&client, &going.plan),
            Look::Stays(why) => client.note(format!("stays as it is: {why}")),
            Look::Refused(error) => client.note(format!("stays as it is: {}", reason(error))),
        }
    }
    for lane in &looked.lanes {
        client.note(format!("some pools go back {}", lane.fact()));
    }
}

/// What an error says below the flow, which the pool's name stands for.
fn reason(error: &Error) -> &Error {
    error.layers().nth(1).unwrap_or(error)
}

/// Looks at every pool: nothing is written before each has a plan, or a reason to stay.
async fn look(client: &Client, fleet: &FleetReturnSettings, shared: &Looks) -> Result<Looked> {
    let looking = async {
        let mut accounts = surveys((client, shared), &fleet.pools).await?;
        let mut found = Vec::new();
        for settings in &fleet.pools {
            found.push(to_go_back(&mut accounts, settings));
        }
        let found = some_there(found)?;
        let left = Left::of(&found, &fleet.from);
        let each = fleet.pools.iter().zip(found).map(async |(settings, found)| {
            let client = client.for_pool(&settings.pool);
            let survey = survey(&accounts, &settings.account);
            Box::pin(of_pool((&client, shared), (settings, survey), found, &left)).await
        });
        let each = futures::stream::iter(each).buffered(fleet.max_parallel.max(1));
        let each: Vec<Result<Look>> = each.collect().await;
        let mut looks: Vec<Look> = each.into_iter().collect::<Result<_>>()?;
        once(&fleet.pools, &mut looks);
        let lanes = lanes((client, shared), &looks).await;
        Ok(Looked { looks, lanes })
    };
    let what = format!("looking at {} pools", fleet.pools.len());
    let looked = client.run().step("fleet", what, looking).await;
    looked.map_err(|error| error.in_flow("cannot bring the pools back"))
}

/// Reads the account of each pool, once for all its pools.
///
/// # Errors
/// When none can be read, or the run ends.
async fn surveys((client, shared): (&Client, &Looks), pools: &[Checked<RollbackSettings>]) -> Result<Vec<Surveyed>> {
    let mut accounts: Vec<Surveyed> = Vec::new();
    for settings in pools {
        if accounts.iter().any(|(account, _)| *account == settings.account) {
            continue;
        }
        let survey = kept(ReturnSurvey::of((client, shared), &settings.account).await)?;
        accounts.push((settings.account.clone(), survey));
    }
    if accounts.iter().any(|(_, survey)| survey.is_ok()) {
        return Ok(accounts);
    }
    let failed = accounts.into_iter().find_map(|(_, survey)| survey.err());
    failed.map_or_else(|| Ok(Vec::new()), Err)
}

fn survey<'a>(accounts: &'a [Surveyed], account: &AccountRef) -> Option<&'a ReturnSurvey> {
    let (_, survey) = accounts.iter().find(|(own, _)| own == account)?;
    survey.as_ref().ok()
}

/// What there is to go back to. Why an account could not be read is said by the first of its pools.
fn to_go_back(accounts: &mut [Surveyed], settings: &RollbackSettings) -> ToGoBack {
    let found = match accounts.iter_mut().find(|(account, _)| *account == settings.account) {
        Some((_, Ok(survey))) => survey.to_go_back(&settings.pool),
        Some((account, Err(error))) => {
            let text = format!(
                "account {} could not be read, as is said of another pool",
                account.name()
            );
            let other = Error::new(error.kind(), text);
            ToGoBack::Unknown(std::mem::replace(error, other))
        }
        None => ToGoBack::Unknown(Error::new(ErrorKind::Azure, "its account was not read")),
    };
    match found {
        ToGoBack::Unknown(error) => {
            let doing = format!("cannot bring pool {} back", settings.pool);
            ToGoBack::Unknown(error.in_flow(doing))
        }
        found => found,
    }
}

/// The same, unless no account has any of the pools: then the accounts or the ids are others than those that are meant.
///
/// # Errors
/// `BadInput` in that case.
fn some_there(found: Vec<ToGoBack>) -> Result<Vec<ToGoBack>> {
    if !found.iter().all(|found| matches!(found, ToGoBack::Absent(_))) {
        return Ok(found);
    }
    let first = found.into_iter().find_map(|found| match found {
        ToGoBack::Absent(error) => Some(error),
        ToGoBack::Change(_) | ToGoBack::Nothing { .. } | ToGoBack::Unknown(_) => None,
    });
    first.map_or_else(
        || Ok(Vec::new()),
        |absent| Err(absent.with_fact("no other pool of the file is there either")),
    )
}

/// What comes for one pool.
///
/// # Errors
/// When the run ends, or signing in fails.
async fn of_pool(
    (client, shared): (&Client, &Looks),
    (settings, survey): (&Checked<RollbackSettings>, Option<&ReturnSurvey>),
    found: ToGoBack,
    left: &Left<'_>,
) -> Result<Look> {
    match (found, survey) {
        (ToGoBack::Change(last), Some(survey)) if left.is_meant(&last) => {
            let foreseen = survey.foresee((client, shared), settings, last).await;
            Ok(match kept(foreseen)? {
                Ok(going) if going.plan.plan.is_done() => Look::Stays("it is what it was before already".to_owned()),
                Ok(going) => Look::Goes(Box::new(going)),
                Err(error) => Look::Refused(error),
            })
        }
        (ToGoBack::Change(last), _) => Ok(Look::Stays(left.other(&last))),
        (ToGoBack::Nothing { why, .. }, survey) => {
            let image = survey.and_then(|survey| survey.image_of(&settings.pool));
            if image.is_some_and(|image| left.covers(image)) {
                client.warn(format!("it stays on {}, which goes: {why}", left.named()));
            }
            Ok(Look::Stays(why))
        }
        // A roll-out that stopped may not have made it.
        (ToGoBack::Absent(_), _) => Ok(Look::Stays("it is not there".to_owned())),
        (ToGoBack::Unknown(error), _) => Ok(Look::Refused(error)),
    }
}

/// Two ids of a file may mean one pool: it goes back once.
fn once(pools: &[Checked<RollbackSettings>], looks: &mut [Look]) {
    let mut going: Vec<(&AccountRef, PoolId, &PoolId)> = Vec::new();
    for (settings, look) in pools.iter().zip(looks) {
        let Look::Goes(own) = look else { continue };
        let pool = own.plan.pool.clone();
        let is_same = |(account, other, _): &&(&AccountRef, PoolId, &PoolId)| {
            **account == settings.account && other.as_str().eq_ignore_ascii_case(pool.as_str())
        };
        match going.iter().find(is_same) {
            Some((_, _, named)) => *look = Look::Stays(format!("it goes back as pool {named} of this file")),
            None => going.push((&settings.account, pool, &settings.pool)),
        }
    }
}

/// A result about one pool or account; an error that ends the run is one of all.
fn kept<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn
            ) =>
        {
            Err(error)
        }
        result => Ok(result),
    }
}

/// Which pools go back one after another, since their former sizes do not fit next to what is there today.
async fn lanes((client, shared): (&Client, &Looks), looks: &[Look]) -> Vec<Lane> {
    let demand = |(number, look): (usize, &Look)| match look {
        Look::Goes(going) => Some((number, going.demand.clone()?)),
        Look::Stays(_) | Look::Refused(_) => None,
    };
    let (numbers, demands): (Vec<usize>, Vec<Demand>) = looks.iter().enumerate().filter_map(demand).unzip();
    let crowded = room::crowded((client, shared), &demands).await;
    let lane = |(why, crowd): (String, Vec<&Demand>)| {
        let is_in_it = |demand: &Demand| crowd.iter().any(|other| std::ptr::eq(*other, demand));
        let all = numbers.iter().zip(&demands);
        let pools = all.filter(|(_, demand)| is_in_it(demand)).map(|(number, _)| *number);
        Lane {
            pools: pools.collect(),
            why,
        }
    };
    crowded.into_iter().map(lane).collect()
}

#[cfg(test)]
mod tests;
