//! Tokens: who gets one, for what, and who is refused, with the reason.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;

use super::azure::{Azure, CLIENT, SECRET, TENANT, form, id, start};
use crate::{Emulator, entra::FederatedCredential, seed::Seed};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000005b5";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ARM: &str = "https://management.azure.com/.default";

/// What is wrong, in a form that is right otherwise.
struct Wrong {
    change: &'static [(&'static str, &'static str)],
    status: u16,
    code: u32,
}

fn token(azure: &mut Azure, tenant: &str, fields: &[(&str, &str)]) -> (u16, serde_json::Value) {
    let reply = azure.ask(
        Method::POST,
        &format!("/{tenant}/oauth2/v2.0/token"),
        &form(fields),
        &[],
    );
    (reply.status, reply.body)
}

const WRONG: [Wrong; 8] = [
    Wrong {
        change: &[("tenant", "nowhere")],
        status: 400,
        code: 90_002,
    },
    Wrong {
        change: &[("grant_type", "")],
        status: 400,
        code: 900_144,
    },
    Wrong {
        change: &[("grant_type", "password")],
        status: 400,
        code: 70_003,
    },
    Wrong {
        change: &[("client_id", "someone")],
        status: 400,
        code: 700_016,
    },
    Wrong {
        change: &[("client_secret", "")],
        status: 401,
        code: 7_000_218,
    },
    Wrong {
        change: &[("client_secret", "wrong")],
        status: 401,
        code: 7_000_215,
    },
    Wrong {
        change: &[("scope", "https://nothing.example/.default")],
        status: 400,
        code: 500_011,
    },
    Wrong {
        change: &[("scope", "https://management.azure.com")],
        status: 400,
        code: 1_002_012,
    },
];

fn with_secret(azure: &mut Azure, client: &str, secret: &str) -> (u16, serde_json::Value) {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", ARM),
    ];
    token(azure, TENANT, &fields)
}

#[test]
fn a_seed_adds_applications_to_a_tenant_and_who_is_signed_in_stays() {
    let mut azure = Azure::example();
    let machine = id("virtualMachines/vm-build");
    assert_eq!(azure.get(&machine).status, 200);
    let other = "00000000-0000-0000-0000-00000000c22e";
    let application = |client: &str, secret: &str| json!({"clientId": client, "objectId": format!("{client}-o"), "secrets": [{"value": secret}]});
    let seed = |azure: &mut Azure, applications: Vec<serde_json::Value>| {
        let seed = json!({"tenant": {"id": TENANT, "applications": applications},
            "subscriptions": [{"id": SUBSCRIPTION, "name": "again"}]});
        let seed = Seed::parse(&seed.to_string()).unwrap();
        azure.emulator.seed(&seed, azure.now).unwrap();
    };
    seed(&mut azure, vec![application(other, "second")]);
    assert_eq!(azure.get(&machine).status, 200, "the token that was given out before");
    assert_eq!(with_secret(&mut azure, CLIENT, SECRET).0, 200);
    assert_eq!(with_secret(&mut azure, other, "second").0, 200);
    let named = token(&mut azure, "example.onmicrosoft.com", &[("grant_type", "password")]);
    assert_eq!(named.1["error_codes"], json!([70_003]), "the tenant keeps its domain");

    seed(&mut azure, vec![application(other, "third")]);
    assert_eq!(
        with_secret(&mut azure, other, "second").0,
        401,
        "an application takes its own place"
    );
    assert_eq!(with_secret(&mut azure, other, "third").0, 200);
    let subscription = Seed::parse(&json!({"subscriptions": [{"id": SUBSCRIPTION}]}).to_string()).unwrap();
    azure.emulator.seed(&subscription, azure.now).unwrap();
    assert_eq!(azure.get(&machine).status, 200, "the subscription stays in its tenant");
}

#[test]
fn each_wrong_credential_has_its_own_code() {
    let mut azure = Azure::example();
    for wrong in WRONG {
        let mut fields = vec![
            ("tenant", TENANT),
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("scope", ARM),
        ];
        for (name, value) in wrong.change {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        let tenant = fields.iter().find(|(name, _)| *name == "tenant").unwrap().1;
        let (status, body) = token(&mut azure, tenant, &fields);
        assert_eq!(
            (status, &body["error_codes"]),
            (wrong.status, &json!([wrong.code])),
            "{body}"
        );
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{}: ", wrong.code))
        );
    }
}

fn github() -> FederatedCredential {
    FederatedCredential {
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        subject: "repo:example/images:ref:refs/heads/main".to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    }
}

