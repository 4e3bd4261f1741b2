//! Which Entra path is which.
//!
//! It claims a path only by its own shapes, so that Batch and ARM keep theirs.

use http::{Method, StatusCode};
use serde_json::json;

use super::{
    Entra, Tenant, discovery,
    endpoint::{self, Generation},
    error::TokenError,
    identity, key,
};
use crate::{
    call::Call,
    http::{Request, Response},
    ids::IdSource,
};

/// What an Entra path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Token { tenant: String, generation: Generation },
    OpenIdConfiguration { tenant: String },
    Keys,
    Instance,
    GitHubConfiguration,
    GitHubKeys,
    GitHubToken,
    PipelinesToken,
    AppServiceToken,
    MetadataToken,
}

/// Whether the path is one of Entra's.
pub(crate) fn is_entra_path(request: &Request) -> bool {
    route(request).is_some()
}

/// An error in Entra's form, for faults.
pub(crate) fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    Response::json(
        status,
        &json!({"error": code, "error_description": message, "error_codes": [90_033]}),
    )
}

/// Answers an Entra path; `None` when it is none, or not with that verb.
pub(crate) fn respond(entra: &Entra, ids: &mut IdSource, call: &Call<'_>) -> Option<Response> {
    let request = call.request;
    let route = route(request)?;
    let expected = if matches!(route, Route::Token { .. } | Route::PipelinesToken) {
        Method::POST
    } else {
        Method::GET
    };
    if request.method != expected {
        return None;
    }
    Some(match route {
        Route::Token { tenant, generation } => {
            let answer = find_tenant(entra, &tenant, request)
                .and_then(|tenant| endpoint::token(&tenant, request, generation, call.now));
            token_answer(ids, call, answer)
        }
        Route::OpenIdConfiguration { tenant } => match find_tenant(entra, &tenant, request) {
            Ok(known) => discovery::openid_configuration(request, &tenant, &known.id),
            Err(error) => error.response(ids, &request.authority, call.now),
        },
        Route::Keys => discovery::keys(key::ACCESS_TOKENS),
        Route::Instance => discovery::instance(request),
        Route::GitHubConfiguration => github_configuration(request),
        Route::GitHubKeys => discovery::keys(identity::GITHUB_ISSUER),
        Route::GitHubToken => identity::github(entra, request, call.now),
        Route::PipelinesToken => identity::pipelines(entra, request, call.now),
        Route::AppServiceToken => identity::app_service(entra, request, call.now),
        Route::MetadataToken => identity::metadata_service(entra, request, call.now),
    })
}

fn token_answer(ids: &mut IdSource, call: &Call<'_>, answer: Result<Response, TokenError>) -> Response {
    let response = answer.unwrap_or_else(|error| error.response(ids, &call.request.authority, call.now));
    response
        .with_header("cache-control", "no-store, no-cache")
        .with_header("pragma", "no-cache")
        .with_header("x-ms-request-id", &ids.guid())
        .with_header("x-ms-ests-server", "2.1.0 - emulator")
}

/// The tenant of a path; `adfs` and the multi-tenant names stand for the tenant of the application.
fn find_tenant(entra: &Entra, name: &str, request: &Request) -> Result<Tenant, TokenError> {
    let shared = ["adfs", "common", "organizations"]
        .iter()
        .any(|shared| shared.eq_ignore_ascii_case(name));
    let found = if shared {
        let client = url::form_urlencoded::parse(&request.body)
            .find_map(|(key, value)| (key == "client_id").then(|| value.into_owned()));
        let of_client = entra.tenants.iter().find(|tenant| {
            tenant
                .applications
                .iter()
                .any(|known| Some(&known.client_id) == client.as_ref())
        });
        of_client.or_else(|| entra.tenants.first())
    } else {
        entra.tenant(name)
    };
    found.cloned().ok_or_else(|| {
        let message = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into \
             the correct cloud."
        );
        TokenError::new("invalid_request", 90_002, message)
    })
}

fn github_configuration(request: &Request) -> Response {
    let base = format!("https://{}/oidc", request.authority);
    let body = json!({
        "issuer": identity::GITHUB_ISSUER,
        "jwks_uri": format!("{base}/.well-known/jwks"),
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Response::json(StatusCode::OK, &body)
}

fn route(request: &Request) -> Option<Route> {
    let segments = request.segments();
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let tenant = segments.first().cloned().unwrap_or_default();
    Some(match lower.as_slice() {
        ["subscriptions" | "providers" | "pools" | "jobs", ..] => return None,
        [_, "oauth2", "token"] => Route::Token {
            tenant,
            generation: Generation::V1,
        },
        [_, "oauth2", "v2.0", "token"] => Route::Token {
            tenant,
            generation: Generation::V2,
        },
        ["common", "discovery", "instance"] => Route::Instance,
        ["oidc", "token"] => Route::GitHubToken,
        ["pipelines", "oidctoken"] => Route::PipelinesToken,
        ["oidc", ".well-known", "openid-configuration"] => Route::GitHubConfiguration,
        ["oidc", ".well-known", "jwks"] => Route::GitHubKeys,
        ["msi", "token"] => Route::AppServiceToken,
        ["metadata", "identity", "oauth2", "token"] => Route::MetadataToken,
        [_, ".well-known", "openid-configuration"] | [_, "v2.0", ".well-known", "openid-configuration"] => {
            Route::OpenIdConfiguration { tenant }
        }
        [_, "discovery", "keys"] | [_, "discovery", "v2.0", "keys"] => Route::Keys,
        _ => return None,
    })
}
