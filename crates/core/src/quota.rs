//! Whether what is asked for fits: cores, families, spot, pools, addresses. Pure: what was read comes in, sentences go out.
//!
//! A quota is a ceiling and no promise: Azure may have no machines all the same. Pools that are rolled out in one run are
//! added up in `together`.

mod together;

pub use together::{Fits, Sum, of_usages, together};

use crate::{
    batch::{account::Quotas, pool::Pool, size::SizeOffer},
    ids::{NodeCounts, PoolId},
    words::plural,
};

/// The addresses that Azure keeps of every subnet: the first four and the last.
const KEPT_ADDRESSES: u64 = 5;

/// How many nodes one public address of a pool's own serves, as Batch's page on public addresses says.
const NODES_AN_ADDRESS: u32 = 100;

/// How many of the other pools that use most are named.
const NAMED: usize = 3;

/// What is said where a quota is used up and the numbers do not show it.
const CHANGED: &str = "by these numbers all would fit; Batch may still count nodes that it removes";

/// With this each line says what one pool alone needs.
pub const OF_ONE_POOL: &str = "pool needs";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The pool.
    pub pool: &'a PoolId,
    /// Its VM size, with family and cores.
    pub size: &'a SizeOffer,
    /// The nodes it shall have.
    pub wanted: NodeCounts,
    /// The nodes that are enough.
    pub needed: NodeCounts,
    /// The pool as it is; absent when it is to be made.
    pub present: Option<&'a Pool>,
}

/// A ceiling, and what is below it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// What there is only so much of, e.g. `dedicated cores of the account`.
    pub what: String,
    /// What of the kinds it is.
    pub kind: Kind,
    /// Which nodes use it.
    pub of: Users,
    /// How much one of them uses.
    pub each: u64,
    /// How much there is.
    pub limit: u64,
    /// How much others use.
    pub used: u64,
}

/// Which nodes use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// Dedicated ones.
    Dedicated,
    /// Spot ones.
    Spot,
    /// Both.
    Both,
    /// The pool itself, however many nodes it has.
    Pool,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// One line: how much there is, how much is used, how much is asked for.
    pub text: String,
    /// Whether not even enough nodes fit.
    pub stops: bool,
    /// How many nodes fit.
    pub fits: u64,
    /// How many are asked for.
    pub wanted: u64,
    /// What there is too little of.
    pub what: String,
    /// What of the kinds it is.
    pub kind: Kind,
    /// How much would be enough.
    pub enough: u64,
    /// How much there is in all.
    pub limit: u64,
    /// How much the pool itself needs.
    pub needs: u64,
}

/// How the ceilings of an account stand for a pool that did not get all its nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The ceilings as sentences; empty when nothing is known.
    pub lines: Vec<String>,
    /// What to ask for, when one of them is used up: how much would be enough, how much is missing, and of what.
    pub ask_for: Option<(u64, u64, String)>,
}

/// Room for dedicated nodes that may stand in for spot nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIns {
    /// How many fit next to the dedicated nodes that are asked for, of those that may.
    pub fits: u64,
    /// One line: how much there is, how much is used, how many fit.
    pub text: String,
}

/// What a ceiling is of: each has its own remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Cores of an account or a subscription.
    Cores,
    /// Pools of an account.
    Pools,
    /// Addresses of a subnet.
    Addresses,
    /// Public addresses of the pool's own.
    PublicAddresses,
}

/// Which cores a ceiling bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cores {
    /// Those of every size.
    All,
    /// Those of the family of the size that is asked for.
    OfFamily,
}

impl Cores {
    fn are_of(self, size: &SizeOffer, ask: &Ask<'_>) -> bool {
        self == Self::All || size.family.eq_ignore_ascii_case(&ask.size.family)
    }
}

impl Users {
    const fn count(self, nodes: NodeCounts) -> u64 {
        match self {
            Self::Dedicated => nodes.dedicated as u64,
            Self::Spot => nodes.spot as u64,
            Self::Both => nodes.dedicated as u64 + nodes.spot as u64,
            Self::Pool => 1,
        }
    }
}

impl Room {
    /// Whether so many nodes do not fit.
    #[must_use]
    pub fn is_short(&self, nodes: u64) -> bool {
        self.used.saturating_add(nodes.saturating_mul(self.each)) > self.limit
    }