/// Assertions by what is wrong with them.
fn assertions() -> Vec<(&'static str, String, Option<u32>)> {
    let at = |credential: FederatedCredential| Emulator::assertion(&credential, start());
    let valid = at(github());
    let foreign = at(FederatedCredential {
        audience: "x".to_owned(),
        ..github()
    });
    let (head, _) = valid.rsplit_once('.').unwrap();
    let (_, signature) = foreign.rsplit_once('.').unwrap();
    let forged = format!("{head}.{signature}");
    let evil = FederatedCredential {
        issuer: "https://evil.example".to_owned(),
        ..github()
    };
    let with_ids = FederatedCredential {
        subject: "repo:example@1001/images@2002:ref:refs/heads/main".to_owned(),
        ..github()
    };
    let other = FederatedCredential {
        subject: "repo:example/other:ref:refs/heads/main".to_owned(),
        ..github()
    };
    let shouted = FederatedCredential {
        subject: github().subject.to_uppercase(),
        ..github()
    };
    let old = Emulator::assertion(&github(), "2026-05-31T23:00:00Z".parse().unwrap());
    vec![
        ("valid", valid, None),
        (
            "valid with ids, as for repositories since July 2026",
            at(with_ids),
            None,
        ),
        ("issuer", at(evil), Some(700_211)),
        ("subject", at(other), Some(700_213)),
        ("subject's case", at(shouted), Some(700_213)),
        ("audience", foreign, Some(700_212)),
        ("signature", forged, Some(700_027)),
        ("garbage", "abc".to_owned(), Some(50_027)),
        ("expired", old, Some(700_024)),
    ]
}

