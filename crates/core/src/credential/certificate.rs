//! The certificate of an application with its private key, from a PEM or a PFX file: what signs its assertions.
//!
//! It reads the file and looks at no clock; Entra is not asked. OpenSSL is not needed: everything here is Rust and ring.

use std::{fmt, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use p12_keystore::Pkcs12Archive;
use pem::Pem;
use pkcs8::EncryptedPrivateKeyInfoRef;
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{RSA_PSS_SHA256, RsaKeyPair},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{
    error::{Error, ErrorKind, Result},
    options::sign_in::CLIENT_CERT_PATH,
    settings::CertificateNames,
    typing::Command,
    words,
    words::Words,
};

/// A certificate whose private key is at hand.
pub(super) struct Certificate {
    key: RsaKeyPair,
    /// SHA-256 of the certificate, as `x5t#S256` has it.
    thumbprint: String,
    begins: Timestamp,
    ends: Timestamp,
}

/// What a file holds, not yet compared.
#[derive(Default)]
struct Contents {
    keys: Vec<Key>,
    /// In DER.
    certificates: Vec<Vec<u8>>,
}

/// A private key in DER.
enum Key {
    /// In the form of every kind of key.
    Pkcs8(Vec<u8>),
    /// In the form of RSA alone.
    Pkcs1(Vec<u8>),
    /// In the form of elliptic curves alone.
    Elliptic,
}

/// Why a file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unusable {
    NeitherForm,
    PasswordIsMissing,
    PasswordIsWrong,
    OldPem,
    OldPfx,
    NoKey,
    SeveralKeys,
    NoCertificate,
    NotOfTheKey,
    NotRsa,
    Size,
}

/// How a block of PEM begins.
const PEM_BEGINS: &[u8] = b"-----BEGIN ";

/// Labels of blocks in PEM, by RFC 7468 and, for the last two, by OpenSSL.
const CERTIFICATE: &str = "CERTIFICATE";
const KEY: &str = "PRIVATE KEY";
const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";
const RSA_KEY: &str = "RSA PRIVATE KEY";
const EC_KEY: &str = "EC PRIVATE KEY";

/// The header with which OpenSSL marked an encrypted block of PEM before PKCS#8.
const PROC_TYPE: &str = "Proc-Type";

impl Certificate {
    /// Reads a file in either form.
    ///
    /// # Errors
    /// `BadInput` when the file cannot be read, the password does not open it, or no certificate in it has its key there.
    pub(super) fn of_file(file: &Path, password: Option<&SecretString>, names: &CertificateNames) -> Result<Self> {
        let bytes = std::fs::read(file).map_err(|cause| {
            let doing = words![names.file.clone(), format!(": {} cannot be read", file.display())];
            Error::new(ErrorKind::BadInput, doing).because(cause)
        })?;
        Self::read(&bytes, password).map_err(|why| why.error(file, names))
    }

    fn read(bytes: &[u8], password: Option<&SecretString>) -> Result<Self, Unusable> {
        let password = password.map(ExposeSecret::expose_secret);
        let is_pem = bytes.windows(PEM_BEGINS.len()).any(|part| part == PEM_BEGINS);
        let contents = if is_pem {
            of_pem(bytes, password)?
        } else {
            of_pfx(bytes, password)?
        };
        contents.certificate()
    }

    /// Signs claims as a JSON web token: PS256 with the SHA-256 thumbprint, as Microsoft's own libraries do.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn sign(&self, claims: &Value) -> Result<String> {
        let header = serde_json::json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        let made = self
            .key
            .sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature);
        made.map_err(|_| {
            Error::new(
                ErrorKind::SignIn,
                "the assertion cannot be signed: there are no random numbers",
            )
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Refuses a certificate that is not valid at that time, which Entra would refuse too, in other words.
    ///
    /// # Errors
    /// `SignIn` before it begins and after it ends.
    pub(super) fn check(&self, now: Timestamp) -> Result<()> {
        let error = |text: String, hint: &'static str| {
            let text = words![CLIENT_CERT_PATH, text];
            Err(Error::new(ErrorKind::SignIn, text).with_hint(hint))
        };
        if now >= self.ends {
            let hint = "make a new certificate, register it with the application, and give its file";
            return error(format!(": the certificate expired at {}", self.ends), hint);
        }
        if now < self.begins {
            let text = format!(": the certificate is not valid before {}", self.begins);
            return error(text, "check this machine's clock, or wait until then");
        }
        Ok(())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.thumbprint)
    }
}

impl Contents {
    /// The certificate of the one key; the others belong to its chain.
    fn certificate(self) -> Result<Certificate, Unusable> {
        let [key] = &self.keys[..] else {
            return Err(if self.keys.is_empty() {
                Unusable::NoKey
            } else {
                Unusable::SeveralKeys
            });
        };
        if self.certificates.is_empty() {
            return Err(Unusable::NoCertificate);
        }
        let key = key.pair()?;
        let of_key = self.certificates.iter().find_map(|der| {
            let (_, read) = X509Certificate::from_der(der).ok()?;
            let is_its = *read.tbs_certificate.subject_pki.subject_public_key.data == *key.public().as_ref();
            is_its.then(|| (der, read.validity().clone()))
        });
        let (der, validity) = of_key.ok_or(Unusable::NotOfTheKey)?;
        let at = |seconds| Timestamp::from_second(seconds).map_err(|_| Unusable::NeitherForm);
        Ok(Certificate {
            thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, der)),
            begins: at(validity.not_before.timestamp())?,
            ends: at(validity.not_after.timestamp())?,
            key,
        })
    }
}

