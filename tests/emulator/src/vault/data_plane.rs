//! A vault at its own host, `NAME.vault.azure.net`: one secret is read or written at a time, by whom the vault's access
//! policies name.
//!
//! Keys, certificates, lists, older versions and deleted secrets are not played, nor roles in the place of policies.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{SecretFacts, Vaults, put_secret};
use crate::{
    call::Call,
    engine::Engine,
    entra::{Audience, Caller, Denied, Entra},
    envelope::{ArmError, unsupported},
    http::{Request, Response},
    json as edit,
    resource::Item,
};

/// The end of every vault's host.
const HOST: &str = ".vault.azure.net";

/// Whether a request is to a vault's own host.
pub(crate) fn is_at_a_vault(authority: &str) -> bool {
    vault_of(authority).is_some()
}

/// The vault's name in a host.
fn vault_of(authority: &str) -> Option<String> {
    let host = authority.split(':').next().unwrap_or_default().to_lowercase();
    host.strip_suffix(HOST).map(str::to_owned)
}

/// Answers a request to a vault's own host.
pub(crate) fn respond(vaults: &mut Vaults, (entra, engine): (&Entra, &mut Engine), call: &Call<'_>) -> Response {
    let caller = match entra.check(call.request.header("authorization"), Audience::Vault, call.now) {
        Ok(caller) => caller,
        Err(denied) => return refuse_token(call.request, &denied),
    };
    let segments = call.request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (right, name) = match (&call.request.method, parts.as_slice()) {
        (&Method::GET, ["secrets", name]) => ("get", *name),
        (&Method::PUT, ["secrets", name]) => ("set", *name),
        _ => return unsupported(call.request).response(),
    };
    let done = vault_for(vaults, call.request, (&caller, right)).and_then(|vault| {
        if right == "set" {
            let value = call
                .request
                .json()
                .and_then(|body| edit::text(&body, "/value").map(str::to_owned));
            let value = value.ok_or_else(without_value)?;
            put_secret(vaults, &mut engine.ids, (&vault, name), &value);
        }
        let secret = vaults.secrets.find(&format!("{vault}/secrets/{name}").to_lowercase());
        secret.map(view).ok_or_else(|| without_secret(name))
    });
    match done {
        Ok(body) => Response::json(StatusCode::OK, &body),
        Err(error) => error.response(),
    }
}

/// The id of the vault, of which the caller may do that with secrets.
fn vault_for(vaults: &Vaults, request: &Request, (caller, right): (&Caller, &str)) -> Result<String, ArmError> {
    let name = vault_of(&request.authority).unwrap_or_default();
    let vault = vaults
        .vaults
        .iter()
        .find(|item| item.name().eq_ignore_ascii_case(&name));
    // On Azure such a host has no address.
    let vault =
        vault.ok_or_else(|| ArmError::new(StatusCode::NOT_FOUND, "VaultNotFound", format!("no vault {name}")))?;
    if may(vault, caller, right) {
        return Ok(vault.id.clone());
    }
    let message = format!(
        "The user, group or application 'appid={};oid={}' does not have secrets {right} permission on key vault '{}'.",
        caller.app_id,
        caller.object_id,
        vault.name()
    );
    Err(ArmError::new(StatusCode::FORBIDDEN, "Forbidden", message))
}

/// Whether an access policy of the vault allows it.
fn may(vault: &Item<()>, caller: &Caller, right: &str) -> bool {
    let policies = edit::list(&vault.body, "/properties/accessPolicies").iter();
    let mut own = policies
        .filter(|policy| edit::text(policy, "/objectId").is_some_and(|id| id.eq_ignore_ascii_case(&caller.object_id)));
    own.any(|policy| {
        let mut rights = edit::list(policy, "/permissions/secrets")
            .iter()
            .filter_map(Value::as_str);
        rights.any(|given| given.eq_ignore_ascii_case("all") || given.eq_ignore_ascii_case(right))
    })
}

/// A secret as its vault shows it: with its value.
fn view(secret: &Item<SecretFacts>) -> Value {
    json!({
        "value": secret.facts.value,
        "id": secret.property("/secretUriWithVersion"),
        "attributes": {"enabled": true, "recoveryLevel": "Recoverable+Purgeable"},
    })
}

fn without_value() -> ArmError {
    let message = "The parameter 'value' is missing.";
    ArmError::new(StatusCode::BAD_REQUEST, "BadParameter", message)
}

fn without_secret(name: &str) -> ArmError {
    let message = format!("A secret with (name/id) {name} was not found in this key vault.");
    ArmError::new(StatusCode::NOT_FOUND, "SecretNotFound", message)
}

/// 401 with the address of the login page.
pub(crate) fn refuse_token(request: &Request, denied: &Denied) -> Response {
    let message = format!("AKV10032: {denied}");
    let error = ArmError::new(StatusCode::UNAUTHORIZED, "Unauthorized", message);
    let challenge = format!(
        "Bearer authorization=\"https://{}/common\", resource=\"https://vault.azure.net\"",
        request.authority
    );
    error.response().with_header("www-authenticate", &challenge)
}
