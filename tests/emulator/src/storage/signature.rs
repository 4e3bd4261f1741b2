//! Signatures of storage accounts: those of requests, made with a key, and those inside addresses (SAS).
//!
//! What a signature allows is checked in `access`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::account::{Key, Place};
use crate::http::Request;

/// The headers that are signed by value, in their order.
const SIGNED_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// From these versions on the text of a SAS has one part more.
const WITH_RESOURCE_SINCE: &str = "2018-11-09";
const WITH_SCOPE_SINCE: &str = "2020-12-06";

/// Whether one of the keys made this signature of that text.
pub(super) fn fits(text: &str, signature: &str, keys: &[Key]) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    keys.iter().any(|key| {
        let key = STANDARD.decode(key.text()).unwrap_or_default();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
            return false;
        };
        mac.update(text.as_bytes());
        mac.verify_slice(&signature).is_ok()
    })
}

/// What a client signs with the account's key: verb, headers, `x-ms-*` headers, path, query.
pub(super) fn of_request(request: &Request, account: &str) -> String {
    let mut text = format!("{}\n", request.method);
    for name in SIGNED_HEADERS {
        let value = request.header(name).unwrap_or_default();
        // An empty body has no length here, whatever the header says.
        text.push_str(if (name, value) == ("content-length", "0") {
            ""
        } else {
            value
        });
        text.push('\n');
    }
    let mut own: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-ms-"))
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    own.sort_unstable();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text.push_str(&format!("/{account}{}", request.path));
    let mut query: Vec<(String, &str)> = request
        .query
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.as_str()))
        .collect();
    query.sort_unstable();
    for (name, value) in query {
        text.push_str(&format!("\n{name}:{value}"));
    }
    text
}

/// What a SAS for one blob or one container signs; `field` gives the values of its query.
pub(super) fn of_sas<'a>(field: impl Fn(&str) -> &'a str, account: &str, place: &Place) -> String {
    let (version, kind) = (field("sv"), field("sr"));
    let resource = resource(account, place, kind);
    let mut parts = vec![
        field("sp"),
        field("st"),
        field("se"),
        &resource,
        field("si"),
        field("sip"),
        field("spr"),
        version,
    ];
    if version >= WITH_RESOURCE_SINCE {
        parts.extend([kind, field("snapshot")]);
    }
    if version >= WITH_SCOPE_SINCE {
        parts.push(field("ses"));
    }
    parts.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(&field));
    parts.join("\n")
}

fn resource(account: &str, place: &Place, kind: &str) -> String {
    let container = format!("/blob/{account}/{}", place.container);
    if kind == "c" {
        container
    } else {
        format!("{container}/{}", place.blob)
    }
}

/// What a SAS for the whole account signs.
pub(super) fn of_account_sas<'a>(field: impl Fn(&str) -> &'a str, account: &str) -> String {
    let names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"];
    let mut text = format!("{account}\n");
    for name in names {
        text.push_str(field(name));
        text.push('\n');
    }
    if field("sv") >= WITH_SCOPE_SINCE {
        text.push_str(field("ses"));
        text.push('\n');
    }
    text
}
