//! What the environment says about signing in: the variables of azure-arm, az and CI systems.
//!
//! The template always wins. Of the ways to sign in the environment gives at most one, and only
//! when the template gives none: a forgotten variable must not contradict a template.

use crate::imaging::v1::Settings;

/// Looks a variable up.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variable of this process; nothing when it is no text.
#[must_use]
pub fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// The first that is set of some variables.
fn first(lookup: &Lookup, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| lookup(name).filter(|value| !value.is_empty()))
}

fn is_filled(setting: Option<&String>) -> bool {
    setting.is_some_and(|text| !text.is_empty())
}

/// Completes settings that the template left out.
pub fn complete(settings: &mut Settings, lookup: &Lookup) {
    let fill = |setting: &mut Option<String>, names: &[&str]| {
        if !is_filled(setting.as_ref()) {
            *setting = first(lookup, names);
        }
    };
    fill(
        &mut settings.subscription_id,
        &["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"],
    );
    fill(&mut settings.tenant_id, &["ARM_TENANT_ID", "AZURE_TENANT_ID"]);
    fill(&mut settings.client_id, &["ARM_CLIENT_ID", "AZURE_CLIENT_ID"]);
    fill(&mut settings.metadata_host, &["ARM_METADATA_URL", "ARM_METADATA_HOST"]);
    fill(&mut settings.cloud_environment_name, &["ARM_ENVIRONMENT"]);
    complete_oidc(settings, lookup);
    if !names_a_way(settings) {
        choose_way(settings, lookup);
    }
}

/// Half of an OIDC request in the template gets its other half.
fn complete_oidc(settings: &mut Settings, lookup: &Lookup) {
    let (url, token) = (&mut settings.oidc_request_url, &mut settings.oidc_request_token);
    if is_filled(url.as_ref()) && !is_filled(token.as_ref()) {
        *token = first(lookup, &OIDC_TOKEN);
    } else if is_filled(token.as_ref()) && !is_filled(url.as_ref()) {
        *url = first(lookup, &OIDC_URL);
    }
}

const OIDC_URL: [&str; 2] = ["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL"];
const OIDC_TOKEN: [&str; 2] = ["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];

fn names_a_way(settings: &Settings) -> bool {
    let texts = [
        &settings.client_secret,
        &settings.client_jwt,
        &settings.oidc_request_url,
        &settings.federated_token_file,
    ];
    settings.use_azure_cli_auth == Some(true) || texts.into_iter().any(|text| is_filled(text.as_ref()))
}

/// The first way that the environment gives: secret, assertion, CI job's identity, token file.
fn choose_way(settings: &mut Settings, lookup: &Lookup) {
    if let Some(secret) = first(lookup, &["ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET"]) {
        settings.client_secret = Some(secret);
    } else if let Some(jwt) = first(lookup, &["ARM_OIDC_TOKEN"]) {
        settings.client_jwt = Some(jwt);
    } else if let (Some(_), Some(url), Some(token)) =
        // A job may have the right to ask for a token and yet mean the machine's identity.
        (
            &settings.client_id,
            first(lookup, &OIDC_URL),
            first(lookup, &OIDC_TOKEN),
        )
    {
        settings.oidc_request_url = Some(url);
        settings.oidc_request_token = Some(token);
    } else {
        settings.federated_token_file = first(lookup, &["AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(settings: Settings, variables: &'static [(&str, &str)]) -> Settings {
        let mut settings = settings;
        let lookup = move |name: &str| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        complete(&mut settings, &lookup);
        settings
    }

    const RUNNER: &[(&str, &str)] = &[
        ("ARM_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner/token?a=b"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer"),
    ];

    #[test]
    fn a_ci_job_signs_in_with_its_own_identity() {
        let settings = completed(Settings::default(), RUNNER);
        assert_eq!(settings.tenant_id.as_deref(), Some("tenant"));
        assert_eq!(settings.oidc_request_url.as_deref(), Some("https://runner/token?a=b"));
        assert_eq!(settings.oidc_request_token.as_deref(), Some("bearer"));
    }

    #[test]
    fn a_way_in_the_template_silences_those_of_the_environment() {
        let settings = Settings {
            client_secret: Some("own".to_owned()),
            ..Settings::default()
        };
        let settings = completed(settings, RUNNER);
        assert_eq!(settings.client_id.as_deref(), Some("client"), "ids are still taken");
        assert_eq!(settings.oidc_request_url, None);
    }

    #[test]
    fn the_environment_gives_at_most_one_way() {
        let settings = completed(
            Settings::default(),
            &[
                ("ARM_CLIENT_ID", "client"),
                ("ARM_CLIENT_SECRET", "secret"),
                ("ARM_OIDC_TOKEN", "jwt"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/var/token"),
            ],
        );
        assert_eq!(settings.client_secret.as_deref(), Some("secret"));
        assert_eq!((settings.client_jwt, settings.federated_token_file), (None, None));
    }

    #[test]
    fn without_an_application_the_jobs_identity_is_not_meant() {
        let settings = completed(Settings::default(), &RUNNER[2..]);
        assert_eq!(settings.oidc_request_url, None);
    }

    #[test]
    fn half_an_oidc_request_gets_its_other_half() {
        let settings = Settings {
            oidc_request_url: Some("https://own".to_owned()),
            ..Settings::default()
        };
        let settings = completed(settings, RUNNER);
        assert_eq!(settings.oidc_request_url.as_deref(), Some("https://own"));
        assert_eq!(settings.oidc_request_token.as_deref(), Some("bearer"));
    }
}
