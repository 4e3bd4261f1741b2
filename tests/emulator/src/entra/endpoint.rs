//! The token endpoints: v2 asks for a `scope`, v1 for a `resource`; both give the same access token.
//!
//! Only the client-credentials grant is played; no user ever signs in here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Application, Caller, Tenant, assertion, certificate, error::TokenError, key};
use crate::http::{Request, Response};

/// The value of `client_assertion_type`.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Resources that tokens are given out for, besides the emulator's own address.
const RESOURCES: [&str; 6] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://batch.core.windows.net",
    "https://storage.azure.com",
    "https://vault.azure.net",
    "https://graph.microsoft.com",
];

/// The two generations of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// `/oauth2/token`.
    V1,
    /// `/oauth2/v2.0/token`.
    V2,
}

/// How a caller proved who it is, as far as its token shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    /// By a client secret.
    Secret,
    /// By something signed: an assertion with a certificate's key, or of a trusted issuer.
    Signed,
    /// By being on the machine; the id of a user-assigned identity.
    Machine(Option<&'a str>),
}

/// A form, decoded.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(request: &Request) -> Self {
        Self(url::form_urlencoded::parse(&request.body).into_owned().collect())
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, TokenError> {
        self.field(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            TokenError::new("invalid_request", 900_144, message)
        })
    }
}

/// Answers a token request.
pub(super) fn token(
    tenant: &Tenant,
    request: &Request,
    generation: Generation,
    now: Timestamp,
) -> Result<Response, TokenError> {
    let form = Form::read(request);
    let grant = form.required("grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(TokenError::new("unsupported_grant_type", 70_003, message));
    }
    let application = application(tenant, form.required("client_id")?)?;
    let place = certificate::Place {
        authority: &request.authority,
        tenant: &tenant.id,
    };
    let proof = authenticate(application, &form, place, now)?;
    let resource = match generation {
        Generation::V1 => form.required("resource")?,
        Generation::V2 => resource_of_scope(form.required("scope")?)?,
    };
    check_resource(resource, &request.authority, &tenant.id)?;
    let caller = Caller {
        tenant: tenant.id.clone(),
        app_id: application.client_id.clone(),
        object_id: application.object_id.clone(),
    };
    let token = access_token(&caller, proof, resource, (now, tenant.lifetime()));
    let body = answer(generation, &token, resource, (now.as_second(), tenant.lifetime()));
    Ok(Response::json(StatusCode::OK, &body))
}

/// A signed access token.
pub(super) fn access_token(
    caller: &Caller,
    proof: Proof<'_>,
    audience: &str,
    (now, lifetime): (Timestamp, i64),
) -> String {
    let issued = now.as_second();
    let (class, machine) = match proof {
        Proof::Secret => ("1", None),
        Proof::Signed => ("2", None),
        Proof::Machine(id) => ("2", id),
    };
    let mut claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{}/", caller.tenant),
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime,
        "appid": caller.app_id,
        "appidacr": class,
        "idp": format!("https://sts.windows.net/{}/", caller.tenant),
        "idtyp": "app",
        "oid": caller.object_id,
        "sub": caller.object_id,
        "tid": caller.tenant,
        "uti": token_id(caller, audience, issued),
        "ver": "1.0",
    });
    if let Some(id) = machine {
        crate::json::set(&mut claims, &["xms_mirid"], json!(id));
    }
    key::sign(key::ACCESS_TOKENS, &claims)
}

/// Entra's id of a token: 22 characters that say nothing.
fn token_id(caller: &Caller, audience: &str, issued: i64) -> String {
    let hash = Sha256::digest(format!("{} {audience} {issued}", caller.object_id));
    URL_SAFE_NO_PAD.encode(hash).chars().take(22).collect()
}

fn answer(generation: Generation, token: &str, resource: &str, (issued, lifetime): (i64, i64)) -> Value {
    match generation {
        Generation::V2 => json!({
            "token_type": "Bearer", "expires_in": lifetime - 1, "ext_expires_in": lifetime - 1, "access_token": token,
        }),
        Generation::V1 => json!({
            "token_type": "Bearer",
            "expires_in": (lifetime - 1).to_string(),
            "ext_expires_in": (lifetime - 1).to_string(),
            "expires_on": (issued + lifetime).to_string(),
            "not_before": issued.to_string(),
            "resource": resource,
            "access_token": token,
        }),
    }
}

fn application<'a>(tenant: &'a Tenant, client_id: &str) -> Result<&'a Application, TokenError> {
    let known = tenant
        .applications
        .iter()
        .find(|known| known.client_id.eq_ignore_ascii_case(client_id));
    known.ok_or_else(|| {
        let message = format!(
            "Application with identifier '{client_id}' was not found in the directory '{}'.",
            tenant.id
        );
        TokenError::new("unauthorized_client", 700_016, message)
    })
}

fn authenticate(
    application: &Application,
    form: &Form,
    place: certificate::Place<'_>,
    now: Timestamp,
) -> Result<Proof<'static>, TokenError> {
    if let Some(assertion) = form.field("client_assertion") {
        let kind = form.required("client_assertion_type")?;
        if kind != JWT_BEARER {
            let message = format!("The client assertion type '{kind}' is not supported.");
            return Err(TokenError::new("invalid_request", 900_013, message));
        }
        return assertion::check(application, assertion, place, now).map(|()| Proof::Signed);
    }
    let Some(secret) = form.field("client_secret") else {
        let message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(TokenError::invalid_client(7_000_218, message));
    };
    let Some(known) = application.secrets.iter().find(|known| known.value.is(secret)) else {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
             value, not the client secret ID, for a secret added to app '{}'.",
            application.client_id
        );
        return Err(TokenError::invalid_client(7_000_215, message));
    };
    if known.expires.is_some_and(|expires| expires <= now) {
        let message = format!(
            "The provided client secret keys for app '{}' are expired.",
            application.client_id
        );
        return Err(TokenError::invalid_client(7_000_222, message));
    }
    Ok(Proof::Secret)
}

/// The resource of a `…/.default` scope; the double slash of `https://batch.core.windows.net//.default`
/// stands for a resource whose id ends in one.
fn resource_of_scope(scope: &str) -> Result<&str, TokenError> {
    let mut scopes = scope
        .split_whitespace()
        .filter(|scope| !matches!(*scope, "openid" | "profile" | "offline_access"));
    scopes.next().and_then(|scope| scope.strip_suffix("/.default")).ok_or_else(|| {
        let message = format!("The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).");
        TokenError::new("invalid_scope", 1_002_012, message)
    })
}

fn check_resource(resource: &str, authority: &str, tenant: &str) -> Result<(), TokenError> {
    if is_resource(resource, |host| host.eq_ignore_ascii_case(authority)) {
        return Ok(());
    }
    let message = format!("The resource principal named {resource} was not found in the tenant named {tenant}.");
    Err(TokenError::new("invalid_resource", 500_011, message))
}

/// Whether tokens are given out for a resource: for Azure's own, and for hosts that are this emulator.
pub(super) fn is_resource(resource: &str, is_own: impl FnOnce(&str) -> bool) -> bool {
    let name = resource.trim_end_matches('/');
    RESOURCES.iter().any(|known| known.eq_ignore_ascii_case(name))
        || name.split_once("://").is_some_and(|(_, host)| is_own(host))
}