    /// How much there is, how much others use, how much the pool needs; nothing when it needs none.
    #[must_use]
    pub fn line(&self, ask: &Ask<'_>) -> Option<String> {
        let wanted = self.of.count(ask.wanted);
        let (what, limit, used) = (&self.what, self.limit, self.used);
        let needs = wanted.saturating_mul(self.each);
        match self.of {
            Users::Pool => Some(format!("{what}: {used} of {limit} are there")),
            _ if wanted == 0 => None,
            _ => Some(format!(
                "{what}: {limit}, others use {used}, this {OF_ONE_POOL} {needs}"
            )),
        }
    }

    /// The same for a second pool, which may grow as the former one shrinks.
    #[must_use]
    pub fn line_of_second(&self, ask: &Ask<'_>) -> Option<String> {
        let needs = self.of.count(ask.wanted).saturating_mul(self.each);
        if self.of == Users::Pool || needs == 0 {
            return self.line(ask);
        }
        let (what, limit, used) = (&self.what, self.limit, self.used);
        let steps = match used.saturating_add(needs) > limit {
            true => " and grows as the former one shrinks",
            false => "",
        };
        Some(format!(
            "{what}: {limit}, {used} are used now, the former pool's with them; the second {OF_ONE_POOL} {needs}{steps}"
        ))
    }

    /// What does not fit; nothing when all does, or when the pool does not grow.
    #[must_use]
    pub fn shortage(&self, ask: &Ask<'_>) -> Option<Shortage> {
        let wanted = self.of.count(ask.wanted);
        let has = ask.present.map_or(0, |pool| self.of.count(pool.current));
        let grows = wanted > has;
        if !grows || !self.is_short(wanted) {
            return None;
        }
        let (limit, used, left) = (self.limit, self.used, self.limit.saturating_sub(self.used));
        let text = match self.of {
            Users::Pool => format!("{}: {used} of {limit} are there", self.what),
            _ => format!(
                "{}: {limit} in all{}; {} of {} {} {}, so {}",
                self.what,
                if used == 0 && self.kind == Kind::Cores {
                    ", others use none".to_owned()
                } else if used == 0 {
                    String::new()
                } else {
                    format!(", of which others use {used}")
                },
                plural(wanted, "node"),
                ask.size.name,
                if wanted == 1 { "needs" } else { "need" },
                wanted.saturating_mul(self.each),
                match left.checked_div(self.each).unwrap_or_default() {
                    0 => "none fits".to_owned(),
                    1 => "1 node fits".to_owned(),
                    fits => format!("{fits} nodes fit"),
                },
            ),
        };
        Some(Shortage {
            text,
            stops: self.is_short(self.of.count(ask.needed)),
            fits: left.checked_div(self.each).unwrap_or_default(),
            wanted,
            what: self.what.clone(),
            kind: self.kind,
            enough: used.saturating_add(wanted.saturating_mul(self.each)),
            limit,
            needs: wanted.saturating_mul(self.each),
        })
    }
}

/// What does not fit. A pool that gets enough of its nodes is not stopped.
#[must_use]
pub fn shortages(rooms: &[Room], ask: &Ask<'_>) -> Vec<Shortage> {
    rooms.iter().filter_map(|room| room.shortage(ask)).collect()
}

/// How many of so many nodes fit that may stand in for spot nodes, by the tightest ceiling; nothing when none is known.
#[must_use]
pub fn stand_ins(rooms: &[Room], ask: &Ask<'_>, most: u32) -> Option<StandIns> {
    let most = u64::from(most);
    let own = |room: &Room| u64::from(ask.wanted.dedicated).saturating_mul(room.each);
    let left = |room: &Room| room.limit.saturating_sub(room.used.saturating_add(own(room)));
    let fit = |room: &Room| left(room).checked_div(room.each).unwrap_or(most).min(most);
    let dedicated = rooms.iter().filter(|room| room.of == Users::Dedicated);
    let tightest = dedicated.filter(|_| most > 0).min_by_key(|room| fit(room))?;
    let (fits, Room { what, limit, used, .. }) = (fit(tightest), tightest);
    let text = format!(
        "{what}: {limit}, others use {used}, the dedicated nodes that are asked for need {}; of {} that may stand in for \
         spot nodes {fits} fit",
        own(tightest),
        plural(most, "node"),
    );
    Some(StandIns { fits, text })
}

