//! `azure-batch-pool` as a command line, signed in with a client secret.
//!
//! It runs the binary; what the roll-out should do is up to the cases.

use std::{ffi::OsString, time::Duration};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result},
    lab::Lab,
    process::Program,
    world,
};

/// How long a roll-out may take: the longest has one pause of a minute and more before its second round.
pub const LIMIT: Duration = Duration::from_secs(420);

/// The pool of the cases.
pub const POOL: &str = "pool1";

/// Its node agent.
pub const AGENT: &str = "batch.node.ubuntu 22.04";

/// Its VM size.
pub const SIZE: &str = "Standard_D4s_v5";

/// The definition in the cases' gallery.
const DEFINITION: &str = "ubuntu";

/// The command line for a roll-out of that version to that many nodes.
///
/// # Errors
/// When the example has no secret.
pub fn rollout(lab: &Lab<'_>, azure: &LocalAzure, log: &str, what: (&str, u32)) -> Result<Program> {
    let program = rollout_without_sign_in(lab, azure, log, what)
        .env("AZURE_CLIENT_SECRET", world::client_secret(lab)?)
        .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT]);
    Ok(program)
}

/// The same with lines for people instead of JSON.
///
/// # Errors
/// When the example has no secret.
pub fn people_rollout(lab: &Lab<'_>, azure: &LocalAzure, log: &str, (version, nodes): (&str, u32)) -> Result<Program> {
    let program = command(lab, azure, log, "rollout")?
        .args(["--image-version", &version_id(version)])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL])
        .args(["--vm-size", SIZE, "--node-agent-sku-id", AGENT])
        .args(["--target-dedicated-nodes", &nodes.to_string()]);
    Ok(program)
}

/// The same without saying who signs in.
#[must_use]
pub fn rollout_without_sign_in(lab: &Lab<'_>, azure: &LocalAzure, log: &str, (version, nodes): (&str, u32)) -> Program {
    Program::new(&lab.tools.pool, &lab.dir, log)
        .dir(&lab.dir)
        .args(["rollout", "--json", "--image-version", &version_id(version)])
        .args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL])
        .args(["--vm-size", SIZE, "--node-agent-sku-id", AGENT])
        .args(["--target-dedicated-nodes", &nodes.to_string()])
        .args(["--metadata-host", azure.host()])
        .arg("--ca-file")
        .arg(OsString::from(&azure.ca))
}

/// The command line of another verb, signed in with the example's secret.
///
/// # Errors
/// When the example has no secret.
pub fn command(lab: &Lab<'_>, azure: &LocalAzure, log: &str, verb: &str) -> Result<Program> {
    let program = Program::new(&lab.tools.pool, &lab.dir, log)
        .dir(&lab.dir)
        .args([verb, "--metadata-host", azure.host()])
        .arg("--ca-file")
        .arg(OsString::from(&azure.ca))
        .env("AZURE_CLIENT_SECRET", world::client_secret(lab)?)
        .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT]);
    Ok(program)
}

/// The id of a version in the cases' definition.
#[must_use]
pub fn version_id(number: &str) -> String {
    let gallery = world::id("Microsoft.Compute/galleries", world::GALLERY);
    format!("{gallery}/images/{DEFINITION}/versions/{number}")
}

/// The example with versions published already: in the first account's region, with replicas for 900 nodes.
///
/// # Errors
/// When the example cannot be read.
pub fn with_versions(lab: &Lab<'_>, numbers: &[&str]) -> Result<Value> {
    let mut seed = world::example(lab)?;
    let place = json!({ "resourceGroup": world::GROUP, "gallery": world::GALLERY });
    let definition = json!({
        "name": DEFINITION,
        "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": { "publisher": "example", "offer": "ubuntu", "sku": "22_04" }
        }
    });
    let versions = numbers.iter().map(|number| {
        let regions = json!([{ "name": "eastus2", "regionalReplicaCount": 4 }]);
        let profile = json!({ "targetRegions": regions });
        joined(
            &place,
            json!({ "name": number, "definition": DEFINITION, "publishingProfile": profile }),
        )
    });
    let versions: Vec<Value> = versions.collect();
    let fields = seed
        .as_object_mut()
        .ok_or_else(|| Failure::unexpected("the example is no object"))?;
    fields.insert("definitions".to_owned(), json!([joined(&place, definition)]));
    fields.insert("versions".to_owned(), Value::from(versions));
    Ok(seed)
}

fn joined(one: &Value, mut other: Value) -> Value {
    if let (Some(fields), Some(more)) = (other.as_object_mut(), one.as_object()) {
        fields.extend(more.clone());
    }
    other
}

/// The last line of a `--json` run: what it reached.
///
/// # Errors
/// When it printed none.
pub fn result_of(stdout: &str) -> Result<Value> {
    let last = stdout.lines().rev().find(|line| line.contains("\"event\":\"result\""));
    let last = last.ok_or_else(|| Failure::unexpected(format!("no result was printed:\n{stdout}")))?;
    crate::files::parse("the result", last)
}

/// Version and nodes of each pool, by its id.
///
/// # Errors
/// When the emulator does not answer.
pub fn states(azure: &LocalAzure) -> Result<Vec<String>> {
    let resources = azure.resources()?;
    let all = resources.get("batch").and_then(Value::as_object);
    let all = all.ok_or_else(|| Failure::unexpected("the emulator shows no pools"))?;
    let text = |pool: &Value, pointer: &str| {
        let found = pool.pointer(pointer).cloned().unwrap_or_default();
        found.as_str().map_or_else(|| found.to_string(), str::to_owned)
    };
    let pools = all.iter().filter_map(|(id, pool)| {
        let (_, name) = id.rsplit_once("/pools/")?;
        let image = text(
            pool,
            "/virtualMachineConfiguration/imageReference/virtualMachineImageId",
        );
        let version = image.rsplit('/').next().unwrap_or_default().to_owned();
        (!name.contains('/')).then(|| format!("{name}: {version}, {}", text(pool, "/currentDedicatedNodes")))
    });
    Ok(pools.collect())
}

/// Version 1.0.0, made of a managed image, and pools on that image with so many nodes each.
///
/// # Errors
/// When the example lacks what is changed.
pub fn on_managed_image(lab: &Lab<'_>, pools: &[(&str, u32)]) -> Result<Value> {
    let mut seed = with_versions(lab, &["1.0.0"])?;
    let image = world::id("Microsoft.Compute/images", "built");
    let managed = json!({ "virtualMachineImageId": image });
    let configuration = json!({ "imageReference": managed, "nodeAgentSKUId": AGENT });
    let pool = |(id, nodes): &(&str, u32)| {
        json!({ "id": id, "vmSize": SIZE, "targetDedicatedNodes": nodes, "targetLowPriorityNodes": 0,
            "virtualMachineConfiguration": configuration })
    };
    for (pointer, value) in [
        (
            "/images",
            json!([{ "name": "built", "resourceGroup": world::GROUP, "location": "eastus2" }]),
        ),
        (
            "/versions/0/properties",
            json!({ "storageProfile": { "source": { "id": image } } }),
        ),
        ("/batchAccounts/0/pools", pools.iter().map(pool).collect()),
    ] {
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        let fields = seed.pointer_mut(parent).and_then(Value::as_object_mut);
        let fields = fields.ok_or_else(|| Failure::unexpected(format!("the example has no {parent}")))?;
        fields.insert(name.to_owned(), value);
    }
    Ok(seed)
}
