//! Key vaults as the resource manager shows them: the vault, and secrets by name, never by value.
//!
//! What a vault answers at its own host is in `data_plane`.

mod data_plane;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    ids::IdSource,
    json as edit,
    operation::Operations,
    resource::{Facts, Item, Table, required_location, write_body},
};

pub(crate) use data_plane::{is_at_a_vault, refuse_token, respond as respond_at_a_vault};

/// Everything the key vault provider knows.
#[derive(Debug, Default)]
pub struct Vaults {
    vaults: Table<()>,
    secrets: Table<SecretFacts>,
}

/// What a secret does not show to the resource manager.
#[derive(Clone, Default)]
struct SecretFacts {
    value: String,
}

impl Facts for SecretFacts {}

impl std::fmt::Debug for SecretFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretFacts")
    }
}

impl Vaults {
    /// Takes up every change that is over at `now`.
    pub(crate) fn settle(&mut self, operations: &Operations, now: Timestamp) {
        self.vaults.settle(operations, now);
        self.secrets.settle(operations, now);
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        let prefix = format!("{group}/");
        self.vaults.remove_below(&prefix);
        self.secrets.remove_below(&prefix);
    }

    /// Every vault; secrets are no resources of their own in lists.
    pub(crate) fn views(&self) -> Vec<Value> {
        self.vaults
            .iter()
            .map(|item| item.view("Microsoft.KeyVault/vaults"))
            .collect()
    }
}

/// Answers a request under `Microsoft.KeyVault`.
pub(crate) fn respond(vaults: &mut Vaults, ids: &mut IdSource, call: &Call<'_>, path: &ArmPath) -> Answer {
    let is_secret = match (path.kind().as_str(), path.action().as_str()) {
        ("vaults", "") => false,
        ("vaults/secrets", "") => true,
        _ => return Err(unsupported(call.request)),
    };
    match call.request.method {
        Method::GET => Ok(Response::json(StatusCode::OK, &view(vaults, path, is_secret)?)),
        Method::PUT => {
            make(vaults, ids, path, write_body(call)?)?;
            Ok(Response::json(StatusCode::OK, &view(vaults, path, is_secret)?))
        }
        Method::DELETE if !is_secret => {
            vaults.secrets.remove_below(&format!("{}/", path.key()));
            let there = vaults.vaults.remove(&path.key());
            Ok(Response::empty(if there {
                StatusCode::OK
            } else {
                StatusCode::NO_CONTENT
            }))
        }
        _ => Err(unsupported(call.request)),
    }
}

/// Makes the vault or secret at `path`, at once.
pub(crate) fn make(vaults: &mut Vaults, ids: &mut IdSource, path: &ArmPath, mut body: Value) -> Result<(), ArmError> {
    if path.kind() == "vaults" {
        let location = required_location(&body)?;
        edit::set(&mut body, &["location"], json!(location));
        let uri = format!("https://{}.vault.azure.net/", path.name());
        edit::set(&mut body, &["properties", "vaultUri"], json!(uri));
        vaults.vaults.insert(Item::new(path.id(), body, ()));
        return Ok(());
    }
    let vault = path.parent().ok_or_else(|| missing(path))?;
    if vaults.vaults.find(&vault.key()).is_none() {
        return Err(ArmError::parent_not_found(vault.name()));
    }
    let value = edit::text(&body, "/properties/value").unwrap_or_default();
    put_secret(vaults, ids, (&vault.id(), path.name()), value);
    Ok(())
}

/// Makes a secret of a vault, or a new version of it.
fn put_secret(vaults: &mut Vaults, ids: &mut IdSource, (vault, name): (&str, &str), value: &str) {
    let host = vault.rsplit('/').next().unwrap_or_default();
    let uri = format!("https://{host}.vault.azure.net/secrets/{name}");
    let version = ids.hex();
    let version = version.get(..32).unwrap_or_default();
    let shown = json!({"properties": {
        "attributes": {"enabled": true},
        "secretUri": uri,
        "secretUriWithVersion": format!("{uri}/{version}"),
    }});
    let facts = SecretFacts {
        value: value.to_owned(),
    };
    let id = format!("{vault}/secrets/{name}");
    vaults.secrets.insert(Item::new(id, shown, facts));
}

fn view(vaults: &Vaults, path: &ArmPath, is_secret: bool) -> Result<Value, ArmError> {
    let shown = if is_secret {
        let item = vaults.secrets.find(&path.key());
        item.map(|item| item.view("Microsoft.KeyVault/vaults/secrets"))
    } else {
        let item = vaults.vaults.find(&path.key());
        item.map(|item| item.view("Microsoft.KeyVault/vaults"))
    };
    shown.ok_or_else(|| missing(path))
}

fn missing(path: &ArmPath) -> ArmError {
    ArmError::resource_not_found(&path.kind_and_name(), path.group())
}
