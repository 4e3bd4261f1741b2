//! Which lines of many plans are said once, and what nodes come to together.

use super::*;
use crate::{money::Per, plan::Plan};

fn plan(pool: &str, facts: Vec<Fact>) -> PoolPlan {
    PoolPlan {
        pool: pool.parse().unwrap(),
        wave: 1,
        plan: Ok(Plan {
            facts,
            ..Plan::default()
        }),
    }
}

fn shown(shared: &[SharedFact]) -> Vec<String> {
    let line = |shared: &SharedFact| {
        let pools: Vec<&str> = shared.pools.iter().map(PoolId::as_str).collect();
        format!("{} | {}", pools.join(" "), shared.fact)
    };
    shared.iter().map(line).collect()
}

#[test]
fn what_two_pools_say_alike_is_said_once_with_their_names() {
    let rights = || Fact::plain(About::Rights, "none is missing");
    let nodes = || Fact::plain(About::Nodes, "5 nodes, 120 node-hours a day");
    let quota = || Fact::plain(About::Quota, "cores: 100, this pool needs 20");
    let unread = || Fact::unknown(About::Quota, "quotas: cannot list sizes");
    let agent = || Fact::plain(About::Dates, "the agent ends");
    let mut plans = vec![
        plan("a", vec![rights(), quota(), nodes(), unread()]),
        plan("b", vec![rights(), agent(), quota(), nodes()]),
        plan("c", vec![unread(), nodes(), rights()]),
    ];
    assert_eq!(
        shown(&split(&mut plans)),
        [
            "a b c | rights: none is missing",
            "a c | quota, not known: quotas: cannot list sizes"
        ]
    );
    let own: Vec<Vec<Fact>> = plans.into_iter().map(|plan| plan.plan.unwrap().facts).collect();
    assert_eq!(
        own,
        [vec![quota(), nodes()], vec![agent(), quota(), nodes()], vec![nodes()]]
    );
}

#[test]
fn nodes_and_money_are_added_up_and_a_missing_price_is_no_zero() {
    let upkeep = |nodes: u32, amount: Option<&str>| {
        let day = amount.map(|amount| Cost {
            amount: amount.parse().unwrap(),
            currency: "EUR".parse().unwrap(),
            per: Per::Day,
        });
        ("p".parse().unwrap(), Upkeep { nodes, day })
    };
    let all = [upkeep(5, Some("27.604")), upkeep(2, Some("11.004"))];
    assert_eq!(
        shown(&sums(&all, true)),
        [
            "p p | nodes: 7 nodes in these 2 pools, 168 node-hours a day",
            "p p | cost by your own prices: together 38.61 EUR a day"
        ]
    );
    assert_eq!(shown(&sums(&all, false)).len(), 1, "without prices there is no money");
    assert_eq!(
        shown(&sums(&[upkeep(5, Some("27.6")), upkeep(2, None)], true))[1],
        "p p | cost by your own prices, not known: together –: prices are missing for 1 pool; the others come to 27.60 EUR a day"
    );
    assert_eq!(shown(&sums(&[upkeep(5, None), upkeep(2, None)], true)).len(), 1);
    assert_eq!(
        shown(&sums(&all[..1], true)),
        [""; 0],
        "one pool has it in its own lines"
    );
}
