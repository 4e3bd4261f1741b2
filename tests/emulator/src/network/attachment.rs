//! What is in use by what, so that it cannot be deleted yet.
//!
//! Codes and messages are those that clients meet when they delete in the wrong order; it changes nothing.

use serde_json::Value;

use super::state::{Kind, Parts};
use crate::{envelope::ArmError, json as edit, resource::Item};

/// Refuses to delete what something else uses.
pub(super) fn require_free(parts: &Parts<'_>, item: &Item<()>, kind: Kind) -> Result<(), ArmError> {
    let refusal = match kind {
        Kind::Interface => interface_in_use(parts, &item.id),
        Kind::PublicAddress => address_in_use(parts, &item.id),
        Kind::VirtualNetwork => network_in_use(parts, item),
        Kind::SecurityGroup => group_in_use(parts, &item.id),
    };
    refusal.map_or(Ok(()), Err)
}

fn interface_in_use(parts: &Parts<'_>, id: &str) -> Option<ArmError> {
    let vm = vm_of(parts, id)?;
    let message = format!(
        "Network Interface {id} is used by existing resource {vm}. In order to delete the network interface, it must \
         be dissociated from the resource. To learn more, see aka.ms/deletenic."
    );
    Some(ArmError::bad_request("NicInUse", message))
}

fn address_in_use(parts: &Parts<'_>, id: &str) -> Option<ArmError> {
    let user = configuration_of(parts, "/properties/publicIPAddress/id", id)?;
    let message = format!(
        "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In order to delete \
         the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see \
         aka.ms/deletepublicip."
    );
    Some(ArmError::bad_request("PublicIPAddressCannotBeDeleted", message))
}

fn network_in_use(parts: &Parts<'_>, item: &Item<()>) -> Option<ArmError> {
    let (subnet, user) = edit::list(&item.body, "/properties/subnets")
        .iter()
        .find_map(|subnet| {
            let id = edit::text(subnet, "/id")?;
            let user = configuration_of(parts, "/properties/subnet/id", id)?;
            Some((edit::text(subnet, "/name")?, user))
        })?;
    let message = format!(
        "Subnet {subnet} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the \
         resources within the subnet. See aka.ms/deletesubnet."
    );
    Some(ArmError::bad_request("InUseSubnetCannotBeDeleted", message))
}

fn group_in_use(parts: &Parts<'_>, id: &str) -> Option<ArmError> {
    let names = |body: &Value, pointer: &str| edit::text(body, pointer).is_some_and(|own| own.eq_ignore_ascii_case(id));
    let interface = parts
        .network
        .items(Kind::Interface)
        .find(|item| names(&item.body, "/properties/networkSecurityGroup/id"))
        .map(|item| item.id.as_str());
    let user = interface.or_else(|| {
        parts
            .network
            .items(Kind::VirtualNetwork)
            .flat_map(|item| edit::list(&item.body, "/properties/subnets"))
            .find(|subnet| names(subnet, "/properties/networkSecurityGroup/id"))
            .and_then(|subnet| edit::text(subnet, "/id"))
    })?;
    let message = format!(
        "Network security group {id} cannot be deleted because it is in use by the following resources: {user}. In \
         order to delete the Network security group, remove the association with the resource(s). To learn how to do \
         this, see aka.ms/deletensg."
    );
    let code = "InUseNetworkSecurityGroupCannotBeDeleted";
    Some(ArmError::bad_request(code, message))
}

/// The id of the VM that an interface is attached to.
pub(super) fn vm_of<'a>(parts: &'a Parts<'_>, interface: &str) -> Option<&'a str> {
    parts.machines.get(&interface.to_lowercase()).map(String::as_str)
}

/// The id of the first IP configuration that names `id` at that place.
pub(super) fn configuration_of<'a>(parts: &'a Parts<'_>, pointer: &str, id: &str) -> Option<&'a str> {
    parts
        .network
        .items(Kind::Interface)
        .flat_map(|item| edit::list(&item.body, "/properties/ipConfigurations"))
        .find(|entry| edit::text(entry, pointer).is_some_and(|named| named.eq_ignore_ascii_case(id)))
        .and_then(|entry| edit::text(entry, "/id"))
}
