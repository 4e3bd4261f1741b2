//! The Azure in which the cases play: the emulator's own example, changed where a case needs another one.
//!
//! It reads the example from the emulator's folder, so names and secrets are written down once.

use serde_json::{Value, json};

use crate::{
    failure::{Failure, Result},
    files,
    lab::Lab,
};

/// The subscription of the example.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000005b5";
/// Its tenant.
pub const TENANT: &str = "00000000-0000-0000-0000-00000000aaaa";
/// Its application.
pub const CLIENT: &str = "00000000-0000-0000-0000-00000000c11e";
/// Its resource group.
pub const GROUP: &str = "rg-images";
/// Its machine with one OS and two data disks.
pub const MACHINE: &str = "vm-build";
/// Its gallery.
pub const GALLERY: &str = "gal1";
/// Its Batch account in the machine's region.
pub const ACCOUNT: &str = "acct1";
/// Its Batch account in another region.
pub const OTHER_ACCOUNT: &str = "acct2";

/// A resource id in the example's group.
#[must_use]
pub fn id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{kind}/{name}")
}

/// The id of a definition in its gallery.
#[must_use]
pub fn definition(image: &str) -> String {
    id("Microsoft.Compute/galleries", &format!("{GALLERY}/images/{image}"))
}

/// The machine's id.
#[must_use]
pub fn machine() -> String {
    id("Microsoft.Compute/virtualMachines", MACHINE)
}

/// A Batch account's id.
#[must_use]
pub fn account(name: &str) -> String {
    id("Microsoft.Batch/batchAccounts", name)
}

/// The emulator's example.
///
/// # Errors
/// When it cannot be read.
pub fn example(lab: &Lab<'_>) -> Result<Value> {
    files::read_json(&lab.tools.checkout.join("tests/emulator/seeds/example.json"))
}

/// The example with its machine changed.
///
/// # Errors
/// When the example cannot be read or has no machine.
pub fn with_machine(lab: &Lab<'_>, change: impl FnOnce(&mut Value)) -> Result<Value> {
    let mut seed = example(lab)?;
    let machine = seed
        .pointer_mut("/vms/0")
        .ok_or_else(|| Failure::unexpected("the example has no machine"))?;
    change(machine);
    Ok(seed)
}

/// Only the example's machine, as if it had been built again: the emulator gives it new disks.
///
/// # Errors
/// When the example cannot be read.
pub fn rebuilt_machine(lab: &Lab<'_>) -> Result<Value> {
    let seed = example(lab)?;
    Ok(json!({ "vms": seed.get("vms") }))
}

/// The secret of the example's application.
///
/// # Errors
/// When the example has none.
pub fn client_secret(lab: &Lab<'_>) -> Result<String> {
    text(&example(lab)?, "/tenant/applications/0/secrets/0/value")
}

/// The token with which a job of the example asks for its id token.
///
/// # Errors
/// When the example has none.
pub fn request_token(lab: &Lab<'_>) -> Result<String> {
    text(&example(lab)?, "/tenant/github/requestToken")
}

/// Everything in the example that must never be seen.
///
/// # Errors
/// When the example lacks one of them.
pub fn secrets(example: &Value) -> Result<Vec<String>> {
    let places = [
        "/tenant/applications/0/secrets/0/value",
        "/tenant/github/requestToken",
        "/tenant/managedIdentity/header",
    ];
    places.iter().map(|place| text(example, place)).collect()
}

fn text(value: &Value, place: &str) -> Result<String> {
    let found = value.pointer(place).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Failure::unexpected(format!("the emulator's example has no {place}")))
}
