//! Who may talk to the control port: programs and pages of this machine, no page of another site.
//!
//! A browser opens whatever a site tells it to, also a port on loopback. It says so in `Origin`, and a name that a site
//! lets point to loopback stands in `Host`.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};

/// Refuses what was not addressed to loopback, or comes from a page that is not this port's own.
pub(super) async fn check(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        None => next.run(request).await,
        Some(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
    }
}

fn refusal(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    if !is_loopback(host) {
        return Some(format!(
            "the control port is for 127.0.0.1, [::1] and localhost, not for host '{host}'\n"
        ));
    }
    let origin = text(header::ORIGIN)?;
    (origin != format!("http://{host}"))
        .then(|| format!("the control port answers its own page only, not one of '{origin}'\n"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "[::1]" | "localhost")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn refused(host: &str, origin: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        refusal(&headers)
    }

    #[test]
    fn programs_and_the_own_page_are_served() {
        for host in ["127.0.0.1:8480", "localhost:8480", "[::1]:8480", "127.0.0.1", "[::1]"] {
            assert_eq!(refused(host, None), None, "{host}");
            assert_eq!(refused(host, Some(&format!("http://{host}"))), None, "{host}");
        }
    }

    #[test]
    fn other_names_and_pages_of_other_sites_are_refused() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:x",
            "localhost@evil.example",
            "",
        ] {
            assert!(refused(host, None).is_some(), "{host}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1:9999",
            "https://127.0.0.1:8480",
        ] {
            let reason = refused("127.0.0.1:8480", Some(origin)).unwrap();
            assert!(reason.contains(origin), "{reason}");
        }
    }
}
