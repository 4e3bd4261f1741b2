//! Who may do what with blobs: by the account's key, by a signature in the address, or by a token and its roles.
//!
//! It changes nothing; anonymous requests are refused, since accounts do not allow them unless told to.

use http::StatusCode;
use jiff::Timestamp;

use super::{account::Account, account::Place, refusal::Refusal, signature};
use crate::{
    call::Call,
    entra::{Audience, Denied, Entra},
    resource::Item,
    rights::{Action, Rights},
};

/// What is to be done with a blob or its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Create,
    Write,
    Delete,
    List,
    /// Making or removing a container.
    Container,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Key,
    Signature,
    Token,
}

/// Tokens are taken from this version on.
const TOKENS_SINCE: &str = "2017-11-09";

impl Deed {
    /// The letters of a SAS, any of which allows it.
    const fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Create => "cw",
            Self::Write => "w",
            Self::Delete => "d",
            Self::List => "l",
            Self::Container => "",
        }
    }

    fn action(self) -> Action {
        let containers = "Microsoft.Storage/storageAccounts/blobServices/containers";
        match self {
            Self::Read | Self::List => Action::Data(format!("{containers}/blobs/read")),
            Self::Create | Self::Write => Action::Data(format!("{containers}/blobs/write")),
            Self::Delete => Action::Data(format!("{containers}/blobs/delete")),
            Self::Container => Action::Control(format!("{containers}/write")),
        }
    }
}

/// Checks one request.
pub(super) fn check(
    (entra, rights): (&Entra, &Rights),
    account: &Item<Account>,
    call: &Call<'_>,
    (deed, place): (Deed, &Place),
) -> Result<Proof, Refusal> {
    let request = call.request;
    if request.query("sig").is_some() {
        let field = |name: &str| request.query(name).unwrap_or_default();
        return sas(account, field, (deed, place), call.now).map(|()| Proof::Signature);
    }
    let Some(header) = request.header("authorization") else {
        let message = "Public access is not permitted on this storage account.";
        return Err(Refusal::new(StatusCode::CONFLICT, "PublicAccessNotPermitted", message));
    };
    match header.strip_prefix("SharedKey ").and_then(|rest| rest.split_once(':')) {
        Some(credential) => by_key(account, call, credential).map(|()| Proof::Key),
        None => by_token((entra, rights), account, call, (deed, place)).map(|()| Proof::Token),
    }
}

fn by_key(account: &Item<Account>, call: &Call<'_>, (name, given): (&str, &str)) -> Result<(), Refusal> {
    let text = signature::of_request(call.request, account.name());
    if name == account.name() && signature::fits(&text, given, &account.facts.keys) {
        return Ok(());
    }
    let detail = "The MAC signature found in the HTTP request is not the same as any computed signature.";
    Err(Refusal::authentication(detail))
}

fn by_token(
    (entra, rights): (&Entra, &Rights),
    account: &Item<Account>,
    call: &Call<'_>,
    (deed, place): (Deed, &Place),
) -> Result<(), Refusal> {
    if call.request.header("x-ms-version").unwrap_or_default() < TOKENS_SINCE {
        let detail = "Authentication scheme Bearer is not supported in this version.";
        return Err(Refusal::authentication(detail));
    }
    let audience = Audience::Storage {
        host: &account.facts.host,
    };
    let header = call.request.header("authorization");
    let caller = entra
        .check(header, audience, call.now)
        .map_err(|denied| unauthenticated(&denied))?;
    let scope = format!("{}/blobServices/default/containers/{}", account.id, place.container);
    if rights.allows(&caller, &deed.action(), &scope) {
        Ok(())
    } else {
        Err(Refusal::permission())
    }
}

fn unauthenticated(denied: &Denied) -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "InvalidAuthenticationInfo",
        denied.to_string(),
    )
}

/// Checks the signature in an address; `field` gives the values of its query.
pub(super) fn sas<'a>(
    account: &Item<Account>,
    field: impl Fn(&str) -> &'a str + Copy,
    (deed, place): (Deed, &Place),
    now: Timestamp,
) -> Result<(), Refusal> {
    let is_of_account = !field("srt").is_empty();
    let text = if is_of_account {
        signature::of_account_sas(field, account.name())
    } else {
        signature::of_sas(field, account.name(), place)
    };
    if !signature::fits(&text, field("sig"), &account.facts.keys) {
        return Err(Refusal::authentication("Signature did not match."));
    }
    let moment = |name: &str| field(name).parse::<Timestamp>().ok();
    if moment("se").is_none_or(|end| end <= now) || moment("st").is_some_and(|start| start > now) {
        return Err(Refusal::authentication(
            "Signature not valid in the specified time frame.",
        ));
    }
    let allowed = field("sp").chars().any(|letter| deed.letters().contains(letter));
    if allowed { Ok(()) } else { Err(Refusal::permission()) }
}
