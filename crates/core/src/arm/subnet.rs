//! The subnets of a virtual network, as far as a pool needs them: how many addresses there are.
//!
//! It decides nothing.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, resource::SubnetId},
    json,
    request::Request,
};

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its name.
    pub name: String,
    /// Its addresses, such as `10.0.0.0/24`.
    pub prefix: String,
    /// How many addresses network interfaces have there.
    pub used: u64,
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its region, as far as it says it.
    pub location: Option<Location>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

impl Network {
    /// Reads it.
    #[must_use]
    pub fn read(body: &Value) -> Self {
        Self {
            location: json::text(body, "/location").and_then(|text| text.parse().ok()),
            subnets: json::items(body, "/properties/subnets")
                .filter_map(Subnet::read)
                .collect(),
        }
    }
}

impl Subnet {
    /// Reads one item of the list.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let prefix = json::text(item, "/properties/addressPrefix")
            .or_else(|| json::text(item, "/properties/addressPrefixes/0"))?;
        Some(Self {
            name: json::text(item, "/name")?.to_owned(),
            prefix: prefix.to_owned(),
            used: json::items(item, "/properties/ipConfigurations").count() as u64,
        })
    }
}

/// The request for the network of a subnet.
#[must_use]
pub fn get_network(subnet: &SubnetId) -> Request {
    let doing = format!("read virtual network {}", subnet.network_name());
    Request::arm(Method::GET, subnet.network(), Api::Networks, doing)
}

/// The request for a public address.
#[must_use]
pub fn get_address(id: &str) -> Request {
    Request::arm(Method::GET, id, Api::Networks, "read the pool's public address")
}

/// The request for the subnets of the network of a subnet; nothing when the text is not a subnet's id.
#[must_use]
pub fn list_around(subnet: &str) -> Option<Request> {
    let (network, name) = subnet.split_once("/subnets/")?;
    let doing = format!("read the addresses of subnet {name}");
    Some(Request::arm(
        Method::GET,
        format!("{network}/subnets"),
        Api::Networks,
        doing,
    ))
}
