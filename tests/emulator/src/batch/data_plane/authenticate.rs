//! Who may speak to an account: bearer tokens, shared keys, and what each is refused for.
//!
//! It does not know pools beyond the two things in them that keys cannot vouch for.

use serde_json::Value;

use super::site::Proof;
use crate::batch::account::{Account, AuthenticationMode};
use crate::batch::refusal::{AUTHENTICATION_FAILED, Refusal, UNAUTHENTICATED};
use crate::batch::shared_key::Credential;
use crate::entra::{Audience, Denied, Entra};
use crate::http::Request;
use jiff::Timestamp;

/// Checks the caller.
///
/// # Errors
/// 401 for tokens that are none or not for Batch, 403 for keys and modes that the account does not take.
pub(crate) fn authenticate(
    account: &Account,
    tenant: &str,
    entra: &Entra,
    request: &Request,
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let header = request.header("authorization");
    if header.is_some_and(|header| header.to_ascii_lowercase().starts_with("sharedkey ")) {
        return shared_key(account, header.unwrap_or_default(), request);
    }
    let page = format!("https://{}/{tenant}", request.authority);
    let caller = entra
        .check(header, Audience::Batch, now)
        .map_err(|denied| unauthenticated(&denied, &page))?;
    if !caller.tenant.eq_ignore_ascii_case(tenant) {
        let denied = Denied::WrongTenant {
            expected: tenant.to_owned(),
        };
        return Err(unauthenticated(&denied, &page));
    }
    if account.allows(AuthenticationMode::Aad) {
        Ok(Proof::Bearer)
    } else {
        Err(not_allowed("Bearer", "for this account"))
    }
}

fn shared_key(account: &Account, header: &str, request: &Request) -> Result<Proof, Refusal> {
    if !account.allows(AuthenticationMode::SharedKey) {
        return Err(not_allowed("SharedKey", "for this account"));
    }
    let credential =
        Credential::parse(header).filter(|credential| credential.account.eq_ignore_ascii_case(&account.name));
    if credential.is_some_and(|credential| credential.fits(request, &account.keys)) {
        return Ok(Proof::SharedKey);
    }
    let detail = "The MAC signature found in the HTTP request is not the same as any computed signature.";
    Err(Refusal::from(AUTHENTICATION_FAILED).with("AuthenticationErrorDetail", detail))
}

/// Refuses a shared key for a pool whose image or network is outside the account.
///
/// # Errors
/// 403 with the recorded detail.
pub(crate) fn ensure_vouched(proof: Proof, settings: &serde_json::Map<String, Value>) -> Result<(), Refusal> {
    let has = |pointer: &str, name: &str| settings.get(name).is_some_and(|value| value.pointer(pointer).is_some());
    if proof == Proof::Bearer {
        return Ok(());
    }
    if has("/imageReference/virtualMachineImageId", "virtualMachineConfiguration") {
        return Err(not_allowed(
            "SharedKey",
            "when external resources of type Compute are linked",
        ));
    }
    if has("/subnetId", "networkConfiguration") {
        return Err(not_allowed(
            "SharedKey",
            "when external resources of type Network are linked",
        ));
    }
    Ok(())
}

fn not_allowed(kind: &str, circumstance: &str) -> Refusal {
    let detail = format!("The specified type of authentication {kind} is not allowed {circumstance}.");
    Refusal::from(AUTHENTICATION_FAILED).with("AuthenticationErrorDetail", &detail)
}

/// 401 for a token, with the challenge that names the page to sign in at.
pub(crate) fn unauthenticated(denied: &Denied, page: &str) -> Refusal {
    Refusal::from(UNAUTHENTICATED)
        .with("AuthenticationErrorDetail", &denied.to_string())
        .challenging(denied.challenge(page))
}
