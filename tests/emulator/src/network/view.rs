//! What answers show of a network resource: itself and what follows from the others.
//!
//! It changes nothing and checks nothing.

use serde_json::{Value, json};

use super::{Kind, attachment};
use crate::{compute::Item, json as edit, world::World};

/// Every network resource, sorted by kind and id.
pub(crate) fn all(world: &World) -> Vec<Value> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| world.network.items(kind).map(move |item| one(world, item, kind)))
        .collect()
}

/// One resource as a GET shows it.
pub(super) fn one(world: &World, item: &Item<()>, kind: Kind) -> Value {
    let mut view = item.view(&kind.type_name());
    match kind {
        Kind::PublicAddress => add_address(world, item, &mut view),
        Kind::Interface => {
            if let Some(vm) = attachment::vm_of(world, &item.id) {
                edit::set(&mut view, &["properties", "virtualMachine", "id"], json!(vm));
            }
        }
        Kind::SecurityGroup | Kind::VirtualNetwork => {}
    }
    view
}

/// A dynamic address is there only while a machine has it.
fn add_address(world: &World, item: &Item<()>, view: &mut Value) {
    let user = attachment::configuration_of(world, "/properties/publicIPAddress/id", &item.id);
    if let Some(user) = user {
        edit::set(view, &["properties", "ipConfiguration", "id"], json!(user));
    }
    let is_static = item.property("/publicIPAllocationMethod") == Some("Static");
    let interface = user
        .and_then(|id| id.rsplit_once("/ipConfigurations/"))
        .map(|(id, _)| id);
    let has_vm = interface.is_some_and(|id| attachment::vm_of(world, id).is_some());
    if is_static || has_vm {
        let address = world.network.public_address.to_string();
        edit::set(view, &["properties", "ipAddress"], json!(address));
    }
}
