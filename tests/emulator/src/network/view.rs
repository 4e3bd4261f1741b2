//! What answers show of a network resource: itself and what follows from the others.
//!
//! It changes nothing and checks nothing.

use serde_json::{Value, json};

use super::attachment;
use super::state::{Kind, Parts};
use crate::{json as edit, resource::Item};

impl Parts<'_> {
    /// Every network resource, sorted by kind and id.
    pub(crate) fn views(&self) -> Vec<Value> {
        Kind::ALL
            .into_iter()
            .flat_map(|kind| self.network.items(kind).map(move |item| one(self, item, kind)))
            .collect()
    }
}

/// One resource as a GET shows it.
pub(super) fn one(parts: &Parts<'_>, item: &Item<()>, kind: Kind) -> Value {
    let mut view = item.view(&kind.type_name());
    match kind {
        Kind::PublicAddress => add_address(parts, item, &mut view),
        Kind::Interface => {
            if let Some(vm) = attachment::vm_of(parts, &item.id) {
                edit::set(&mut view, &["properties", "virtualMachine", "id"], json!(vm));
            }
        }
        Kind::SecurityGroup | Kind::VirtualNetwork => {}
    }
    view
}

/// A dynamic address is there only while a machine has it.
fn add_address(parts: &Parts<'_>, item: &Item<()>, view: &mut Value) {
    let user = attachment::configuration_of(parts, "/properties/publicIPAddress/id", &item.id);
    if let Some(user) = user {
        edit::set(view, &["properties", "ipConfiguration", "id"], json!(user));
    }
    let is_static = item.property("/publicIPAllocationMethod") == Some("Static");
    let interface = user
        .and_then(|id| id.rsplit_once("/ipConfigurations/"))
        .map(|(id, _)| id);
    let has_vm = interface.is_some_and(|id| attachment::vm_of(parts, id).is_some());
    if is_static || has_vm {
        let address = parts.network.public_address.to_string();
        edit::set(view, &["properties", "ipAddress"], json!(address));
    }
}
