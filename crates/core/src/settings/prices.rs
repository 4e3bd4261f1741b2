//! The user's own prices: what an hour of a node and a month of a GiB cost, by size or storage and region.
//!
//! Nothing is asked for them anywhere, and a price that is not there stays unknown.

mod file;
mod schema;

use std::collections::BTreeMap;

use super::{ReplicaStorage, reader::Reader};
use crate::{
    ids::{Location, VmSize},
    money::{Currency, Money},
    options::pool::PRICE_FILE,
};

pub use schema::schema;

/// Prices from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    currency: Currency,
    /// By the size in small letters and the region.
    nodes: BTreeMap<(String, Location), NodePrices>,
    /// By Azure's word for the storage and the region.
    storage: BTreeMap<(&'static str, Location), Money>,
}

/// What an hour of a node costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePrices {
    /// Of a dedicated one, if that is known.
    pub dedicated: Option<Money>,
    /// Of a spot one, if that is known.
    pub spot: Option<Money>,
}

impl Prices {
    /// The currency of all of them.
    #[must_use]
    pub const fn currency(&self) -> &Currency {
        &self.currency
    }

    /// What an hour of a node of this size costs in a region.
    #[must_use]
    pub fn node_hour(&self, size: &VmSize, region: &Location) -> NodePrices {
        let key = (size.as_str().to_ascii_lowercase(), region.clone());
        self.nodes.get(&key).copied().unwrap_or_default()
    }

    /// What a GiB of snapshots or replicas costs for a month in a region, if that is known.
    #[must_use]
    pub fn gib_month(&self, storage: ReplicaStorage, region: &Location) -> Option<Money> {
        self.storage.get(&(storage.as_str(), region.clone())).copied()
    }
}

/// Reads the prices, of whose file the content is given; nothing without one, and after a fault.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Prices> {
    let (prices, faults) = file::read(reader.text(PRICE_FILE)?);
    reader.refuse_all(faults);
    prices
}
