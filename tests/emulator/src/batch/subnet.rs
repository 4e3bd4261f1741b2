//! The subnets that pools can be put into, and how many of their addresses are free.
//!
//! It only reads what the network provider shows; the two are strangers in Azure, too.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::Account;
use super::allocation::{Ask, Ceiling, ResizeError};
use super::ids::PoolId;
use super::node::Node;
use super::pool::Pool;
use crate::json::{list, text};

/// The first address that a machine can have; Azure keeps the four before it.
const FIRST_HOST: u32 = 4;

/// The addresses that Azure keeps of every subnet: those four and the last.
const KEPT: u32 = 5;

/// One subnet.
#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    id: String,
    name: String,
    prefix: String,
    first: u32,
    size: u32,
    /// The addresses of network interfaces.
    taken: BTreeSet<u32>,
}

impl Subnet {
    /// Every subnet of these network resources, as the resource manager shows them.
    pub(crate) fn all(views: &[Value]) -> Vec<Self> {
        let mut subnets: Vec<Self> = views
            .iter()
            .flat_map(|view| list(view, "/properties/subnets"))
            .filter_map(Self::read)
            .collect();
        let configurations = views.iter().flat_map(|view| list(view, "/properties/ipConfigurations"));
        for configuration in configurations {
            let id = text(configuration, "/properties/subnet/id").unwrap_or_default();
            let address = text(configuration, "/properties/privateIPAddress");
            let address: Option<Ipv4Addr> = address.and_then(|text| text.parse().ok());
            let subnet = subnets.iter_mut().find(|subnet| subnet.is(id));
            if let (Some(subnet), Some(address)) = (subnet, address) {
                subnet.taken.insert(u32::from(address));
            }
        }
        subnets
    }

    fn read(view: &Value) -> Option<Self> {
        let prefix = text(view, "/properties/addressPrefix").or_else(|| text(view, "/properties/addressPrefixes/0"))?;
        let (address, bits) = prefix.split_once('/')?;
        let bits: u32 = bits.parse().ok().filter(|bits| (1..=32).contains(bits))?;
        Some(Self {
            id: text(view, "/id")?.to_owned(),
            name: text(view, "/name").unwrap_or_default().to_owned(),
            prefix: prefix.to_owned(),
            first: u32::from(address.parse::<Ipv4Addr>().ok()?),
            size: 1_u32.checked_shl(32 - bits).unwrap_or(u32::MAX),
            taken: BTreeSet::new(),
        })
    }

    /// Whether this is its id.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
    }

    /// The most nodes that a pool can have here next to interfaces and other pools, and the error beyond them.
    pub(crate) fn ceiling(&self, account: &Account, pool: &Pool, ask: &Ask, now: Timestamp) -> Ceiling {
        let own = |id: &PoolId| *id == pool.id;
        let others = self.nodes(account, now).filter(|(id, _)| !own(id)).count();
        let used = self.taken.len().saturating_add(others);
        let usable = self.size.saturating_sub(KEPT);
        let wanted = ask.to.beyond(ask.from).total();
        let message = format!(
            "Subnet {} with address prefix {} does not have enough capacity for {wanted} IP addresses.",
            self.name, self.prefix
        );
        let provider = json!({"error": {"code": "SubnetIsFull", "message": message, "details": []}});
        Ceiling {
            kind: None,
            most: usable.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            error: ResizeError::of_provider("AllocationFailed", &provider, false),
        }
    }

    /// The free addresses, lowest first.
    pub(crate) fn free(&self, account: &Account, now: Timestamp) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let mut taken = self.taken.clone();
        taken.extend(self.nodes(account, now).map(|(_, node)| u32::from(node.address)));
        let (first, hosts) = (self.first, FIRST_HOST..self.size.saturating_sub(1));
        let addresses = hosts.map(move |host| first.saturating_add(host));
        addresses
            .filter(move |address| !taken.contains(address))
            .map(Ipv4Addr::from)
    }

    fn nodes<'a>(&'a self, account: &'a Account, now: Timestamp) -> impl Iterator<Item = (&'a PoolId, &'a Node)> {
        let here = move |pool: &&Pool| !pool.is_gone(now) && pool.subnet_id().is_some_and(|id| self.is(id));
        let pools = account.pools.iter().filter(here);
        let stays = move |node: &&Node| node.removed.is_none_or(|removed| now < removed);
        pools.flat_map(move |pool| pool.nodes.iter().filter(stays).map(|node| (&pool.id, node)))
    }
}

/// The error of a pool whose subnet is gone.
pub(crate) fn gone(id: &str, pool: &PoolId) -> ResizeError {
    let message = format!(
        "Resource {id} referenced by resource {pool} was not found. Please make sure that the referenced resource \
         exists, and that both resources are in the same region."
    );
    let provider = json!({"error": {"code": "InvalidResourceReference", "message": message}});
    ResizeError::of_provider("DependentResourceNotFound", &provider, false)
}
