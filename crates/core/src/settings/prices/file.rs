//! Prices as a file has them: a currency, then sizes or storage, regions and numbers. All faults come at once, each with
//! its line and the name of the value.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use super::{NodePrices, Prices};
use crate::{
    ids::{Location, VmSize},
    money::{Currency, Money},
    options::pool::PRICE_FILE,
    settings::{
        ReplicaStorage,
        document::{Is, Node, Spot},
        fault::Fault,
    },
};

pub(super) const CURRENCY: &str = "currency";
pub(super) const NODE_HOUR: &str = "node-hour";
pub(super) const GIB_MONTH: &str = "gib-month";
pub(super) const DEDICATED: &str = "dedicated";
pub(super) const SPOT: &str = "spot";

/// Collects what is wrong with a file.
#[derive(Default)]
struct File {
    faults: Vec<Fault>,
}

impl File {
    fn refuse(&mut self, spot: &Spot, text: impl Into<String>) {
        let text = format!("{}{}", spot.shown(), text.into());
        self.faults.push(Fault::new(PRICE_FILE, text));
    }

    fn whole(&mut self, file: &Node) -> Option<Prices> {
        if !file.is_map() {
            self.refuse(&file.spot, format!("must be an object with {CURRENCY} and prices"));
            return None;
        }
        self.require_known(file, &[CURRENCY, NODE_HOUR, GIB_MONTH]);
        let currency = self.currency(file);
        if file.get(NODE_HOUR).is_none() && file.get(GIB_MONTH).is_none() {
            self.refuse(
                &file.spot,
                format!("has no price: give {NODE_HOUR}, {GIB_MONTH} or both"),
            );
        }
        let nodes = self.table(
            file.get(NODE_HOUR),
            |size: &VmSize| size.as_str().to_ascii_lowercase(),
            Self::node_prices,
        );
        let storage = self.table(
            file.get(GIB_MONTH),
            |storage: &ReplicaStorage| storage.as_str(),
            Self::price,
        );
        Some(Prices {
            currency: currency?,
            nodes,
            storage,
        })
    }

    fn currency(&mut self, file: &Node) -> Option<Currency> {
        let Some(node) = file.get(CURRENCY) else {
            let text = format!("{CURRENCY} is missing: write the currency of all prices, such as {CURRENCY}: EUR");
            self.refuse(&file.spot, text);
            return None;
        };
        let Some(text) = node.text() else {
            self.refuse(
                &node.spot,
                format!("is {}, and must be a word such as EUR", node.kind()),
            );
            return None;
        };
        self.parsed(text.trim(), &node.spot)
    }

    /// The prices below a size or a storage type, and there below a region.
    fn table<Of: FromStr<Err: Display>, Key: Ord + Clone, Price>(
        &mut self,
        table: Option<&Node>,
        key: impl Fn(&Of) -> Key,
        price: impl Fn(&mut Self, &Node) -> Option<Price>,
    ) -> BTreeMap<(Key, Location), Price> {
        let mut prices = BTreeMap::new();
        for (name, regions) in table.map(|table| self.fields(table)).unwrap_or_default() {
            let of = self.parsed::<Of>(name, &regions.spot).map(|of| key(&of));
            for (name, node) in self.fields(regions) {
                let region = self.parsed::<Location>(name, &node.spot);
                let (Some(of), Some(region), Some(price)) = (of.clone(), region, price(self, node)) else {
                    continue;
                };
                if prices.insert((of, region), price).is_some() {
                    self.refuse(&node.spot, "is there twice in two spellings: write one of the two");
                }
            }
        }
        prices
    }

    fn node_prices(&mut self, node: &Node) -> Option<NodePrices> {
        if node.fields().is_empty() {
            let text = format!(
                "is {}: write {DEDICATED} and {SPOT} with a price each below it",
                node.kind()
            );
            self.refuse(&node.spot, text);
            return None;
        }
        self.require_known(node, &[DEDICATED, SPOT]);
        let dedicated = node.get(DEDICATED).and_then(|node| self.price(node));
        let spot = node.get(SPOT).and_then(|node| self.price(node));
        Some(NodePrices { dedicated, spot })
    }

    fn price(&mut self, node: &Node) -> Option<Money> {
        let text = match &node.value {
            Is::Text(text) => text.clone(),
            Is::Number(number) => match (number.as_u64(), number.as_f64()) {
                // The shortest text of a number that was read is what was written, up to 15 digits; a price has no more.
                (None, Some(number)) => number.to_string(),
                (whole, _) => whole.map_or_else(|| number.to_string(), |whole| whole.to_string()),
            },
            Is::Null | Is::Bool(_) | Is::List(_) | Is::Map(_) => {
                self.refuse(
                    &node.spot,
                    format!("is {}, and must be a price such as 0.23", node.kind()),
                );
                return None;
            }
        };
        self.parsed(text.trim(), &node.spot)
    }

    /// The fields of an object; a fault when it is none.
    fn fields<'n>(&mut self, node: &'n Node) -> &'n [(String, Node)] {
        if node.fields().is_empty() {
            let text = format!("is {}, and must be an object with prices", node.kind());
            self.refuse(&node.spot, text);
        }
        node.fields()
    }

    fn require_known(&mut self, node: &Node, known: &[&str]) {
        for (name, field) in node.fields() {
            if !known.contains(&name.as_str()) {
                self.refuse(&field.spot, format!("is not known here; {} are", known.join(", ")));
            }
        }
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, text: &str, spot: &Spot) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.refuse(spot, error.to_string()))
            .ok()
    }
}

/// The prices of a text, and what is wrong with it.
pub(super) fn read(text: &str) -> (Option<Prices>, Vec<Fault>) {
    let mut file = File::default();
    let prices = match Node::parse(text) {
        Ok(node) => file.whole(&node),
        Err(unreadable) => {
            file.faults.push(Fault::new(PRICE_FILE, unreadable.shown()));
            None
        }
    };
    (prices, file.faults)
}

#[cfg(test)]
mod tests;
