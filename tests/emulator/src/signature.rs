//! What the shared keys of a Batch account and of a storage account sign in the same way: the headers, and the HMAC.
//!
//! The text around them differs by service: `batch/shared_key` and `storage/signature`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::http::Request;

/// The eleven headers that are signed by value, in their order.
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

/// Whether `key` (base64) made this `signature` (base64) of that text.
pub(crate) fn is_signed(text: &str, key: &str, signature: &str) -> bool {
    let (Ok(key), Ok(signature)) = (STANDARD.decode(key), STANDARD.decode(signature)) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return false;
    };
    mac.update(text.as_bytes());
    mac.verify_slice(&signature).is_ok()
}

/// The lines of the verb, of the signed headers with `length` as the content's, and of the service's own headers, whose
/// names begin with `prefix`.
pub(crate) fn signed_lines(request: &Request, length: &str, prefix: &str) -> String {
    let mut text = format!("{}\n", request.method);
    for name in SIGNED_HEADERS {
        text.push_str(match name {
            "content-length" => length,
            name => request.header(name).unwrap_or_default(),
        });
        text.push('\n');
    }
    let mut own: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(prefix))
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    own.sort_unstable();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text
}
