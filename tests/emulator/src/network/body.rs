//! What the network provider checks and fills in when something is written.
//!
//! It stores nothing; what follows from other resources is added when something is read.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::state::{Kind, Network, Parts, canonical_id};
use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
};

/// The first address of a subnet that machines get: Azure keeps the four before it.
const FIRST_HOST: u64 = 4;

/// Checks the body of a write and completes it in place.
pub(super) fn complete(parts: &mut Parts<'_>, path: &ArmPath, kind: Kind, body: &mut Value) -> Result<(), ArmError> {
    let guid = parts.engine.ids.guid();
    edit::set(body, &["properties", "resourceGuid"], json!(guid));
    let id = canonical_id(path, kind);
    match kind {
        Kind::PublicAddress => complete_public_address(body),
        Kind::SecurityGroup => name_children(body, "securityRules", &id),
        Kind::VirtualNetwork => name_children(body, "subnets", &id),
        Kind::Interface => complete_interface(parts.network, body, &id)?,
    }
    Ok(())
}

fn complete_public_address(body: &mut Value) {
    let defaults = json!({
        "sku": {"name": "Basic", "tier": "Regional"},
        "properties": {
            "publicIPAddressVersion": "IPv4", "publicIPAllocationMethod": "Dynamic", "idleTimeoutInMinutes": 4,
        },
    });
    let sent = std::mem::replace(body, defaults);
    edit::merge(body, sent);
    if let Some(label) = edit::text(body, "/properties/dnsSettings/domainNameLabel") {
        let location = edit::text(body, "/location").unwrap_or_default();
        let name = format!("{label}.{location}.cloudapp.azure.com");
        edit::set(body, &["properties", "dnsSettings", "fqdn"], json!(name));
    }
}

/// Gives subnets and rules their ids and states.
fn name_children(body: &mut Value, field: &str, id: &str) {
    let children = body
        .pointer_mut(&format!("/properties/{field}"))
        .and_then(Value::as_array_mut);
    for child in children.into_iter().flatten() {
        let name = edit::text(child, "/name").unwrap_or_default().to_owned();
        edit::set(child, &["id"], json!(format!("{id}/{field}/{name}")));
        edit::set(child, &["properties", "provisioningState"], json!("Succeeded"));
    }
}

fn complete_interface(network: &Network, body: &mut Value, id: &str) -> Result<(), ArmError> {
    if let Some(group) = edit::text(body, "/properties/networkSecurityGroup/id") {
        require_resource(network, group, id)?;
    }
    let configurations = body
        .pointer_mut("/properties/ipConfigurations")
        .and_then(Value::as_array_mut);
    for (position, configuration) in configurations.into_iter().flatten().enumerate() {
        let name = edit::text(configuration, "/name").unwrap_or("ipconfig").to_owned();
        let subnet = edit::text(configuration, "/properties/subnet/id").ok_or_else(|| {
            let message = format!("Subnet of IP configuration '{name}' is missing.");
            ArmError::bad_request("SubnetNotSpecified", message)
        })?;
        let address = private_address(network, subnet, id)?;
        if let Some(public) = edit::text(configuration, "/properties/publicIPAddress/id") {
            require_resource(network, public, id)?;
        }
        let shown = json!({
            "id": format!("{id}/ipConfigurations/{name}"),
            "properties": {
                "privateIPAddress": address.to_string(),
                "privateIPAddressVersion": "IPv4",
                "primary": position == 0,
                "provisioningState": "Succeeded",
            },
        });
        edit::merge(configuration, shown);
    }
    Ok(())
}

/// The address that an interface has in the subnet already, or the first that is free.
fn private_address(network: &Network, subnet: &str, referrer: &str) -> Result<Ipv4Addr, ArmError> {
    let prefix = subnet_prefix(network, subnet).ok_or_else(|| reference_missing(subnet, referrer))?;
    let (base, bits) = prefix.split_once('/').unwrap_or((&prefix, "24"));
    let base: Ipv4Addr = base.parse().unwrap_or(Ipv4Addr::new(10, 0, 0, 0));
    let size = 1_u64 << (32 - bits.parse::<u32>().unwrap_or(24).min(32));
    let mut taken = Vec::new();
    for item in network.items(Kind::Interface) {
        for other in edit::list(&item.body, "/properties/ipConfigurations") {
            let is_here = edit::text(other, "/properties/subnet/id").is_some_and(|id| id.eq_ignore_ascii_case(subnet));
            let address = edit::text(other, "/properties/privateIPAddress").and_then(|text| text.parse().ok());
            match address.filter(|_| is_here) {
                Some(own) if item.id.eq_ignore_ascii_case(referrer) => return Ok(own),
                Some(address) => taken.push(address),
                None => {}
            }
        }
    }
    // The last one is for broadcasts.
    (FIRST_HOST..size.saturating_sub(1))
        .filter_map(|offset| u32::try_from(offset).ok())
        .map(|offset| Ipv4Addr::from(u32::from(base).saturating_add(offset)))
        .find(|address| !taken.contains(address))
        .ok_or_else(|| {
            let name = subnet.rsplit('/').next().unwrap_or_default();
            let message =
                format!("Subnet {name} with address prefix {prefix} does not have enough capacity for 1 IP addresses.");
            ArmError::bad_request("SubnetIsFull", message)
        })
}

/// The address range of a subnet; `None` when there is no such subnet.
fn subnet_prefix(network: &Network, id: &str) -> Option<String> {
    let path = ArmPath::parse(id)?;
    let parent = network.resources.find(&path.parent()?.key())?;
    let subnet = edit::list(&parent.body, "/properties/subnets")
        .iter()
        .find(|subnet| edit::text(subnet, "/name").is_some_and(|name| name.eq_ignore_ascii_case(path.name())))?;
    let prefix =
        edit::text(subnet, "/properties/addressPrefix").or_else(|| edit::text(subnet, "/properties/addressPrefixes/0"));
    Some(prefix.unwrap_or("10.0.0.0/24").to_owned())
}

fn require_resource(network: &Network, id: &str, referrer: &str) -> Result<(), ArmError> {
    match network.resources.find(&id.to_lowercase()) {
        Some(_) => Ok(()),
        None => Err(reference_missing(id, referrer)),
    }
}

/// The refusal of a reference to something that is not there, by whichever provider.
pub(crate) fn reference_missing(id: &str, referrer: &str) -> ArmError {
    let message = format!(
        "Resource {id} referenced by resource {referrer} was not found. Please make sure that the referenced resource \
         exists, and that both resources are in the same region."
    );
    ArmError::bad_request("InvalidResourceReference", message)
}