#[test]
fn an_assertion_is_checked_for_issuer_subject_audience_signature_and_time() {
    let mut azure = Azure::example();
    for (what, assertion, code) in assertions() {
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
            Some(code) => assert_eq!((status, &body["error_codes"]), (401, &json!([code])), "{what}"),
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
    let batch = format!("Bearer {}", azure.sign_in("https://batch.core.windows.net//.default"));
    let good = format!("Bearer {}", azure.token);
    let cases = [
        (None, "AuthenticationFailed"),
        (Some("Bearer abc"), "InvalidAuthenticationToken"),
        (Some("Basic abc"), "InvalidAuthenticationToken"),
        (Some(batch.as_str()), "InvalidAuthenticationTokenAudience"),
    ];
    let path = format!("{}?api-version=1", super::azure::GROUP);
    for (header, code) in cases {
        let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
        let reply = azure.ask(Method::GET, &path, "", &headers);
        assert_eq!((reply.status, reply.code()), (401, code));
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(
            challenge.contains(&format!("authorization_uri=\"https://management.azure.com/{TENANT}\"")),
            "{challenge}"
        );
    }
    assert_eq!(
        azure.ask(Method::GET, &path, "", &[("authorization", &good)]).status,
        200
    );
    azure.wait(3600);
    let reply = azure.ask(Method::GET, &path, "", &[("authorization", &good)]);
    assert_eq!((reply.status, reply.code()), (401, "ExpiredAuthenticationToken"));
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
    assert_eq!(reply.body["expires_on"], (start().as_second() + 3600).to_string());
    azure.token = reply.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(azure.get(super::azure::GROUP).status, 200);

    let path = "/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
    assert_eq!(azure.ask(Method::GET, path, "", &[]).status, 400);
    assert_eq!(azure.ask(Method::GET, path, "", &[("metadata", "true")]).status, 200);
    let stranger = format!("{path}&client_id=someone");
    assert_eq!(
        azure.ask(Method::GET, &stranger, "", &[("metadata", "true")]).status,
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
        for field in ["token_endpoint", "authorization_endpoint", "issuer", "jwks_uri"] {
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
        .ask(Method::GET, &format!("/{TENANT}/discovery/v2.0/keys"), "", &[])
        .body;
    assert_eq!(keys["keys"][0]["kty"], "EC");
}

#[test]
fn a_token_of_another_tenant_is_refused_and_a_subscription_that_is_not_there_is_named() {
    let other = json!({"tenant": {"id": "other", "applications": [
        {"clientId": "app", "objectId": "object", "secrets": [{"value": "s", "expires": "2026-06-01T01:00:00Z"}]},
    ]}});
    let mut azure = Azure::with_seed(&other);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "app"),
        ("client_secret", "s"),
        ("scope", ARM),
    ];
    let (_, body) = token(&mut azure, "other", &fields);
    let own = std::mem::replace(&mut azure.token, body["access_token"].as_str().unwrap().to_owned());
    let reply = azure.get(super::azure::GROUP);
    assert_eq!((reply.status, reply.code()), (401, "InvalidAuthenticationTokenTenant"));
    assert_eq!(azure.get("/subscriptions").body["value"], json!([]));
    azure.token = own;
    let reply = azure.get("/subscriptions/none");
    assert_eq!((reply.status, reply.code()), (404, "SubscriptionNotFound"));

    azure.wait(3600);
    let (status, body) = token(&mut azure, "other", &fields);
    assert_eq!(
        (status, &body["error_codes"]),
        (401, &json!([7_000_222])),
        "the secret has expired"
    );
}

/// The claims of a token, unchecked.
fn claims(token: &serde_json::Value) -> serde_json::Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn access_tokens_say_who_for_what_and_how_the_caller_proved_it() {
    let mut azure = Azure::example();
    let assertion = Emulator::assertion(&github(), start());
    let common = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", ARM),
    ];
    let secret = [("client_secret", SECRET)];
    let signed = [
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    for (proof, class) in [(&secret[..], "1"), (&signed[..], "2")] {
        // MSAL asks for client information, too, which an application has none of.
        let fields = [&common[..], proof, &[("client_info", "1")]].concat();
        let (_, body) = token(&mut azure, TENANT, &fields);
        assert_eq!(body.get("client_info"), None);
        let mut claims = claims(&body["access_token"]);
        assert_eq!(claims["uti"].as_str().unwrap().len(), 22);
        crate::json::remove(&mut claims, "", "uti");
        let (now, issuer) = (start().as_second(), format!("https://sts.windows.net/{TENANT}/"));
        let object = "00000000-0000-0000-0000-00000000b0b1";
        assert_eq!(
            claims,
            json!({
                "aud": "https://management.azure.com", "iss": issuer, "idp": issuer, "tid": TENANT,
                "iat": now, "nbf": now, "exp": now + 3600, "appid": CLIENT, "appidacr": class, "idtyp": "app",
                "oid": object, "sub": object, "ver": "1.0",
            })
        );
    }
}

#[test]
fn an_identity_is_asked_for_by_any_of_its_ids_and_probed_without_a_header() {
    let resource_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";
    let identity = json!({"clientId": "app", "objectId": "object", "header": "h", "resourceId": resource_id});
    let application = json!({"clientId": CLIENT, "objectId": "o", "secrets": [{"value": SECRET}]});
    let tenant = json!({"id": TENANT, "applications": [application], "managedIdentity": identity});
    let mut azure = Azure::with_seed(&json!({"tenant": tenant}));
    let base = "/metadata/identity/oauth2/token";
    let arm = "api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
    let mut ask = |query: &str, headers: &[(&str, &str)]| {
        let reply = azure.ask(Method::GET, &format!("{base}?{query}"), "", headers);
        (reply.status, reply.body)
    };
    let metadata = [("Metadata", "true")];
    for id in [
        "client_id=app".to_owned(),
        "object_id=OBJECT".to_owned(),
        format!("msi_res_id={resource_id}"),
        format!("mi_res_id={resource_id}&client_id=app"),
    ] {
        let (status, body) = ask(&format!("{arm}&{id}"), &metadata);
        assert_eq!(status, 200, "{id}: {body}");
        assert_eq!(claims(&body["access_token"])["xms_mirid"], resource_id);
        assert!(body["expires_on"].is_string() && body["token_type"] == "Bearer" && body["client_id"] == "app");
    }
    // Clients look whether the service is there at all by a request that it refuses.
    for (query, headers, says) in [
        (arm.to_owned(), &[][..], "metadata header"),
        (String::new(), &[][..], "metadata header"),
        ("resource=x".to_owned(), &metadata[..], "'api-version'"),
        ("api-version=2018-02-01".to_owned(), &metadata[..], "resource"),
        (format!("{arm}&msi_res_id=/other"), &metadata[..], "Identity not found"),
        (
            format!("{arm}&client_id=app&object_id=no"),
            &metadata[..],
            "Identity not found",
        ),
        (
            "api-version=1&resource=https://x.example".to_owned(),
            &metadata[..],
            "AADSTS500011",
        ),
    ] {
        let (status, body) = ask(&query, headers);
        assert_eq!(status, 400, "{query}");
        assert!(body["error_description"].as_str().unwrap().contains(says), "{body}");
    }
}

#[test]
fn the_adfs_form_leads_to_tokens_of_both_generations() {
    let mut azure = Azure::example();
    let configuration = azure
        .ask(Method::GET, "/adfs/.well-known/openid-configuration", "", &[])
        .body;
    let url = configuration["token_endpoint"].as_str().unwrap();
    let path = url.strip_prefix("https://management.azure.com").unwrap();
    assert_eq!(path, "/adfs/oauth2/v2.0/token");
    let fields = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("scope", ARM),
    ]);
    assert!(azure.ask(Method::POST, path, &fields, &[]).body["expires_in"].is_u64());
    let keys = configuration["jwks_uri"].as_str().unwrap();
    let keys = keys.strip_prefix("https://management.azure.com").unwrap();
    assert_eq!(azure.ask(Method::GET, keys, "", &[]).body["keys"][0]["alg"], "ES256");
}
