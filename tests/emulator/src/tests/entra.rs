//! Tokens: who gets one, for what, and who is told why not.

use http::Method;
use serde_json::json;

use super::azure::{Azure, CLIENT, SECRET, TENANT, form, start};
use crate::{Emulator, entra::FederatedCredential};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ARM: &str = "https://management.azure.com/.default";

fn token(azure: &mut Azure, tenant: &str, fields: &[(&str, &str)]) -> (u16, serde_json::Value) {
    let reply = azure.ask(
        Method::POST,
        &format!("/{tenant}/oauth2/v2.0/token"),
        &form(fields),
        &[],
    );
    (reply.status, reply.body)
}

#[test]
fn each_wrong_credential_has_its_own_code() {
    let cases: [(&str, &[(&str, &str)], u16, u32); 8] = [
        (
            "nowhere",
            &[("grant_type", "client_credentials")],
            400,
            90_002,
        ),
        (TENANT, &[("client_id", CLIENT)], 400, 900_144),
        (
            TENANT,
            &[("grant_type", "password"), ("client_id", CLIENT)],
            400,
            70_003,
        ),
        (
            TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "x"),
                ("client_secret", SECRET),
            ],
            400,
            700_016,
        ),
        (
            TENANT,
            &[("grant_type", "client_credentials"), ("client_id", CLIENT)],
            401,
            7_000_218,
        ),
        (
            TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", "x"),
            ],
            401,
            7_000_215,
        ),
        (
            TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", SECRET),
                ("scope", "https://nothing.example/.default"),
            ],
            400,
            500_011,
        ),
        (
            TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", SECRET),
                ("scope", "https://management.azure.com"),
            ],
            400,
            1_002_012,
        ),
    ];
    let mut azure = Azure::example();
    for (tenant, fields, status, code) in cases {
        let (actual, body) = token(&mut azure, tenant, fields);
        assert_eq!(
            (actual, &body["error_codes"]),
            (status, &json!([code])),
            "{body}"
        );
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{code}: "))
        );
    }
}

#[test]
fn an_assertion_is_checked_for_issuer_subject_audience_signature_and_time() {
    let good = FederatedCredential {
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        subject: "repo:example/images:ref:refs/heads/main".to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    let changed = |change: fn(&mut FederatedCredential)| {
        let mut credential = good.clone();
        change(&mut credential);
        Emulator::assertion(&credential, start())
    };
    let valid = Emulator::assertion(&good, start());
    let (head, _) = valid.rsplit_once('.').unwrap();
    let foreign = changed(|credential| credential.audience = "x".to_owned());
    let forged = format!("{head}.{}", foreign.rsplit_once('.').unwrap().1);
    let cases = [
        ("valid", valid.clone(), None),
        (
            "issuer",
            changed(|credential| credential.issuer = "https://evil.example".to_owned()),
            Some(700_211),
        ),
        (
            "subject",
            changed(|credential| {
                credential.subject = "repo:example/other:ref:refs/heads/main".to_owned()
            }),
            Some(700_213),
        ),
        (
            "subject's case",
            changed(|credential| credential.subject = credential.subject.to_uppercase()),
            Some(700_213),
        ),
        ("audience", foreign, Some(700_212)),
        ("signature", forged, Some(700_027)),
        ("garbage", "abc".to_owned(), Some(50_027)),
        (
            "expired",
            Emulator::assertion(&good, "2026-05-31T23:00:00Z".parse().unwrap()),
            Some(700_024),
        ),
    ];
    let mut azure = Azure::example();
    for (what, assertion, code) in cases {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion.as_str()),
            ("scope", ARM),
        ];
        let (status, body) = token(&mut azure, TENANT, &fields);
        match code {
            None => assert_eq!(status, 200, "{what}: {body}"),
            Some(code) => assert_eq!(
                (status, &body["error_codes"]),
                (401, &json!([code])),
                "{what}"
            ),
        }
    }
}

