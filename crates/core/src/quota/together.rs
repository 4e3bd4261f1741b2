//! Whether pools that one run makes or lets grow fit together, where each of them would fit alone. Pure.
//!
//! What counts is what all of them have in the end. A pool that does not grow counts as one of the others.

use super::{Ask, Users, cores_of};
use crate::{
    batch::{account::Quotas, pool::Pool, size::SizeOffer},
    compute::usage::{self, Usage},
    ids::{NodeCounts, PoolId},
};

/// How many pools a sentence names; the rest is counted.
const NAMED: usize = 5;

/// A ceiling, and what pools of a run ask of it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// One line: how much there is, how much others use, which pools ask for how much.
    pub text: String,
    /// The pools.
    pub pools: Vec<PoolId>,
    /// How much of that fits.
    pub fits: Fits,
}

/// How much of what pools ask for together fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// All of it.
    All,
    /// Enough nodes of all of them.
    Enough,
    /// Not even that.
    TooLittle,
}

/// A ceiling, and what is below it without the pools that grow.
struct Ceiling {
    what: String,
    of: Users,
    limit: u64,
    others: u64,
}

impl Ask<'_> {
    fn is_of(&self, pool: &Pool) -> bool {
        let is_present = |present: &Pool| present.id().is_some_and(|id| pool.is_called(&id));
        pool.is_called(self.pool) || self.present.is_some_and(is_present)
    }

    fn grows(&self, of: Users) -> bool {
        match of {
            Users::Pool => self.present.is_none_or(|present| !present.is_called(self.pool)),
            _ => of.count(self.wanted) > self.present.map_or(0, |pool| of.count(pool.current)),
        }
    }

    fn uses(&self, of: Users, nodes: NodeCounts) -> u64 {
        match of {
            Users::Pool => 1,
            _ => of.count(nodes) * u64::from(self.size.cores.unwrap_or_default()),
        }
    }
}

