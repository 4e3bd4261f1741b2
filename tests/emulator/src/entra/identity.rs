//! Tokens without a secret: managed identities, GitHub's id-token endpoint and that of Azure Pipelines.
//!
//! On Azure the first is reached at a link-local address, the others at their own hosts; here all are
//! paths of the emulator, on its TLS port and on its plain one.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::{Caller, Entra, FederatedCredential, ManagedIdentity, Tenant, endpoint};
use crate::http::{Request, Response};

/// How long an assertion of GitHub lives, in seconds; they are meant to be exchanged at once.
pub(super) const ASSERTION_LIFETIME: i64 = 300;

/// Who signs the id tokens of GitHub Actions.
pub(super) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// App Service's form: `GET {IDENTITY_ENDPOINT}?resource=…` with `X-IDENTITY-HEADER`.
pub(super) fn app_service(entra: &Entra, request: &Request, now: Timestamp) -> Response {
    let offered = request.header("x-identity-header").unwrap_or_default();
    let of_header = entra.tenants.iter().find(|tenant| {
        tenant
            .managed_identity
            .as_ref()
            .is_some_and(|identity| identity.header.is(offered))
    });
    let Some(tenant) = of_header else {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "X-IDENTITY-HEADER is missing or wrong",
        );
    };
    managed(tenant, request, now)
}

/// The metadata service's form: `GET /metadata/identity/oauth2/token?resource=…` with `Metadata: true`.
pub(super) fn metadata_service(entra: &Entra, request: &Request, now: Timestamp) -> Response {
    if request
        .header("metadata")
        .is_none_or(|value| !value.eq_ignore_ascii_case("true"))
    {
        return refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Required metadata header not specified",
        );
    }
    if request.query("api-version").is_none() {
        return refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Required query variable 'api-version' is missing",
        );
    }
    match entra.tenants.iter().find(|tenant| tenant.managed_identity.is_some()) {
        Some(tenant) => managed(tenant, request, now),
        None => refusal(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found"),
    }
}

