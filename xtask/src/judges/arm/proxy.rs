//! A proxy on loopback through which azure-arm 1.x reaches a storage account and a key vault by the only names that it knows.
//!
//! It joins connections to `NAME.blob.core.windows.net` and `NAME.vault.azure.net` with the local Azure and refuses any other,
//! so nothing leaves the machine. What goes through is TLS between the two; it reads none of it.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
};

use azure_batch_e2e::failure::{Doing as _, Result};

/// The ends of the names that lead to the local Azure.
const ENDS: [&str; 2] = [".blob.core.windows.net:443", ".vault.azure.net:443"];

/// Where the proxy listens; it ends with the process.
#[derive(Debug)]
pub(super) struct Proxy {
    address: String,
}

impl Proxy {
    /// Starts one that leads to that host and port.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) fn start(azure: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "listen for the proxy".to_owned())?;
        let address = listener
            .local_addr()
            .doing(|| "ask where the proxy listens".to_owned())?;
        let azure = azure.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let azure = azure.clone();
                // A connection that fails is the client's to report.
                thread::spawn(move || drop(join(client, &azure)));
            }
        });
        Ok(Self {
            address: format!("http://{address}"),
        })
    }

    /// The address for `HTTPS_PROXY`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

fn join(mut client: TcpStream, azure: &str) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut asked = String::new();
    reader.read_line(&mut asked)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let wanted = asked.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    if !wanted.is_some_and(|host| ENDS.iter().any(|end| host.ends_with(end))) {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(azure)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut up, mut down) = (server.try_clone()?, server);
    let mut back = client.try_clone()?;
    let forth = thread::spawn(move || -> io::Result<()> {
        io::copy(&mut reader, &mut up)?;
        up.shutdown(Shutdown::Write)
    });
    io::copy(&mut down, &mut back)?;
    back.shutdown(Shutdown::Both)?;
    forth.join().unwrap_or(Ok(()))
}