/// How the ceilings of an account stand for a pool that did not get all its nodes: those that are used up, else all that
/// hold for it; with the other pools that use most. `pools` are all pools of the account.
#[must_use]
pub fn standing(quotas: &Quotas, pools: &[Pool], sizes: &[SizeOffer], ask: &Ask<'_>) -> Standing {
    let mut of_kind = cores_of_account(quotas, pools, sizes, ask);
    of_kind.retain(|(room, _)| room.of.count(ask.wanted) > 0);
    let line = |(room, cores): &(Room, Cores)| {
        let has = ask.present.map_or(0, |pool| room.of.count(pool.current)) * room.each;
        let (limit, used, needs) = (room.limit, room.used, room.of.count(ask.wanted) * room.each);
        let others = match used {
            0 => "other pools use none".to_owned(),
            _ => most_used(room, *cores, (pools, sizes), ask),
        };
        format!(
            "{}: {limit} in all; {others}, this pool {has} of the {needs} it needs",
            room.what
        )
    };
    let is_short = |(room, _): &&(Room, Cores)| room.is_short(room.of.count(ask.wanted));
    let missing = |(room, _): &(Room, Cores)| {
        let enough = room.used + room.of.count(ask.wanted) * room.each;
        (enough, enough.saturating_sub(room.limit), room.what.clone())
    };
    let lines: Vec<String> = of_kind.iter().filter(is_short).map(line).collect();
    if !lines.is_empty() || of_kind.is_empty() {
        let short = of_kind.iter().filter(is_short).map(missing);
        return Standing {
            lines,
            ask_for: short.max_by_key(|(_, missing, _)| *missing),
        };
    }
    let mut lines: Vec<String> = of_kind.iter().map(line).collect();
    lines.push(CHANGED.to_owned());
    Standing { lines, ask_for: None }
}

/// What the other pools use, and which of them most.
fn most_used(room: &Room, cores: Cores, (pools, sizes): (&[Pool], &[SizeOffer]), ask: &Ask<'_>) -> String {
    let others = pools.iter().filter(|pool| !pool.is_called(ask.pool));
    let of = |pool: &Pool| cores_of(pool, room.of, sizes, &|size| cores.are_of(size, ask));
    let mut using: Vec<(u64, PoolId)> = others
        .filter_map(|pool| Some((of(pool), pool.id()?)))
        .filter(|(cores, _)| *cores > 0)
        .collect();
    using.sort_unstable_by(|(one, id), (other, another)| other.cmp(one).then(id.as_str().cmp(another.as_str())));
    let named = using.iter().take(NAMED);
    let mut list: Vec<String> = named.map(|(cores, id)| format!("{id}: {cores}")).collect();
    match (using.as_slice(), using.len().saturating_sub(NAMED)) {
        ([], _) => format!("other pools use {}", room.used),
        ([(_, id)], _) => format!("pool {id} uses {}", room.used),
        (_, 0) => format!("other pools use {} ({})", room.used, list.join(", ")),
        (_, more) => {
            list.push(plural(more as u64, "smaller pool"));
            format!("other pools use {} ({})", room.used, list.join(", "))
        }
    }
}

/// How many nodes of each kind fit beside all that is there; dedicated ones come first where both kinds share a ceiling.
#[must_use]
pub fn beside(rooms: &[Room]) -> NodeCounts {
    let least = |of: Users| {
        let of_kind = rooms.iter().filter(|room| room.of == of);
        let left = of_kind.map(|room| {
            room.limit
                .saturating_sub(room.used)
                .checked_div(room.each)
                .unwrap_or(u64::MAX)
        });
        left.min()
            .map_or(u32::MAX, |left| u32::try_from(left).unwrap_or(u32::MAX))
    };
    let both = least(Users::Both);
    let dedicated = least(Users::Dedicated).min(both);
    NodeCounts {
        dedicated,
        spot: least(Users::Spot).min(both),
    }
}

