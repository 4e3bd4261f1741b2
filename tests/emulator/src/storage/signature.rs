//! Signatures of storage accounts: those of requests, made with a key, and those inside addresses (SAS).
//!
//! What a signature allows is checked in `access`.

use super::account::{Key, Place};
use crate::{
    http::Request,
    signature::{is_signed, signed_lines},
};

/// From these versions on the text of a SAS has one part more.
const WITH_RESOURCE_SINCE: &str = "2018-11-09";
const WITH_SCOPE_SINCE: &str = "2020-12-06";

/// Whether one of the keys made this signature of that text.
pub(super) fn fits(text: &str, signature: &str, keys: &[Key]) -> bool {
    keys.iter().any(|key| is_signed(text, key.text(), signature))
}

/// What a client signs with the account's key: verb, headers, `x-ms-*` headers, path, query.
pub(super) fn of_request(request: &Request, account: &str) -> String {
    // An empty body has no length here, whatever the header says.
    let length = match request.header("content-length").unwrap_or_default() {
        "0" => "",
        length => length,
    };
    let mut text = signed_lines(request, length, "x-ms-");
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