#[test]
fn the_github_endpoint_gives_what_the_application_accepts() {
    let mut azure = Azure::example();
    let path = "/oidc/token?a=b&audience=api%3A%2F%2FAzureADTokenExchange";
    let refused = azure.ask(Method::GET, path, "", &[("authorization", "Bearer wrong")]);
    assert_eq!(refused.status, 401);
    let reply = azure.ask(
        Method::GET,
        path,
        "",
        &[("authorization", "Bearer example-request-token")],
    );
    let assertion = reply.body["value"].as_str().unwrap();
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("scope", ARM),
    ];
    assert_eq!(token(&mut azure, TENANT, &fields).0, 200);
    // Five minutes later it is of no use; a client must ask for a new one.
    azure.wait(900);
    assert_eq!(token(&mut azure, TENANT, &fields).0, 401);
}

#[test]
fn the_first_generation_answers_numbers_as_text() {
    let mut azure = Azure::example();
    let fields = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("resource", "https://batch.core.windows.net/"),
    ]);
    for path in [
        format!("/{TENANT}/oauth2/token?api-version=1.0"),
        "/adfs/oauth2/token".to_owned(),
    ] {
        let body = azure.ask(Method::POST, &path, &fields, &[]).body;
        assert_eq!(body["expires_in"], "3599", "{body}");
        assert_eq!(body["expires_on"], (start().as_second() + 3600).to_string());
        assert_eq!(body["resource"], "https://batch.core.windows.net/");
    }
}

#[test]
fn arm_refuses_missing_garbage_expired_and_foreign_tokens_with_a_challenge() {
    let mut azure = Azure::example();
    let batch = format!(
        "Bearer {}",
        azure.sign_in("https://batch.core.windows.net//.default")
    );
    let good = format!("Bearer {}", azure.token);
    let cases = [
        (None, "AuthenticationFailed"),
        (Some("Bearer abc"), "InvalidAuthenticationToken"),
        (Some("Basic abc"), "InvalidAuthenticationToken"),
        (Some(batch.as_str()), "InvalidAuthenticationTokenAudience"),
    ];
    let path = format!("{}?api-version=1", super::azure::GROUP);
    for (header, code) in cases {
        let headers: Vec<_> = header
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let reply = azure.ask(Method::GET, &path, "", &headers);
        assert_eq!((reply.status, reply.code()), (401, code));
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(
            challenge.contains(&format!(
                "authorization_uri=\"https://management.azure.com/{TENANT}\""
            )),
            "{challenge}"
        );
    }
    assert_eq!(
        azure
            .ask(Method::GET, &path, "", &[("authorization", &good)])
            .status,
        200
    );
    azure.wait(3600);
    let reply = azure.ask(Method::GET, &path, "", &[("authorization", &good)]);
    assert_eq!(
        (reply.status, reply.code()),
        (401, "ExpiredAuthenticationToken")
    );
}

#[test]
fn managed_identities_need_their_header() {
    let mut azure = Azure::example();
    let path = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
    assert_eq!(azure.ask(Method::GET, path, "", &[]).status, 401);
    let reply = azure.ask(
        Method::GET,
        path,
        "",
        &[("x-identity-header", "example-identity-header")],
    );
    assert_eq!(
        reply.body["expires_on"],
        (start().as_second() + 3600).to_string()
    );
    azure.token = reply.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(azure.get(super::azure::GROUP).status, 200);

    let path = "/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
    assert_eq!(azure.ask(Method::GET, path, "", &[]).status, 400);
    assert_eq!(
        azure
            .ask(Method::GET, path, "", &[("metadata", "true")])
            .status,
        200
    );
    let stranger = format!("{path}&client_id=someone");
    assert_eq!(
        azure
            .ask(Method::GET, &stranger, "", &[("metadata", "true")])
            .status,
        400
    );
}

#[test]
fn discovery_never_leads_away_from_the_emulator() {
    let mut azure = Azure::example();
    for path in [
        format!("/{TENANT}/v2.0/.well-known/openid-configuration"),
        "/adfs/.well-known/openid-configuration".to_owned(),
    ] {
        let body = azure.ask(Method::GET, &path, "", &[]).body;
        for field in [
            "token_endpoint",
            "authorization_endpoint",
            "issuer",
            "jwks_uri",
        ] {
            assert!(
                body[field]
                    .as_str()
                    .unwrap()
                    .starts_with("https://management.azure.com/"),
                "{field}"
            );
        }
    }
    let keys = azure
        .ask(
            Method::GET,
            &format!("/{TENANT}/discovery/v2.0/keys"),
            "",
            &[],
        )
        .body;
    assert_eq!(keys["keys"][0]["kty"], "EC");
}