/// The ceilings of an account whose nodes use its own quota.
#[must_use]
pub fn of_account(quotas: &Quotas, pools: &[Pool], sizes: &[SizeOffer], ask: &Ask<'_>) -> Vec<Room> {
    let cores = cores_of_account(quotas, pools, sizes, ask).into_iter();
    let mut rooms: Vec<Room> = cores.map(|(room, _)| room).collect();
    let others = pools.iter().filter(|pool| !pool.is_called(ask.pool)).count();
    rooms.extend(quotas.pools.map(|limit| pool_count(limit, others)));
    rooms
}

/// Its ceilings of cores, and which cores they bound.
fn cores_of_account(quotas: &Quotas, pools: &[Pool], sizes: &[SizeOffer], ask: &Ask<'_>) -> Vec<(Room, Cores)> {
    let others = || pools.iter().filter(|pool| !pool.is_called(ask.pool));
    let room = |what: String, of, cores: Cores, limit: u32| {
        let used = others().map(|pool| cores_of(pool, of, sizes, &|size| cores.are_of(size, ask)));
        let room = Room {
            what,
            kind: Kind::Cores,
            of,
            each: ask.size.cores.unwrap_or_default().into(),
            limit: limit.into(),
            used: used.sum(),
        };
        (room, cores)
    };
    let dedicated = quotas.dedicated_cores.map(|limit| {
        let what = "dedicated cores of the account".to_owned();
        room(what, Users::Dedicated, Cores::All, limit)
    });
    let family = quotas.family(&ask.size.family).map(|limit| {
        let what = format!("dedicated cores of {} in the account", ask.size.family);
        room(what, Users::Dedicated, Cores::OfFamily, limit)
    });
    let spot = quotas
        .spot_cores
        .map(|limit| room("spot cores of the account".to_owned(), Users::Spot, Cores::All, limit));
    [dedicated, family, spot].into_iter().flatten().collect()
}

/// How many pools an account may have.
#[must_use]
pub fn pool_count(limit: u32, others: usize) -> Room {
    Room {
        what: "pools of the account".to_owned(),
        kind: Kind::Pools,
        of: Users::Pool,
        each: 1,
        limit: limit.into(),
        used: others as u64,
    }
}

/// The cores that a pool uses or is going to use.
fn cores_of(pool: &Pool, of: Users, sizes: &[SizeOffer], is_meant: &dyn Fn(&SizeOffer) -> bool) -> u64 {
    let nodes = of.count(pool.current).max(of.count(pool.targets));
    let size = sizes.iter().find(|size| size.is_called(pool.vm_size()));
    let cores = size.filter(|size| is_meant(size)).and_then(|size| size.cores);
    nodes * u64::from(cores.unwrap_or_default())
}

/// The ceiling of a subscription for a family or all cores; `current` is what Azure counts, the pool's own nodes too.
#[must_use]
pub fn of_subscription(what: String, of: Users, (limit, current): (u64, u64), ask: &Ask<'_>) -> Room {
    let each = u64::from(ask.size.cores.unwrap_or_default());
    let own = ask.present.map_or(0, |pool| of.count(pool.current) * each);
    Room {
        what,
        kind: Kind::Cores,
        of,
        each,
        limit,
        used: current.saturating_sub(own),
    }
}

/// The addresses of a subnet with that prefix, such as `10.0.0.0/24`, in which others have so many.
#[must_use]
pub fn of_subnet(name: &str, prefix: &str, used: u64) -> Option<Room> {
    let bits: u32 = prefix.split_once('/')?.1.parse().ok()?;
    let all = 2_u64.checked_pow(32_u32.checked_sub(bits)?)?;
    Some(Room {
        what: format!("addresses of subnet {name} ({prefix})"),
        kind: Kind::Addresses,
        of: Users::Both,
        each: 1,
        limit: all.saturating_sub(KEPT_ADDRESSES),
        used,
    })
}

