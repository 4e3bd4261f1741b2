//! `plan`: what a roll-out would do. It changes nothing.
//!
//! The steps are core's; this file only shows them.

use azure_batch_core::{
    failure::Failure,
    fleet::{self, FleetPlan, PoolPlan, SharedFact},
    ids::PoolId,
    options::Door,
    plan::Plan,
    rollout::{self, RolloutStep},
    settings::{self, Checked, UnresolvedRollout},
    words::plural,
};
use serde::Serialize;

use super::{
    asking::{Desk, ask},
    rollout::all_checked,
    started::take_event,
};
use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{SOMETHING_TO_ACT_ON, answer::Answer},
    run::{Watch, hide_secrets},
    values::Given,
};

/// How many pools a line names.
const NAMED: usize = 5;

/// The plan of one pool.
#[derive(Serialize)]
struct PlanOfOne {
    pool: PoolId,
    #[serde(flatten)]
    plan: Plan<RolloutStep>,
}

/// The plans of many pools.
#[derive(Serialize)]
pub(super) struct Plans {
    pub(super) changes: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<SharedFact>,
    pub(super) pools: Vec<PlanOfPool>,
    #[serde(skip)]
    exit_code: u8,
}

/// The plan of one of them.
#[derive(Serialize)]
pub(super) struct PlanOfPool {
    pool: PoolId,
    wave: usize,
    /// How it is known which version it gets, where that was found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan<RolloutStep>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Plans {
    pub(super) fn of(plan: FleetPlan, door: Door) -> Self {
        let FleetPlan { facts, pools } = plan;
        let failed = pools.iter().rev().find_map(|pool| match &pool.plan {
            Ok(plan) => plan.stopped_by(),
            Err(error) => Some(error.kind()),
        });
        let shared = facts.iter().find_map(|shared| shared.fact.stops);
        let exit_code = failed.or(shared).map_or(0, |kind| kind.exit_code().0);
        let pools: Vec<PlanOfPool> = pools.into_iter().map(|pool| PlanOfPool::of(pool, door)).collect();
        let changes = pools
            .iter()
            .filter_map(|pool| Some(pool.plan.as_ref()?.changes().count()));
        Self {
            changes: changes.sum(),
            exit_code,
            facts,
            pools,
        }
    }

    /// The same with how it is known which version each gets.
    pub(super) fn because(mut self, whys: &[(PoolId, String)]) -> Self {
        for pool in &mut self.pools {
            let why = whys.iter().find(|(id, _)| *id == pool.pool);
            pool.why = why.map(|(_, why)| why.clone());
        }
        self
    }

    /// How a plan ends that has changes for some: with that word.
    pub(super) const fn ending(&self, changes: &'static str) -> (&'static str, u8) {
        match (self.exit_code, self.changes) {
            (0, 0) => ("unchanged", 0),
            (0, _) => (changes, SOMETHING_TO_ACT_ON),
            (failed, _) => ("failed", failed),
        }
    }

    /// Adds what there is about all of them and about each.
    pub(super) fn shown(&self, answer: Answer) -> Answer {
        let mut answer = answer.lines(self.facts.iter().map(|fact| self.shared(fact)));
        for pool in &self.pools {
            if let Some(plan) = &pool.plan {
                answer = answer
                    .steps(Some(format!("{} (wave {})", pool.pool, pool.wave)), plan)
                    .lines(&pool.why)
                    .lines(&plan.facts);
            }
            if let Some(failure) = &pool.failure {
                answer = answer.failed(format!("Pool {}", pool.pool), failure.clone());
            }
        }
        answer
    }

    /// A line about more than one pool, with their names unless it is about every one that changes.
    fn shared(&self, shared: &SharedFact) -> String {
        let changes = |pool: &&PlanOfPool| pool.plan.as_ref().is_some_and(|plan| !plan.is_done());
        let changing = self.pools.iter().filter(changes).count();
        match shared.pools.len() {
            count if count == self.pools.len() => format!("all {count} pools: {}", shared.fact),
            count if count == changing => format!("the {count} pools that change: {}", shared.fact),
            count if count > NAMED => format!("{count} pools: {}", shared.fact),
            _ => {
                let names: Vec<&str> = shared.pools.iter().map(PoolId::as_str).collect();
                format!("{}: {}", names.join(", "), shared.fact)
            }
        }
    }
}

impl PlanOfPool {
    fn of(pool: PoolPlan, door: Door) -> Self {
        let (plan, failure) = match pool.plan {
            Ok(plan) => (Some(plan), None),
            Err(error) => (None, Some(Failure::of(&error, door))),
        };
        Self {
            pool: pool.pool,
            wave: pool.wave,
            why: None,
            plan,
            failure,
        }
    }
}