impl Key {
    fn pair(&self) -> Result<RsaKeyPair, Unusable> {
        let read = match self {
            Self::Pkcs8(der) => RsaKeyPair::from_pkcs8(der),
            Self::Pkcs1(der) => RsaKeyPair::from_der(der),
            Self::Elliptic => return Err(Unusable::NotRsa),
        };
        read.map_err(|why| match why.to_string().as_str() {
            "WrongAlgorithm" => Unusable::NotRsa,
            _ => Unusable::Size,
        })
    }
}

impl Unusable {
    fn error(self, file: &Path, names: &CertificateNames) -> Error {
        let text = match self.text(names) {
            Ok(text) => words![names.file.clone(), format!(": {} {text}", file.display())],
            Err(text) => text,
        };
        let error = Error::new(ErrorKind::BadInput, text);
        match self {
            Self::OldPem => error
                .with_next(
                    "encrypt the key as is usual today",
                    openssl("pkcs8 -topk8 -in {file} -out new.pem", file),
                )
                .with_next(
                    "add the certificate to that file",
                    openssl("x509 -in {file} >> new.pem", file),
                ),
            Self::OldPfx => error.with_next(
                "make a PEM file of it",
                openssl("pkcs12 -legacy -in {file} -out new.pem", file),
            ),
            Self::NotOfTheKey => error.with_hint("put the certificate and the key that belongs to it into one file"),
            Self::NoKey => error.with_hint("put the private key and the certificate into one file"),
            _ => error,
        }
    }

    /// What is wrong with the file, or a whole sentence where something else is.
    fn text(self, names: &CertificateNames) -> std::result::Result<&'static str, Words> {
        Ok(match self {
            Self::PasswordIsWrong => {
                return Err(words![
                    names.password.clone(),
                    " does not open the file of ",
                    names.file.clone()
                ]);
            }
            Self::PasswordIsMissing => {
                return Err(words![
                    names.file.clone(),
                    ": the file is encrypted: give ",
                    names.password.clone()
                ]);
            }
            Self::NeitherForm => "is neither PEM nor PFX (PKCS#12)",
            Self::OldPem | Self::OldPfx => "is encrypted in a way that is no longer safe and is not read",
            Self::NoKey => "holds no private key",
            Self::SeveralKeys => "holds more than one private key; leave only the one of the certificate",
            Self::NoCertificate => "holds no certificate",
            Self::NotOfTheKey => "holds a private key that belongs to none of its certificates",
            Self::NotRsa => "holds a key that is not RSA, and Entra takes only certificates of RSA keys",
            Self::Size => "holds an RSA key that cannot sign: it must have 2048 to 4096 bits and be whole",
        })
    }
}

fn openssl(template: &str, file: &Path) -> Command {
    let file = file.display().to_string();
    Command::new(&format!("openssl {template}"), &[("file", &file)])
}

fn of_pem(bytes: &[u8], password: Option<&str>) -> Result<Contents, Unusable> {
    let mut contents = Contents::default();
    for block in pem::parse_many(bytes).map_err(|_| Unusable::NeitherForm)? {
        match block.tag() {
            CERTIFICATE => contents.certificates.push(block.into_contents()),
            KEY => contents.keys.push(Key::Pkcs8(block.into_contents())),
            ENCRYPTED_KEY => contents.keys.push(decrypted(&block, password)?),
            RSA_KEY if block.headers().get(PROC_TYPE).is_some() => return Err(Unusable::OldPem),
            RSA_KEY => contents.keys.push(Key::Pkcs1(block.into_contents())),
            EC_KEY => contents.keys.push(Key::Elliptic),
            _ => {}
        }
    }
    Ok(contents)
}

fn decrypted(block: &Pem, password: Option<&str>) -> Result<Key, Unusable> {
    let key = EncryptedPrivateKeyInfoRef::try_from(block.contents()).map_err(|_| Unusable::OldPem)?;
    let password = password.ok_or(Unusable::PasswordIsMissing)?;
    let plain = key.decrypt(password).map_err(|why| match why {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) => Unusable::PasswordIsWrong,
        pkcs8::Error::EncryptedPrivateKey(_) => Unusable::OldPem,
        // What a wrong password makes of the bytes looks decrypted once in some hundred times, and is no key.
        _ => Unusable::PasswordIsWrong,
    })?;
    Ok(Key::Pkcs8(plain.as_bytes().to_vec()))
}

fn of_pfx(bytes: &[u8], password: Option<&str>) -> Result<Contents, Unusable> {
    use p12_keystore::error::Error as Pfx;
    let wrong = match password {
        Some(_) => Unusable::PasswordIsWrong,
        None => Unusable::PasswordIsMissing,
    };
    let archive = Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default()).map_err(|why| match why {
        Pfx::MacError(_) | Pfx::Pkcs5Error(_) | Pfx::UnpadError | Pfx::InvalidPrivateKey => wrong,
        Pfx::UnsupportedEncryptionScheme | Pfx::UnsupportedMacAlgorithm | Pfx::InvalidParameters => Unusable::OldPfx,
        _ => Unusable::NeitherForm,
    })?;
    let keys = archive
        .keys
        .into_iter()
        .map(|bag| Key::Pkcs8(bag.key.as_der().to_vec()));
    let certificates = archive.certs.into_iter().map(|bag| bag.cert.as_der().to_vec());
    Ok(Contents {
        keys: keys.collect(),
        certificates: certificates.collect(),
    })
}

#[cfg(test)]
mod tests;
