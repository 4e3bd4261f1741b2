//! Clients that ask the same again and again over connections that stay open, each on a thread of its own.
//!
//! They read answers only as far as they must to find the next one, so that what is measured is the emulator.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
    thread,
    time::Duration,
};

use azure_batch_e2e::{
    emulator::LocalAzure,
    failure::{Doing as _, Failure, Result, ensure},
    files,
    time::Stopwatch,
    world,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// Which token goes with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    None,
    Arm,
    Batch,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub token: Token,
    /// Path and query.
    pub path: String,
    /// The body of a PATCH; without one it is a GET.
    pub patch: Option<&'static str>,
}

/// How it was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub per_second: f64,
    /// Half of the answers took less.
    pub median: Duration,
    /// One of a hundred took longer.
    pub slow: Duration,
    /// Bodies, in MB a second.
    pub megabytes: f64,
}

/// Whom to ask, and with which tokens.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    host: String,
    tls: Arc<ClientConfig>,
    arm: String,
    batch: String,
}

/// An open connection.
struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Target {
    /// Signs in to both services.
    pub(crate) fn new(azure: &LocalAzure, secret: &str) -> Result<Self> {
        let ca = CertificateDer::from_pem_file(&azure.ca)
            .map_err(|cause| Failure::unexpected(format!("cannot read {}: {cause}", azure.ca.display())))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(|cause| broken(&cause))?;
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|cause| broken(&cause))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut target = Self {
            host: azure.host().to_owned(),
            tls: Arc::new(tls),
            arm: String::new(),
            batch: String::new(),
        };
        target.arm = target.sign_in(secret, "https://management.azure.com/.default")?;
        target.batch = target.sign_in(secret, "https://batch.core.windows.net/.default")?;
        Ok(target)
    }

    /// Asks over that many connections at once for that long.
    pub(crate) fn load(&self, ask: &Ask, connections: usize, time: Duration) -> Result<Rate> {
        let request = self.request(ask);
        let watch = Stopwatch::start();
        let results: Vec<Result<(Vec<Duration>, usize)>> = thread::scope(|scope| {
            let clients: Vec<_> = (0..connections)
                .map(|_client| scope.spawn(|| self.repeat(&request, time)))
                .collect();
            clients
                .into_iter()
                .map(|client| {
                    client
                        .join()
                        .unwrap_or_else(|_panic| Err(Failure::unexpected("a client panicked")))
                })
                .collect()
        });
        let passed = watch.passed().as_secs_f64();
        let (mut times, mut bytes) = (Vec::new(), 0);
        for result in results {
            let (some, read) = result?;
            times.extend(some);
            bytes += read;
        }
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Ok(Rate {
            per_second: number(times.len()) / passed,
            median: at(50),
            slow: at(99),
            megabytes: number(bytes) / passed / 1e6,
        })
    }

    fn repeat(&self, request: &str, time: Duration) -> Result<(Vec<Duration>, usize)> {
        let mut connection = Connection::open(self)?;
        let (mut times, mut bytes) = (Vec::new(), 0);
        let watch = Stopwatch::start();
        while watch.passed() < time {
            let one = Stopwatch::start();
            bytes += connection.ask(request)?.len();
            times.push(one.passed());
        }
        Ok((times, bytes))
    }

    fn request(&self, ask: &Ask) -> String {
        let authorization = match ask.token {
            Token::None => String::new(),
            Token::Arm => format!("authorization: Bearer {}\r\n", self.arm),
            Token::Batch => format!("authorization: Bearer {}\r\n", self.batch),
        };
        let body = ask.patch.unwrap_or_default();
        let method = if ask.patch.is_some() { "PATCH" } else { "GET" };
        let kind = "application/json; odata=minimalmetadata";
        self.written((method, &ask.path), &authorization, (kind, body))
    }

    fn written(&self, (method, path): (&str, &str), headers: &str, (kind, body): (&str, &str)) -> String {
        let (host, length) = (&self.host, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    fn sign_in(&self, secret: &str, scope: &str) -> Result<String> {
        let path = format!("/{}/oauth2/v2.0/token", world::TENANT);
        let client = world::CLIENT;
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}");
        let request = self.written(("POST", &path), "", ("application/x-www-form-urlencoded", &form));
        let answer = Connection::open(self)?.ask(&request)?;
        let answer = files::parse("the token", &String::from_utf8_lossy(&answer))?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| Failure::unexpected("there is no token in the answer"))
    }
}

impl Connection {
    fn open(target: &Target) -> Result<Self> {
        let doing = || format!("connect to {}", target.host);
        let tcp = TcpStream::connect(&target.host).doing(doing)?;
        tcp.set_nodelay(true).doing(doing)?;
        let name = ServerName::try_from("127.0.0.1").map_err(|cause| broken(&cause))?;
        let tls = ClientConnection::new(Arc::clone(&target.tls), name).map_err(|cause| broken(&cause))?;
        Ok(Self(BufReader::new(StreamOwned::new(tls, tcp))))
    }

    /// Gives the body of a good answer.
    fn ask(&mut self, request: &str) -> Result<Vec<u8>> {
        let doing = || "ask the emulator".to_owned();
        self.0.get_mut().write_all(request.as_bytes()).doing(doing)?;
        let (mut line, mut length) = (String::new(), 0);
        self.0.read_line(&mut line).doing(doing)?;
        ensure(line.starts_with("HTTP/1.1 2"), || {
            format!("the emulator answered {line}")
        })?;
        loop {
            line.clear();
            self.0.read_line(&mut line).doing(doing)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).doing(doing)?;
        Ok(body)
    }
}

fn broken(cause: &dyn std::fmt::Display) -> Failure {
    Failure::unexpected(format!("TLS cannot be set up: {cause}"))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "requests and bytes of seconds are far below 2^52"
)]
fn number(count: usize) -> f64 {
    count as f64
}
