//! The smallest HTTP client that can talk to the emulator's control port: one request a connection, bodies whole.
//!
//! It speaks no TLS and follows nothing; Azure itself is only ever asked by the programs under test.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::failure::{Doing as _, Failure, Result, ensure};

/// How long the control port may take: it only looks into memory, so this is generous.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends a request to `http://host:port` + `path` and gives the body of a 2xx answer.
///
/// # Errors
/// When there is no answer, or another status.
pub fn ask(method: &str, base: &str, path: &str, body: &str) -> Result<String> {
    let authority = base.trim_start_matches("http://").trim_end_matches('/');
    let doing = || format!("ask {base}{path}");
    let mut stream = TcpStream::connect(authority).doing(doing)?;
    stream.set_read_timeout(Some(LIMIT)).doing(doing)?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).doing(doing)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).doing(doing)?;
    body_of(&String::from_utf8_lossy(&answer), &format!("{method} {path}"))
}

fn body_of(answer: &str, what: &str) -> Result<String> {
    let malformed = || Failure::unexpected(format!("{what} was not answered in HTTP: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status = head.split(' ').nth(1).ok_or_else(malformed)?;
    ensure(!head.to_ascii_lowercase().contains("transfer-encoding"), || {
        format!("{what} was answered in chunks")
    })?;
    ensure(status.starts_with('2'), || {
        format!("{what} was answered {status}: {body}")
    })?;
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_body_of_good_answers_only() {
        assert_eq!(body_of("HTTP/1.1 200 OK\r\na: b\r\n\r\n{}", "GET /x").unwrap(), "{}");
        for bad in [
            "HTTP/1.1 404 Not Found\r\n\r\nno",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0",
            "",
        ] {
            assert!(body_of(bad, "GET /x").is_err(), "{bad:?} was taken");
        }
    }
}
