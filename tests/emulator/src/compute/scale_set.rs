//! Scale sets as a look finds them: in lists, by themselves, and with their instances.
//!
//! They come with a seed. Nothing here makes, grows or changes one, and Batch makes none for its pools.
//!
//! Paths and shapes: azure-mgmt-compute 39.0.0, operations of virtual machine scale sets and of their virtual machines.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    kind::Kind,
    state::{Compute, missing},
};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{self, Answer, ArmPath, unsupported},
    http::Response,
    ids::IdSource,
    region,
    resource::Item,
};

pub(crate) mod facts;

use facts::ScaleSetFacts;

/// A scale set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleSetSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// The image of its new instances, as Azure writes it.
    pub image_reference: Value,
    /// The image of each instance, as Azure writes it.
    #[serde(default)]
    pub instances: Vec<Value>,
    /// The VM size.
    #[serde(default = "usual_size")]
    pub vm_size: String,
    /// Tags.
    #[serde(default)]
    pub tags: Value,
}

impl ScaleSetSeed {
    /// Puts it there, below an id that ends with the provider.
    pub(crate) fn plant(&self, compute: &mut Compute, ids: &mut IdSource, base: &str) {
        let location = region::normalise(&self.location);
        let id = format!("{base}/virtualMachineScaleSets/{}", self.name);
        let instance = |(number, reference): (usize, &Value)| {
            json!({
                "name": format!("{}_{number}", self.name),
                "id": format!("{id}/virtualMachines/{number}"),
                "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
                "location": location,
                "instanceId": number.to_string(),
                "sku": {"name": self.vm_size, "tier": "Standard"},
                "properties": {"provisioningState": "Succeeded", "latestModelApplied": *reference == self.image_reference,
                    "storageProfile": {"imageReference": reference}},
            })
        };
        let facts = ScaleSetFacts {
            instances: self.instances.iter().enumerate().map(instance).collect(),
        };
        let body = json!({
            "location": location,
            "tags": self.tags,
            "sku": {"name": self.vm_size, "tier": "Standard", "capacity": self.instances.len()},
            "properties": {
                "uniqueId": ids.guid(),
                "orchestrationMode": "Uniform",
                "singlePlacementGroup": true,
                "upgradePolicy": {"mode": "Manual"},
                "virtualMachineProfile": {"storageProfile": {"imageReference": self.image_reference}},
            },
        });
        compute.scale_sets.insert(Item::new(id, body, facts));
    }
}

/// Everything on a scale set's own path, and the list of its instances.
pub(super) fn respond(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.scale_sets.find(&path.key());
    match (&call.request.method, path.action().as_str(), item) {
        (&Method::GET, "", Some(item)) => Ok(Response::json(StatusCode::OK, &view(item))),
        (&Method::GET, "virtualmachines", Some(item)) => {
            envelope::Filter::refuse(call.request)?;
            Ok(envelope::page(
                call.request,
                &item.facts.instances,
                parts.engine.page_size,
            ))
        }
        (&Method::GET, _, None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

/// The scale set as answers show it.
pub(super) fn view(item: &Item<ScaleSetFacts>) -> Value {
    item.view(&Kind::ScaleSet.type_name())
}

fn usual_size() -> String {
    "Standard_D4s_v5".to_owned()
}
