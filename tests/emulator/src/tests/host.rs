//! The host on real sockets: TLS, the ready line's addresses, control, resets.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::azure::{CLIENT, SECRET, TENANT, form};
use crate::{
    Settings,
    host::{Host, Names, Options},
    seed::Seed,
};

pub(super) async fn host(directory: &std::path::Path) -> Host {
    let options = Options {
        settings: Settings::default(),
        seed: Some(Seed::example()),
        port: 0,
        control_port: 0,
        directory: directory.to_owned(),
        names: Names::default(),
        journal: Some(directory.join("journal.jsonl")),
        log_requests: false,
    };
    Host::start(options).await.unwrap()
}

/// One request over TLS; the raw answer or the error.
async fn ask(host: &Host, method: &Method, path: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let address = host.endpoint().strip_prefix("https://").unwrap();
    let mut tls = connect(host).await?;
    exchange(&mut tls, &raw(method, path, address, headers, body)).await
}

/// A connection that trusts only the host's own authority.
async fn connect(host: &Host) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    connect_to(host, host.endpoint().strip_prefix("https://").unwrap()).await
}

/// The same to another of the host's ports.
async fn connect_to(host: &Host, address: &str) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let pem = std::fs::read_to_string(host.ca_file())?;
    let mut roots = rustls::RootCertStore::empty();
    let certificate =
        <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem.as_bytes());
    roots.add(certificate.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await?;
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

pub(super) async fn control(host: &Host, method: &Method, path: &str, body: &str) -> String {
    ask_control(host, method, path, "", body).await
}

/// The same with headers of one's own.
pub(super) async fn ask_control(host: &Host, method: &Method, path: &str, headers: &str, body: &str) -> String {
    let address = host.control().strip_prefix("http://").unwrap();
    let mut tcp = TcpStream::connect(address).await.unwrap();
    exchange(&mut tcp, &raw(method, path, address, headers, body))
        .await
        .unwrap()
}

fn raw(method: &Method, path: &str, host: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn exchange<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: &mut S,
    request: &str,
) -> std::io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

pub(super) fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

const LIST: &str = "/subscriptions?api-version=2022-12-01";

/// Signs in for the endpoint itself and returns the header.
async fn sign_in(host: &Host) -> String {
    let scope = format!("{}/.default", host.endpoint());
    let fields = form(&[
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", &scope),
    ]);
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let token = ask(host, &Method::POST, &path, "", &fields).await.unwrap();
    assert!(token.starts_with("HTTP/1.1 200 OK"), "{token}");
    format!(
        "Authorization: Bearer {}\r\n",
        body(&token)["access_token"].as_str().unwrap()
    )
}

#[tokio::test]
async fn no_private_key_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let pem = std::fs::read_to_string(host.ca_file()).unwrap();
    assert_eq!(pem.matches("-----BEGIN ").count(), 1, "{pem}");
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    let files = std::fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ca.pem", "journal.jsonl"]);
}

#[tokio::test]
async fn every_way_into_the_control_port_asks_for_whom_the_request_is() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let own = host.control().strip_prefix("http://").unwrap().to_owned();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/journal"),
        (Method::POST, "/seed"),
        (Method::POST, "/assertion"),
        (Method::POST, "/advance"),
        (Method::DELETE, "/journal"),
        (Method::GET, "/msi/token?resource=x&api-version=2019-08-01"),
        (Method::GET, "/what-is-not-there"),
    ] {
        // A site's name that was made to lead to this machine, and a page of another site.
        let rebound = raw(&method, path, "evil.example", "", "{}");
        let foreign = raw(&method, path, &own, "Origin: https://evil.example\r\n", "{}");
        for request in [rebound, foreign] {
            let mut tcp = TcpStream::connect(&own).await.unwrap();
            let answer = exchange(&mut tcp, &request).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 403 "), "{request}\n{answer}");
        }
    }
}

