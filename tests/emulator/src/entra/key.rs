//! Signing keys: one for access tokens and one per emulated issuer of assertions.
//!
//! Keys follow from a name, so that a token outlives a restart and a run can be repeated to the letter.
//! They protect nothing: whoever reads this source can sign. Entra signs with RS256; this signs with
//! ES256, which every client here treats alike, as they hand access tokens on unread.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint as _, pkcs8::EncodePrivateKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The name that access tokens are signed under.
pub(super) const ACCESS_TOKENS: &str = "access tokens";

/// Signs claims under a name's key.
pub(super) fn sign(name: &str, claims: &Value) -> String {
    let header = Header {
        kid: Some(key_id(name)),
        ..Header::new(Algorithm::ES256)
    };
    let key = secret_key(name).and_then(|key| key.to_pkcs8_der().ok());
    key.and_then(|der| jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(der.as_bytes())).ok())
        .unwrap_or_default()
}

/// The claims of a token that the name's key has signed; times and audience are not looked at.
pub(super) fn verify(name: &str, token: &str) -> Option<Value> {
    let point = secret_key(name)?.public_key().to_encoded_point(false);
    let key = DecodingKey::from_ec_components(&URL_SAFE_NO_PAD.encode(point.x()?), &URL_SAFE_NO_PAD.encode(point.y()?))
        .ok()?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &key, &validation)
        .ok()
        .map(|token| token.claims)
}

/// The claims of any token, whoever signed it.
pub(super) fn read_unverified(token: &str) -> Option<Value> {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token)
        .ok()
        .map(|token| token.claims)
}

/// The public key of a name as a JWK set.
pub(super) fn key_set(name: &str) -> Value {
    let coordinates = secret_key(name).map(|key| {
        let point = key.public_key().to_encoded_point(false);
        let encode = |part: Option<&p256::FieldBytes>| part.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        (encode(point.x()), encode(point.y()))
    });
    let (x, y) = coordinates.unwrap_or_default();
    json!({"keys": [{"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": key_id(name), "x": x, "y": y}]})
}

fn key_id(name: &str) -> String {
    URL_SAFE_NO_PAD
        .encode(Sha256::digest(format!("id of {name}")))
        .chars()
        .take(27)
        .collect()
}

/// The name's key; except for one in 2^32 names a hash is a valid scalar; that one has no key.
fn secret_key(name: &str) -> Option<SecretKey> {
    SecretKey::from_slice(&Sha256::digest(format!("azure-emulator key of {name}"))).ok()
}
