//! What the nodes of a roll-out cost by the user's own prices, as lines of its plan. Pure.
//!
//! A price that the file does not have stays unknown, and is never counted as nothing.

use std::time::Duration;

use super::{blue_green::Surge, counted::counted};
use crate::{
    ids::{Location, NodeCounts, VmSize},
    money::{Cost, Money, Per},
    plan::{About, Fact},
    settings::Prices,
};

/// Hours a day: a node is billed for each of them, whether it works or not.
pub(super) const HOURS_A_DAY: u32 = 24;

/// The nodes that are billed, and by which prices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Billed<'a> {
    /// The prices.
    pub(super) prices: &'a Prices,
    /// The size of the nodes, if it is known.
    pub(super) size: Option<&'a VmSize>,
    /// The region of the account, if it is known.
    pub(super) region: Option<&'a Location>,
}

/// How many nodes there will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nodes {
    /// So many.
    Fixed(NodeCounts),
    /// What a formula says, up to this where the user has said it.
    Formula(Option<u32>),
}

/// The nodes of a pool that are billed once its roll-out is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// How many.
    pub nodes: u32,
    /// What a day of them costs, where the user's own prices have all of it.
    pub day: Option<Cost>,
}

/// One kind of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dedicated,
    Spot,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Dedicated, Self::Spot];

    const fn word(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Spot => "spot",
        }
    }

    const fn of(self, nodes: NodeCounts) -> u32 {
        match self {
            Self::Dedicated => nodes.dedicated,
            Self::Spot => nodes.spot,
        }
    }
}

impl Upkeep {
    /// How many hours of nodes a day has.
    #[must_use]
    pub fn hours_a_day(&self) -> u64 {
        u64::from(self.nodes) * u64::from(HOURS_A_DAY)
    }
}

impl Billed<'_> {
    /// A day of all these nodes, where its price is known.
    pub(super) fn day(&self, nodes: NodeCounts) -> Option<Cost> {
        let hour = self.an_hour(nodes).ok()?;
        Some(self.cost(hour.times(HOURS_A_DAY.into()), Per::Day))
    }

    /// The lines.
    pub(super) fn facts(&self, nodes: Nodes, surge: Option<Surge>) -> Vec<Fact> {
        let mut facts = match nodes {
            Nodes::Fixed(nodes) => self.fixed(nodes),
            Nodes::Formula(most) => vec![self.of_formula(most)],
        };
        facts.extend(surge.map(|surge| self.second_pool(surge)));
        facts
    }

    fn fixed(&self, nodes: NodeCounts) -> Vec<Fact> {
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.of(nodes) > 0).collect();
        let mut facts: Vec<Fact> = kinds.iter().map(|kind| self.of_kind(*kind, kind.of(nodes))).collect();
        let all = self.an_hour(nodes);
        if let (2.., Ok(hour)) = (kinds.len(), all) {
            let day = self.cost(hour.times(HOURS_A_DAY.into()), Per::Day);
            facts.push(Fact::cost(format!("together {day}"), day));
        }
        facts
    }

    fn of_kind(&self, kind: Kind, nodes: u32) -> Fact {
        let hours = u64::from(nodes) * u64::from(HOURS_A_DAY);
        let what = format!("{}: {hours} node-hours a day", kind.word());
        match self.price(kind) {
            Ok(price) => {
                let day = self.cost(price.times(hours), Per::Day);
                Fact::cost(format!("{what} × {} {} = {day}", price.exact(), day.currency), day)
            }
            Err(why) => Fact::unknown(About::Cost, format!("{what} × – = –: {why}")),
        }
    }

    /// Which kind of nodes a formula asks for is not known, so the dearer one is named.
    fn of_formula(&self, most: Option<u32>) -> Fact {
        let price = match self.price(Kind::Dedicated) {
            Ok(price) => price,
            Err(why) => return Fact::unknown(About::Cost, format!("a dedicated node: –: {why}")),
        };
        let hour = self.cost(price, Per::Hour);
        let one = format!("a dedicated node: {} {} an hour", price.exact(), hour.currency);
        match most {
            Some(most) => {
                let day = self.cost(price.times(u64::from(most) * u64::from(HOURS_A_DAY)), Per::Day);
                Fact::cost(
                    format!("{one}; {most} of them, the most that the formula may ask for: {day}"),
                    day,
                )
            }
            None => Fact::cost(format!("{one}; the formula decides how many there are"), hour),
        }
    }

    /// What both pools have more than one of them would, while the work moves.
    fn second_pool(&self, surge: Surge) -> Fact {
        let what = format!("second pool: at most {} more for a while", counted(surge.nodes));
        match self.an_hour(surge.nodes) {
            Ok(hour) => {
                let hour = self.cost(hour, Per::Hour);
                Fact::cost(format!("{what}, {hour} {}", how_long(surge.watched)), hour)
            }
            Err(why) => Fact::unknown(About::Cost, format!("{what} × – = –: {why}")),
        }
    }

    /// An hour of all these nodes.
    fn an_hour(&self, nodes: NodeCounts) -> Result<Money, String> {
        let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.of(nodes) > 0);
        kinds.try_fold(Money::default(), |sum, kind| {
            Ok(sum.plus(self.price(kind)?.times(kind.of(nodes).into())))
        })
    }

    /// The price of an hour; why it is not known.
    fn price(&self, kind: Kind) -> Result<Money, String> {
        let size = self.size.ok_or("the VM size is not known")?;
        let region = self.region.ok_or("the account's region is not known")?;
        let prices = self.prices.node_hour(size, region);
        let price = match kind {
            Kind::Dedicated => prices.dedicated,
            Kind::Spot => prices.spot,
        };
        price.ok_or_else(|| format!("the price file has no {} price of {size} in {region}", kind.word()))
    }

    fn cost(&self, amount: Money, per: Per) -> Cost {
        Cost {
            amount,
            currency: self.prices.currency().clone(),
            per,
        }
    }
}

fn how_long(watched: Duration) -> String {
    let both = "until nodes have started and tasks have ended";
    match watched.as_secs().div_ceil(60) {
        0 => both.to_owned(),
        minutes => format!("{both}, and for the {minutes} minutes that they are watched"),
    }
}

#[cfg(test)]
mod tests;
