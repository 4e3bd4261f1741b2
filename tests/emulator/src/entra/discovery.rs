//! The documents that say where Entra's endpoints are.
//!
//! Everything is at the host that was asked, so that a client never leaves the emulator.

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::{Request, Response};

/// `openid-configuration` of an authority, e.g. `https://127.0.0.1:8443/{tenant}`.
pub(super) fn openid_configuration(request: &Request, authority_path: &str, tenant: &str) -> Response {
    let host = format!("https://{}", request.authority);
    let base = format!("{host}/{authority_path}");
    let body = json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{host}/{tenant}/v2.0"),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{host}/oidc/userinfo"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "appid", "oid", "tid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    });
    cached(&body)
}

/// Instance discovery: every authority that is asked about exists.
pub(super) fn instance(request: &Request) -> Response {
    let asked = request.query("authorization_endpoint").unwrap_or_default();
    let Some(rest) = asked.strip_prefix("https://") else {
        let body =
            json!({"error": "invalid_instance", "error_description": "AADSTS50049: Unknown or invalid instance."});
        return Response::json(StatusCode::BAD_REQUEST, &body);
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, "common"));
    let tenant = path.split('/').next().unwrap_or("common");
    cached(&json!({
        "tenant_discovery_endpoint": format!("https://{host}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }))
}

/// The public keys.
pub(super) fn keys(name: &str) -> Response {
    cached(&super::key::key_set(name))
}

fn cached(body: &Value) -> Response {
    Response::json(StatusCode::OK, body).with_header("cache-control", "max-age=86400, private")
}
