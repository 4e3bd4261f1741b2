//! A small GitHub on the loopback for tests: it gives the answers that it was told to, and remembers what it was asked.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::runner::Repository;

/// One request as the server saw it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) authorization: String,
    pub(super) body: Value,
}

/// Answers the given requests, one after the other, each on its own connection.
pub(super) async fn serve(answers: Vec<(u16, Value)>) -> (Repository, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut seen = Vec::new();
        for (status, body) in answers {
            let (stream, _) = listener.accept().await.unwrap();
            seen.push(answer(stream, status, &body.to_string()).await);
        }
        seen
    });
    let repository = Repository {
        owner: "o".to_owned(),
        name: "r".to_owned(),
        sha: "0123456789012345678901234567890123456789".to_owned(),
        api_url: format!("http://{address}/api/v3"),
        run_url: Some("https://github.com/o/r/actions/runs/7".to_owned()),
    };
    (repository, server)
}

async fn answer(mut stream: TcpStream, status: u16, body: &str) -> Seen {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client hung up");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").parse::<usize>().unwrap_or(0);
            break (head.to_owned(), head.len() + 4 + length);
        }
    };
    while bytes.len() < length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client hung up");
    }
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    Seen {
        line: head.lines().next().unwrap().to_owned(),
        authorization: header(&head, "authorization"),
        body: serde_json::from_slice(&bytes[head.len() + 4..]).unwrap_or_default(),
    }
}

fn header(head: &str, name: &str) -> String {
    let found = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}
