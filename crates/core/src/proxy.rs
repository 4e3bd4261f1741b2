//! Which proxy stands between this machine and a host, as the variables say it: so that a connection that fails names
//! the proxy, and one that cannot be used is refused instead of passed by.
//!
//! It sends nothing; the client itself follows the same variables.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::{
    error::{Error, ErrorKind, Result},
    settings::Lookup,
};

/// What names a proxy: for HTTPS, for HTTP, for both. Of two spellings the first counts.
const VARIABLES: [[&str; 2]; 3] = [
    ["HTTPS_PROXY", "https_proxy"],
    ["HTTP_PROXY", "http_proxy"],
    ["ALL_PROXY", "all_proxy"],
];

/// What names hosts that need none.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The proxies of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(std::sync::Arc<Matcher>);

impl Proxies {
    /// Reads the variables.
    ///
    /// # Errors
    /// `BadInput` when one is not the address of a proxy that can be used. Its value may hold a password and is not shown.
    pub(crate) fn read(lookup: &Lookup<'_>) -> Result<Self> {
        for name in VARIABLES.as_flattened() {
            if given(name, lookup).is_some_and(|text| !is_proxy(&text)) {
                let doing = format!("{name} is not the address of a proxy that can be used");
                return Err(Error::new(ErrorKind::BadInput, doing).with_hint(
                    "write http://host:port in it, or remove it: a request must not go past a proxy that was meant",
                ));
            }
        }
        let first = |names: [&str; 2]| names.iter().find_map(|name| given(name, lookup)).unwrap_or_default();
        let [https, http, all] = VARIABLES.map(first);
        let matcher = Matcher::builder().https(https).http(http).all(all).no(first(NO_PROXY));
        Ok(Self(std::sync::Arc::new(matcher.build())))
    }

    /// The proxy that a request goes through, without the user name and password that it may hold.
    pub(crate) fn before(&self, address: &Uri) -> Option<String> {
        let proxy = self.0.intercept(address)?;
        let host = proxy.uri().host()?;
        let port = proxy
            .uri()
            .port_u16()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Some(format!("{}://{host}{port}", proxy.uri().scheme_str().unwrap_or("http")))
    }
}

fn given(name: &str, lookup: &Lookup<'_>) -> Option<String> {
    lookup(name)
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Whether the client can use it; it would go straight to the host otherwise.
fn is_proxy(text: &str) -> bool {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    Url::parse(&whole).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::read(&|name| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_proxy_on_the_way_is_named_without_its_password() {
        let proxies = read(&[
            ("https_proxy", "http://user:hunter2@proxy.example:3128"),
            ("NO_PROXY", "10.0.0.5,.internal"),
        ])
        .unwrap();
        let before = |address: &'static str| proxies.before(&Uri::from_static(address));
        let proxy = before("https://management.azure.com/x").unwrap();
        assert!(proxy.ends_with("://proxy.example:3128"), "{proxy}");
        assert_eq!(before("https://10.0.0.5/"), None);
        assert_eq!(before("https://a.internal/"), None);
        assert_eq!(before("http://management.azure.com/"), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_by_name() {
        for bad in ["nonsense://", "socks5://127.0.0.1:1", "http://"] {
            let error = read(&[("HTTPS_PROXY", bad)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadInput);
            assert!(error.to_string().starts_with("HTTPS_PROXY is not"), "{bad}: {error}");
        }
        for good in ["", "proxy:8080", "http://proxy", "https://u:p@proxy:1"] {
            assert!(read(&[("all_proxy", good)]).is_ok(), "{good}");
        }
    }
}
