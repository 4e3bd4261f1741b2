//! Listens for the one connection that Packer makes.
//!
//! A Unix socket where there are such, in a folder that no other user can enter; else a TCP port on loopback.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::packer::session::Duplex;

/// Longest path of a Unix socket in bytes: Linux has 108, macOS 104, with a final zero.
#[cfg(unix)]
const MAX_PATH: usize = 103;

/// The socket's name in its folder.
#[cfg(unix)]
const SOCKET: &str = "s";

/// How many names are tried, should processes with our id have left sockets behind.
#[cfg(unix)]
const NAME_ATTEMPTS: u32 = 8;

/// Where Packer is to connect.
#[derive(Debug)]
pub enum Listener {
    /// A socket in the file system, removed after the connection.
    #[cfg(unix)]
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its place.
        path: PathBuf,
        /// Its folder, removed with it.
        folder: PathBuf,
    },
    /// A port on loopback.
    Tcp {
        /// The port's socket.
        listener: TcpListener,
        /// The port.
        port: u16,
    },
}

/// Nothing could be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// All ports of Packer's range are taken.
    #[error("no free port on 127.0.0.1 from {first} to {last}")]
    NoPort {
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
        /// Why the last one could not be had.
        source: io::Error,
    },
    /// The range is empty.
    #[error("packer named no ports: {first} to {last}")]
    NoRange {
        /// `PACKER_PLUGIN_MIN_PORT`.
        first: u16,
        /// `PACKER_PLUGIN_MAX_PORT`.
        last: u16,
    },
}

impl Listener {
    /// Listens on a Unix socket in `temporary`, or where that fails on a port of the range.
    ///
    /// # Errors
    ///
    /// When all of them are taken.
    pub fn bind(temporary: &Path, ports: (u16, u16)) -> Result<Self, ListenError> {
        #[cfg(unix)]
        if let Some(listener) = bind_unix(temporary) {
            return Ok(listener);
        }
        #[cfg(not(unix))]
        let _unused = temporary;
        bind_tcp(ports)
    }

    /// The network as Packer's line has it.
    #[must_use]
    pub const fn network(&self) -> &'static str {
        match self {
            #[cfg(unix)]
            Self::Unix { .. } => "unix",
            Self::Tcp { .. } => "tcp",
        }
    }

    /// The address as Packer's line has it.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            #[cfg(unix)]
            Self::Unix { path, .. } => path.display().to_string(),
            Self::Tcp { port, .. } => format!("{}:{port}", Ipv4Addr::LOCALHOST),
        }
    }

    /// Waits for the connection, and stops listening.
    ///
    /// # Errors
    ///
    /// When the operating system says so.
    pub async fn accept(self) -> io::Result<Box<dyn Duplex>> {
        match &self {
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
            Self::Tcp { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                // Small messages go back and forth one at a time.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl Drop for Listener {
    /// Removes the socket and its folder: nothing else does.
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Self::Unix { path, folder, .. } = self {
            drop(std::fs::remove_file(path));
            drop(std::fs::remove_dir(folder));
        }
    }
}

#[cfg(unix)]
fn bind_unix(temporary: &Path) -> Option<Listener> {
    use std::os::unix::fs::DirBuilderExt as _;

    let process = std::process::id();
    (0..NAME_ATTEMPTS)
        .map(|attempt| temporary.join(format!("packer-plugin-azure-batch-{process}-{attempt}")))
        // Packer reads a line of text.
        .filter(|folder| {
            let path = folder.join(SOCKET);
            let text = path.to_str();
            text.is_some_and(|text| text.len() <= MAX_PATH && !text.contains('\n'))
        })
        .find_map(|folder| {
            // A socket itself has the mode that the umask leaves. Nothing that is there already is used.
            std::fs::DirBuilder::new().mode(0o700).create(&folder).ok()?;
            let path = folder.join(SOCKET);
            match UnixListener::bind(&path) {
                Ok(listener) => Some(Listener::Unix { listener, path, folder }),
                Err(_) => {
                    drop(std::fs::remove_dir(&folder));
                    None
                }
            }
        })
}

fn bind_tcp((first, last): (u16, u16)) -> Result<Listener, ListenError> {
    let mut refused = None;
    for port in first..=last {
        match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(nonblocking) {
            Ok(listener) => return Ok(Listener::Tcp { listener, port }),
            Err(error) => refused = Some(error),
        }
    }
    Err(match refused {
        Some(source) => ListenError::NoPort { first, last, source },
        None => ListenError::NoRange { first, last },
    })
}

fn nonblocking(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
