//! The emulator's own certificate authority and the certificate of its port, made again at every start.
//!
//! People add the authority to what their programs trust. So it can vouch for names of this machine only, for a year at
//! most, and its key is forgotten as soon as the one certificate is signed.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::{HostError, Names};

/// The names under which the port can be reached. The wildcard is for clients that put an account's name into the host, as
/// on Azure; TLS libraries refuse one right below `localhost`.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "*.batch.localhost"];

/// Where Azure's storage accounts and key vaults answer.
const DATA_PLANES: [&str; 2] = ["blob.core.windows.net", "vault.azure.net"];

/// How long a certificate is valid: no start lasts longer, and Apple's TLS refuses more than 825 days.
const VALID_DAYS: i32 = 365;

/// The certificates of one start.
pub(super) struct Certificates {
    /// What clients must trust.
    pub(super) ca_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certificates {
    pub(super) fn make(names: Names, now: Timestamp) -> Result<Self, HostError> {
        let ca_key = KeyPair::generate()?;
        let ca = authority(names, now);
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate()?;
        let mut own = NAMES.map(str::to_owned).to_vec();
        if names == Names::LoopbackAndDataPlanes {
            own.extend(DATA_PLANES.map(|name| format!("*.{name}")));
        }
        let certificate = server(own, now)?.signed_by(&key, &issuer)?;
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

/// The authority, which may vouch for no other name.
fn authority(names: Names, now: Timestamp) -> CertificateParams {
    let mut ca = valid_from(CertificateParams::default(), now);
    ca.distinguished_name.push(DnType::CommonName, "azure-emulator CA");
    // It signs servers, not further authorities.
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut permitted_subtrees = vec![
        GeneralSubtree::DnsName("localhost".to_owned()),
        GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
        GeneralSubtree::IpAddress(CidrSubnet::V6(std::net::Ipv6Addr::LOCALHOST.octets(), [255; 16])),
    ];
    if names == Names::LoopbackAndDataPlanes {
        permitted_subtrees.extend(DATA_PLANES.map(|name| GeneralSubtree::DnsName(name.to_owned())));
    }
    ca.name_constraints = Some(NameConstraints {
        permitted_subtrees,
        excluded_subtrees: Vec::new(),
    });
    ca
}

/// A server's certificate for these names.
fn server(names: Vec<String>, now: Timestamp) -> Result<CertificateParams, HostError> {
    let mut leaf = valid_from(CertificateParams::new(names)?, now);
    leaf.distinguished_name.push(DnType::CommonName, "azure-emulator");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(leaf)
}

/// From the day before, for a client whose clock is behind.
fn valid_from(mut certificate: CertificateParams, now: Timestamp) -> CertificateParams {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |date: Date| {
        date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    certificate.not_before = day(today.saturating_sub(1.day()));
    certificate.not_after = day(today.saturating_add(VALID_DAYS.days()));
    certificate
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{ServerName, UnixTime};
    use webpki::{EndEntityCert, Error, KeyUsage};

    use super::*;

    /// 29 November 2026.
    const NOW: i64 = 1_795_910_400;

    /// What a client that trusts the authority says of a server with that name, so many days later.
    fn judged(names: Names, name: &str, days: u64) -> Result<(), Error> {
        let now = Timestamp::from_second(NOW).unwrap();
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let ca = authority(names, now);
        let root = ca.self_signed(&ca_key).unwrap();
        let leaf = server(vec![name.to_owned()], now).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        let trusted = [webpki::anchor_from_trusted_cert(root.der()).unwrap()];
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW.unsigned_abs() + days * 86_400));
        let known = EndEntityCert::try_from(leaf.der()).unwrap();
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let usage = KeyUsage::server_auth();
        known.verify_for_usage(algorithms, &trusted, &[], at, usage, None, None)?;
        known.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap())
    }

    #[test]
    fn the_authority_vouches_for_names_of_this_machine_only() {
        for own in [
            "localhost",
            "acct1.eastus2.batch.localhost",
            "127.0.0.1",
            "127.0.0.2",
            "::1",
        ] {
            assert_eq!(judged(Names::Loopback, own, 0), Ok(()), "{own}");
        }
        for other in [
            "management.azure.com",
            "localhost.evil.example",
            "evil-localhost",
            "acct.blob.core.windows.net",
            "10.0.0.4",
            "fe80::1",
        ] {
            assert_eq!(
                judged(Names::Loopback, other, 0),
                Err(Error::NameConstraintViolation),
                "{other}"
            );
        }
    }

    #[test]
    fn it_vouches_for_storage_accounts_and_key_vaults_only_when_it_was_asked_to() {
        let judged = |name| judged(Names::LoopbackAndDataPlanes, name, 0);
        assert_eq!(judged("acct.blob.core.windows.net"), Ok(()));
        assert_eq!(judged("kv.vault.azure.net"), Ok(()));
        assert_eq!(
            judged("acct.queue.core.windows.net"),
            Err(Error::NameConstraintViolation)
        );
    }

    #[test]
    fn what_it_vouches_for_ends_after_a_year() {
        assert_eq!(judged(Names::Loopback, "localhost", 364), Ok(()));
        let late = judged(Names::Loopback, "localhost", 366);
        assert!(matches!(late, Err(Error::CertExpired { .. })), "{late:?}");
    }
}
