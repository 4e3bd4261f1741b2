//! The built program as Packer starts it: arguments, stdout, exit codes, signals, its end.
//!
//! What is said on the connection is tested in `protocol`.
#![cfg(unix)]

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use packer_plugin_azure_batch::describe;
use packer_plugin_azure_batch::packer::broker::{Broker, BrokerId};
use packer_plugin_azure_batch::packer::caller::Caller;
use packer_plugin_azure_batch::packer::codec::field;
use packer_plugin_azure_batch::packer::session::{Duplex, SessionError, start_as_packer};
use rmpv::Value;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The ports that Packer names.
const PORTS: (u16, u16) = (10_000, 25_000);

/// A program that was started, and its main connection as Packer has it.
struct Connected {
    driver: JoinHandle<Result<(), SessionError>>,
    main: Caller,
}

// Marked as tests so that helpers may fail by panicking, too.
#[cfg(test)]
impl Connected {
    async fn over(stream: impl Duplex + 'static) -> Self {
        let (driver, opener, _inbound) = start_as_packer(Box::new(stream));
        let driver = tokio::spawn(driver.run());
        let main = Caller::start(
            Broker::new(opener)
                .dial(BrokerId::MAIN)
                .await
                .expect("Packer opens the main connection"),
        );
        Self { driver, main }
    }

    async fn is_served(&self) -> bool {
        let spec = self.main.call("PostProcessor.ConfigSpec", Value::Nil).await;
        field(&spec.expect("the call is answered"), "ConfigSpec").is_some()
    }

    /// Packer goes away, and the program ends without another word on stdout.
    async fn end(self, mut child: Child) {
        self.driver.abort();
        assert!(self.driver.await.is_err_and(|error| error.is_cancelled()));
        assert!(child.wait().is_ok_and(|status| status.success()));
        let mut rest = String::new();
        let mut stdout = child.stdout.take().expect("stdout is a pipe");
        stdout.read_to_string(&mut rest).expect("stdout is text");
        assert_eq!(rest, "", "stdout is for the one line");
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packer-plugin-azure-batch"));
    command.args(arguments).env_remove("PACKER_PLUGIN_MAGIC_COOKIE");
    command
}

/// Starts it as Packer does, which always names a range of ports.
fn start(temporary: &Path, ports: (u16, u16)) -> io::Result<(Child, String)> {
    let mut child = program(&["start", "post-processor", "--protobuf", describe::DEFAULT_NAME])
        .env("PACKER_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PACKER_PLUGIN_MIN_PORT", ports.0.to_string())
        .env("PACKER_PLUGIN_MAX_PORT", ports.1.to_string())
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(stdout) = &mut child.stdout {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    Ok((child, line))
}

#[test]
fn describe_writes_one_line_and_nothing_else() {
    let output = program(&["describe"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{}\n", describe::line())
    );
    assert_eq!(output.stderr, b"");
}

#[test]
fn whoever_starts_it_without_packer_gets_a_sentence_and_exit_code_1() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "is a Packer plugin"),
        (&["bake"], "is a Packer plugin"),
        (&["start", "post-processor", describe::DEFAULT_NAME], "required_plugins"),
        (&["start", "builder", "x"], "has no builder"),
    ];
    for (arguments, part) in cases {
        let output = program(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert!(stderr.starts_with("[ERROR] "), "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[tokio::test]
async fn answers_on_its_socket_survives_ctrl_c_and_a_closed_terminal_and_ends_with_packer() {
    let temporary = TempDir::new().unwrap();
    let (child, line) = start(temporary.path(), PORTS).unwrap();
    let path = line.trim_end().strip_prefix("5|0|unix|").unwrap();
    let connected = Connected::over(UnixStream::connect(path).await.unwrap()).await;
    assert_eq!(
        std::fs::read_dir(temporary.path()).unwrap().count(),
        0,
        "the socket is removed"
    );

    for signal in ["-INT", "-TERM", "-HUP"] {
        let process = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &process])
                .status()
                .unwrap()
                .success()
        );
        assert!(connected.is_served().await, "{signal}");
    }
    connected.end(child).await;
}

#[tokio::test]
async fn answers_on_a_port_of_packers_range_where_no_socket_can_be_made() {
    let folder = TempDir::new().unwrap();
    let too_long = folder.path().join("x".repeat(120));
    std::fs::create_dir(&too_long).unwrap();
    let (child, line) = start(&too_long, PORTS).unwrap();
    let address: SocketAddr = line.trim_end().strip_prefix("5|0|tcp|").unwrap().parse().unwrap();
    assert!((PORTS.0..=PORTS.1).contains(&address.port()), "{line}");
    assert!(address.ip().is_loopback(), "{line}");
    let connected = Connected::over(TcpStream::connect(address).await.unwrap()).await;
    assert!(connected.is_served().await);
    assert_eq!(
        TcpStream::connect(address).await.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused,
        "only Packer's one connection is taken"
    );
    connected.end(child).await;
}

#[test]
fn says_which_ports_of_packers_range_are_taken() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (child, line) = start(&folder.path().join("x".repeat(120)), (port, port)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((line.as_str(), output.status.code()), ("", Some(1)));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("no free port on 127.0.0.1 from {port} to {port}")),
        "{said}"
    );
}

#[test]
fn ended_before_packer_connects_it_leaves_nothing() {
    let temporary = TempDir::new().unwrap();
    let (mut child, line) = start(temporary.path(), PORTS).unwrap();
    assert!(line.starts_with("5|0|unix|"), "{line}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
    let process = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &process]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