fn managed(tenant: &Tenant, request: &Request, now: Timestamp) -> Response {
    let Some(identity) = &tenant.managed_identity else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found");
    };
    if !is_asked_for(identity, request) {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found");
    }
    let Some(resource) = request.query("resource").filter(|resource| !resource.is_empty()) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Required parameter resource is missing",
        );
    };
    if !endpoint::is_resource(resource, |host| host_of(host) == host_of(&request.authority)) {
        let description = format!(
            "AADSTS500011: The resource principal named {resource} was not found in the tenant named {}.",
            tenant.id
        );
        return refusal(StatusCode::BAD_REQUEST, "invalid_resource", &description);
    }
    let caller = Caller {
        tenant: tenant.id.clone(),
        app_id: identity.client_id.clone(),
        object_id: identity.object_id.clone(),
    };
    let lifetime = tenant.lifetime();
    let proof = endpoint::Proof::Machine(identity.resource_id.as_deref());
    let body = json!({
        "access_token": endpoint::access_token(&caller, proof, resource, (now, lifetime)),
        "client_id": identity.client_id,
        "expires_in": lifetime.to_string(),
        "expires_on": (now.as_second() + lifetime).to_string(),
        "ext_expires_in": lifetime.to_string(),
        "not_before": now.as_second().to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Response::json(StatusCode::OK, &body)
}

/// Whether this is the identity that a request names, in any of the ways that clients have; most name none.
fn is_asked_for(identity: &ManagedIdentity, request: &Request) -> bool {
    let resource_id = identity.resource_id.as_deref().unwrap_or_default();
    [
        ("client_id", identity.client_id.as_str()),
        ("object_id", &identity.object_id),
        ("principal_id", &identity.object_id),
        ("msi_res_id", resource_id),
        ("mi_res_id", resource_id),
    ]
    .iter()
    .filter_map(|(name, own)| Some((request.query(name)?, own)))
    .all(|(asked, own)| asked.eq_ignore_ascii_case(own))
}

/// The host of an authority: the emulator's ports share it.
fn host_of(authority: &str) -> &str {
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// GitHub's id-token endpoint: `GET {ACTIONS_ID_TOKEN_REQUEST_URL}&audience=…` with the request token.
pub(super) fn github(entra: &Entra, request: &Request, now: Timestamp) -> Response {
    let offered = request
        .header("authorization")
        .and_then(|header| header.split_once(' '));
    let token = offered.map_or("", |(_, token)| token);
    let workflow = entra
        .tenants
        .iter()
        .filter_map(|tenant| tenant.github.as_ref())
        .find(|workflow| workflow.request_token.is(token));
    let Some(workflow) = workflow else {
        let body = json!({"message": "The request token is missing or wrong"});
        return Response::json(StatusCode::UNAUTHORIZED, &body);
    };
    let owner = workflow.repository.split('/').next().unwrap_or_default();
    let audience = request
        .query("audience")
        .map_or_else(|| format!("https://github.com/{owner}"), str::to_owned);
    let issued = now.as_second();
    let credential = FederatedCredential {
        issuer: GITHUB_ISSUER.to_owned(),
        subject: workflow.subject.clone(),
        audience,
    };
    let claims = json!({
        "iss": credential.issuer, "sub": credential.subject, "aud": credential.audience,
        "iat": issued, "nbf": issued - 5, "exp": issued + ASSERTION_LIFETIME,
        "repository": workflow.repository, "repository_owner": owner,
        // Of the repository that the example's newer subject names.
        "repository_id": "2002", "repository_owner_id": "1001", "ref": "refs/heads/main",
        "event_name": "push", "run_id": "1", "run_attempt": "1",
    });
    let value = super::key::sign(GITHUB_ISSUER, &claims);
    Response::json(StatusCode::OK, &json!({"count": 1, "value": value}))
}

/// Azure Pipelines' endpoint: `POST {SYSTEM_OIDCREQUESTURI}?api-version=…&serviceConnectionId=…` with the job's token.
/// A wrong token is sent to a page for people, unless the caller asks for no such redirect.
pub(super) fn pipelines(entra: &Entra, request: &Request, now: Timestamp) -> Response {
    let offered = request
        .header("authorization")
        .and_then(|header| header.split_once(' '));
    let token = offered.map_or("", |(_, token)| token);
    let mut pipelines = entra.tenants.iter().filter_map(|tenant| tenant.pipeline.as_ref());
    let Some(pipeline) = pipelines.find(|pipeline| pipeline.access_token.is(token)) else {
        let wants_none = request
            .header("x-tfs-fedauthredirect")
            .is_some_and(|value| value.eq_ignore_ascii_case("suppress"));
        let status = if wants_none {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::FOUND
        };
        return Response::json(
            status,
            &json!({"message": "TF400813: The user is not authorized to access this resource."}),
        );
    };
    if request.query("api-version").is_none() {
        let body = json!({"message": "No api-version was supplied for the \"POST\" request."});
        return Response::json(StatusCode::BAD_REQUEST, &body);
    }
    let asked = request.query("serviceConnectionId").unwrap_or_default();
    if !asked.eq_ignore_ascii_case(&pipeline.service_connection_id) {
        let body =
            json!({"message": format!("The service connection {asked} is not found, or this job may not use it.")});
        return Response::json(StatusCode::NOT_FOUND, &body);
    }
    let credential = FederatedCredential {
        issuer: pipeline.issuer.clone(),
        subject: pipeline.subject.clone(),
        audience: super::default_assertion_audience(),
    };
    let token = Entra::assertion(&credential, now);
    Response::json(StatusCode::OK, &json!({"oidcToken": token}))
}

fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    Response::json(status, &json!({"error": error, "error_description": description}))
}
