//! Signing keys: one for access tokens and one per emulated issuer of assertions.
//!
//! Keys follow from a name, so that a token outlives a restart and a run can be repeated to the letter.
//! They protect nothing: whoever reads this source can sign. Entra signs with RS256; this signs with
//! ES256, which every client here treats alike, as they hand access tokens on unread.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    elliptic_curve::sec1::ToEncodedPoint as _,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::token::Token;

/// The name that access tokens are signed under.
pub(super) const ACCESS_TOKENS: &str = "access tokens";

/// What it signs with.
const ALGORITHM: &str = "ES256";

/// Signs claims under a name's key.
pub(super) fn sign(name: &str, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = json!({"typ": "JWT", "alg": ALGORITHM, "kid": key_id(name)});
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = secret_key(name).map(|key| -> Signature { SigningKey::from(key).sign(signed.as_bytes()) });
    let signature = signature.map(|signature| URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    signature
        .map(|signature| format!("{signed}.{signature}"))
        .unwrap_or_default()
}

/// The claims of a token that the name's key has signed; times and audience are not looked at.
pub(super) fn verify(name: &str, token: &str) -> Option<Value> {
    let token = Token::read(token).filter(|token| token.header.alg == ALGORITHM)?;
    let signature = Signature::from_slice(&token.signature).ok()?;
    let key = VerifyingKey::from(secret_key(name)?.public_key());
    key.verify(token.signed.as_bytes(), &signature).ok()?;
    Some(token.claims)
}

/// The claims of any token, whoever signed it.
pub(super) fn read_unverified(token: &str) -> Option<Value> {
    Token::read(token).map(|token| token.claims)
}

/// The public key of a name as a JWK set.
pub(super) fn key_set(name: &str) -> Value {
    let coordinates = secret_key(name).map(|key| {
        let point = key.public_key().to_encoded_point(false);
        let encode = |part: Option<&p256::FieldBytes>| part.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        (encode(point.x()), encode(point.y()))
    });
    let (x, y) = coordinates.unwrap_or_default();
    json!({"keys": [{"kty": "EC", "use": "sig", "alg": ALGORITHM, "crv": "P-256", "kid": key_id(name), "x": x, "y": y}]})
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
