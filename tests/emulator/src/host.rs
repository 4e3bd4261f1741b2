//! The emulator on sockets: TLS ports for Azure and for the blobs of storage accounts, one plain port to control it.
//!
//! It decides nothing about Azure; it turns bytes into requests, reads the clock, and cuts connections when
//! the emulator says so.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::ValueEnum;
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{
    Settings, control,
    seed::{Seed, SeedError},
};

mod clock;
pub(crate) mod connection;
mod header_case;
pub mod log;
pub(crate) mod shared;
mod tls;

use shared::Shared;

/// What a host is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the emulator behaves.
    pub settings: Settings,
    /// What it contains at first.
    pub seed: Option<Seed>,
    /// The TLS port; 0 picks a free one.
    pub port: u16,
    /// The control port; 0 picks a free one.
    pub control_port: u16,
    /// Where `ca.pem` is written.
    pub directory: PathBuf,
    /// Which names its certificates hold.
    pub names: Names,
    /// A file that every request is appended to, one JSON object a line.
    pub journal: Option<PathBuf>,
    /// Whether each request is printed to stderr.
    pub log_requests: bool,
}

/// Which names the authority in `ca.pem` can vouch for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Names {
    /// Names and addresses of this machine.
    #[default]
    Loopback,
    /// `NAME.blob.core.windows.net` and `NAME.vault.azure.net` too: for clients that know no other host of a storage account
    /// or of a key vault, and that a proxy brings here.
    LoopbackAndDataPlanes,
}

/// Why a host did not start.
#[derive(Debug, Error)]
pub enum HostError {
    /// A port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates cannot be made.
    #[error("cannot make the certificates")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refuses the certificates.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The seed is refused.
    #[error("cannot plant the seed")]
    Seed(#[from] SeedError),
}

/// A running emulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Host {
    endpoint: String,
    control: String,
    ca_file: PathBuf,
    shared: Arc<Shared>,
    servers: Vec<JoinHandle<()>>,
}

/// How many storage accounts get a port of their own; those that are seeded later have only Azure's name, at which
/// nothing listens.
const BLOB_PORTS: usize = 3;

impl Host {
    /// Starts the emulator on loopback.
    ///
    /// # Errors
    ///
    /// Returns an error when a port or a file cannot be had or the seed is refused.
    pub async fn start(mut options: Options) -> Result<Self, HostError> {
        let ca_file = options.directory.join("ca.pem");
        let certificates = tls::Certificates::make(options.names, jiff::Timestamp::now())?;
        write(&ca_file, &certificates.ca_pem)?;
        let acceptor = TlsAcceptor::from(Arc::new(certificates.server_config()?));
        let azure = listen(options.port).await?;
        let plain = listen(options.control_port).await?;
        let endpoint = format!("https://{}", address(&azure, options.port)?);
        let control = format!("http://{}", address(&plain, options.control_port)?);
        let mut listeners = vec![azure];
        for _ in 0..BLOB_PORTS {
            let listener = listen(0).await?;
            options.settings.blob_hosts.push(address(&listener, 0)?);
            listeners.push(listener);
        }
        let shared = Arc::new(Shared::open(options)?);
        let names = header_case::of_azure().await;
        let mut servers = vec![tokio::spawn(control::serve(plain, Arc::clone(&shared)))];
        for listener in listeners {
            let kept = (Arc::clone(&shared), names.clone());
            servers.push(tokio::spawn(connection::serve(listener, acceptor.clone(), kept)));
        }
        Ok(Self {
            endpoint,
            control,
            ca_file,
            shared,
            servers,
        })
    }

    /// The address of Entra, ARM and Batch, e.g. `https://127.0.0.1:8443`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address of the control port, e.g. `http://127.0.0.1:8480`.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.control
    }

    /// The certificate authority that clients must trust, in PEM.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Lets `look` at the emulator, at the emulated time.
    pub fn with_emulator<T>(&self, look: impl FnOnce(&mut crate::Emulator, jiff::Timestamp) -> T) -> T {
        self.shared.with_emulator(look)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

async fn listen(port: u16) -> Result<TcpListener, HostError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| HostError::Listen { port, source })
}

fn address(listener: &TcpListener, port: u16) -> Result<String, HostError> {
    let address = listener
        .local_addr()
        .map_err(|source| HostError::Listen { port, source })?;
    Ok(address.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), HostError> {
    let failed = |source| HostError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}