/// Looks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    let desk = Desk::open(&given, runner);
    let mut signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.fail_with(&error, &given, console),
    };
    given.read_files();
    if let Err(error) = take_event(&mut given, (runner, environment), console, &mut signals).await {
        return desk.fail_with(&error, &given, console);
    }
    // Once more: the files that were read now may hold some.
    hide_secrets(&given, console);
    if settings::names_many_pools(given.values()) {
        let door = given.door();
        let read = |values: &settings::Values| settings::fleet_plan(values).and_then(all_checked);
        let look = async |client: &_, settings: &_| Ok(Plans::of(fleet::plan(client, settings).await, door));
        return ask(given, (runner, environment), console, read, (look, answer_of_all)).await;
    }
    let read = |values: &settings::Values| {
        let asked = settings::plan(values)?;
        rollout::check(&asked.settings).map(|()| asked)
    };
    let look = async |client: &_, settings: &Checked<UnresolvedRollout>| {
        Ok(PlanOfOne {
            pool: settings.pool.id.clone(),
            plan: rollout::plan(client, settings).await?,
        })
    };
    ask(given, (runner, environment), console, read, (look, answer)).await
}

fn answer(planned: &PlanOfOne) -> Answer {
    let (pool, changes) = (&planned.pool, planned.plan.changes().count());
    let stopped = planned.plan.stopped_by().filter(|_| changes > 0);
    let headline = match changes {
        _ if stopped.is_some() => format!("Pool {pool}: a roll-out would be refused. Nothing was done."),
        0 => format!("Pool {pool} is as it was asked for: a roll-out would change nothing."),
        1 => format!("Pool {pool}: 1 change. Nothing was done."),
        changes => format!("Pool {pool}: {changes} changes. Nothing was done."),
    };
    let (word, exit_code) = match stopped {
        Some(kind) => ("failed", kind.exit_code().0),
        None => ending(changes),
    };
    Answer::new(word, exit_code, headline)
        .steps(None, &planned.plan)
        .lines(&planned.plan.facts)
        .of_pool(pool)
        .output("changes", changes)
}

fn answer_of_all(plans: &Plans) -> Answer {
    let (word, exit_code) = plans.ending("changes");
    let count = plural(plans.pools.len(), "pool");
    let headline = match exit_code {
        0 | SOMETHING_TO_ACT_ON => format!("{} in {count}. Nothing was done.", plural(plans.changes, "change")),
        _ => format!("Not all of these {count} can be rolled out. Nothing was done."),
    };
    plans.shown(Answer::new(word, exit_code, headline).output("changes", plans.changes))
}

const fn ending(changes: usize) -> (&'static str, u8) {
    match changes {
        0 => ("unchanged", 0),
        _ => ("changes", SOMETHING_TO_ACT_ON),
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_core::{
        error::ErrorKind,
        plan::{About, Fact},
    };

    use super::*;

    #[test]
    fn a_plan_ends_as_the_roll_out_would() {
        let asked = |facts: &[Fact]| {
            let pool: PoolId = "p1".parse().unwrap();
            let mut plan = Plan::new(vec![RolloutStep::UpdatePool {
                pool: pool.clone(),
                settings: Vec::new(),
            }]);
            plan.facts = facts.to_vec();
            let many = vec![PoolPlan {
                pool: pool.clone(),
                wave: 1,
                plan: Ok(plan.clone()),
            }];
            let shared = |fact: &Fact| SharedFact {
                fact: fact.clone(),
                pools: vec![pool.clone()],
            };
            let in_common = facts.iter().map(shared).collect();
            let of_many = [(Vec::new(), many), (in_common, Vec::new())]
                .map(|(facts, pools)| Plans::of(FleetPlan { facts, pools }, Door::Flag).ending("changes").1);
            (answer(&PlanOfOne { pool, plan }).exit_code, of_many)
        };
        assert_eq!(asked(&[]), (10, [10, 0]));
        assert_eq!(asked(&[Fact::lacking(About::Quota, "for a part")]), (10, [10, 0]));
        let stops = Fact::lacking(About::Rights, "x").stopping(ErrorKind::NoRights);
        assert_eq!(asked(&[stops]), (3, [3, 3]));
    }

    #[test]
    fn a_line_about_many_pools_says_which_they_are() {
        let changing = |pool: &str| PoolPlan {
            pool: pool.parse().unwrap(),
            wave: 1,
            plan: Ok(Plan::new(vec![RolloutStep::UpdatePool {
                pool: pool.parse().unwrap(),
                settings: Vec::new(),
            }])),
        };
        let unchanged = PoolPlan {
            pool: "still".parse().unwrap(),
            wave: 2,
            plan: Ok(Plan::default()),
        };
        let shared = |pools: &[&str]| SharedFact {
            fact: Fact::plain(About::Nodes, "7 nodes"),
            pools: pools.iter().map(|pool| pool.parse().unwrap()).collect(),
        };
        let pools = vec![changing("a"), changing("b"), changing("c"), unchanged];
        let facts = vec![
            shared(&["a", "b", "c", "still"]),
            shared(&["a", "b", "c"]),
            shared(&["a", "c"]),
        ];
        let plans = Plans::of(FleetPlan { facts, pools }, Door::Flag);
        let lines: Vec<String> = plans.facts.iter().map(|fact| plans.shared(fact)).collect();
        assert_eq!(
            lines,
            [
                "all 4 pools: nodes: 7 nodes",
                "the 3 pools that change: nodes: 7 nodes",
                "a, c: nodes: 7 nodes"
            ]
        );
        let json = serde_json::to_value(&plans).unwrap();
        assert_eq!(json["facts"][2]["pools"], serde_json::json!(["a", "c"]));
        assert_eq!(json["facts"][2]["text"], "7 nodes");
    }
}
