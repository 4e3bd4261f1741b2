//! Keys, signatures in addresses, tokens: each good for what it allows, and for nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use serde_json::json;
use sha2::Sha256;

use super::{HOST, account, error, world};
use crate::tests::azure::{Azure, CLIENT};

fn key(azure: &mut Azure) -> String {
    let keys = azure.post(&format!("{}/listKeys", account("vhds")), &json!({}));
    keys.body["keys"][1]["value"].as_str().unwrap().to_owned()
}

fn sign(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// An address of a blob, signed for reading until the first of July, as clients of that version write it.
fn sas(key: &str, version: &str, permissions: &str) -> String {
    let resource = "/blob/vhds/images/os.vhd";
    let more = match version {
        "2015-04-05" => "",
        "2019-12-12" => "b\n\n",
        _ => "b\n\n\n",
    };
    let text = format!("{permissions}\n\n2026-07-01T00:00:00Z\n{resource}\n\n\nhttps\n{version}\n{more}\n\n\n\n");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("sv", version),
            ("sr", "b"),
            ("sp", permissions),
            ("se", "2026-07-01T00:00:00Z"),
            ("spr", "https"),
            ("sig", &sign(key, &text)),
        ])
        .finish();
    format!("/images/os.vhd?{query}")
}

#[test]
fn a_signed_address_is_good_for_its_blob_its_deeds_and_its_time() {
    let mut azure = world();
    let key = key(&mut azure);
    for version in ["2015-04-05", "2019-12-12", "2021-12-02"] {
        let path = sas(&key, version, "r");
        assert_eq!(azure.at(HOST, (Method::HEAD, &path), &[], "").status, 200, "{version}");
        let other = path.replace("os.vhd", "data.vhd");
        assert_eq!(
            error(&azure.at(HOST, (Method::HEAD, &other), &[], "")),
            (403, "AuthenticationFailed")
        );
        let deleted = azure.at(HOST, (Method::DELETE, &path), &[], "");
        assert_eq!(error(&deleted), (403, "AuthorizationPermissionMismatch"));
    }
    let path = sas(&key, "2021-12-02", "r");
    azure.wait(31 * 86_400);
    assert_eq!(
        error(&azure.at(HOST, (Method::HEAD, &path), &[], "")),
        (403, "AuthenticationFailed")
    );
}

#[test]
fn a_request_is_signed_with_either_key_of_its_account() {
    let mut azure = world();
    let key = key(&mut azure);
    let text = "HEAD\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Mon, 01 Jun 2026 00:00:00 GMT\nx-ms-version:2016-05-31\n/vhds/images/os.vhd";
    let send = |azure: &mut Azure, signature: &str| {
        let authorization = format!("SharedKey vhds:{signature}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-ms-date", "Mon, 01 Jun 2026 00:00:00 GMT"),
            ("x-ms-version", "2016-05-31"),
        ];
        let reply = azure.at(HOST, (Method::HEAD, "/images/os.vhd"), &headers, "");
        reply.status
    };
    assert_eq!(send(&mut azure, &sign(&key, text)), 200);
    assert_eq!(send(&mut azure, &sign(&STANDARD.encode("another"), text)), 403);
}

#[test]
fn a_token_needs_the_audience_and_the_role() {
    let mut azure = world();
    assert_eq!(
        error(&azure.at(HOST, (Method::HEAD, "/images/os.vhd"), &[], "")),
        (409, "PublicAccessNotPermitted")
    );
    let for_arm = format!("Bearer {}", azure.token);
    let headers = [("authorization", for_arm.as_str()), ("x-ms-version", "2021-12-02")];
    let refused = azure.at(HOST, (Method::HEAD, "/images/os.vhd"), &headers, "");
    assert_eq!(error(&refused), (401, "InvalidAuthenticationInfo"));

    let reader = json!({"roleAssignments": [{"application": CLIENT, "scope": account("vhds"),
        "actions": ["*/read"],
        "dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]}]});
    azure
        .emulator
        .seed(&crate::seed::Seed::parse(&reader.to_string()).unwrap(), azure.now)
        .unwrap();
    assert_eq!(azure.blob(Method::HEAD, "/images/os.vhd", &[], "").status, 200);
    let refused = azure.blob(Method::DELETE, "/images/os.vhd", &[], "");
    assert_eq!(error(&refused), (403, "AuthorizationPermissionMismatch"));
}

#[test]
fn a_blob_is_copied_from_another_account_only_by_a_signed_address() {
    let mut azure = world();
    let key = key(&mut azure);
    let token = format!("Bearer {}", azure.sign_in("https://storage.azure.com/.default"));
    let far = "faraway.blob.core.windows.net";
    let mut copy = |source: &str, to: &str| {
        let headers = [
            ("authorization", token.as_str()),
            ("x-ms-version", "2021-12-02"),
            ("x-ms-copy-source", source),
        ];
        azure.at(far, (Method::PUT, to), &headers, "").status
    };
    assert_eq!(
        copy(
            &format!("https://{HOST}{}", sas(&key, "2021-12-02", "r")),
            "/images/a.vhd"
        ),
        202
    );
    assert_eq!(copy(&format!("https://{HOST}/images/os.vhd"), "/images/b.vhd"), 404);
    assert_eq!(copy(&format!("https://{far}/images/os.vhd"), "/images/c.vhd"), 202);
    assert_eq!(
        copy(
            &format!("https://{HOST}{}", sas(&key, "2021-12-02", "w")),
            "/images/d.vhd"
        ),
        403
    );
}
