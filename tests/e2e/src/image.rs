//! The plugin's program as a command line, signed in with a client secret.
//!
//! It runs the binary; what the verbs should do is up to the cases.

use std::{ffi::OsString, time::Duration};

use serde_json::Value;

use crate::{emulator::LocalAzure, failure::Result, files, lab::Lab, process::Program, world};

/// How long a verb may take: an emulated publish is over in half a minute, on a busy machine in two.
pub const LIMIT: Duration = Duration::from_secs(240);

/// The attributes of a publish of the example's machine, for a pool of 700 nodes in its region.
#[must_use]
pub fn settings(definition: &str) -> String {
    format!(
        "source: {{vm: {machine}}}\n\
         shared_image_gallery_destination:\n  resource_group: {group}\n  gallery_name: {gallery}\n  image_name: {definition}\n  target_region: [{{name: westus2}}]\n\
         used_by: [{{batch_account: {account}, nodes: 700}}]\n",
        machine = world::machine(),
        group = world::GROUP,
        gallery = world::GALLERY,
        account = world::account(world::ACCOUNT),
    )
}

/// The command line of a verb.
///
/// # Errors
/// When the example has no secret.
pub fn command(lab: &Lab<'_>, azure: &LocalAzure, log: &str, verb: &str) -> Result<Program> {
    let program = Program::new(&lab.tools.plugin, &lab.dir, log)
        .dir(&lab.dir)
        .args([verb, "--metadata-host", azure.host()])
        .arg("--ca-file")
        .arg(OsString::from(&azure.ca))
        .env("ARM_CLIENT_SECRET", world::client_secret(lab)?)
        .env("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION)
        .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT]);
    Ok(program)
}

/// The document that a `--json` run printed.
///
/// # Errors
/// When it printed none.
pub fn document(stdout: &str) -> Result<Value> {
    files::parse("the result", stdout)
}