#[tokio::test]
async fn serves_tls_under_its_own_authority_and_resets_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let headers = sign_in(&host).await;
    let list = ask(&host, &Method::GET, LIST, &headers, "").await.unwrap();
    assert_eq!(body(&list)["value"][0]["displayName"], "Example");

    let fault = json!([{"kind": "resetAfterEffect", "path": "/subscriptions"}]);
    control(&host, &Method::POST, "/faults", &fault.to_string()).await;
    let cut = ask(&host, &Method::GET, LIST, &headers, "").await;
    assert_eq!(cut.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let again = ask(&host, &Method::GET, LIST, &headers, "").await.unwrap();
    assert!(again.starts_with("HTTP/1.1 200 OK"));

    let journal = std::fs::read_to_string(directory.path().join("journal.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), 4);
    assert!(journal.contains("resetAfterEffect") && !journal.contains(SECRET));
}

#[tokio::test]
async fn the_control_port_seeds_moves_the_clock_and_shows_the_resources() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let before: jiff::Timestamp = body(&control(&host, &Method::GET, "/health", "").await)["now"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let after: jiff::Timestamp = body(&control(&host, &Method::POST, "/advance", r#"{"seconds":3600}"#).await)["now"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(after.duration_since(before).as_secs() >= 3600);
    let refused = control(
        &host,
        &Method::POST,
        "/seed",
        r#"{"galleries":[{"name":"g","resourceGroup":"none","location":"eastus2"}]}"#,
    )
    .await;
    assert!(
        refused.starts_with("HTTP/1.1 400") && refused.contains("none"),
        "{refused}"
    );
    control(
        &host,
        &Method::POST,
        "/seed",
        r#"{"resourceGroups":[{"name":"rg2","location":"westus2"}]}"#,
    )
    .await;
    let resources = body(&control(&host, &Method::GET, "/resources", "").await);
    assert_eq!(resources["resourceGroups"].as_array().unwrap().len(), 2);
    let token = control(
        &host,
        &Method::GET,
        "/msi/token?resource=https://management.azure.com",
        "",
    )
    .await;
    assert!(
        token.starts_with("HTTP/1.1 401"),
        "the identity header is missing: {token}"
    );
    assert!(
        control(&host, &Method::GET, "/journal", "")
            .await
            .contains("/msi/token")
    );
    assert!(
        control(&host, &Method::GET, "/nonsense", "")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

#[tokio::test]
async fn both_forms_of_managed_identity_are_on_the_plain_port_too() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let address = host.control().strip_prefix("http://").unwrap();
    let query = format!("api-version=2019-08-01&resource={}", host.endpoint());
    for (path, header) in [
        ("/metadata/identity/oauth2/token", "Metadata: true\r\n"),
        ("/msi/token", "X-IDENTITY-HEADER: example-identity-header\r\n"),
    ] {
        let request = raw(&Method::GET, &format!("{path}?{query}"), address, header, "");
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let token = exchange(&mut tcp, &request).await.unwrap();
        assert!(token.starts_with("HTTP/1.1 200"), "{token}");
        let bearer = format!(
            "Authorization: Bearer {}\r\n",
            body(&token)["access_token"].as_str().unwrap()
        );
        let list = ask(&host, &Method::GET, LIST, &bearer, "").await.unwrap();
        assert_eq!(body(&list)["value"][0]["displayName"], "Example");
    }
}

/// Clients of the older generation read names by exact case, those of Batch above all.
#[tokio::test]
async fn header_names_have_azures_case_on_the_wire() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let headers = sign_in(&host).await;
    let list = ask(&host, &Method::GET, LIST, &headers, "").await.unwrap();
    for name in [
        "Content-Type",
        "Content-Length",
        "Date",
        "Cache-Control",
        "x-ms-request-id",
    ] {
        assert!(list.contains(&format!("\r\n{name}: ")), "{name} in {list}");
    }
    let key = "Authorization: SharedKey acct1:none\r\n";
    let batch = ask(
        &host,
        &Method::GET,
        "/batch/acct1/pools?api-version=2025-06-01",
        key,
        "",
    )
    .await
    .unwrap();
    for name in ["DataServiceVersion", "request-id", "Server"] {
        assert!(batch.contains(&format!("\r\n{name}: ")), "{name} in {batch}");
    }
}

#[tokio::test]
async fn a_body_can_go_on_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let fault = json!({"kind": "endlessBody", "path": "*/metadata/endpoints"});
    control(&host, &Method::POST, "/faults", &fault.to_string()).await;
    let address = host.endpoint().strip_prefix("https://").unwrap().to_owned();
    let mut tls = connect(&host).await.unwrap();
    let request = raw(
        &Method::GET,
        "/metadata/endpoints?api-version=2022-09-01",
        &address,
        "",
        "",
    );
    tls.write_all(request.as_bytes()).await.unwrap();
    // More than any answer here, and then still more.
    let mut much = vec![0; 4 << 20];
    tls.read_exact(&mut much).await.unwrap();
    assert!(much.starts_with(b"HTTP/1.1 200 OK"));
    assert!(much.ends_with(b"   "));
    tls.read_exact(&mut much).await.unwrap();
}

#[tokio::test]
async fn a_write_without_a_length_is_refused_on_the_wire_too() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let address = host.endpoint().strip_prefix("https://").unwrap().to_owned();
    let mut tls = connect(&host).await.unwrap();
    let request = format!("POST /subscriptions/s HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = exchange(&mut tls, &request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 Length Required"), "{answer}");
}

/// Where the blobs of two accounts are.
fn blob_hosts(host: &Host) -> [String; 2] {
    let shown = host.with_emulator(|emulator, now| emulator.resources(now));
    [0, 1].map(|account: usize| {
        let url = shown["storage"][account]["properties"]["primaryEndpoints"]["blob"].as_str();
        url.unwrap()
            .trim_start_matches("https://")
            .trim_end_matches('/')
            .to_owned()
    })
}

#[tokio::test]
async fn each_storage_account_has_a_port_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let host = host(directory.path()).await;
    let seed = json!({"storageAccounts": [
        {"name": "one", "resourceGroup": "rg-images", "location": "eastus2"},
        {"name": "two", "resourceGroup": "rg-images", "location": "eastus2"},
    ]});
    control(&host, &Method::POST, "/seed", &seed.to_string()).await;
    let hosts = blob_hosts(&host);
    assert_ne!(hosts[0], hosts[1]);
    for address in hosts {
        let mut tls = connect_to(&host, &address).await.unwrap();
        let answer = exchange(&mut tls, &raw(&Method::GET, "/images/os.vhd", &address, "", ""))
            .await
            .unwrap();
        assert!(answer.contains("PublicAccessNotPermitted"), "{answer}");
    }
}
