//! Batch's shared-key signature: what is signed, and whether a signature fits.
//!
//! It does not decide whether shared key is allowed; `data_plane/authenticate` does.

use http::Method;

use super::account::Keys;
use crate::{
    http::Request,
    signature::{is_signed, signed_lines},
};

/// An `Authorization: SharedKey account:signature` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credential<'a> {
    pub(crate) account: &'a str,
    signature: &'a str,
}

impl<'a> Credential<'a> {
    /// Reads the header's value; `None` when it is of another scheme or form.
    pub(crate) fn parse(authorization: &'a str) -> Option<Self> {
        let (scheme, rest) = authorization.split_once(' ')?;
        let (account, signature) = rest.trim().split_once(':')?;
        scheme
            .eq_ignore_ascii_case("SharedKey")
            .then_some(Self { account, signature })
    }

    /// Whether one of the account's keys made this signature for this request.
    pub(crate) fn fits(&self, request: &Request, keys: &Keys) -> bool {
        lengths(request).into_iter().any(|length| {
            let text = string_to_sign(request, self.account, length);
            let mut keys = [&keys.primary, &keys.secondary].into_iter();
            keys.any(|key| is_signed(&text, key, self.signature))
        })
    }
}

/// What a client signs: verb, headers, `ocp-*` headers, path, query.
pub(crate) fn string_to_sign(request: &Request, account: &str, length: &str) -> String {
    let mut text = signed_lines(request, length, "ocp-");
    text.push_str(&format!("/{account}{}", request.path));
    let mut query: Vec<&(String, String)> = request.query.iter().collect();
    query.sort_by(|left, right| left.0.cmp(&right.0));
    query.dedup_by(|later, first| later.0 == first.0);
    for (name, value) in query {
        text.push_str(&format!("\n{name}:{value}"));
    }
    text
}

/// What clients sign as the length: Microsoft's own sign that of an empty body as `0` or not at all.
fn lengths(request: &Request) -> Vec<&str> {
    let is_write = request.method != Method::GET && request.method != Method::HEAD;
    match request.header("content-length").unwrap_or_default() {
        "" | "0" if is_write => vec!["0", ""],
        length => vec![length],
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn request() -> Request {
        let mut headers = HeaderMap::new();
        headers.insert("ocp-date", HeaderValue::from_static("Tue, 06 Sep 2022 23:44:11 GMT"));
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/json; odata=minimalmetadata"),
        );
        headers.insert("content-length", HeaderValue::from_static("2"));
        Request {
            method: Method::POST,
            authority: "acct1.eastus2.batch.azure.com".to_owned(),
            path: "/pools".to_owned(),
            query: vec![
                ("timeout".to_owned(), "30".to_owned()),
                ("api-version".to_owned(), "2024-02-01.19.0".to_owned()),
            ],
            headers,
            body: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn signs_verb_headers_path_and_sorted_query() {
        let expected = "POST\n\n\n2\n\napplication/json; odata=minimalmetadata\n\n\n\n\n\n\n\
                        ocp-date:Tue, 06 Sep 2022 23:44:11 GMT\n\
                        /acct1/pools\napi-version:2024-02-01.19.0\ntimeout:30";
        assert_eq!(string_to_sign(&request(), "acct1", "2"), expected);
    }

    #[test]
    fn a_signature_made_elsewhere_fits_and_no_other_does() {
        // Made with Python: base64.b64encode(hmac.new(b'0123456789abcdef', text, 'sha256').digest()).
        let signature = "EntUVWKEqs8MQuylXnLrL311/lylEUkwvNbBCltPwuw=";
        let header = format!("SharedKey acct1:{signature}");
        let credential = Credential::parse(&header).unwrap();
        let key = |text: &str| STANDARD.encode(text);
        let keys = Keys {
            primary: key("other"),
            secondary: key("0123456789abcdef"),
        };
        assert!(credential.fits(&request(), &keys), "the secondary key counts too");
        let mut changed = request();
        changed.path = "/jobs".to_owned();
        assert!(!credential.fits(&changed, &keys));
        let keys = Keys {
            primary: key("other"),
            secondary: key("another"),
        };
        assert!(!credential.fits(&request(), &keys));
    }

    #[test]
    fn the_length_of_an_empty_body_is_signed_as_zero_or_not_at_all() {
        let mut request = request();
        assert_eq!(lengths(&request), ["2"]);
        request.method = Method::DELETE;
        request.headers.insert("content-length", HeaderValue::from_static("0"));
        assert_eq!(lengths(&request), ["0", ""]);
        request.headers.remove("content-length");
        assert_eq!(lengths(&request), ["0", ""]);
        request.method = Method::GET;
        assert_eq!(lengths(&request), [""]);
    }

    #[test]
    fn other_schemes_are_no_shared_key() {
        for header in ["Bearer x", "SharedKey x", "SharedKey", ""] {
            assert_eq!(Credential::parse(header), None, "{header}");
        }
    }
}
