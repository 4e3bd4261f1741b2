//! What the plans of many pools have in common, said once, and what their nodes come to together. Pure.
//!
//! Quotas are added up in `room`. What is a pool's own stays with the pool.

use serde::Serialize;

use super::PoolPlan;
use crate::{
    ids::PoolId,
    money::{Cost, Money},
    plan::{About, Fact, FactState},
    quota::OF_ONE_POOL,
    rollout::Upkeep,
    words::plural,
};

/// Something that more than one pool of a file needs or brings. The serde form is that of the fact with `pools` next to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedFact {
    /// What it is.
    #[serde(flatten)]
    pub fact: Fact,
    /// Of which pools, in the order of the file.
    pub pools: Vec<PoolId>,
}

/// Takes out of the plans what two or more of them say alike.
pub(super) fn split(plans: &mut [PoolPlan]) -> Vec<SharedFact> {
    let mut all: Vec<SharedFact> = Vec::new();
    for plan in plans.iter() {
        let Ok(steps) = &plan.plan else { continue };
        for fact in steps.facts.iter().filter(|fact| is_alike(fact)) {
            match all.iter_mut().find(|known| known.fact == *fact) {
                Some(known) => known.pools.push(plan.pool.clone()),
                None => all.push(SharedFact {
                    fact: fact.clone(),
                    pools: vec![plan.pool.clone()],
                }),
            }
        }
    }
    all.retain(|shared| shared.pools.len() > 1);
    for plan in plans.iter_mut().filter_map(|plan| plan.plan.as_mut().ok()) {
        plan.facts.retain(|fact| !all.iter().any(|shared| shared.fact == *fact));
    }
    all
}

/// Whether the same words mean the same thing in two pools: numbers of nodes, hours and cores, and tags, are a pool's own.
fn is_alike(fact: &Fact) -> bool {
    match fact.about {
        About::Nodes | About::Cost | About::Strategy | About::Tags => false,
        About::Quota => match fact.state {
            FactState::Good => !fact.text.contains(OF_ONE_POOL),
            FactState::Lacking => false,
            FactState::Unknown => true,
        },
        About::Rights
        | About::Registration
        | About::Tenant
        | About::Checks
        | About::Security
        | About::Agent
        | About::Dates
        | About::Times => true,
    }
}

/// What the nodes of these pools come to: hours a day, and money where the user has given prices.
pub(super) fn sums(pools: &[(PoolId, Upkeep)], is_priced: bool) -> Vec<SharedFact> {
    if pools.len() < 2 {
        return Vec::new();
    }
    let shared = |fact| SharedFact {
        fact,
        pools: pools.iter().map(|(pool, _)| pool.clone()).collect(),
    };
    let nodes: u64 = pools.iter().map(|(_, upkeep)| u64::from(upkeep.nodes)).sum();
    let hours: u64 = pools.iter().map(|(_, upkeep)| upkeep.hours_a_day()).sum();
    let text = format!(
        "{} in these {} pools, {hours} node-hours a day",
        plural(nodes, "node"),
        pools.len()
    );
    let money = is_priced.then(|| money(pools)).flatten();
    let facts = std::iter::once(Fact::plain(About::Nodes, text)).chain(money);
    facts.map(shared).collect()
}

/// Nothing when no price is known: each pool says so.
fn money(pools: &[(PoolId, Upkeep)]) -> Option<Fact> {
    let known: Vec<&Cost> = pools.iter().filter_map(|(_, upkeep)| upkeep.day.as_ref()).collect();
    let amounts = known.iter().map(|cost| cost.amount);
    let sum = Cost {
        amount: amounts.fold(Money::default(), Money::plus),
        ..(*known.first()?).clone()
    };
    Some(if known.len() == pools.len() {
        Fact::cost(format!("together {sum}"), sum)
    } else {
        let missing = plural(pools.len() - known.len(), "pool");
        Fact::unknown(
            About::Cost,
            format!("together –: prices are missing for {missing}; the others come to {sum}"),
        )
    })
}

#[cfg(test)]
mod tests;
