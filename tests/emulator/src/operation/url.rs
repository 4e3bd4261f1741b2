//! Poll URLs: long and signed, so that a client that rebuilds, trims or lower-cases one is caught.
//!
//! It knows no operation's state.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::form::Form;
use crate::{envelope::ArmPath, http::Request};

/// How many hashes the certificate part of a signed URL is made of: 43 characters each, so that the whole
/// URL is beyond the 4 KB that ARM's documentation tells clients to expect.
const CERTIFICATE_HASHES: usize = 96;

/// Where an operation lives.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) form: Form,
    pub(super) subscription: &'a str,
    pub(super) location: &'a str,
}

/// The absolute poll URL of an operation on the host that the client talks to.
pub(super) fn poll_url(request: &Request, place: &Place<'_>, id: &str, unsigned: bool) -> String {
    let Place {
        form,
        subscription,
        location,
    } = place;
    let version = request.query("api-version").unwrap_or_default();
    let base = format!("https://{}/subscriptions/{subscription}", request.authority);
    let compute = format!("{base}/providers/Microsoft.Compute/locations/{location}");
    let url = match form {
        Form::Disk => format!("{compute}/DiskOperations/{id}?p={id}&api-version={version}"),
        Form::Compute => format!("{compute}/operations/{id}?p={id}&api-version={version}"),
        Form::Gallery => format!("{compute}/capsOperations/{id}?api-version={version}"),
        Form::Resources => format!("{base}/operationresults/{id}?api-version={version}"),
        Form::Network => {
            format!("{base}/providers/Microsoft.Network/locations/{location}/operations/{id}?api-version={version}")
        }
        Form::Deployment => format!(
            "https://{}{}/operationStatuses/{id}?api-version={version}",
            request.authority,
            request.path.trim_end_matches('/')
        ),
    };
    if unsigned || !is_signed_form(*form) {
        return url;
    }
    format!(
        "{url}&t=639000000000000000&c={}&s={}&h={}",
        certificate(id),
        hash("signature", id),
        hash("hash", id)
    )
}

/// The operation that a poll URL names.
pub(super) fn operation_id(path: &ArmPath) -> Option<String> {
    let (kind, name) = path.parts.last().map(|(kind, name)| (kind.to_lowercase(), name))?;
    let is_poll = match path.parts.len() {
        1 => path.namespace.is_none() && kind == "operationresults",
        2 if path.group.is_none() && path.is_in("Microsoft.Compute") => {
            matches!(kind.as_str(), "diskoperations" | "operations" | "capsoperations")
        }
        2 if path.group.is_none() && path.is_in("Microsoft.Network") => kind == "operations",
        2 => path.is_in("Microsoft.Resources") && kind == "operationstatuses",
        _ => false,
    };
    (is_poll && path.tail.is_none()).then(|| name.to_lowercase())
}

/// Whether the request carries the URL's signature to the letter.
pub(super) fn is_signed(request: &Request, form: Form, id: &str) -> bool {
    !is_signed_form(form)
        || (request.query("c") == Some(&certificate(id))
            && request.query("s") == Some(&hash("signature", id))
            && request.query("h") == Some(&hash("hash", id)))
}

fn is_signed_form(form: Form) -> bool {
    matches!(form, Form::Disk | Form::Gallery)
}

fn certificate(id: &str) -> String {
    let mut text = String::new();
    for part in 0..CERTIFICATE_HASHES {
        // Writing into a String cannot fail.
        let _infallible = write!(text, "{}", hash(&part.to_string(), id));
    }
    text
}

fn hash(purpose: &str, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{purpose} of {id}")))
}
