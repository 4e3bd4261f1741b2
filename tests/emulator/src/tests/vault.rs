//! A key vault at its own host: whom it lets in, and what it answers.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, Reply, request};
use crate::Outcome;

const HOST: &str = "kv.vault.azure.net";

/// The application of the example, by the object id that policies name.
const OBJECT: &str = "00000000-0000-0000-0000-00000000b0b1";

impl Azure {
    fn at_the_vault(&mut self, (method, path): (Method, &str), token: Option<&str>, body: &str) -> Reply {
        let header = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = header.iter().map(|header| ("authorization", header.as_str())).collect();
        let path = format!("/secrets/{path}?api-version=2016-10-01");
        let mut request = request(method, &path, body, &headers);
        HOST.clone_into(&mut request.authority);
        match self.emulator.respond(&request, self.now) {
            Outcome::Answer(answer) => Reply {
                status: answer.status.as_u16(),
                headers: answer.headers,
                body: serde_json::from_slice(&answer.body).unwrap(),
            },
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// A vault whose policies let the example's application do that with secrets.
fn vault(rights: &Value) -> (Azure, String) {
    let mut azure = Azure::example();
    let properties = json!({"accessPolicies": [{"objectId": OBJECT, "permissions": {"secrets": rights}}]});
    let path = format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv");
    azure.put(&path, &json!({"location": "eastus2", "properties": properties}));
    let token = azure.sign_in("https://vault.azure.net/.default");
    (azure, token)
}

#[test]
fn a_secret_is_read_and_written_at_the_vault_and_each_write_is_a_version() {
    let (mut azure, token) = vault(&json!(["All"]));
    let missing = azure.at_the_vault((Method::GET, "cert"), Some(&token), "");
    assert_eq!((missing.status, missing.code()), (404, "SecretNotFound"));
    let mut versions = Vec::new();
    for value in ["one", "two"] {
        let body = json!({ "value": value }).to_string();
        assert_eq!(
            azure.at_the_vault((Method::PUT, "cert"), Some(&token), &body).status,
            200
        );
        let read = azure.at_the_vault((Method::GET, "cert"), Some(&token), "");
        assert_eq!(read.body["value"], value);
        versions.push(read.body["id"].as_str().unwrap().to_owned());
    }
    assert!(
        versions[0].starts_with("https://kv.vault.azure.net/secrets/cert/"),
        "{versions:?}"
    );
    assert_ne!(versions[0], versions[1]);
    let journal = format!("{:?}", azure.emulator.journal());
    assert!(!journal.contains("\"two\""), "the value is in the journal");
}

#[test]
fn a_vault_lets_in_whom_its_policies_name_with_a_token_for_vaults() {
    let (mut azure, token) = vault(&json!(["set"]));
    let stranger = azure.at_the_vault((Method::GET, "cert"), None, "");
    assert_eq!(stranger.status, 401);
    assert!(
        stranger
            .header("www-authenticate")
            .unwrap()
            .contains("https://vault.azure.net")
    );
    let of_arm = azure.token.clone();
    assert_eq!(azure.at_the_vault((Method::GET, "cert"), Some(&of_arm), "").status, 401);
    let body = json!({"value": "one"}).to_string();
    assert_eq!(
        azure.at_the_vault((Method::PUT, "cert"), Some(&token), &body).status,
        200
    );
    let refused = azure.at_the_vault((Method::GET, "cert"), Some(&token), "");
    assert_eq!((refused.status, refused.code()), (403, "Forbidden"));
    assert!(
        refused.message().contains("secrets get permission"),
        "{}",
        refused.message()
    );
}
