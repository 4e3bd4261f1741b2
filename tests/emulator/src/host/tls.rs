//! The emulator's own certificate authority and the certificate of its port, made again at every start.
//!
//! The authority can vouch for anything, so its key is forgotten as soon as the one certificate is signed.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::HostError;

/// The names under which the port can be reached. The wildcards are for clients that put an account's name into the host,
/// as on Azure; the last is for those that know no other host of a storage account, and come through a proxy.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "*.localhost",
    "*.batch.localhost",
    "*.blob.core.windows.net",
];

/// The certificates of one start.
pub(super) struct Certificates {
    /// What clients must trust.
    pub(super) ca_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certificates {
    pub(super) fn make() -> Result<Self, HostError> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "azure-emulator CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(NAMES.map(str::to_owned))?;
        leaf.distinguished_name.push(DnType::CommonName, "azure-emulator");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = leaf.signed_by(&key, &issuer)?;
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        })
    }

    /// HTTP/1.1 only: Batch puts its message into the reason phrase, which HTTP/2 has not.
    pub(super) fn server_config(self) -> Result<ServerConfig, HostError> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}
