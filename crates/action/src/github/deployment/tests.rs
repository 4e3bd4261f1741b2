//! Deployments against a small server on the loopback that remembers what it was asked.

use azure_batch_core::https::{Authorities, https_client};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::report::tests;

/// One request as the server saw it.
#[derive(Debug)]
struct Seen {
    line: String,
    authorization: String,
    body: Value,
}

/// Answers the given requests, one after the other, each on its own connection.
async fn serve(answers: Vec<(u16, Value)>) -> (Repository, JoinHandle<Vec<Seen>>) {
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
            let length = header(head, "content-length").parse::<usize>().unwrap();
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
        body: serde_json::from_slice(&bytes[head.len() + 4..]).unwrap(),
    }
}

fn header(head: &str, name: &str) -> String {
    let found = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}

fn wanted() -> DeploymentRequest {
    DeploymentRequest {
        environment: "production".to_owned(),
        token: "ghs_secret".into(),
    }
}

async fn begin(repository: &Repository) -> Result<Deployment, DeploymentError> {
    let https = https_client("test", Authorities::default(), &|_| None).unwrap();
    Deployment::begin(&wanted(), repository, &https, "Azure Batch pool render").await
}

#[tokio::test]
async fn a_deployment_goes_from_in_progress_to_its_end() {
    let answers = vec![(201, json!({"id": 42, "new": {}})), (201, json!({})), (201, json!({}))];
    let (repository, server) = serve(answers).await;
    begin(&repository)
        .await
        .unwrap()
        .end(&tests::quota_reached())
        .await
        .unwrap();
    let seen = server.await.unwrap();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /api/v3/repos/o/r/deployments HTTP/1.1",
            "POST /api/v3/repos/o/r/deployments/42/statuses HTTP/1.1",
            "POST /api/v3/repos/o/r/deployments/42/statuses HTTP/1.1",
        ]
    );
    assert!(seen.iter().all(|seen| seen.authorization == "Bearer ghs_secret"));
    insta::assert_json_snapshot!(seen.into_iter().map(|seen| seen.body).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refusal_is_one_sentence_with_the_remedy_and_is_not_repeated() {
    let (repository, server) = serve(vec![(
        403,
        json!({"message": "Resource not accessible by integration"}),
    )])
    .await;
    let error = begin(&repository).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create a deployment in environment production: Resource not accessible by integration (403); \
         does the job have deployments: write?"
    );
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_broken_is_asked_once() {
    let (repository, server) = serve(vec![(502, json!({"message": "bad gateway"}))]).await;
    assert!(
        begin(&repository)
            .await
            .unwrap_err()
            .to_string()
            .contains("bad gateway (502)")
    );
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_token_travels_unprotected() {
    let repository = Repository {
        api_url: "http://github.example.com/api/v3".to_owned(),
        ..serve(Vec::new()).await.0
    };
    let error = begin(&repository).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the address http://github.example.com/api/v3 is not https, so no token is sent there"
    );
}
