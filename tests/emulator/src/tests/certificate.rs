//! Applications that sign in with a certificate.
//!
//! The assertions were signed once, outside, for the tests' clock: no private key is kept here.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, CLIENT, TENANT, form};
use crate::seed::Seed;

const CERTIFICATE: &str = include_str!("certificate/registered.pem");
const ASSERTIONS: &str = include_str!("certificate/assertions.json");

/// What each assertion is answered: nothing wrong, or Entra's number.
const WANTED: [(&str, Option<u32>); 11] = [
    ("RS256", None),
    ("PS256", None),
    ("the first generation's endpoint", None),
    ("unknown thumbprint", Some(700_027)),
    ("no thumbprint", Some(700_027)),
    ("foreign key", Some(700_027)),
    ("subject", Some(700_021)),
    ("audience", Some(700_023)),
    ("tenant", Some(700_023)),
    ("expired", Some(700_024)),
    ("not yet", Some(700_024)),
];

fn seed(certificates: &Value) -> Value {
    let example: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let mut tenant = example["tenant"].clone();
    tenant["applications"][0]["certificates"] = certificates.clone();
    json!({"tenant": tenant})
}

fn sign_in(azure: &mut Azure, assertion: &str) -> Value {
    let fields = form(&[
        ("client_id", CLIENT),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        ("grant_type", "client_credentials"),
        ("scope", "https://management.azure.com/.default"),
    ]);
    azure
        .ask(Method::POST, &format!("/{TENANT}/oauth2/v2.0/token"), &fields, &[])
        .body
}

#[test]
fn a_certificates_assertion_is_checked_for_thumbprint_signature_subject_audience_and_time() {
    let mut azure = Azure::with_seed(&seed(&json!([CERTIFICATE])));
    let assertions: Value = serde_json::from_str(ASSERTIONS).unwrap();
    assert_eq!(assertions.as_object().unwrap().len(), WANTED.len());
    for (name, code) in WANTED {
        let answer = sign_in(&mut azure, assertions[name].as_str().unwrap());
        match code {
            None => assert!(answer["access_token"].is_string(), "{name}: {answer}"),
            Some(code) => assert_eq!(answer["error_codes"], json!([code]), "{name}: {answer}"),
        }
    }
}

#[test]
fn a_certificate_that_has_expired_signs_in_no_more() {
    let mut azure = Azure::with_seed(&seed(&json!([CERTIFICATE])));
    // The certificate ends in 2036.
    azure.wait(11 * 366 * 86_400);
    let assertions: Value = serde_json::from_str(ASSERTIONS).unwrap();
    let answer = sign_in(&mut azure, assertions["PS256"].as_str().unwrap());
    assert_eq!(answer["error_codes"], json!([700_027]), "{answer}");
    let description = answer["error_description"].as_str().unwrap();
    assert!(description.contains("The key used is expired."), "{description}");
}

#[test]
fn an_application_without_certificates_takes_none() {
    let mut azure = Azure::example();
    let assertions: Value = serde_json::from_str(ASSERTIONS).unwrap();
    let answer = sign_in(&mut azure, assertions["RS256"].as_str().unwrap());
    assert_eq!(answer["error_codes"], json!([700_027]), "{answer}");
}

#[test]
fn a_seed_with_something_else_for_a_certificate_is_refused() {
    for wrong in [
        "",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        "a file's name",
    ] {
        assert!(Seed::parse(&seed(&json!([wrong])).to_string()).is_err(), "{wrong:?}");
    }
}
