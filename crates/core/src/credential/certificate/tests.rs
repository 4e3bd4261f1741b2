//! Files as OpenSSL writes them, each form and each fault. The keys were made for these tests and open nothing.

use super::*;
use crate::options::sign_in::CLIENT_CERT_PASSWORD;

const PASSWORD: &str = "swordfish";

/// A file by its name, and what it is.
macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("tests/", $name)).as_slice())
    };
}

fn read((_, bytes): (&str, &[u8]), password: Option<&str>) -> Result<Certificate, Unusable> {
    Certificate::read(bytes, password.map(SecretString::from).as_ref())
}

#[test]
fn every_form_is_the_same_certificate() {
    for (file, password) in [
        (file!("plain.pem"), None),
        (file!("plain.pem"), Some("not needed")),
        (file!("pkcs1-after-a-chain.pem"), None),
        (file!("encrypted.pem"), Some(PASSWORD)),
        (file!("modern.pfx"), Some(PASSWORD)),
        (file!("3des.pfx"), Some(PASSWORD)),
        (file!("rc2.pfx"), Some(PASSWORD)),
        (file!("no-password.pfx"), None),
    ] {
        let read = read(file, password).unwrap_or_else(|why| panic!("{}: {why:?}", file.0));
        // SHA-256 of the certificate, by OpenSSL.
        assert_eq!(
            read.thumbprint, "gTdfKrzUzkx-4pStRcevHxZSUuHI0CTDczzLUbMxpU8",
            "{}",
            file.0
        );
        assert_eq!(read.begins.to_string(), "2025-01-01T00:00:00Z");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_one_sentence() {
    let names = CertificateNames {
        file: CLIENT_CERT_PATH.into(),
        password: CLIENT_CERT_PASSWORD.into(),
    };
    let shown: Vec<String> = [
        (file!("encrypted.pem"), Some("guess")),
        (file!("modern.pfx"), Some("guess")),
        (file!("3des.pfx"), Some("guess")),
        (file!("encrypted.pem"), None),
        (file!("modern.pfx"), None),
        (file!("old-encryption.pem"), Some(PASSWORD)),
        (file!("pbes1.pem"), Some(PASSWORD)),
        (file!("no-key.pem"), None),
        (file!("not-of-the-key.pem"), None),
        (file!("elliptic.pem"), None),
        (("two keys", TWO_KEYS.as_bytes()), None),
        (("text", b"hunter2"), None),
    ]
    .into_iter()
    .map(|(file, password)| {
        let why = read(file, password).unwrap_err();
        format!("{}: {}", file.0, why.error(Path::new("c.pem"), &names).report())
    })
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

const TWO_KEYS: &str = concat!(include_str!("tests/plain.pem"), include_str!("tests/plain.pem"));

#[test]
fn a_certificate_is_used_within_its_time_only() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    assert!(read(file!("plain.pem"), None).unwrap().check(now).is_ok());
    let report = |file| read(file, None).unwrap().check(now).unwrap_err().report();
    insta::assert_snapshot!(report(file!("expired.pem")), @r"
    client_cert_path: the certificate expired at 2025-06-15T00:00:00Z
      hint: make a new certificate, register it with the application, and give its file
    ");
    insta::assert_snapshot!(report(file!("future.pem")), @r"
    client_cert_path: the certificate is not valid before 2030-01-01T00:00:00Z
      hint: check this machine's clock, or wait until then
    ");
}

#[test]
fn nothing_of_the_key_is_in_what_debug_shows() {
    let shown = format!("{:?}", read(file!("plain.pem"), None).unwrap());
    assert_eq!(shown, "Certificate(gTdfKrzUzkx-4pStRcevHxZSUuHI0CTDczzLUbMxpU8)");
}
