//! How to sign in and to which cloud.
//!
//! Which way is taken among several is core's rule; here is only what contradicts itself.

use std::path::PathBuf;

use azure_batch_core::{
    cloud::{CloudChoice, KnownCloud},
    settings::{Login, LoginInputs},
};
use secrecy::SecretString;

use super::faults::{Faults, filled, is_on};
use crate::imaging::v1;

/// The one way to sign in.
pub(super) fn login(faults: &mut Faults, settings: &v1::Settings) -> Option<Login> {
    if let [first, rest @ ..] = ways(settings).as_slice()
        && !rest.is_empty()
    {
        for way in rest {
            faults.add(
                *way,
                format!("stands beside {first}, and only one way to sign in can be taken: remove one of them"),
            );
        }
        return None;
    }
    let url = filled(settings.oidc_request_url.as_deref());
    let token = filled(settings.oidc_request_token.as_deref());
    match (url, token) {
        (Some(_), None) => faults.add(
            "oidc_request_token",
            "is missing beside oidc_request_url: give the CI job's ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        ),
        (None, Some(_)) => faults.add(
            "oidc_request_url",
            "is missing beside oidc_request_token: give the CI job's ACTIONS_ID_TOKEN_REQUEST_URL",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
    inputs(settings).resolve().map_err(|found| faults.extend(found)).ok()
}

/// The ways to sign in that the settings name.
fn ways(settings: &v1::Settings) -> Vec<&'static str> {
    let named = |setting, text: &Option<String>| filled(text.as_deref()).map(|_| setting);
    [
        is_on(settings.use_azure_cli_auth).then_some("use_azure_cli_auth"),
        named("client_secret", &settings.client_secret),
        named("client_jwt", &settings.client_jwt),
        named("oidc_request_url", &settings.oidc_request_url),
        named("federated_token_file", &settings.federated_token_file),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn inputs(settings: &v1::Settings) -> LoginInputs {
    let text = |text: &Option<String>| filled(text.as_deref()).map(str::to_owned);
    let secret = |secret: &Option<String>| text(secret).map(SecretString::from);
    LoginInputs {
        tenant_id: text(&settings.tenant_id),
        client_id: text(&settings.client_id),
        client_secret: secret(&settings.client_secret),
        client_jwt: secret(&settings.client_jwt),
        oidc_request_url: text(&settings.oidc_request_url),
        oidc_request_token: secret(&settings.oidc_request_token),
        federated_token_file: text(&settings.federated_token_file).map(PathBuf::from),
        use_azure_cli_auth: is_on(settings.use_azure_cli_auth),
    }
}

/// Which Azure.
pub(super) fn cloud(faults: &mut Faults, settings: &v1::Settings) -> Option<CloudChoice> {
    // With a metadata host the name is not looked at: templates put an impossible one there, so that azure-arm never
    // falls back to the public cloud.
    if let Some(host) = filled(settings.metadata_host.as_deref()) {
        return CloudChoice::metadata_host(host)
            .map_err(|error| faults.add("metadata_host", error.to_string()))
            .ok();
    }
    faults
        .parse_or_default::<KnownCloud>("cloud_environment_name", settings.cloud_environment_name.as_deref())
        .map(CloudChoice::Known)
}
