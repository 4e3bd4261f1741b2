//! Tests of arguments, cookie and listeners.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::packer::session::Duplex;
use crate::packer::spec::SpecEncoding;

#[test]
fn start_takes_the_flag_anywhere_and_refuses_other_components() {
    let name = "-packer-default-plugin-name-";
    let start = |encoding| Ok(Start { encoding });
    let cases: [(&[&str], Result<Start, &str>); 9] = [
        (&["post-processor", name], start(SpecEncoding::Gob)),
        (&["post-processor", "--protobuf", name], start(SpecEncoding::Protobuf)),
        (&["--protobuf", "post-processor", name], start(SpecEncoding::Protobuf)),
        (&["post-processor", name, "--protobuf"], start(SpecEncoding::Protobuf)),
        (&[], Err("start needs a component")),
        (&["post-processor"], Err("start needs a component")),
        (&["builder", name], Err("no builder")),
        (&["post-processor", "x"], Err("no post-processor \"x\"")),
        (&["post-processor", name, "x"], Err("not also \"x\"")),
    ];
    for (arguments, expected) in cases {
        match (parse(arguments), expected) {
            (Ok(start), Ok(expected)) => assert_eq!(start, expected),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
            }
            (result, expected) => panic!("{arguments:?}: {result:?}, not {expected:?}"),
        }
    }
}

async fn talks<S: Duplex>(listener: Listener, connect: impl AsyncFnOnce(String) -> S) {
    let address = listener.address();
    let (accepted, connected) = tokio::join!(listener.accept(), connect(address));
    let (mut ours, mut theirs) = (accepted.unwrap(), connected);
    theirs.write_all(b"x").await.unwrap();
    assert_eq!(ours.read_u8().await.unwrap(), b'x');
}

#[cfg(unix)]
#[tokio::test]
async fn listens_on_a_socket_of_this_user_that_is_gone_after_accepting() {
    let folder = TempDir::new().unwrap();
    let listener = Listener::bind(folder.path(), (1, 0)).unwrap();
    assert_eq!(listener.network(), "unix");
    let socket = PathBuf::from(listener.address());
    let private = std::fs::metadata(socket.parent().unwrap()).unwrap().permissions();
    assert_eq!(private.mode() & 0o777, 0o700, "other users cannot connect");
    let connect = async |path: String| tokio::net::UnixStream::connect(path).await.unwrap();
    talks(listener, connect).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_stale_socket_of_the_same_process_id_does_not_matter() {
    let folder = TempDir::new().unwrap();
    let stale = format!("packer-plugin-azure-batch-{}-0", std::process::id());
    std::fs::write(folder.path().join(stale), "").unwrap();
    let listener = Listener::bind(folder.path(), (1, 0)).unwrap();
    assert!(listener.address().ends_with("-1/s"), "{}", listener.address());
}

#[tokio::test]
async fn falls_back_to_a_port_where_the_path_is_too_long() {
    let folder = PathBuf::from("/").join("x".repeat(120));
    let listener = Listener::bind(&folder, DEFAULT_PORTS).unwrap();
    assert_eq!(listener.network(), "tcp");
    let connect = async |address: String| tokio::net::TcpStream::connect(address).await.unwrap();
    talks(listener, connect).await;
}

#[tokio::test]
async fn says_which_ports_were_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = PathBuf::from("/").join("x".repeat(120));
    let error = Listener::bind(&folder, (port, port)).unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    let error = Listener::bind(&folder, (2, 1)).unwrap_err();
    assert!(matches!(error, ListenError::NoRange { .. }));
}