impl Ceiling {
    /// Nothing when one pool alone asks for more: that is judged when its turn comes.
    fn sum(&self, growing: &[&Ask<'_>]) -> Option<Sum> {
        let sum = |nodes: &dyn Fn(&Ask<'_>) -> NodeCounts| -> u64 {
            let each = growing.iter().map(|ask| ask.uses(self.of, nodes(ask)));
            each.fold(self.others, u64::saturating_add)
        };
        let (wanted, needed) = (sum(&|ask| ask.wanted), sum(&|ask| ask.needed));
        if growing.len() < 2 || wanted == self.others {
            return None;
        }
        let (what, limit, others, pools) = (&self.what, &self.limit, self.others, named(growing));
        let text = match self.of {
            Users::Pool => format!(
                "{what}: {limit}, of which {others} are there; {pools} would be {} more",
                growing.len()
            ),
            _ => format!(
                "{what}: {limit}, of which other pools use {others}; {pools} need {} together",
                wanted.saturating_sub(others)
            ),
        };
        Some(Sum {
            text,
            pools: growing.iter().map(|ask| ask.pool.clone()).collect(),
            fits: match (wanted <= *limit, needed <= *limit) {
                (true, _) => Fits::All,
                (false, true) => Fits::Enough,
                (false, false) => Fits::TooLittle,
            },
        })
    }
}

/// What pools of one account, whose nodes use its own quota, ask for together.
#[must_use]
pub fn together(quotas: &Quotas, pools: &[Pool], sizes: &[SizeOffer], asks: &[Ask<'_>]) -> Vec<Sum> {
    let of_cores = |what: String, of: Users, limit: u32, is_meant: &dyn Fn(&SizeOffer) -> bool| {
        let growing: Vec<&Ask<'_>> = asks.iter().filter(|ask| is_meant(ask.size) && ask.grows(of)).collect();
        let others = pools.iter().filter(|pool| !growing.iter().any(|ask| ask.is_of(pool)));
        let ceiling = Ceiling {
            what,
            of,
            limit: limit.into(),
            others: others.map(|pool| cores_of(pool, of, sizes, is_meant)).sum(),
        };
        ceiling.sum(&growing)
    };
    let dedicated = quotas.dedicated_cores.and_then(|limit| {
        let what = "dedicated cores of the account".to_owned();
        of_cores(what, Users::Dedicated, limit, &|_| true)
    });
    let spot = quotas
        .spot_cores
        .and_then(|limit| of_cores("spot cores of the account".to_owned(), Users::Spot, limit, &|_| true));
    let families = families(asks).into_iter().filter_map(|family| {
        let what = format!("dedicated cores of {family} in the account");
        let is_meant = |size: &SizeOffer| size.family.eq_ignore_ascii_case(family);
        of_cores(what, Users::Dedicated, quotas.family(family)?, &is_meant)
    });
    let families: Vec<Sum> = families.collect();
    let count = quotas.pools.and_then(|limit| of_pools(limit, pools, asks));
    dedicated.into_iter().chain(families).chain(spot).chain(count).collect()
}

/// How many new pools an account gets.
fn of_pools(limit: u32, pools: &[Pool], asks: &[Ask<'_>]) -> Option<Sum> {
    let growing: Vec<&Ask<'_>> = asks.iter().filter(|ask| ask.grows(Users::Pool)).collect();
    let ceiling = Ceiling {
        what: "pools of the account".to_owned(),
        of: Users::Pool,
        limit: limit.into(),
        others: pools.len() as u64,
    };
    ceiling.sum(&growing)
}

/// What pools ask for together whose nodes use the quota of a subscription in one region. Azure counts the nodes that they
/// have already; these are taken out.
#[must_use]
pub fn of_usages(usages: &[Usage], place: &str, asks: &[Ask<'_>]) -> Vec<Sum> {
    let sum = |usage: &Usage| {
        let of = match usage.name.as_str() {
            usage::SPOT_CORES => Users::Spot,
            _ => Users::Dedicated,
        };
        let is_all = [usage::SPOT_CORES, usage::ALL_CORES].contains(&usage.name.as_str());
        let is_meant = |ask: &&Ask<'_>| is_all || ask.size.family.eq_ignore_ascii_case(&usage.name);
        let growing: Vec<&Ask<'_>> = asks.iter().filter(is_meant).filter(|ask| ask.grows(of)).collect();
        let own = growing
            .iter()
            .map(|ask| ask.present.map_or(0, |pool| ask.uses(of, pool.current)));
        let ceiling = Ceiling {
            what: format!("{} {place}", usage.name),
            of,
            limit: usage.limit,
            others: usage.current.saturating_sub(own.sum()),
        };
        ceiling.sum(&growing)
    };
    usages.iter().filter_map(sum).collect()
}

fn families<'a>(asks: &'a [Ask<'_>]) -> Vec<&'a str> {
    let mut families: Vec<&str> = asks.iter().map(|ask| ask.size.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    families
}

/// `pools a, b and c`, or the first ones with the number of the rest.
fn named(growing: &[&Ask<'_>]) -> String {
    let names: Vec<String> = growing.iter().take(NAMED).map(|ask| ask.pool.to_string()).collect();
    match (growing.len().saturating_sub(NAMED), names.split_last()) {
        (0, Some((last, before))) => format!("pools {} and {last}", before.join(", ")),
        (more, _) => format!("pools {} and {} more", names.join(", "), more),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn size(name: &str, family: &str, cores: u32) -> SizeOffer {
        SizeOffer::read(&json!({"name": name, "familyName": family,
            "capabilities": [{"name": "vCPUs", "value": cores.to_string()}]}))
    }

    fn pool(id: &str, size: &str, nodes: u32) -> Pool {
        Pool::new(json!({"id": id, "vmSize": size, "currentDedicatedNodes": nodes, "targetDedicatedNodes": nodes}))
    }

    fn nodes(dedicated: u32) -> NodeCounts {
        NodeCounts { dedicated, spot: 0 }
    }

    /// Pools a (new, 4 cores a node), b (new, 8 cores) and c (there with 5 nodes of 4 cores), each of ten nodes; another
    /// pool has ten nodes of four cores.
    fn found(quotas: &Quotas, wanted: u32, needed: u32) -> Vec<(String, bool)> {
        let sizes = [size("d4", "standardDSv5Family", 4), size("e8", "standardESv5Family", 8)];
        let pools = [pool("other", "d4", 10), pool("c", "d4", 5)];
        let ids: Vec<PoolId> = ["a", "b", "c"].iter().map(|id| id.parse().unwrap()).collect();
        let ask = |at: usize, size| Ask {
            pool: &ids[at],
            size,
            wanted: nodes(wanted),
            needed: nodes(needed),
            present: pools.iter().find(|pool| pool.is_called(&ids[at])),
        };
        let asks = [ask(0, &sizes[0]), ask(1, &sizes[1]), ask(2, &sizes[0])];
        let all = together(quotas, &pools, &sizes, &asks);
        let over = all.into_iter().filter(|sum| sum.fits != Fits::All);
        over.map(|sum| (sum.text, sum.fits == Fits::TooLittle)).collect()
    }

    fn quotas(dedicated: u32, family: u32, pools: u32) -> Quotas {
        Quotas {
            dedicated_cores: Some(dedicated),
            spot_cores: None,
            families: Some(vec![("standardDSv5Family".to_owned(), family)]),
            pools: Some(pools),
        }
    }

    #[test]
    fn pools_that_fit_alone_are_added_up_by_account_and_family() {
        // 40 of the other one; 40, 80 and 40 of ours, of which 80 are in the family; two pools are there, two are new.
        assert_eq!(found(&quotas(200, 120, 4), 10, 10), []);
        assert_eq!(
            found(&quotas(199, 119, 3), 10, 10),
            [
                ("dedicated cores of the account: 199, of which other pools use 40; pools a, b and c need 160 together".to_owned(), true),
                ("dedicated cores of standardDSv5Family in the account: 119, of which other pools use 40; pools a and c need 80 together".to_owned(), true),
                ("pools of the account: 3, of which 2 are there; pools a and b would be 2 more".to_owned(), true),
            ]
        );
        assert!(
            !found(&quotas(199, 120, 4), 10, 9)[0].1,
            "enough fits, so it is a warning"
        );
    }

    #[test]
    fn what_fits_is_added_up_too_and_nothing_is_said_of_kinds_that_nobody_asks_for() {
        let size = size("d4", "standardDSv5Family", 4);
        let ids: [PoolId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
        let ask = |pool| Ask {
            pool,
            size: &size,
            wanted: nodes(5),
            needed: nodes(5),
            present: None,
        };
        let quotas = Quotas {
            spot_cores: Some(10),
            ..quotas(100, 50, 9)
        };
        let asks = [ask(&ids[0]), ask(&ids[1])];
        let sums = together(&quotas, &[], std::slice::from_ref(&size), &asks);
        let texts: Vec<&str> = sums.iter().map(|sum| sum.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "dedicated cores of the account: 100, of which other pools use 0; pools a and b need 40 together",
                "dedicated cores of standardDSv5Family in the account: 50, of which other pools use 0; pools a and b need 40 together",
                "pools of the account: 9, of which 0 are there; pools a and b would be 2 more",
            ]
        );
        assert!(sums.iter().all(|sum| sum.fits == Fits::All && sum.pools == ids));
    }

    #[test]
    fn a_pool_that_does_not_grow_counts_as_another_one() {
        // c has its five nodes, so 20 of its cores are used already.
        let text = &found(&quotas(119, 1000, 9), 5, 5)[0].0;
        assert!(
            text.contains("other pools use 60; pools a and b need 60 together"),
            "{text}"
        );
        assert_eq!(found(&quotas(120, 1000, 9), 5, 5), []);
    }

    #[test]
    fn a_subscription_counts_the_nodes_that_are_there_and_they_are_taken_out() {
        let size = size("d4", "standardDSv5Family", 4);
        let (ids, there) = (["a", "c"].map(|id| id.parse().unwrap()), pool("c", "d4", 5));
        let ask = |at: usize, present| Ask {
            pool: &ids[at],
            size: &size,
            wanted: nodes(10),
            needed: nodes(10),
            present,
        };
        let usage = |name: &str, limit| Usage {
            name: name.to_owned(),
            limit,
            current: 60,
        };
        let asks = [ask(0, None), ask(1, Some(&there))];
        let usages = [
            usage("cores", 120),
            usage("standarddsv5family", 119),
            usage("standardESv5Family", 1),
        ];
        let found: Vec<String> = of_usages(&usages, "in eastus2", &asks)
            .into_iter()
            .filter(|sum| sum.fits != Fits::All)
            .map(|sum| sum.text)
            .collect();
        assert_eq!(
            found,
            ["standarddsv5family in eastus2: 119, of which other pools use 40; pools a and c need 80 together"]
        );
    }

    #[test]
    fn a_sentence_names_the_first_pools_and_counts_the_rest() {
        let size = size("d4", "f", 4);
        let ids: Vec<PoolId> = (0..8).map(|number| format!("p{number}").parse().unwrap()).collect();
        let ask = |pool| Ask {
            pool,
            size: &size,
            wanted: nodes(1),
            needed: nodes(1),
            present: None,
        };
        let asks: Vec<Ask<'_>> = ids.iter().map(ask).collect();
        assert_eq!(
            named(&asks.iter().collect::<Vec<_>>()),
            "pools p0, p1, p2, p3, p4 and 3 more"
        );
        assert_eq!(named(&asks.iter().take(2).collect::<Vec<_>>()), "pools p0 and p1");
    }
}
