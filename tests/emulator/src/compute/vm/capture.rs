//! `POST …/capture`: the disks of a machine whose disks are blobs, copied to where blobs of images are.
//!
//! The answer is a template that would make such machines again; builders read the addresses in it. The blobs are there
//! at once, while Azure needs the operation's time; what the template has besides disks is shortened.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    call::Call,
    compute::{state::Parts, state::missing, vm::facts::VmFacts},
    envelope::{Answer, ArmError, ArmPath},
    http::Response,
    json as edit,
    operation::{Form, Output, Plan},
    resource::{Item, require_idle, write_body},
};

/// The container and folder that Azure captures into.
const FOLDER: &str = "system/Microsoft.Compute/Images";

/// Captures the VM at `path`, which is there.
pub(super) fn capture(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = write_body(call)?;
    let item = parts.compute.vms.find(&path.key()).ok_or_else(|| missing(path))?;
    require_idle(item)?;
    let os = item.body.pointer("/properties/storageProfile/osDisk");
    let os = os.and_then(|disk| edit::text(disk, "/vhd/uri")).ok_or_else(managed)?;
    if !item.facts.generalized {
        let message = format!("The Virtual Machine '{}' is not generalized.", item.name());
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    let (template, copies) = planned(item, &place(os, &body));
    let plan = Plan {
        form: Form::Compute,
        subscription: path.subscription.clone(),
        location: item.location(),
        lasts: parts.engine.timing.lasts(parts.engine.timing.seconds.blob_copy),
        output: Output::Value(template),
    };
    for (from, to) in copies {
        let copied = parts.storage.copy_within(&from, &to);
        copied.ok_or_else(|| ArmError::bad_request("BlobNotFound", format!("The blob {from} does not exist.")))?;
    }
    let started = parts.engine.begin(call, plan);
    Ok(started.announce_with_location(Response::empty(StatusCode::ACCEPTED)))
}

/// What the addresses of the captured blobs begin with.
fn place(os: &str, body: &Value) -> String {
    let text = |field: &str| edit::text(body, &format!("/{field}")).unwrap_or("default").to_owned();
    let root = url::Url::parse(os).map(|url| format!("https://{}", url.authority()));
    format!(
        "{}/{FOLDER}/{}/{}",
        root.unwrap_or_default(),
        text("destinationContainerName"),
        text("vhdPrefix")
    )
}

fn managed() -> ArmError {
    let message = "Capture action is only supported on a Virtual Machine with blob based disks. Please use the 'Image' \
                   resource APIs to create a managed Image from a Virtual Machine with managed disks.";
    ArmError::conflict("OperationNotAllowed", message)
}

/// The template, and which blob is copied to which address.
fn planned(item: &Item<VmFacts>, place: &str) -> (Value, Vec<(String, String)>) {
    let id = item.property("/vmId").unwrap_or_default();
    let mut copies = Vec::new();
    let mut disk = |shown: &Value, name: &str| {
        let from = edit::text(shown, "/vhd/uri").unwrap_or_default();
        let to = format!("{place}-{name}.{id}.vhd");
        copies.push((from.to_owned(), to.clone()));
        json!({
            "name": format!("{name}.{id}.vhd"),
            "createOption": "FromImage",
            "image": {"uri": to},
            "vhd": {"uri": from},
            "caching": edit::text(shown, "/caching").unwrap_or("None"),
        })
    };
    let profile = item
        .body
        .pointer("/properties/storageProfile")
        .cloned()
        .unwrap_or_default();
    let os_disk = profile.get("osDisk").cloned().unwrap_or_default();
    let mut os = disk(&os_disk, "osDisk");
    edit::set(&mut os, &["osType"], json!(edit::text(&os_disk, "/osType")));
    let mut data = Vec::new();
    for (number, shown) in edit::list(&profile, "/dataDisks").iter().enumerate() {
        let mut captured = disk(shown, &format!("dataDisk-{number}"));
        edit::set(&mut captured, &["lun"], shown.get("lun").cloned().unwrap_or_default());
        data.push(captured);
    }
    let mut storage = json!({"osDisk": os});
    if !data.is_empty() {
        edit::set(&mut storage, &["dataDisks"], Value::Array(data));
    }
    (template(item, &storage), copies)
}

fn template(item: &Item<VmFacts>, storage: &Value) -> Value {
    json!({
        "$schema": "http://schema.management.azure.com/schemas/2014-04-01-preview/VM_IP.json",
        "contentVersion": "1.0.0.0",
        "parameters": {"vmName": {"type": "string"}},
        "resources": [{
            "apiVersion": "2021-11-01",
            "name": "[parameters('vmName')]",
            "type": "Microsoft.Compute/virtualMachines",
            "location": item.location(),
            "properties": {
                "hardwareProfile": {"vmSize": item.property("/hardwareProfile/vmSize")},
                "storageProfile": storage,
                "provisioningState": 0,
            },
        }],
    })
}