/// The nodes that so many public addresses of the pool's own serve.
#[must_use]
pub fn of_public_addresses(addresses: u32) -> Room {
    Room {
        what: format!("public addresses of the pool ({addresses}, and each serves {NODES_AN_ADDRESS} nodes)"),
        kind: Kind::PublicAddresses,
        of: Users::Both,
        each: 1,
        limit: u64::from(addresses) * u64::from(NODES_AN_ADDRESS),
        used: 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sizes() -> Vec<SizeOffer> {
        let size = |name: &str, family: &str, cores| SizeOffer {
            name: name.to_owned(),
            family: family.to_owned(),
            cores: Some(cores),
            end_of_life: None,
        };
        vec![
            size("Standard_D4s_v5", "standardDSv5Family", 4),
            size("Standard_E8s_v5", "standardESv5Family", 8),
        ]
    }

    fn pool(id: &str, size: &str, dedicated: u32, spot: u32) -> Pool {
        Pool::new(
            json!({"id": id, "vmSize": size, "targetDedicatedNodes": dedicated, "currentDedicatedNodes": dedicated,
            "targetLowPriorityNodes": spot, "currentLowPriorityNodes": spot}),
        )
    }

    const fn nodes(dedicated: u32, spot: u32) -> NodeCounts {
        NodeCounts { dedicated, spot }
    }

    fn found(quotas: &Quotas, wanted: NodeCounts, needed: NodeCounts, present: Option<&Pool>) -> Vec<(String, bool)> {
        let (sizes, id) = (sizes(), "p1".parse().unwrap());
        let others = [
            pool("p1", "standard_d4s_v5", 5, 0),
            pool("other", "standard_d4s_v5", 10, 0),
            pool("third", "standard_e8s_v5", 5, 2),
        ];
        let ask = Ask {
            pool: &id,
            size: &sizes[0],
            wanted,
            needed,
            present,
        };
        let rooms = of_account(quotas, &others, &sizes, &ask);
        let all = shortages(&rooms, &ask);
        all.into_iter().map(|short| (short.text, short.stops)).collect()
    }

    #[test]
    fn nodes_that_stand_in_for_spot_nodes_fit_beside_the_dedicated_ones() {
        let (sizes, id) = (sizes(), "p1".parse().unwrap());
        let ask = Ask {
            pool: &id,
            size: &sizes[0],
            wanted: nodes(2, 10),
            needed: nodes(2, 0),
            present: None,
        };
        let of = |dedicated, family, most| {
            let rooms = of_account(
                &quotas(dedicated, family, 100, 5),
                &[pool("other", "standard_d4s_v5", 3, 0)],
                &sizes,
                &ask,
            );
            stand_ins(&rooms, &ask, most).map(|it| (it.fits, it.text))
        };
        assert_eq!(of(100, 100, 5).map(|it| it.0), Some(5));
        // 12 cores of others and 8 of the pool's own leave room for 3 nodes of 4 cores.
        let text = "dedicated cores of the account: 32, others use 12, the dedicated nodes that are asked for need 8; of 5 nodes \
                    that may stand in for spot nodes 3 fit";
        assert_eq!(of(32, 100, 5), Some((3, text.to_owned())));
        assert_eq!(of(100, 24, 5).map(|it| it.0), Some(1), "the family is tighter");
        assert_eq!(of(8, 100, 5).map(|it| it.0), Some(0));
        assert_eq!(of(8, 100, 0), None);
    }

    fn quotas(dedicated: u32, family: u32, spot: u32, pools: u32) -> Quotas {
        Quotas {
            dedicated_cores: Some(dedicated),
            spot_cores: Some(spot),
            families: Some(vec![("standardDSv5Family".to_owned(), family)]),
            pools: Some(pools),
        }
    }

    #[test]
    fn every_ceiling_of_an_account_counts_what_others_use_and_not_the_pool_itself() {
        // Others: 10 x 4 + 5 x 8 = 80 dedicated cores, 40 of the family, 2 x 8 = 16 spot cores, 2 pools.
        let all = quotas(120, 80, 56, 3);
        assert_eq!(found(&all, nodes(10, 10), nodes(10, 0), None), []);
        let short = found(&quotas(119, 79, 55, 2), nodes(10, 10), nodes(10, 0), None);
        assert_eq!(
            short,
            [
                ("dedicated cores of the account: 119 in all, of which others use 80; 10 nodes of Standard_D4s_v5 need 40, so 9 nodes fit".to_owned(), true),
                ("dedicated cores of standardDSv5Family in the account: 79 in all, of which others use 40; 10 nodes of Standard_D4s_v5 need 40, so 9 nodes fit".to_owned(), true),
                ("spot cores of the account: 55 in all, of which others use 16; 10 nodes of Standard_D4s_v5 need 40, so 9 nodes fit".to_owned(), false),
                ("pools of the account: 2 of 2 are there".to_owned(), true),
            ]
        );
    }

    #[test]
    fn enough_that_fits_is_a_warning_and_a_pool_that_does_not_grow_is_none() {
        let tight = quotas(116, 1000, 1000, 10);
        assert!(!found(&tight, nodes(10, 0), nodes(9, 0), None)[0].1);
        let large = pool("p1", "standard_d4s_v5", 50, 0);
        assert_eq!(found(&quotas(1, 1, 0, 0), nodes(20, 0), nodes(20, 0), Some(&large)), []);
    }

    #[test]
    fn a_quota_that_is_used_up_is_shown_with_the_pools_that_use_it() {
        let (sizes, id) = (sizes(), "p1".parse().unwrap());
        let own = pool("p1", "standard_d4s_v5", 5, 0);
        let mut all = vec![own.clone(), pool("third", "standard_e8s_v5", 5, 2)];
        all.extend((1..=4).map(|number| pool(&format!("n{number}"), "standard_d4s_v5", number, 0)));
        let stands = |quotas: &Quotas| {
            let ask = Ask {
                pool: &id,
                size: &sizes[0],
                wanted: nodes(10, 0),
                needed: nodes(10, 0),
                present: Some(&own),
            };
            standing(quotas, &all, &sizes, &ask)
        };
        assert_eq!(
            stands(&quotas(100, 60, 0, 10)).lines,
            [
                "dedicated cores of the account: 100 in all; other pools use 80 (third: 40, n4: 16, n3: 12, 2 smaller pools), \
                 this pool 20 of the 40 it needs",
                "dedicated cores of standardDSv5Family in the account: 60 in all; other pools use 40 (n4: 16, n3: 12, n2: 8, \
                 1 smaller pool), this pool 20 of the 40 it needs",
            ]
        );
        let family = stands(&quotas(1000, 60, 0, 10));
        assert_eq!(family.lines.len(), 1, "only what is used up is shown");
        let what = "dedicated cores of standardDSv5Family in the account".to_owned();
        let alone = Ask {
            pool: &id,
            size: &sizes[0],
            wanted: nodes(10, 0),
            needed: nodes(10, 0),
            present: Some(&own),
        };
        let one_other = standing(&quotas(40, 1000, 0, 10), &all[..2], &sizes, &alone).lines;
        let said = "dedicated cores of the account: 40 in all; pool third uses 40, this pool 20 of the 40 it needs";
        assert_eq!(one_other, [said]);
        assert_eq!(family.ask_for, Some((80, 20, what)));
        let roomy = stands(&quotas(1000, 1000, 0, 10));
        assert_eq!((roomy.lines.len(), roomy.ask_for), (3, None));
        assert_eq!(roomy.lines[2], CHANGED);
    }

    #[test]
    fn subnets_and_public_addresses_are_ceilings_too() {
        let subnet = of_subnet("nodes", "10.0.0.0/24", 51).unwrap();
        assert_eq!(
            (subnet.limit, subnet.is_short(200), subnet.is_short(201)),
            (251, false, true)
        );
        assert_eq!(of_subnet("nodes", "fd00::/64", 0), None);
        assert!(of_public_addresses(2).is_short(201) && !of_public_addresses(2).is_short(200));
    }

    #[test]
    fn a_subscription_counts_the_pools_own_nodes_and_they_are_taken_out() {
        let (sizes, id, present) = (sizes(), "p1".parse().unwrap(), pool("p1", "standard_d4s_v5", 5, 0));
        let ask = Ask {
            pool: &id,
            size: &sizes[0],
            wanted: nodes(10, 0),
            needed: nodes(10, 0),
            present: Some(&present),
        };
        let room = of_subscription("cores".to_owned(), Users::Dedicated, (60, 40), &ask);
        assert_eq!(shortages(&[room], &ask), []);
        let room = of_subscription("cores".to_owned(), Users::Dedicated, (59, 40), &ask);
        assert_eq!(shortages(&[room], &ask).len(), 1);
    }
}
