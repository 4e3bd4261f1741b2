//! An OpenSSH server on loopback that plays the machine: whatever the builder does to it, it does to this one.
//!
//! It has keys, a port and a configuration of its own, and lets only us in, by key.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use azure_batch_e2e::{
    failure::{Doing as _, Result, ensure},
    files,
    process::{Program, Running, Signal},
    time::wait_for,
};

/// Where distributions put the server; it is seldom in a user's search path, and must be called by its whole path.
const SERVER: &str = "/usr/sbin/sshd";

/// The server makes no keys, so it listens at once; a busy machine may take longer.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A running server; stopped when dropped.
#[derive(Debug)]
pub(super) struct SshServer {
    running: Running,
    user: String,
    port: u16,
    key: PathBuf,
}

impl SshServer {
    /// Starts one with its files in that folder.
    ///
    /// # Errors
    /// When OpenSSH's server is not installed or does not start.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        ensure(Path::new(SERVER).is_file(), || {
            format!("there is no {SERVER}: install the package openssh-server; it need not be running")
        })?;
        let user = own_name()?;
        if user == "root" {
            // Where a privileged server locks its children in; distributions make it when they start theirs.
            files::make(Path::new("/run/sshd"))?;
        }
        let port = free_port()?;
        let (host_key, key) = (dir.join("host"), dir.join("user"));
        make_key(&host_key)?;
        make_key(&key)?;
        let config = dir.join("config");
        files::write(&config, configuration(dir, port, &host_key))?;
        let running = Program::new(SERVER, dir, "sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .start()?;
        let server = Self {
            running,
            user,
            port,
            key,
        };
        wait_for("the SSH server", READY_LIMIT, || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })?;
        Ok(server)
    }

    /// Who can log in.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Where it listens on loopback.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The key that it lets in.
    pub(super) fn key(&self) -> &Path {
        &self.key
    }

    /// The key's lines that nothing else has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn key_lines(&self) -> Result<Vec<String>> {
        let text = files::read(&self.key)?;
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        Ok(lines.map(str::to_owned).collect())
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to stop.
        drop(self.running.signal(Signal::Terminate));
    }
}

fn configuration(dir: &Path, port: u16, host_key: &Path) -> String {
    let dir = dir.display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {dir}/user.pub\nPidFile {dir}/pid\n\
         UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
         Subsystem sftp internal-sftp\n",
        host_key.display()
    )
}

/// An RSA key without a passphrase, in the form that every version of the builder reads.
fn make_key(path: &Path) -> Result {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"])
        .arg(path)
        .status();
    let made = made.doing(|| "run ssh-keygen".to_owned())?;
    ensure(made.success(), || format!("ssh-keygen ended with {made}"))
}

fn own_name() -> Result<String> {
    let output = Command::new("id").arg("-un").output();
    let output = output.doing(|| "run id -un".to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A port that was free a moment ago; the server cannot choose one itself.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "find a free port".to_owned())?;
    let address = listener.local_addr().doing(|| "find a free port".to_owned())?;
    Ok(address.port())
}
